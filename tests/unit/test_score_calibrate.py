"""What labels say, to the model and to the ring they fall into."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfinder.score.calibrate import FRAUD_LIMIT_NATS, FRAUD_NATS, label_shift, platt

NOBODY = np.zeros(0, dtype=np.int64)
SIZE = 20
odds_of_rings = st.lists(st.floats(-8, 8), min_size=1, max_size=8).map(np.array)


def rings_of(log_odds):
    """Twenty accounts in each ring, and twenty in none."""
    return np.repeat(np.r_[np.arange(len(log_odds)), -1], SIZE)


def members(ring, number, count):
    return np.flatnonzero(ring == number)[:count]


def calibrated(log_odds, fraud=(), legitimate=()):
    """Log odds after labels, given as (ring, how many)."""
    ring = rings_of(log_odds)
    bad = [members(ring, number, count) for number, count in fraud]
    good = [members(ring, number, count) for number, count in legitimate]
    return log_odds + label_shift(
        np.asarray(log_odds), ring, np.concatenate([NOBODY, *bad]), np.concatenate([NOBODY, *good])
    )


@given(odds_of_rings)
def test_without_labels_nothing_moves(log_odds):
    assert np.array_equal(calibrated(log_odds), log_odds)


@given(odds_of_rings)
def test_labels_outside_every_ring_move_nothing(log_odds):
    assert np.array_equal(calibrated(log_odds, fraud=[(-1, 9)], legitimate=[(-1, 9)]), log_odds)


def test_without_rings_there_is_nothing_to_move():
    assert len(label_shift(np.zeros(0), np.full(9, -1), np.arange(3), np.arange(3, 6))) == 0


@settings(max_examples=12, deadline=None)
@given(odds_of_rings, st.integers(0, 7), st.integers(1, SIZE))
def test_fraud_labels_raise_their_ring(log_odds, number, count):
    number %= len(log_odds)
    assert calibrated(log_odds, fraud=[(number, count)])[number] > log_odds[number]


def test_each_fraud_label_counts_up_to_a_limit():
    raised = [
        calibrated(np.array([-4.0, 3.0]), fraud=[(0, n)], legitimate=[(0, 9)])[0] for n in range(10)
    ]
    assert np.all(np.diff(raised[:4]) > 0)
    assert np.all(np.diff(raised) >= -1e-9)
    ring = rings_of([0.0])
    with_slope = label_shift(np.array([0.0]), ring, members(ring, 0, 12), NOBODY)
    _, shift = platt(np.array([0.0]), np.array([12]), np.array([0]))
    assert with_slope[0] - shift == pytest.approx(FRAUD_LIMIT_NATS)
    assert FRAUD_NATS < FRAUD_LIMIT_NATS < 3.1 * FRAUD_NATS


def test_a_handful_of_labels_moves_little_and_a_hundred_rings_of_them_much():
    few = platt(np.array([2.0] * 3), np.zeros(3, int), np.full(3, 1))
    many = platt(np.array([2.0] * 200), np.zeros(200, int), np.full(200, 3))
    assert few[0] * 2 + few[1] > 0
    assert many[0] * 2 + many[1] < -2


def test_labels_that_agree_with_the_model_hardly_move_it():
    log_odds = np.array([5.0, 6.0, -5.0, -6.0])
    moved = calibrated(log_odds, fraud=[(0, 1), (1, 1)], legitimate=[(2, 3), (3, 3)])
    assert moved[2:] == pytest.approx(log_odds[2:], abs=0.5)
    assert np.all(moved[:2] > log_odds[:2] - 0.5)


def test_one_label_against_a_fleet_beyond_doubt_hardly_moves_the_others():
    sure = np.array([7.0, 7.0, 3.0, -3.0])
    moved = calibrated(sure, legitimate=[(0, 1)])
    assert moved[1:] == pytest.approx(sure[1:], abs=0.35)
    doubtful = calibrated(np.array([1.0, 1.0]), legitimate=[(0, 3)])
    assert doubtful[1] < 0.8


@settings(max_examples=20, deadline=None)
@given(odds_of_rings)
def test_fraud_labels_alone_make_no_fleet_of_a_ring_without(log_odds):
    low = -np.abs(log_odds) - 0.1
    moved = calibrated(np.r_[low, -0.5], fraud=[(len(low), SIZE)])
    assert np.all(moved[:-1] <= 0)


def test_one_ring_full_of_labels_says_as_much_as_three():
    log_odds = np.array([1.0, 1.0, -2.0])
    three = calibrated(log_odds, legitimate=[(2, 3)])
    all_of_it = calibrated(log_odds, legitimate=[(2, SIZE)])
    assert np.array_equal(three, all_of_it)


@settings(max_examples=12, deadline=None)
@given(odds_of_rings, st.integers(0, 7), st.integers(1, SIZE))
def test_recalibration_keeps_the_order_of_rings_without_labels(log_odds, number, count):
    number %= len(log_odds)
    moved = np.delete(calibrated(log_odds, legitimate=[(number, count)]), number)
    order = np.argsort(np.delete(log_odds, number), kind="stable")
    assert np.all(np.diff(moved[order]) >= -1e-9)


@settings(max_examples=12, deadline=None)
@given(st.floats(0.01, 8), st.integers(1, SIZE))
def test_legitimate_labels_never_clear_their_ring(log_odds, count):
    rings = np.array([log_odds, -3.0])
    assert calibrated(rings, legitimate=[(0, count)])[0] > 0
