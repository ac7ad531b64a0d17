"""Which ring an account was in before the run."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ringfinder.detect.known import KnownRings, Marks
from ringfinder.pipeline.anew import rings_before

IDS = pa.array([f"a{i}" for i in range(10)])


def known(now: dict[str, range], first: dict[str, range]) -> KnownRings:
    """Rings x, y and z by who is in them, and by who first was; x and y live."""
    names = ["x", "y", "z"]

    def rows(of):
        ring = [names.index(name) for name, group in of.items() for _ in group]
        return np.array(ring, np.int64), pa.array([f"a{i}" for g in of.values() for i in g])

    return KnownRings(names, np.array([True, True, False]), *rows(now), *rows(first), Marks.none())


def before(now: dict[str, range], first: dict[str, range]) -> list[int]:
    return rings_before(known(now, first), IDS).tolist()


def test_who_never_was_in_a_ring_is_in_none():
    assert before({"x": range(3)}, {"x": range(3)}) == [0] * 3 + [-1] * 7
    assert rings_before(KnownRings.none(), IDS).tolist() == [-1] * 10


def test_who_was_not_found_for_a_night_is_still_of_its_ring():
    assert before({"x": range(3)}, {"x": range(5)}) == [0] * 5 + [-1] * 5


def test_who_was_not_found_is_where_most_of_its_first_ring_went():
    """All of z went into y, but for one that no night has found since."""
    assert before({"y": range(1, 6)}, {"z": range(4), "y": range(4, 6)}) == [1] * 6 + [-1] * 4


def test_a_few_that_went_elsewhere_take_nobody_along():
    assert before({"y": range(2)}, {"z": range(6)}) == [1, 1, 2, 2, 2, 2, -1, -1, -1, -1]
