"""Wilson intervals against published figures and their own promises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ringfinder.errors import InvalidParameter
from ringfinder.evaluate import Rate, wilson

COUNTS = st.integers(0, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


class TestWilson:
    def test_an_example_of_the_literature(self):
        # Newcombe 1998, table I: 81 of 263.
        low, high = wilson(81, 263)
        assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)

    @given(COUNTS.filter(lambda counts: counts[1] > 0))
    def test_it_is_scipys(self, counts):
        expected = binomtest(*counts).proportion_ci(0.95, "wilson")
        assert wilson(*counts) == pytest.approx((expected.low, expected.high), abs=1e-9)

    @given(COUNTS)
    def test_it_holds_the_rate_and_stays_within_0_and_1(self, counts):
        hits, total = counts
        low, high = wilson(hits, total)
        assert 0 <= low <= (hits / total if total else 0.5) <= high <= 1

    @given(COUNTS)
    def test_misses_mirror_hits(self, counts):
        hits, total = counts
        low, high = wilson(hits, total)
        assert wilson(total - hits, total) == pytest.approx((1 - high, 1 - low), abs=1e-12)

    @given(COUNTS, st.integers(2, 9))
    def test_more_of_the_same_narrows_it(self, counts, times):
        hits, total = counts
        low, high = wilson(hits, total)
        narrow_low, narrow_high = wilson(hits * times, total * times)
        assert narrow_high - narrow_low <= high - low

    def test_nothing_says_nothing(self):
        assert wilson(0, 0) == (0, 1)

    def test_no_hit_is_exactly_zero_at_the_low_end_only(self):
        low, high = wilson(0, 100)
        assert low == 0
        assert 0.03 < high < 0.04

    @pytest.mark.parametrize("counts", [(-1, 5), (6, 5), (1, 0)])
    def test_impossible_counts_are_refused(self, counts):
        with pytest.raises(InvalidParameter, match="expected 0 <= hits <= total"):
            wilson(*counts)


class TestRate:
    def test_as_json_it_has_value_interval_and_counts(self):
        assert Rate(1, 4).to_dict() == {
            "value": 0.25,
            "low": pytest.approx(0.0456, abs=1e-4),
            "high": pytest.approx(0.6994, abs=1e-4),
            "hits": 1,
            "total": 4,
        }

    def test_of_nothing_it_has_no_value(self):
        assert Rate(0, 0).value is None
