"""Split a ring that two descriptions explain better than one."""

import numpy as np
import pytest

from ringfinder.score import split
from ringfinder.score.accounts import Traits
from ringfinder.score.split import MINIMUM_PART, split_ring, split_rings


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


def many_rings(seed):
    """Rings of all sizes, several of each, some of two minds."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice([0, 3, 10, 11, 12, 25, 40], 40)
    x = rng.normal(0, 0.6, (sizes.sum(), 4))
    x[rng.random(len(x)) < 0.4] += rng.normal(0, 3, 4)
    used = rng.random(len(x)) < 0.9
    created = rng.integers(0, 10**9, len(x))
    rings = np.split(rng.permutation(len(x)), np.cumsum(sizes)[:-1])
    return rings, Traits(used, *x.T), created


def same(one, two):
    return (one is None) == (two is None) and (one is None or np.array_equal(one, two))


@pytest.mark.parametrize("seed", range(3))
def test_rings_side_by_side_are_split_as_each_alone(seed):
    rings, traits, created = many_rings(seed)
    parts = split_rings(rings, traits, created)
    assert len(parts) == len(rings)
    assert 5 < sum(part is not None for part in parts) < len(rings)
    for members, part in zip(rings, parts, strict=True):
        assert same(part, split_ring(members, traits, created))


def test_how_many_are_fitted_at_a_time_changes_nothing(monkeypatch):
    rings, traits, created = many_rings(0)
    at_once = split_rings(rings, traits, created)
    monkeypatch.setattr(split, "BLOCK_MEMBERS", 30)
    assert all(map(same, at_once, split_rings(rings, traits, created)))


def by_the_book(x, second):
    """EM of two diagonal normals as textbooks have it: one start, no side by side."""
    before = -np.inf
    for _ in range(split.STEPS):
        logs = []
        for weight in (1 - second, second):
            total = max(weight.sum(), 1e-9)
            centre = (x @ weight) / total
            gaps = (x - centre[:, None]) ** 2
            variance = np.maximum(gaps @ weight / total, split.MINIMUM_SPREAD)[:, None]
            density = -0.5 * (gaps / variance + np.log(2 * np.pi * variance)).sum(axis=0)
            logs.append(np.log(max(weight.mean(), 1e-9)) + density)
        top = np.logaddexp(*logs)
        second = np.exp(logs[1] - top)
        if top.sum() - before < 1e-6 * len(second):
            break
        before = top.sum()
    return top.sum(), second > 0.5


def test_sums_of_squares_fit_what_the_textbook_fits():
    rng = np.random.default_rng(6)
    x = rng.normal(0, 1, (8, 5, 30)) * rng.choice([0.0, 0.1, 1.0, 3.0], (8, 5, 1))
    start = rng.random((8, 30)) < 0.5
    likelihood, second = split._fit_two(x, start)
    for at in range(8):
        expected, part = by_the_book(x[at], start[at].astype(float))
        assert likelihood[at] == pytest.approx(expected, abs=1e-6)
        assert np.array_equal(second[at], part)


def test_of_starts_that_differ_by_rounding_the_later_sign_ups_are_the_second(monkeypatch):
    fit = split._fit_two

    def rounded(x, start):
        likelihood, second = fit(x, start)
        return likelihood + 1e-12 * np.arange(len(likelihood)), second

    monkeypatch.setattr(split, "_fit_two", rounded)
    traits = traits_of(np.random.default_rng(7), [(0.0, 30), (-5.0, 50)])
    created = np.r_[np.arange(30), 1_000 + np.arange(50)]
    part = split_ring(np.arange(80), traits, created)
    assert part.tolist() == [False] * 30 + [True] * 50
