"""Numbers read by column are the numbers that phonenumbers reads one by one."""

import phonenumbers
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from ringfinder.normalise.phone import canonical_phone, phone_with_library

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
EXAMPLES = [
    found
    for region in REGIONS
    for kind in range(11)
    if (found := phonenumbers.example_number_for_type(region, kind)) is not None
] + [
    phonenumbers.example_number_for_non_geo_entity(code)
    for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS
]


def written(number, style):
    national = phonenumbers.national_significant_number(number)
    if style in ("E164", "INTERNATIONAL", "NATIONAL"):
        return phonenumbers.format_number(number, getattr(PhoneNumberFormat, style))
    return {
        "bare": "",
        "zero": "0",
        "code": str(number.country_code),
        "dialled": f"00{number.country_code}",
        "dialled from america": f"011{number.country_code}",
        "plus zero": f"+{number.country_code}0",
    }[style] + national


STYLES = [
    "E164",
    "INTERNATIONAL",
    "NATIONAL",
    "bare",
    "zero",
    "code",
    "dialled",
    "dialled from america",
    "plus zero",
]
one_off = st.tuples(
    st.integers(0, 30),
    st.sampled_from("0123456789"),
    st.sampled_from(["as is", "changed", "added", "cut"]),
)


def spoilt(text, slip):
    place, digit, what = slip
    place %= len(text)
    if what == "changed" and text[place].isdigit():
        return text[:place] + digit + text[place + 1 :]
    if what == "added":
        return text[:place] + digit + text[place:]
    return text[:place] + text[place + 1 :] if what == "cut" else text


numbers = st.builds(
    lambda n, s, slip: spoilt(written(n, s), slip),
    st.sampled_from(EXAMPLES),
    st.sampled_from(STYLES),
    one_off,
)
noise = st.text("0123456789+ ()-./", min_size=1, max_size=18)
regions = st.one_of(
    st.none(), st.sampled_from(REGIONS), st.sampled_from(["US", "GB", "DE", "JP", "BR", "AR", "XX"])
)
rows = st.lists(st.tuples(st.one_of(numbers, numbers, noise), regions), min_size=1, max_size=12)


def by_library(text, region):
    """What phonenumbers says; 00 stands for the plus where it says nothing."""
    region = region if region in REGIONS else None
    found = phone_with_library(text, region)
    digits = "".join(c for c in text if c not in " ()")
    if found is None and digits[:2] == "00" and digits[2:3] in set("123456789"):
        return phone_with_library("+" + digits[2:], None)
    return found


@settings(max_examples=250, deadline=None)
@given(typed=rows)
@example(typed=[("+1 264 497 1234", "AI"), ("497 1234", "AI"), ("1 264 497 1234", None)])
@example(typed=[("011 15 2345-6789", "AR"), ("0 11 2345-6789", "AR"), ("+54 9 11 2345 6789", None)])
@example(typed=[("090-1234-5678", "JP"), ("03-1234-5678", "JP"), ("8 (912) 345-67-89", "RU")])
@example(typed=[("+020 7946 0958", "GB"), ("+0", "GB"), ("+", "GB"), ("++44 2079460958", "GB")])
@example(typed=[("02 1234 5678", "IT"), ("+39 02 1234 5678", None), ("333 123 4567", "VA")])
def test_numbers_are_read_as_phonenumbers_reads_them(typed):
    found = canonical_phone(
        pa.array([text for text, _ in typed]),
        pa.array([region for _, region in typed], pa.string()),
    )
    assert found.to_pylist() == [by_library(text, region) for text, region in typed]


def test_every_example_of_every_numbering_plan_is_read():
    international = [written(number, "INTERNATIONAL") for number in EXAMPLES]
    found = canonical_phone(pa.array(international))
    assert found.to_pylist() == [phone_with_library(text, None) for text in international]
    assert found.null_count < len(EXAMPLES) * 0.02
