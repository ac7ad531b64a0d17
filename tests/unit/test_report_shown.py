"""Text of an attacker's, made safe to look at."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfinder.publish.shown import fitted, shorten, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain-text@example.com", "plain-text@example.com"),
        ("\u202egnp.exe", "[U+202E]gnp.exe"),
        ("a\u2066b\u2069", "a[U+2066]b[U+2069]"),
        ("zero\u200bwidth", "zero[U+200B]width"),
        ("line\nbreak\x00nul", "line[U+000A]break[U+0000]nul"),
        ("\ud800", "[U+D800]"),
        ("pay\u00a0pal", "pay[U+00A0]pal"),
        ("\u3164", "[U+3164]"),
        ("bücher.example", "bücher.example"),
        ("دانش", "دانش"),
        ("e\u0301", "e\u0301"),
        ("\U000e0041tag", "[U+E0041]tag"),
    ],
)
def test_what_hides_is_spelt_out_and_the_rest_is_left(text, shown):
    assert visible(text) == shown


def test_piled_up_marks_are_counted():
    assert visible("z" + "\u0301" * 40 + "a") == "z\u0301\u0301[+38 marks]a"
    assert visible("z" + "\u0301" * 9) == "z\u0301\u0301[+7 marks]"


def test_long_texts_keep_both_ends():
    assert shorten("abcdefghijklmnop", 9) == "abcdef…op"
    assert shorten("short", 9) == "short"
    assert len(visible("x" * 10_000_000, 30)) == 30


@given(st.text(), st.integers(min_value=2, max_value=50))
def test_nothing_invisible_or_reordering_is_ever_left(text, longest):
    shown = visible(text, longest)
    shown.encode("utf-8")
    assert len(shown) <= longest
    for character in shown:
        assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def test_wide_letters_take_two_columns():
    assert fitted("漢" * 20, 14) == "漢漢漢漢…漢漢"
    assert fitted("narrow-enough", 14) == "narrow-enough"
    assert fitted("漢字", 1) == "…"


@given(st.text(max_size=60))
def test_twice_is_once(text):
    assert visible(visible(text, 10_000), 10_000) == visible(text, 10_000)
