"""Numbers, times and plurals as a person writes them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfinder.explain import numbers
from ringfinder.schema import KINDS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (12_345, "12,345"),
        (999_499, "999,499"),
        (999_700, "1 million"),
        (1_200_000, "1.2 million"),
        (28_800_000, "28.8 million"),
        (640e6, "640 million"),
        (3_456_000_000, "3.46 billion"),
        (math.inf, "unknown"),
        (math.nan, "unknown"),
    ],
)
def test_quantities_are_told_to_three_figures(value, text):
    assert numbers.big(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0%"),
        (1.0, "100%"),
        (0.98, "98%"),
        (0.072, "7.2%"),
        (0.07, "7%"),
        (0.003, "0.3%"),
        (0.00042, "0.04%"),
        (1e-9, "under 0.01%"),
        (0.995, "99.5%"),
        (0.9999, "over 99.9%"),
        (math.nan, "unknown"),
    ],
)
def test_shares_are_told_in_percent(value, text):
    assert numbers.share(value) == text


@given(st.floats(min_value=1e-12, max_value=1 - 1e-9))
def test_no_share_between_nothing_and_all_is_told_as_either(value):
    assert numbers.share(value) not in ("0%", "100%", "0.0%", "100.0%")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (25.24, "25.2"), (3.3, "3.3"), (1204, "1,204"), (0.0312, "0.031"), (-0.9, "−0.9")],
)
def test_measured_values_keep_what_matters(value, text):
    assert numbers.number(value) == text


@pytest.mark.parametrize(("nats", "text"), [(3.21, "+3.2"), (-0.44, "−0.4"), (-0.01, "0.0")])
def test_weights_of_evidence_have_a_sign(nats, text):
    assert numbers.signed(nats) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "1 minute"),
        (40 * 60_000, "40 minutes"),
        (41 * 3_600_000, "41 hours"),
        (12 * 86_400_000, "12 days"),
    ],
)
def test_spans_are_told_in_the_unit_a_person_would_choose(milliseconds, text):
    assert numbers.duration(milliseconds) == text


@pytest.mark.parametrize("milliseconds", [-(2**63), 2**63 - 1, 10**17])
def test_times_outside_the_calendar_are_unknown(milliseconds):
    assert numbers.day(milliseconds) == "unknown"
    assert numbers.moment(milliseconds) == "unknown"


def test_days_are_utc():
    assert numbers.day(1_772_323_199_999) == "28 Feb 2026"
    assert numbers.day(1_772_323_200_000) == "1 Mar 2026"


def test_every_kind_has_an_article_and_a_plural_that_are_english():
    articles = {kind.name: numbers.article(kind.words) for kind in KINDS}
    assert articles["ip"] == "an IP address"
    assert articles["signup_window"] == "an hour of sign-up"
    assert articles["user_agent"] == "a user agent"
    assert articles["email_domain"] == "an e-mail domain"
    plurals = {kind.name: numbers.plural_of(kind.words) for kind in KINDS}
    assert plurals["mailbox"] == "mailboxes"
    assert plurals["ip"] == "IP addresses"
    assert [numbers.plural(n, "new batch") for n in (1, 2)] == ["1 new batch", "2 new batches"]
    assert plurals["phone_block"] == "blocks of phone numbers"
    assert plurals["model_adoption"] == "first days on a model"
    assert not [
        words for words in plurals.values() if words.endswith(("sss", "xs", "days on a models"))
    ]


def test_lists_read_as_lists():
    assert numbers.listing([]) == ""
    assert numbers.listing(["a"]) == "a"
    assert numbers.listing(["a", "b", "c"]) == "a, b and c"
