"""Order and meaning of scores: average precision, strict recall, Brier, calibration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfinder.evaluate.ranking import (
    average_precision,
    brier,
    expected_calibration_error,
    recall_at_false_positive_rate,
    reliability,
)
from ringfinder.evaluate.rates import Rate

SCORES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), max_size=60
)


def columns(pairs):
    score = np.array([score for score, _ in pairs], dtype=float)
    return score, np.array([fraud for _, fraud in pairs], dtype=bool)


def plain_average_precision(score, fraud):
    """The definition: at each threshold, precision times the recall gained there."""
    total, before, area = fraud.sum(), 0, 0.0
    for threshold in sorted(set(score.tolist()), reverse=True):
        chosen = score >= threshold
        caught = (chosen & fraud).sum()
        area += (caught - before) / total * caught / chosen.sum()
        before = caught
    return area


def plain_recall(score, fraud, rate):
    """The definition: the best recall of any threshold that keeps to the rate."""
    best = 0
    for threshold in {*score.tolist(), 2.0}:
        chosen = score >= threshold
        if (chosen & ~fraud).sum() <= rate * (~fraud).sum():
            best = max(best, int((chosen & fraud).sum()))
    return best


class TestAveragePrecision:
    def test_a_perfect_order_gives_one(self):
        assert average_precision(*columns([(0.9, True), (0.8, True), (0.1, False)])) == 1

    def test_the_worst_order_gives_what_is_left(self):
        assert average_precision(*columns([(0.9, False), (0.1, True)])) == 0.5

    def test_equal_scores_give_the_share_of_fraud(self):
        assert average_precision(*columns([(0.5, True), (0.5, False)] * 5)) == 0.5

    def test_without_fraud_there_is_none(self):
        assert average_precision(*columns([(0.5, False)])) is None

    @given(SCORES.filter(lambda pairs: any(fraud for _, fraud in pairs)))
    def test_it_is_what_the_definition_says(self, pairs):
        score, fraud = columns(pairs)
        expected = plain_average_precision(score, fraud)
        assert average_precision(score, fraud) == pytest.approx(expected)

    @given(SCORES, st.randoms(use_true_random=False))
    def test_the_order_of_input_changes_nothing(self, pairs, random):
        before = average_precision(*columns(pairs))
        random.shuffle(pairs)
        assert average_precision(*columns(pairs)) == before


class TestRecallAtFalsePositiveRate:
    def test_a_benign_account_above_stops_it(self):
        score, fraud = columns([(0.9, True), (0.8, False), (0.7, True)])
        assert recall_at_false_positive_rate(score, fraud, rate=0.0) == Rate(1, 2)

    def test_a_benign_account_of_equal_score_stops_it_too(self):
        score, fraud = columns([(0.9, True), (0.9, False)])
        assert recall_at_false_positive_rate(score, fraud, rate=0.0) == Rate(0, 1)

    @pytest.mark.parametrize("fraud", [[True, True], [False, False]])
    def test_of_one_sort_alone_there_is_none(self, fraud):
        assert recall_at_false_positive_rate(np.ones(2), np.array(fraud), rate=0.1) is None

    @given(
        SCORES.filter(lambda pairs: len({fraud for _, fraud in pairs}) == 2),
        st.sampled_from([0.0, 0.01, 0.3, 1.0]),
    )
    def test_it_is_what_the_definition_says(self, pairs, rate):
        score, fraud = columns(pairs)
        found = recall_at_false_positive_rate(score, fraud, rate=rate)
        assert found == Rate(plain_recall(score, fraud, rate), int(fraud.sum()))


class TestCalibration:
    def test_bins_count_each_account_once(self):
        score = np.array([0.0, 0.05, 0.1, 0.95, 1.0])
        bins = reliability(score, np.array([False, False, False, True, True]))
        assert [(one.low, one.fraud.hits, one.fraud.total) for one in bins] == [
            (0.0, 0, 2),
            (0.1, 0, 1),
            (0.9, 2, 2),
        ]

    def test_scores_that_mean_what_they_say_have_no_error(self):
        score = np.array([0.25] * 4 + [1.0])
        fraud = np.array([True, False, False, False, True])
        assert expected_calibration_error(reliability(score, fraud)) == 0

    def test_scores_that_say_the_opposite_have_the_largest(self):
        score, fraud = np.array([0.0, 1.0]), np.array([True, False])
        assert expected_calibration_error(reliability(score, fraud)) == 1
        assert brier(score, fraud) == 1

    def test_the_brier_score_is_a_mean_of_squares(self):
        assert brier(np.array([0.5, 1.0]), np.array([True, True])) == 0.125

    def test_of_nothing_there_is_none(self):
        assert brier(np.empty(0), np.empty(0, bool)) is None
        assert expected_calibration_error(()) is None

    @given(SCORES)
    def test_the_bins_hold_every_account(self, pairs):
        score, fraud = columns(pairs)
        bins = reliability(score, fraud)
        assert sum(one.fraud.total for one in bins) == len(pairs)
        assert sum(one.fraud.hits for one in bins) == fraud.sum()
        assert all(one.low - 1e-9 <= one.mean_score <= one.high + 1e-9 for one in bins)
