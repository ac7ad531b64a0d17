"""Phone numbers in E.164."""

import pyarrow as pa
import pytest
from raw_world import column

from ringfinder.normalise import phone
from ringfinder.normalise.phone import canonical_phone, phone_blocks, phone_prefixes


def read(raw, region=None):
    return canonical_phone(column(raw), column(region))[0].as_py()


@pytest.mark.parametrize(
    ("raw", "region"),
    [
        ("+44 20 7946 0958", None),
        ("+44 (0)20 7946 0958", None),
        ("+442079460958", "US"),
        ("(+44) 20-7946-0958", None),
        ("tel:+44-20-7946-0958", None),
        ("020 7946 0958", "GB"),
        ("20 7946 0958", "GB"),
        ("442079460958", "GB"),
        ("00442079460958", "GB"),
        ("011 44 20 7946 0958", "US"),
        ("0044 20 7946 0958", "US"),  # exports write 00 whatever the country dials
        ("0044 20 7946 0958", None),
        ("+44 20 7946 0958 ext. 12", None),
        ("＋４４ ２０ ７９４６ ０９５８", None),
    ],
)
def test_one_number_is_one_value_however_it_is_typed(raw, region):
    assert read(raw, region) == "+442079460958"


@pytest.mark.parametrize(
    ("raw", "region"),
    [
        ("020 7946 0958", None),  # where?
        ("020 7946 0958", "XX"),
        ("+44 20 7946 09589999", None),
        ("+1 555", "US"),
        ("(555)355 - 1785", "US"),  # no area code 555
        ("+999 12345678", None),
        ("0000000000", "US"),
        ("12", "US"),
        ("not a number", "US"),
        ("unknown", "US"),
        ("+", "GB"),
        ("1" * 65, "US"),
        ("", "GB"),
    ],
)
def test_what_no_numbering_plan_knows_says_nothing(raw, region):
    assert read(raw, region) is None


def test_letters_of_a_vanity_number_are_digits():
    assert read("1-800-FLOWERS", "US") == "+18003569377"


def test_leading_zeros_stay_where_the_country_keeps_them():
    assert read("06 698 12345", "IT") == read("+39 06 698 12345") == "+390669812345"


def test_without_any_region_only_international_numbers_are_read():
    found = canonical_phone(column("+442079460958", "020 7946 0958"))
    assert found.to_pylist() == ["+442079460958", None]


def test_rows_stay_where_they_are():
    raw = column("020 7946 0958", None, "x", "030 12345678", "+1 415 555 2671", "1-800-FLOWERS")
    region = column("GB", "GB", "GB", "DE", None, "US")
    assert canonical_phone(raw, region).to_pylist() == [
        "+442079460958", None, None, "+493012345678", "+14155552671", "+18003569377",
    ]  # fmt: skip


def test_plain_shapes_never_reach_the_slow_path(monkeypatch):
    def unexpected(value, region):
        raise AssertionError("the slow path was taken")

    monkeypatch.setattr(phone, "phone_with_library", unexpected)
    raw = column(
        "(415) 555-2671",
        "0151 12345678",
        "+33 6 12 34 56 78",
        "11 91234-5678",
        "9876543210",
        "junk",
    )
    region = column("US", "DE", None, "BR", "IN", "US")
    assert canonical_phone(raw, region).null_count == 1


class TestBlocks:
    def test_a_block_is_the_number_without_its_last_three_digits(self):
        assert phone_blocks(column("+442079460958", None)).to_pylist() == ["+442079460", None]

    @pytest.mark.parametrize(
        ("number", "prefix"),
        [
            ("+14155552671", "+141"),
            ("+79123456789", "+791"),
            ("+442079460958", "+4420"),
            ("+390669812345", "+3906"),
            ("+35312345678", "+35312"),
            ("+97150123456", "+97150"),
            ("+80012345678", "+80012"),
        ],
    )
    def test_a_prefix_is_the_country_code_and_two_digits(self, number, prefix):
        assert phone_prefixes(column(number)).to_pylist() == [prefix]

    def test_every_country_code_is_told_from_what_follows(self):
        from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

        numbers = [f"+{code}98765432" for code in COUNTRY_CODE_TO_REGION_CODE]
        expected = [f"+{code}98" for code in COUNTRY_CODE_TO_REGION_CODE]
        assert phone_prefixes(pa.array(numbers)).to_pylist() == expected
