"""A few simulated nights: the bench `identity`, small."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench.identity import over_nights


@pytest.fixture(scope="module")
def tally():
    return over_nights(seed=101, accounts=1800, nights=6, planted=3, churn=0.01)


def test_ids_live_on_through_churn(tally):
    assert tally.pairs > 50
    assert tally.agree >= 0.99 * tally.pairs, tally.missed


def test_an_id_never_moves_to_another_fleet(tally):
    assert tally.moved == tally.clearly == set()


@pytest.mark.parametrize("what", ["split", "merged"])
def test_what_was_planted_is_told_and_little_else(tally, what):
    assert tally.planted[what] >= 2
    assert tally.found[what] == tally.planted[what], tally.missed
    assert tally.told[what] <= tally.planted[what] + 1, tally.missed


def test_the_tally_sees_an_id_that_moves():
    """The bench itself can fail: swap the names of two rings on the second night."""
    from types import SimpleNamespace

    from tests.bench.identity import Tally, count

    world = SimpleNamespace(planted=[])
    truth = np.array([1] * 5 + [2] * 5)
    ring = np.array([0] * 5 + [1] * 5)
    found = Tally()
    for number, names in enumerate((["a", "b"], ["b", "a"])):
        done = SimpleNamespace(
            run=SimpleNamespace(judgement=SimpleNamespace(ring_id=names)),
            judged=SimpleNamespace(ring=ring),
        )
        count(found, world, number, done, [], truth, {})
    assert (found.pairs, found.agree, found.moved) == (4, 2, {"a", "b"})
    assert found.clearly == {"a", "b"}
