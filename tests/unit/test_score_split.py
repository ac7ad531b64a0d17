"""Split a ring that two descriptions explain better than one."""

import numpy as np

from ringfinder.score.accounts import Traits
from ringfinder.score.split import MINIMUM_PART, split_ring


def traits_of(rng, centres):
    x = np.concatenate([rng.normal(centre, 0.6, (n, 4)) for centre, n in centres])
    used = np.ones(len(x), dtype=bool)
    return Traits(used, x[:, 0], x[:, 1], x[:, 2], x[:, 3])


def test_one_team_is_left_whole():
    rng = np.random.default_rng(0)
    whole = 0
    for _ in range(20):
        traits = traits_of(rng, [(0.0, 120)])
        created = rng.integers(0, 90 * 86_400_000, 120)
        whole += split_ring(np.arange(120), traits, created) is None
    assert whole >= 18


def test_machines_among_employees_come_apart():
    rng = np.random.default_rng(1)
    traits = traits_of(rng, [(0.0, 200), (4.0, 60)])
    created = np.r_[rng.integers(0, 10**9, 200), rng.integers(9 * 10**8, 10**9, 60)]
    part = split_ring(np.arange(260), traits, created)
    second = part if part[-1] else ~part
    assert second[200:].mean() > 0.95
    assert second[:200].mean() < 0.05


def test_a_split_does_not_depend_on_the_order_of_members():
    rng = np.random.default_rng(2)
    traits = traits_of(rng, [(0.0, 80), (4.0, 40)])
    created = rng.integers(0, 10**9, 120)
    order = rng.permutation(120)
    straight = split_ring(np.arange(120), traits, created)
    shuffled = split_ring(order, traits, created)
    assert len({(bool(a), bool(b)) for a, b in zip(straight[order], shuffled, strict=True)}) == 2


def test_a_ring_too_small_to_hold_two_parts_is_left_whole():
    rng = np.random.default_rng(3)
    few = 2 * MINIMUM_PART - 1
    traits = traits_of(rng, [(0.0, MINIMUM_PART), (9.0, few - MINIMUM_PART)])
    assert split_ring(np.arange(few), traits, np.zeros(few)) is None


def test_accounts_without_use_are_told_apart_by_sign_up_alone():
    rng = np.random.default_rng(4)
    zero = np.zeros(100)
    traits = Traits(zero.astype(bool), zero, zero, zero, zero)
    created = np.r_[rng.normal(0, 1e8, 60), rng.normal(5e9, 1e8, 40)]
    part = split_ring(np.arange(100), traits, created)
    assert part is not None
    assert len(set(part[:60].tolist())) == len(set(part[60:].tolist())) == 1
