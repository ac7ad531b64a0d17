"""Rings to verdicts: terms that add up, none of them too loud."""

import json
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ringfinder.score.features import FEATURES, NAMES
from ringfinder.score.judge import (
    GROUP_NATS,
    GROUPS,
    LIMIT_NATS,
    Weights,
    contributions,
    fleet_probability,
    shipped_weights,
)

features = arrays.arrays(
    np.float64, st.tuples(st.integers(0, 4), st.just(len(NAMES))), elements=st.floats(-1e6, 1e6)
)
WEIGHTS = [shipped_weights(usage=True), shipped_weights(usage=False)]


def shipped():
    return json.loads((files("ringfinder.score") / "weights.json").read_text())


def plain(weight=1.0, **own):
    """Weights of one nat per unit, or as told by name."""
    table = np.array([own.get(name, weight) for name in NAMES])
    return Weights(-2.0, np.zeros(len(NAMES)), np.ones(len(NAMES)), table)


@settings(max_examples=60, deadline=None)
@given(features, st.sampled_from(WEIGHTS), st.floats(-5, 5))
def test_contributions_add_up_to_the_log_odds(x, weights, shift):
    probability, nats = fleet_probability(x, weights, shift_nats=shift)
    odds = weights.intercept + nats.sum(axis=1) + shift
    assert nats.shape == x.shape
    assert probability == pytest.approx(1 / (1 + np.exp(-odds)), rel=1e-9)
    assert np.all((probability >= 0) & (probability <= 1))


@settings(max_examples=60, deadline=None)
@given(features, st.sampled_from(WEIGHTS))
def test_no_feature_and_no_group_is_too_loud(x, weights):
    nats = contributions(x, weights)
    assert np.all(np.abs(nats) <= LIMIT_NATS + 1e-9)
    for group, names in GROUPS.items():
        total = nats[:, [NAMES.index(name) for name in names]].sum(axis=1)
        assert np.all(np.abs(total) <= GROUP_NATS.get(group, LIMIT_NATS) + 1e-9)


@settings(max_examples=30, deadline=None)
@given(features, st.sampled_from(WEIGHTS))
def test_a_ring_is_judged_by_itself(x, weights):
    together, _ = fleet_probability(x, weights)
    for number in range(len(x)):
        alone, _ = fleet_probability(x[number : number + 1], weights)
        assert alone[0] == pytest.approx(together[number])


def test_an_average_ring_adds_nothing():
    weights = WEIGHTS[0]
    assert not contributions(weights.centre[None, :], weights).any()


def test_more_of_what_speaks_for_a_fleet_never_lowers_its_odds():
    grid = np.zeros((50, len(NAMES)))
    for at, name in enumerate(NAMES):
        x = grid.copy()
        x[:, at] = np.linspace(-10, 10, 50)
        odds = contributions(x, plain(**{name: 2.0})).sum(axis=1)
        assert np.all(np.diff(odds) >= -1e-12)


def test_terms_of_a_group_are_scaled_down_together():
    x = np.zeros((1, len(NAMES)))
    clock = [NAMES.index(name) for name in GROUPS["pace"]]
    x[0, clock] = [4.0, 4.0, 2.0, 2.0]
    nats = contributions(x, plain())[0, clock]
    assert nats.sum() == pytest.approx(LIMIT_NATS)
    before = np.minimum([4.0, 4.0, 2.0, 2.0], LIMIT_NATS)
    assert nats == pytest.approx(before * LIMIT_NATS / before.sum())


def test_pupils_at_a_schools_own_computers_are_not_judged_by_their_hour_and_client_alone():
    x = np.zeros((1, len(NAMES)))
    lesson = [NAMES.index(name) for name in ("signup_span", "client_focus")]
    x[0, lesson] = 9.0
    assert contributions(x, plain())[0].sum() == pytest.approx(GROUP_NATS["sign-ups"])


def test_what_could_not_be_measured_says_nothing():
    x = np.full((1, len(NAMES)), np.nan)
    for weights in WEIGHTS:
        probability, nats = fleet_probability(x, weights)
        assert not nats.any()
        assert probability[0] == pytest.approx(1 / (1 + np.exp(-weights.intercept)))


def test_one_habit_alone_makes_no_fleet_of_an_average_ring():
    for usage in (True, False):
        weights = shipped_weights(usage=usage)
        average = np.tile(weights.centre, (2, 1))
        for group in GROUPS.values():
            for name in group:
                at = NAMES.index(name)
                loud = average.copy()
                loud[:, at] = [-1e6, 1e6]
                assert np.all(fleet_probability(loud, weights)[0] < 0.5)


class TestShippedWeights:
    def test_regions_have_weights_of_their_own_only_where_no_use_is_known(self):
        alone = shipped_weights(usage=False, regions=True)
        assert not np.array_equal(alone.weight, shipped_weights(usage=False).weight)
        known = shipped_weights(usage=True, regions=True)
        assert np.array_equal(known.weight, shipped_weights(usage=True).weight)

    @pytest.mark.parametrize("name", ["usage", "signups"])
    def test_every_feature_has_its_weight_and_no_other(self, name):
        rows = shipped()[name]["features"]
        known = {f.name for f in FEATURES if name == "usage" or not f.needs_usage}
        assert known <= set(rows) <= set(NAMES)
        for row in rows.values():
            assert set(row) == {"centre", "scale", "weight"}
            assert row["scale"] > 0
            assert np.all(np.isfinite(list(row.values())))

    @pytest.mark.parametrize("usage", [True, False])
    def test_they_are_read_in_the_order_of_the_features(self, usage):
        rows = shipped()["usage" if usage else "signups"]
        weights = shipped_weights(usage=usage)
        assert weights.intercept == rows["intercept"]
        for at, name in enumerate(NAMES):
            row = rows["features"].get(name, {"centre": 0.0, "scale": 1.0, "weight": 0.0})
            assert (weights.centre[at], weights.scale[at], weights.weight[at]) == (
                row["centre"], row["scale"], row["weight"],
            )  # fmt: skip

    def test_a_ring_is_no_fleet_before_anything_is_known_of_it(self):
        assert all(weights.intercept < 0 for weights in WEIGHTS)


def test_groups_hold_every_feature_once():
    grouped = [name for group in GROUPS.values() for name in group]
    assert sorted(grouped) == sorted(NAMES)
