"""The smallest change that would clear an account, against trying every change."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfinder.errors import InvalidParameter
from ringfinder.evidence.lifts import LEAST_CAP, LEAST_PRIOR, THRESHOLD_NATS
from ringfinder.explain.clear import clearing_change
from ringfinder.explain.members import clearing_words
from ringfinder.schema import CODE

values = st.lists(
    st.tuples(st.floats(min_value=0, max_value=12), st.integers(min_value=0, max_value=3)),
    max_size=7,
)


def odds(nats: np.ndarray, family: np.ndarray, cap: float, prior: float) -> float:
    return sum(min(float(nats[family == one].sum()), cap) for one in set(family.tolist())) - prior


@given(values, st.floats(min_value=0.5, max_value=9), st.floats(min_value=0, max_value=9))
def test_no_smaller_change_clears(pairs, cap, prior):
    nats = np.array([pair[0] for pair in pairs])
    family = np.array([pair[1] for pair in pairs], dtype=int)
    change = clearing_change(nats, family, cap=cap, prior=prior)
    kept = np.setdiff1d(np.arange(len(nats)), change.removed)
    assert change.after == pytest.approx(odds(nats[kept], family[kept], cap, prior), abs=1e-9)
    assert change.after <= THRESHOLD_NATS
    for fewer in combinations(range(len(nats)), max(0, len(change.removed) - 1)):
        rest = np.setdiff1d(np.arange(len(nats)), fewer)
        if len(change.removed):
            assert odds(nats[rest], family[rest], cap, prior) > THRESHOLD_NATS - 1e-9


def test_a_second_family_is_what_carries_a_member():
    cap = prior = 5.0
    change = clearing_change(np.array([9.0, 4.0]), np.array([0, 1]), cap=cap, prior=prior)
    assert change.before == pytest.approx(4.0)
    assert change.removed == (0,)
    assert change.after == pytest.approx(-1.0)


def test_values_beyond_the_cap_must_all_go():
    nats, family = np.array([5.0, 5.0, 5.0, 4.0]), np.array([0, 0, 0, 1])
    change = clearing_change(nats, family, cap=5.0, prior=5.0)
    assert change.removed == (3,)


def test_accounts_may_hold_very_many_values():
    each = [40_000, 60_000, 1]
    nats, family = np.repeat([2.0, 1.0, 4.0], each), np.repeat([0, 1, 2], each)
    change = clearing_change(nats, family, cap=8.0, prior=8.0)
    assert change.before == 12.0
    assert len(change.removed) == 40_000
    assert change.after == pytest.approx(2.0)


def test_one_family_alone_never_makes_a_member():
    change = clearing_change(np.array([50.0]), np.array([2]), cap=LEAST_CAP, prior=LEAST_PRIOR)
    assert change.removed == ()


def test_negative_weights_count_for_nothing():
    change = clearing_change(np.array([-3.0, 4.0, 4.0]), np.array([0, 0, 1]), cap=5, prior=1)
    assert 0 not in change.removed


def test_impossible_arguments_are_refused():
    with pytest.raises(InvalidParameter, match="expected as many weights"):
        clearing_change(np.array([1.0]), np.array([0, 1]), cap=1, prior=1)
    with pytest.raises(InvalidParameter, match="at least 0"):
        clearing_change(np.array([1.0]), np.array([0]), cap=-1, prior=1)


def test_the_change_is_told_by_kind():
    change = clearing_change(np.array([6.0, 6.0, 6.0]), np.array([0, 1, 1]), cap=20, prior=1)
    domain, card = CODE["email_domain"], CODE["payment_fingerprint"]
    assert len(change.removed) == 3
    assert clearing_words(change, [domain, card, card]) == (
        "not sharing its e-mail domain and 2 payment cards"
    )
