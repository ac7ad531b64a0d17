"""Text that people and programs typed: folded, and null where it says nothing.

Every function here takes *distinct raw strings* and answers row by row, null where the
value says nothing. All of them are idempotent and none of them raises on any text.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.model import BoolArray, IntArray
from ringfinder.normalise.countries import codes_of_names

MAX_CHARS = 512
"""Longest identifier believed; longer ones are broken exports or attacks on memory."""

MAX_USER_AGENT = 1024
MAX_REFERRER = 2048

# What exports write where they know nothing, after folding; matched in any case. The list
# errs on the side of silence: a sentinel taken for a value ties strangers together.
_PLACEHOLDERS = (
    "unknown", "unknow", "unkown", "unk", "null", "nil", "none", "n/?a", "#n/a", "na", "nan",
    "undefined", "undef", "not available", "not applicable", "not provided", "not set",
    "no data", "missing", "empty", "blank", "void", "invalid", "error", "default", "anonymous",
    "anon", "redacted", "removed", "deleted", "hidden", "masked", "test", "testing", "dummy",
    "placeholder", "todo", "tbd", "xxx+", "true", "false", "object object", r"\\n", "-1",
    "[+-]?inf(?:inity)?",
)  # fmt: skip
_SENTINEL = (
    r"(?i)^(?:[\[({<\"'\s]*(?:" + "|".join(_PLACEHOLDERS) + r")[\])}>\"'\s]*"
    r"|(?:0x)?[0 -/:-@\[-`{-~–—…·•¿¡«»“”‘’]*"  # zeros and signs: 0.0, -, {}, the zero UUID
    r"|f[f:-]{7,}"  # an identifier of ones only
    r"|(?:02[:-]00[:-]00[:-]00[:-]00[:-]00))$"  # the address every recent phone reports
)
_UNTIDY = r"[^!-~ ]|^ | $|  "
_SPACE = r"[\s\pZ\pC]+"
_UUID = r"(?i)^(?:urn:uuid:)?\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?$"
_HEX = r"(?i)^[0-9a-f]{16,}$"
_UUID_WIDTH = 36
_UUID_HYPHENS = [8, 13, 18, 23]
_UUID_DIGITS = [i for i in range(_UUID_WIDTH) if i not in _UUID_HYPHENS]
_HEX_DIGIT = np.zeros(256, dtype=np.uint8)  # in lower case; 0: no digit
_HEX_DIGIT[list(b"0123456789abcdefABCDEF")] = list(b"0123456789abcdefabcdef")
_NOWHERE = r"(?i)^\(?(?:direct|internal|self|home|about:blank|localhost)\)?$"


def flags(mask: pa.Array) -> BoolArray:
    """Return a Boolean array as NumPy, null counted as False."""
    filled: BoolArray = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
    return filled


def where(
    values: pa.StringArray, mask: BoolArray, change: Callable[[pa.Array], pa.Array]
) -> pa.StringArray:
    """Return `values` with `change` applied to the rows under `mask`, the rest untouched."""
    if not mask.any():
        return values
    return pc.replace_with_mask(values, mask, change(values.filter(pa.array(mask))))


def without(values: pa.StringArray, mask: BoolArray) -> pa.StringArray:
    """Return `values` with the rows under `mask` null."""
    if not mask.any():
        return values
    return pc.if_else(pa.array(~mask), values, pa.scalar(None, pa.string()))


def to_strings(values: pa.Array | pa.ChunkedArray) -> pa.StringArray:
    """Return `values` as one plain string array, whatever flavour of text came in."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    return values if values.type == pa.string() else values.cast(pa.string())


def fold(values: pa.StringArray) -> pa.StringArray:
    """Fold white space and control characters to single spaces, trim, compose (NFC)."""
    values = to_strings(values)

    def tidy(rows: pa.Array) -> pa.Array:
        spaced = pc.utf8_trim_whitespace(pc.replace_substring_regex(rows, _SPACE, " "))
        return pc.utf8_normalize(spaced, "NFC")

    return where(values, flags(pc.match_substring_regex(values, _UNTIDY)), tidy)


def clean(values: pa.StringArray, *, max_chars: int = MAX_CHARS) -> pa.StringArray:
    """Fold every value and make those null that say nothing.

    Parameters
    ----------
    values
        String array (V,).
    max_chars
        Values of more characters say nothing, before and after folding.

    Returns
    -------
    pa.StringArray, shape (V,)
        Null where the value is empty, too long or a sentinel such as ``unknown``.
    """
    values = to_strings(values)
    values = without(values, flags(pc.greater(pc.utf8_length(values), max_chars)))
    folded = fold(values)
    silent = pc.or_(
        pc.match_substring_regex(folded, _SENTINEL),
        pc.greater(pc.utf8_length(folded), max_chars),
    )
    return without(folded, flags(silent))


def canonical_identifier(values: pa.StringArray) -> pa.StringArray:
    """Return opaque identifiers folded, their case kept: case tells tokens apart."""
    return clean(values)


