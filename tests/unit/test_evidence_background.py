"""What an innocent population shares, class by class."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import crowd, graph_of

from ringfinder.evidence.background import LEEWAY, activity_correction, background
from ringfinder.evidence.incidence import incidence, shared_values
from ringfinder.schema import CODE, KINDS

BIN, NETWORK = CODE["card_bin"], CODE["ip_network"]


@st.composite
def worlds(draw):
    """Return an incidence, the class of every account, and who is suspect."""
    cells = draw(st.sets(st.tuples(st.integers(0, 14), st.integers(0, 5)), min_size=1))
    kinds = draw(st.lists(st.integers(0, len(KINDS) - 1), min_size=6, max_size=6))
    label = draw(st.lists(st.integers(-1, 2), min_size=15, max_size=15))
    suspect = draw(st.lists(st.booleans(), min_size=15, max_size=15))
    table = np.array(sorted(cells))
    shared = incidence(15, table[:, 0], table[:, 1], np.array(kinds, dtype=np.int8))
    return shared, np.array(label), np.array(suspect)


def plain_expected(shared, label, suspect, u, v):
    """``sum over classes of n_c (d_uc / N_c) (d_vc / N_c)``; d and N count innocents."""
    total = 0.0
    for number in set(label.tolist()):
        inside = [a for a in range(shared.accounts) if label[a] == number]
        trusted = [a for a in inside if not suspect[a]]
        held = [
            sum(bool(np.any((shared.account == a) & (shared.value == w))) for a in trusted)
            for w in (u, v)
        ]
        total += len(inside) * held[0] * held[1] / max(len(trusted), 1) ** 2
    return total


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_expected_pairs_equal_counting_class_by_class(world):
    shared, label, suspect = world
    back = background(shared, label, suspect)
    u, v = np.triu_indices(shared.values, 1)
    found = back.expected(u, v)
    for at in range(len(u)):
        assert found[at] == pytest.approx(plain_expected(shared, label, suspect, u[at], v[at]))


@settings(max_examples=30, deadline=None)
@given(worlds(), st.integers(1, 5))
def test_the_size_of_the_blocks_changes_nothing(world, block):
    shared, label, suspect = world
    back = background(shared, label, suspect)
    u, v = np.triu_indices(shared.values, 1)
    assert np.array_equal(back.expected(u, v), back.expected(u, v, block=block))


@settings(max_examples=30, deadline=None)
@given(worlds(), st.permutations([-1, 0, 1, 2]))
def test_how_classes_are_numbered_changes_nothing(world, names):
    shared, label, suspect = world
    u, v = np.triu_indices(shared.values, 1)
    one = background(shared, label, suspect).expected(u, v)
    other = background(shared, np.array(names)[label + 1] * 7, suspect).expected(u, v)
    assert other == pytest.approx(one)


def carrier_of_suspects():
    """Forty accounts; the first ten, all suspect, sit on one network."""
    columns = {
        "ip_network": ["pool" if a < 10 else f"n{a % 5}" for a in range(40)],
        "card_bin": [f"b{a % 4}" for a in range(40)],
    }
    shared = shared_values(graph_of(columns))
    pool = int(np.flatnonzero((shared.kind == NETWORK) & (shared.degree == 10))[0])
    return shared, pool, np.arange(40) < 10


def test_rates_are_measured_on_innocent_accounts_only():
    shared, pool, suspect = carrier_of_suspects()
    label = np.zeros(40, dtype=int)
    back = background(shared, label, suspect)
    assert background(shared, label).holders[[pool]].sum() == 10
    assert back.holders[[pool]].sum() == 0
    assert back.everyone.tolist() == [40.0]
    assert back.size.tolist() == [30.0]
    assert np.array_equal(back.innocent, ~suspect)


def test_what_only_suspects_hold_is_expected_of_nobody():
    shared, pool, suspect = carrier_of_suspects()
    bank = int(np.flatnonzero(shared.kind == BIN)[0])
    pair = np.array([pool]), np.array([bank])
    label = np.zeros(40, dtype=int)
    assert background(shared, label).expected(*pair)[0] == pytest.approx(10 * 10 / 40)
    assert background(shared, label, suspect).expected(*pair)[0] == 0


def test_a_class_of_suspects_alone_expects_nothing_and_stays_finite():
    shared, pool, suspect = carrier_of_suspects()
    back = background(shared, suspect.astype(int), suspect)
    u, v = np.triu_indices(shared.values, 1)
    expected = back.expected(u, v)
    assert back.size.tolist() == [30.0, 0.0]
    assert np.all(np.isfinite(expected))
    assert np.all(expected[(u == pool) | (v == pool)] == 0)


def test_classes_may_have_any_numbers():
    shared = shared_values(graph_of(crowd(300)))
    label = np.array([-1, 5, 900])[np.arange(300) % 3]
    back = background(shared, label)
    assert back.classes == 3
    assert back.label.tolist() == (np.arange(300) % 3).tolist()
    assert np.array_equal(np.asarray(back.holders.sum(axis=1)).ravel(), shared.degree)


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_activity_makes_the_null_more_generous_and_never_less(world):
    shared, label, suspect = world
    kappa = activity_correction(shared, background(shared, label, suspect))
    assert np.all(np.isfinite(kappa))
    assert np.all(kappa >= 1)
    assert np.allclose(kappa, kappa.T, rtol=1e-12)


def test_people_with_one_value_of_each_kind_need_no_correction():
    columns = {
        "ip_network": [f"n{a % 9}" for a in range(90)],
        "card_bin": [f"b{a % 7}" for a in range(90)],
    }
    shared = shared_values(graph_of(columns))
    kappa = activity_correction(shared, background(shared, np.zeros(90, dtype=int)))
    assert np.all(kappa == 1)


def test_a_ring_that_alone_shares_cards_and_devices_is_not_its_own_excuse():
    ring = np.arange(90) < 20
    columns = {
        "payment_fingerprint": ["one" if a else f"c{n}" for n, a in enumerate(ring)],
        "device": ["one" if a else f"d{n}" for n, a in enumerate(ring)],
    }
    shared = shared_values(graph_of(columns))
    kappa = activity_correction(shared, background(shared, np.zeros(90, dtype=int)))
    assert kappa.max() == LEEWAY


def test_activity_of_those_left_aside_counts_no_more():
    shared = shared_values(graph_of({"ip": [f"n{a % 9}" for a in range(90)]}))
    some = shared.among(np.arange(90) < 30)
    assert shared.activity.sum() == 90
    assert some.activity.sum() == 30
    assert not some.activity[30:].any()
