"""Reading phone numbers of plain shape column by column, as phonenumbers would.

The steps and their order are those of phonenumbers' ``parse`` and ``is_valid_number``,
on its metadata: international prefix, country code, national prefix, numbering plan.
Each step works on all numbers of one country at once. A *plan* says by whose rules the rest
of a number is read: a country code, or, above `_TYPED`, the region it was typed in.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from ringfinder.model import BoolArray, IntArray
from ringfinder.normalise.text import codes_of, flags

_KINDS_OF_NUMBER = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip",
    "personal_number", "pager", "uan", "voicemail",
)  # fmt: skip
_TYPED = 1000
_SHORTEST = 2  # fewer digits after a country code, and phonenumbers gives up


def read_plain(digits: pa.StringArray, regions: pa.StringArray) -> tuple[pa.StringArray, BoolArray]:
    """Read numbers that are ASCII digits with an optional plus in front.

    Parameters
    ----------
    digits, regions
        String arrays (V,); region null where not known.

    Returns
    -------
    phones : pa.StringArray, shape (V,)
        E.164, null where not valid or not settled.
    settled : BoolArray, shape (V,)
        False where only phonenumbers itself can tell.
    """
    plan = np.zeros(len(digits), dtype=np.int64)  # 0: not a number
    settled = np.ones(len(digits), dtype=bool)
    pieces = _Pieces(len(digits))
    home, names = codes_of(regions)
    home[flags(pc.starts_with(digits, "+"))] = len(names)
    for number, rows in _groups(home):
        some = digits.take(rows)
        if number == len(names):
            plan[rows], rest = _abroad(pc.utf8_slice_codeunits(some, 1))
            # Without a country behind the plus, phonenumbers tries again without the plus.
            settled[rows] = plan[rows] > 0
        else:
            region = names[number].as_py()
            plan[rows], rest, settled[rows] = _typed(some, region, _TYPED + number)
        pieces.put(rows, rest)
    return _finish(plan, pieces.joined(), names, settled)


def _abroad(digits: pa.StringArray) -> tuple[IntArray, pa.StringArray]:
    """Return the country code that international numbers start with, and what follows.

    0 where no country has that code, or where too little follows.
    """
    code = np.zeros(len(digits), dtype=np.int64)
    rest = digits
    for length in (1, 2, 3):
        head = pc.utf8_slice_codeunits(digits, 0, length)
        row = pc.fill_null(pc.index_in(head, _calling_codes(length)), -1)
        found = (row.to_numpy(zero_copy_only=False) >= 0) & (code == 0)
        if found.any():
            code[found] = head.filter(pa.array(found)).cast(pa.int64()).to_numpy()
            after = pc.utf8_slice_codeunits(digits, length)
            rest = pc.if_else(pa.array(found), after, rest)
    code[_lengths(digits) <= _SHORTEST] = 0
    return code, rest


def _typed(
    digits: pa.StringArray, region: str, typed: int
) -> tuple[IntArray, pa.StringArray, BoolArray]:
    """Read numbers typed without a plus in one region: plan, what is left, settled."""
    data = _metadata(0, region)
    main = COUNTRY_CODE_TO_REGION_CODE[data.country_code][0]
    own = data.country_code
    plan = np.full(len(digits), own if region == main else typed, dtype=np.int64)
    settled = np.ones(len(digits), dtype=bool)
    rest = digits
    prefix = data.international_prefix or "NonMatch"
    leaving = flags(pc.match_substring_regex(digits, f"^(?:{prefix})"))
    after = pc.replace_substring_regex(digits, f"^(?:{prefix})", "", max_replacements=1)
    leaving &= ~flags(pc.starts_with(after, "0"))  # no country code starts with 0
    rows = np.flatnonzero(leaving)
    if len(rows):
        plan[rows], bare = _abroad(after.take(rows))
        rest = _put(rest, rows, bare)
    rows = np.flatnonzero(~leaving & flags(pc.starts_with(digits, str(own))))
    if len(rows):  # perhaps the country code without a plus: if the number is better for it
        full = digits.take(rows)
        bare, sure = _stripped(pc.utf8_slice_codeunits(full, len(str(own))), data)
        longest = data.general_desc.possible_length[-1]
        better = (~_fits(full, data) & _fits(bare, data)) | (_lengths(full) > longest)
        settled[rows] = sure
        plan[rows[better]] = own
        rest = _put(rest, rows[better], bare.filter(pa.array(better)))
    return plan, rest, settled


def _finish(
    plan: IntArray, rest: pa.StringArray, names: pa.StringArray, settled: BoolArray
) -> tuple[pa.StringArray, BoolArray]:
    """Take national prefixes off and keep what the numbering plan of the country knows."""
    phones = _Pieces(len(rest))
    for number, rows in _groups(np.where(settled & (plan > 0), plan, -1)):
        if number >= _TYPED:
            data = _metadata(0, names[number - _TYPED].as_py())
        else:
            data = _metadata(number, COUNTRY_CODE_TO_REGION_CODE[number][0])
        national = rest.take(rows)
        bare, settled[rows] = _stripped(national, data)
        bare = pc.if_else(pa.array(_is_possible(bare, data)), bare, national)
        good = settled[rows] & _is_valid(bare, data.country_code)
        full = pc.binary_join_element_wise(f"+{data.country_code}", bare, "")
        phones.put(rows[good], full.filter(pa.array(good)))
    return phones.joined(), settled


def _stripped(numbers: pa.StringArray, data: Any) -> tuple[pa.StringArray, BoolArray]:
    """Return numbers without the national prefix, and which of them are certain.

    A prefix whose last group took part rewrites the number; those rows are not certain.
    """
    prefix = data.national_prefix_for_parsing
    certain = np.ones(len(numbers), dtype=bool)
    if not prefix:
        return numbers, certain
    if "(" in prefix.replace("(?:", "") and data.national_prefix_transform_rule:
        named, last = _named_groups(prefix)
        group = pc.struct_field(pc.extract_regex(numbers, f"^(?:{named})"), last)
        certain = ~flags(pc.greater(pc.binary_length(group), 0))
    bare = pc.replace_substring_regex(numbers, f"^(?:{prefix})", "", max_replacements=1)
    worse = _fits(numbers, data) & ~_fits(bare, data)
    return pc.if_else(pa.array(worse), numbers, bare), certain


@cache
def _named_groups(pattern: str) -> tuple[str, str]:
    """Return a pattern with its capturing groups named, as Arrow wants them, and the last name."""
    out, count = "", 0
    for i, character in enumerate(pattern):
        opens = character == "(" and pattern[i + 1 : i + 2] != "?"
        count += opens
        out += f"(?P<g{count}>" if opens else character
    return out, f"g{count}"


def _is_possible(numbers: pa.StringArray, data: Any) -> BoolArray:
    """Tell which numbers are long enough to have lost a prefix (phonenumbers' length test)."""
    lengths = _lengths(numbers)
    general = data.general_desc
    possible = np.isin(lengths, general.possible_length) | (lengths > general.possible_length[-1])
    answer: BoolArray = possible & ~np.isin(lengths, general.possible_length_local_only)
    return answer


def _is_valid(numbers: pa.StringArray, country: int) -> BoolArray:
    """Tell which national numbers the numbering plan of a country code knows."""
    regions = COUNTRY_CODE_TO_REGION_CODE[country]
    valid = np.zeros(len(numbers), dtype=bool)
    pending = np.ones(len(numbers), dtype=bool)
    for region in regions:
        rows = np.flatnonzero(pending)
        if not len(rows):
            break
        data = _metadata(country, region)
        some = numbers.take(rows)
        known = _is_of_some_kind(some, data)
        if len(regions) > 1 and data.leading_digits is not None:
            mine = flags(pc.match_substring_regex(some, f"^(?:{data.leading_digits})"))
            known &= mine
        else:
            mine = known
        valid[rows] = known
        pending[rows] = ~mine
    return valid


def _is_of_some_kind(numbers: pa.StringArray, data: Any) -> BoolArray:
    """Tell which national numbers of one region are fixed, mobile or of any other kind."""
    found = np.zeros(len(numbers), dtype=bool)
    rows = np.flatnonzero(_matches(numbers, data.general_desc))
    for name in _KINDS_OF_NUMBER:
        some = numbers.take(rows)
        if not len(rows):
            break
        known = _matches(some, getattr(data, name))
        found[rows] = known
        rows = rows[~known]
    return found


def _matches(numbers: pa.StringArray, description: Any) -> BoolArray:
    """Tell which numbers have the length and the digits of one description."""
    if description is None or not description.national_number_pattern:
        return np.zeros(len(numbers), dtype=bool)
    shape = flags(pc.match_substring_regex(numbers, f"^(?:{description.national_number_pattern})$"))
    if description.possible_length:
        shape &= np.isin(_lengths(numbers), description.possible_length)
    return shape


def _fits(numbers: pa.StringArray, data: Any) -> BoolArray:
    """Tell which numbers match a region's general pattern, whatever their length."""
    pattern = data.general_desc.national_number_pattern
    if not pattern:
        return np.zeros(len(numbers), dtype=bool)
    return flags(pc.match_substring_regex(numbers, f"^(?:{pattern})$"))


def _lengths(numbers: pa.StringArray) -> IntArray:
    counted: IntArray = pc.fill_null(pc.binary_length(numbers), 0).to_numpy(zero_copy_only=False)
    return counted


def _put(values: pa.StringArray, rows: IntArray, new: pa.StringArray) -> pa.StringArray:
    """Return `values` with `new` at `rows` (sorted)."""
    mask = np.zeros(len(values), dtype=bool)
    mask[rows] = True
    return pc.replace_with_mask(values, mask, new)


def _groups(codes: IntArray) -> list[tuple[int, IntArray]]:
    """Return each code from 0 up with its rows, ascending."""
    order = np.argsort(codes, kind="stable")
    cuts = np.flatnonzero(np.diff(codes[order])) + 1
    groups = np.split(order, cuts) if len(order) else []
    return [(int(codes[rows[0]]), rows) for rows in groups if codes[rows[0]] >= 0]


class _Pieces:
    """A string column put together from pieces, null where no piece is."""

    def __init__(self, rows: int) -> None:
        self.place = np.full(rows, -1, dtype=np.int64)
        self.pieces: list[pa.StringArray] = [pa.array([], pa.string())]
        self.size = 0

    def put(self, rows: IntArray, values: pa.StringArray) -> None:
        self.place[rows] = self.size + np.arange(len(rows))
        self.pieces.append(values)
        self.size += len(rows)

    def joined(self) -> pa.StringArray:
        return pa.concat_arrays(self.pieces).take(pa.array(self.place, mask=self.place < 0))


@cache
def _calling_codes(length: int) -> pa.StringArray:
    codes = sorted(str(code) for code in COUNTRY_CODE_TO_REGION_CODE)
    return pa.array([code for code in codes if len(code) == length], pa.string())


@cache
def _metadata(country: int, region: str) -> Any:
    """Return phonenumbers' metadata of a region; `country` matters for codes without one."""
    return PhoneMetadata.metadata_for_region_or_calling_code(country, region)