def canonical_device(values: pa.StringArray) -> pa.StringArray:
    """Return device identifiers: UUIDs as 32 hexadecimal digits, hexadecimal in lower case.

    Platforms write the same UUID in either case, with braces and without hyphens; other
    tokens are opaque and keep their case.
    """
    values = clean(values)
    plain, bare = _plain_uuids(values)
    values = where(values, ~plain, _odd_device)
    return pc.replace_with_mask(values, plain, bare) if plain.any() else values


def _plain_uuids(values: pa.StringArray) -> tuple[BoolArray, pa.StringArray]:
    """Return which values are UUIDs as the standard writes them, and those as 32 digits.

    They are most of what platforms report, and of one width: seen as rows of bytes they
    are read many times faster than by an expression.
    """
    wide = flags(pc.equal(pc.binary_length(values), _UUID_WIDTH))
    rows = pa.concat_arrays([values.filter(pa.array(wide))])  # drops the offset of a slice
    data = rows.buffers()[2]
    text = np.frombuffer(data or b"", np.uint8, len(rows) * _UUID_WIDTH).reshape(-1, _UUID_WIDTH)
    digits = _HEX_DIGIT[text[:, _UUID_DIGITS]]
    shaped = (digits != 0).all(axis=1) & (text[:, _UUID_HYPHENS] == ord("-")).all(axis=1)
    wide[wide] = shaped
    digits = np.ascontiguousarray(digits[shaped])
    offsets = np.arange(len(digits) + 1, dtype=np.int32) * np.int32(len(_UUID_DIGITS))
    return wide, pa.StringArray.from_buffers(
        len(digits), pa.py_buffer(offsets), pa.py_buffer(digits)
    )


def _odd_device(rows: pa.Array) -> pa.Array:
    bare = where(rows, flags(pc.match_substring_regex(rows, _UUID)), _bare_uuid)
    return where(bare, flags(pc.match_substring_regex(bare, _HEX)), pc.ascii_lower)


def _bare_uuid(rows: pa.Array) -> pa.Array:
    digits = pc.replace_substring(rows, "-", "")
    dressed = flags(pc.greater(pc.binary_length(digits), 32))
    return where(
        digits, dressed, lambda r: pc.replace_substring_regex(r, r"(?i)^urn:uuid:|[{}]", "")
    )


def canonical_tls_fingerprint(values: pa.StringArray) -> pa.StringArray:
    """Return JA3 and JA4 fingerprints in lower case: both are hexadecimal and lower-case tags."""
    return pc.utf8_lower(clean(values))


def canonical_user_agent(values: pa.StringArray) -> pa.StringArray:
    """Return user agents with white space folded, versions and case kept.

    The patch level is kept: how common a string is decides what it says, and a fleet's
    frozen build is worth more than what cutting it would gain.
    """
    return clean(values, max_chars=MAX_USER_AGENT)


def canonical_referrer(values: pa.StringArray) -> pa.StringArray:
    """Return referrers as lower-case host and path; query and fragment hold personal click ids."""
    values = pc.utf8_lower(clean(values, max_chars=MAX_REFERRER))
    page = pc.replace_substring_regex(values, r"(?s)[?#].*$", "")
    bare = pc.replace_substring_regex(page, r"^(?:[a-z][a-z0-9+.-]*://|www\.)+", "")
    again = clean(pc.replace_substring_regex(bare, r"[/\s]+$", ""), max_chars=MAX_REFERRER)
    return without(again, flags(pc.match_substring_regex(again, _NOWHERE)))


def canonical_model(values: pa.StringArray) -> pa.StringArray:
    """Return model names in lower case; names of one model differ in case between clients."""
    return pc.utf8_lower(clean(values))


def canonical_country(values: pa.StringArray) -> pa.StringArray:
    """Return ISO 3166 two-letter codes, upper case, of codes and English names; else null.

    ``NA`` is Namibia here, not a sentinel; ``XX`` and ``ZZ`` are what locators say of nowhere.
    The tag of a language, such as ``en-US``, says what somebody reads, not where.
    """
    upper = pc.utf8_upper(fold(values))
    upper = pc.if_else(pc.equal(upper, "UK"), pa.scalar("GB"), upper)
    shaped = flags(pc.match_substring_regex(upper, "^[A-Z]{2}$"))
    upper = where(upper, ~shaped, codes_of_names)
    return without(upper, _is_nowhere(upper))


def _is_nowhere(codes: pa.StringArray) -> BoolArray:
    return flags(pc.or_(pc.equal(codes, "XX"), pc.equal(codes, "ZZ")))


def codes_of(values: pa.StringArray) -> tuple[IntArray, pa.StringArray]:
    """Return each row's code (int64, -1 for null) and the distinct strings in order met."""
    encoded = to_strings(values).dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return codes.astype(np.int64), encoded.dictionary
