"""Phone numbers in E.164, and the blocks they were handed out in.

The common shapes (digits and separators, an optional plus) are read column by column in
`phone_rules`; letters, extensions, other scripts' digits and the national prefixes that
rewrite numbers go one by one through phonenumbers, which the tests hold the fast path
against. Numbers that the numbering plan does not know say nothing.
"""

from __future__ import annotations

import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.errors import InvalidParameter
from ringfinder.model import BoolArray
from ringfinder.normalise.phone_rules import read_plain
from ringfinder.normalise.text import clean, flags, without

MAX_PHONE = 64
"""Characters of a number as typed, its extension included."""

_PLAIN = r"^[ ().\[\]/-]*\+?[ ().\[\]/-]*[0-9][0-9 ().\[\]/-]*$"
_DIALLED = r"^[ (]*00[ )]*([1-9])"
_ABROAD = r"^[\s(]*(?:\+|00)"
_MAYBE = r"\pN\D*\pN"  # fewer than two digits are no number
_PREFIX = r"^(?P<prefix>\+(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3})[0-9]{2}).*$"  # noqa: E501


def canonical_phone(
    values: pa.StringArray, regions: pa.StringArray | None = None
) -> pa.StringArray:
    """Return numbers in E.164; null where they are not valid.

    Parameters
    ----------
    values
        String array (V,) of raw values.
    regions
        String array (V,): ISO 3166 code of the country each was typed in, null where not
        known: then only numbers with a plus can be read. None: not known anywhere.
    """
    values = clean(values, max_chars=MAX_PHONE)
    if regions is None:
        regions = pa.nulls(len(values), pa.string())
    supported = pa.array(sorted(phonenumbers.SUPPORTED_REGIONS), pa.string())
    regions = without(regions, ~flags(pc.is_in(regions, supported)))
    phones = _read(values, regions)
    # Exports write 00 for the plus, also of countries that dial something else abroad.
    again = flags(pc.and_(pc.is_null(phones), pc.match_substring_regex(values, _DIALLED)))
    if not again.any():
        return phones
    plus = pc.replace_substring_regex(values.filter(pa.array(again)), _DIALLED, r"+\1")
    return pc.replace_with_mask(phones, again, _read(plus, pa.nulls(len(plus), pa.string())))


def _read(values: pa.StringArray, regions: pa.StringArray) -> pa.StringArray:
    """Return numbers in E.164: plain shapes by column, the rest by phonenumbers."""
    plain = flags(pc.match_substring_regex(values, _PLAIN))
    digits = pc.replace_substring_regex(values.filter(pa.array(plain)), r"[^0-9+]", "")
    phones, settled = read_plain(digits, regions.filter(pa.array(plain)))
    hard = flags(pc.match_substring_regex(values, _MAYBE))
    hard[plain] = ~settled
    typed = zip(
        values.filter(pa.array(hard)).to_pylist(),
        regions.filter(pa.array(hard)).to_pylist(),
        strict=True,
    )
    slow = pa.array([phone_with_library(text, region) for text, region in typed], pa.string())
    answer = pa.nulls(len(values), pa.string())
    answer = pc.replace_with_mask(answer, plain, phones)
    return pc.replace_with_mask(answer, hard, slow)


def is_international(values: pa.StringArray) -> BoolArray:
    """Tell which raw numbers name their country themselves, by a plus or by 00."""
    return flags(pc.match_substring_regex(values, _ABROAD))


def phone_with_library(value: str, region: str | None) -> str | None:
    """Return one number in E.164, by phonenumbers; None where it is not valid."""
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    answer: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return answer


def check_region(region: str | None) -> str | None:
    """Return a region's code in upper case, None for None.

    Raises
    ------
    InvalidParameter
        If phonenumbers does not know the region.
    """
    if region is None or region.upper() in phonenumbers.SUPPORTED_REGIONS:
        return region and region.upper()
    raise InvalidParameter(
        f"the default region is {region!r}; expected the ISO 3166 code of a country, such as GB"
    )


def phone_blocks(phones: pa.StringArray) -> pa.StringArray:
    """Return E.164 numbers without their last three digits, as ``+442079460``."""
    return pc.utf8_slice_codeunits(phones, 0, -3)


def phone_prefixes(phones: pa.StringArray) -> pa.StringArray:
    """Return the country code and the next two digits of E.164 numbers, as ``+4420``."""
    found = pc.extract_regex(phones, _PREFIX)
    return pc.struct_field(found, "prefix")
