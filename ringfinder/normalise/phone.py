"""Phone numbers in E.164."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.normalise.text import clean, to_strings, without, flags

MAX_PHONE = 64


def canonical_phone(values: pa.StringArray, regions: pa.StringArray) -> pa.StringArray:
    values = clean(values, max_chars=MAX_PHONE)
    return pa.array(
        [
            None if v is None else phone_with_library(v, r)
            for v, r in zip(values.to_pylist(), regions.to_pylist())
        ],
        pa.string(),
    )


def phone_with_library(value: str, region: str | None) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_blocks(phones: pa.StringArray) -> pa.StringArray:
    """Return E.164 numbers without their last three digits, as ``+4420794609``."""
    return pc.utf8_slice_codeunits(phones, 0, -3)


def phone_prefixes(phones: pa.StringArray) -> pa.StringArray:
    """Return the country code and the next two digits of E.164 numbers."""
    return pc.utf8_slice_codeunits(phones, 0, 5)
