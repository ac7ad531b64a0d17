"""Rings keep their names."""

import numpy as np
import pyarrow as pa
import pytest

from ringfinder.detect.lineage import ring_ids

IDS = pa.array([f"a{i:03d}" for i in range(60)])
CREATED = np.arange(60) * 1000


def rings(*groups):
    out = np.full(60, -1, dtype=np.int32)
    for number, group in enumerate(groups):
        out[list(group)] = number
    return out


def previous(ring, names):
    return IDS, pa.array([names[r] if r >= 0 else None for r in ring], type=pa.string())


def test_a_ring_is_named_after_its_founders_whatever_its_number():
    one = ring_ids(IDS, CREATED, rings(range(10), range(20, 40)))
    two = ring_ids(IDS, CREATED, rings(range(20, 40), range(10)))
    assert one == two[::-1]
    assert len(set(one)) == 2


def test_growth_at_the_end_keeps_the_name_without_any_history():
    before = ring_ids(IDS, CREATED, rings(range(10)))
    assert ring_ids(IDS, CREATED, rings(range(25))) == before


def test_a_ring_that_loses_its_founders_keeps_its_name_by_its_members():
    old = rings(range(20))
    names = ring_ids(IDS, CREATED, old)
    now = ring_ids(IDS, CREATED, rings(range(5, 22)), previous=previous(old, names))
    assert now == names


def test_after_a_split_the_larger_part_keeps_the_name():
    old = rings(range(30))
    names = ring_ids(IDS, CREATED, old)
    now = ring_ids(IDS, CREATED, rings(range(10), range(10, 30)), previous=previous(old, names))
    assert now[1] == names[0]
    assert now[0] != names[0]


def test_after_a_merge_the_larger_name_lives_on():
    old = rings(range(10), range(10, 40))
    names = ring_ids(IDS, CREATED, old)
    assert ring_ids(IDS, CREATED, rings(range(40)), previous=previous(old, names)) == [names[1]]


def test_strangers_get_a_new_name():
    old = rings(range(20))
    names = ring_ids(IDS, CREATED, old)
    assert ring_ids(IDS, CREATED, rings(range(30, 50)), previous=previous(old, names)) != names


def test_accounts_unknown_today_are_no_hindrance():
    gone = (pa.array(["z1", "z2"]), pa.array(["ring-x", None]))
    assert len(ring_ids(IDS, CREATED, rings(range(5)), previous=gone)) == 1


@pytest.mark.parametrize("seed", range(3))
def test_names_are_unique(seed):
    rng = np.random.default_rng(seed)
    old = rng.integers(-1, 6, 60).astype(np.int32)
    names = ring_ids(IDS, CREATED, old)
    new = np.where(rng.random(60) < 0.3, rng.integers(-1, 6, 60), old).astype(np.int32)
    got = ring_ids(IDS, CREATED, new, previous=previous(old, names))
    assert len(set(got)) == len(got) == new.max() + 1
