"""Cards: fingerprints, issuers, and card numbers that should not be there."""

import pytest
from raw_world import column

from ringfinder.normalise.payment import (
    canonical_card_bin,
    canonical_payment_fingerprint,
    is_card_number,
    shown_payment_fingerprint,
    shown_text,
)

# Numbers that the card networks publish for testing.
NUMBERS = [
    "4111111111111111",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
    "30569309025904",
]


class TestFingerprint:
    def test_case_tells_two_cards_apart(self):
        found = canonical_payment_fingerprint(column("Xt5EWLLDS7FJjR1c", "xt5ewllds7fjjr1c"))
        assert found.to_pylist() == ["Xt5EWLLDS7FJjR1c", "xt5ewllds7fjjr1c"]

    def test_white_space_around_is_not_part_of_it(self):
        assert canonical_payment_fingerprint(column("  fp_1 ")).to_pylist() == ["fp_1"]

    @pytest.mark.parametrize("raw", ["unknown", "n/a", "0", "-", "", "null"])
    def test_a_sentinel_says_nothing(self, raw):
        assert canonical_payment_fingerprint(column(raw)).to_pylist() == [None]

    def test_a_card_number_is_one_card_however_it_is_grouped(self):
        typed = column("4111 1111 1111 1111", "4111-1111-1111-1111", "4111111111111111")
        assert set(canonical_payment_fingerprint(typed).to_pylist()) == {"4111111111111111"}

    def test_digits_that_are_no_card_number_keep_their_separators(self):
        assert canonical_payment_fingerprint(column("4111 1111 1111 1112")).to_pylist() == [
            "4111 1111 1111 1112"
        ]

    @pytest.mark.parametrize("number", NUMBERS)
    def test_a_card_number_is_never_shown(self, number):
        shown = shown_payment_fingerprint(column(number, "fp_1", None)).to_pylist()
        assert shown == [f"card number ending in {number[-4:]}", "fp_1", None]


class TestOtherTexts:
    """A person may type a card number where a device or a company is asked for."""

    @pytest.mark.parametrize("number", NUMBERS)
    def test_a_card_number_is_not_shown_there_either(self, number):
        grouped = f"{number[:4]} {number[4:8]}-{number[8:]}"
        shown = shown_text(column(number, "device 7", grouped, None)).to_pylist()
        told = f"card number ending in {number[-4:]}"
        assert shown == [told, "device 7", told, None]

    @pytest.mark.parametrize("imei", ["490154203237518", "356938035643809", "524030000000000"])
    def test_the_number_of_a_phone_is_shown(self, imei):
        assert shown_text(column(imei)).to_pylist() == [imei]

    @pytest.mark.parametrize(
        "text", ["4111111111111112", "2026-05-01 12:30:00", "5f0c", "203.0.113.7", "+442079460958"]
    )
    def test_what_is_no_card_number_is_shown_as_it_is(self, text):
        assert shown_text(column(text)).to_pylist() == [text]


class TestCardNumbers:
    @pytest.mark.parametrize("number", NUMBERS)
    def test_published_test_numbers_are_card_numbers(self, number):
        assert is_card_number(column(number)).tolist() == [True]

    @pytest.mark.parametrize("number", NUMBERS)
    def test_one_digit_off_is_none(self, number):
        last = (int(number[-1]) + 1) % 10
        assert is_card_number(column(number[:-1] + str(last))).tolist() == [False]

    @pytest.mark.parametrize(
        "text",
        ["", "0", "18", "fp_4111111111111111", "0000000000000000", "99999999999999999999", None],
    )  # fmt: skip
    def test_other_text_is_none(self, text):
        assert is_card_number(column(text)).tolist() == [False]


class TestBin:
    @pytest.mark.parametrize(
        "raw",
        ["411111", "41111111", "4111 11", "4111 1111", "4111-11", "411111XX", "411111xxxxxx1111",
         "411111******1111",
         "411111••••••1111", "4111111111111111", "4111 1111 1111 1111", "411111.0"],
    )  # fmt: skip
    def test_an_issuer_is_its_first_six_digits(self, raw):
        assert canonical_card_bin(column(raw)).to_pylist() == ["411111"]

    @pytest.mark.parametrize(
        "raw",
        [
            "41111",
            "",
            "visa",
            "000000",
            "00000000",
            "unknown",
            "4" * 20,
            "4" * 33,
            "A411111",
            "411.111",
            "٤١١١١١",
        ],
    )
    def test_less_than_that_says_nothing(self, raw):
        assert canonical_card_bin(column(raw)).to_pylist() == [None]

    @pytest.mark.parametrize("number", NUMBERS)
    def test_nothing_of_a_card_number_is_left_but_its_issuer(self, number):
        assert canonical_card_bin(column(number)).to_pylist() == [number[:6]]
