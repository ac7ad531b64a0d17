"""Rings keep their identity: who is recognised in whom, and what is told of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfinder.detect.identity import Change, Identity, match
from ringfinder.detect.known import FoundRings, KnownRings, Marks

N = 80
IDS = pa.array([f"a{i:03d}" for i in range(N)])


def marks(values: list[list[str]]) -> Marks:
    """Every value of a ring with the same weight."""
    ring = [number for number, some in enumerate(values) for _ in some]
    names = [value for some in values for value in some]
    return Marks(np.array(ring, np.int64), pa.array(names, pa.string()), np.ones(len(ring)))


def found(*groups, values=None, ids=IDS) -> FoundRings:
    ring = np.full(len(ids), -1, dtype=np.int32)
    for number, group in enumerate(groups):
        ring[list(group)] = number
    created = np.arange(len(ids)) * 1000
    return FoundRings(ids, created, ring, marks(values or [[] for _ in groups]))


def known(values=None, gone=(), first=None, **groups) -> KnownRings:
    """Rings by name; accounts beyond N are no longer there; `first` as the rings themselves."""
    names = list(groups)

    def rows(of: dict) -> tuple[np.ndarray, pa.Array]:
        ring = [names.index(name) for name, group in of.items() for _ in group]
        ids = [f"a{i:03d}" for group in of.values() for i in group]
        return np.array(ring, np.int64), pa.array(ids, pa.string())

    living = np.array([name not in gone for name in names], dtype=bool)
    return KnownRings(
        names, living, *rows({name: g for name, g in groups.items() if name not in gone}),
        *rows(first or groups), marks(values or [[] for _ in names]),
    )  # fmt: skip


def told(identity: Identity) -> list[tuple]:
    return [(step.change, step.ring_id, step.earlier_ring_id) for step in identity.steps]


class TestMembers:
    def test_the_first_run_names_rings_after_their_founders_and_tells_their_birth(self):
        identity = match(found(range(10), range(20, 30)), KnownRings.none())
        assert len(set(identity.names)) == 2
        assert {change for change, *_ in told(identity)} == {Change.BORN}

    @pytest.mark.parametrize(
        ("now", "change"),
        [(range(10), "kept"), (range(14), "grew"), (range(7), "shrank"), (range(2, 12), "kept")],
    )
    def test_a_ring_keeps_its_id_however_it_grows_and_shrinks(self, now, change):
        identity = match(found(now), known(x=range(10)))
        assert told(identity) == [(change, "x", "x")]

    def test_strangers_are_born_and_who_is_gone_has_died(self):
        identity = match(found(range(40, 50)), known(x=range(10)))
        assert identity.names[0] != "x"
        assert told(identity) == [
            (Change.BORN, identity.names[0], None),
            (Change.DIED, None, "x"),
        ]

    def test_a_few_stray_members_do_not_carry_an_id_to_another_fleet(self):
        identity = match(found([*range(4), *range(40, 50)]), known(x=range(10)))
        assert identity.names[0] != "x"

    def test_what_is_left_of_a_ring_keeps_its_id_if_most_of_it_left_the_graph(self):
        identity = match(found([*range(4), *range(40, 43)]), known(x=[*range(4), *range(100, 140)]))
        assert identity.names == ["x"]

    @pytest.mark.parametrize(("shows", "goes_on"), [("card", True), ("other", False)])
    def test_the_little_that_a_night_finds_goes_on_where_it_shows_what_marked_the_ring(
        self, shows, goes_on
    ):
        before = known(x=range(30), values=[["card", "domain", "proxy", "bank"]])
        identity = match(found(range(6), values=[[shows]]), before)
        assert (identity.names == ["x"]) == goes_on

    def test_two_rings_never_take_one_id(self):
        identity = match(found(range(10), range(10, 20)), known(x=range(20)))
        assert sorted(identity.names)[-1] == "x"
        assert len(set(identity.names)) == 2


class TestSplits:
    def test_the_largest_part_keeps_the_id_and_every_part_is_told(self):
        identity = match(found(range(8), range(8, 30)), known(x=range(30)))
        assert identity.names[1] == "x"
        assert {(c, e) for c, _, e in told(identity)} == {(Change.SPLIT, "x")}
        assert [step.shared for step in identity.steps if step.ring_id == "x"] == [22]

    def test_of_equal_parts_the_one_with_the_evidence_keeps_it(self):
        now = found(range(10), range(10, 20), values=[["new"], ["card", "domain"]])
        assert match(now, known(x=range(20), values=[["card", "domain"]])).names[1] == "x"

    def test_of_equal_parts_with_equal_evidence_the_founders_keep_it(self):
        assert match(found(range(10, 20), range(10)), known(x=range(20))).names[1] == "x"

    def test_three_who_leave_do_not_split_a_ring(self):
        identity = match(found(range(27), [27, 28, 29, *range(60, 70)]), known(x=range(30)))
        assert (Change.SHRANK, "x", "x") in told(identity)
        assert Change.SPLIT not in {change for change, *_ in told(identity)}


class TestTakeovers:
    def test_a_part_of_one_ring_does_not_take_the_id_of_a_smaller_one_it_takes_in(self):
        """Most of x goes on; a part of it, larger than y, takes y in: neither x nor y."""
        before = known(x=range(30), y=range(40, 45))
        identity = match(found(range(20), [*range(20, 30), *range(40, 45)]), before)
        assert identity.names[0] == "x"
        assert identity.names[1] not in {"x", "y"}
        assert {earlier for _, _, earlier in told(identity)} >= {"x", "y"}


class TestMergers:
    def test_the_ring_that_brings_most_gives_its_id_and_nobody_died(self):
        identity = match(found(range(30)), known(x=range(10), y=range(10, 30)))
        assert told(identity) == [(Change.MERGED, "y", "x"), (Change.MERGED, "y", "y")]

    def test_a_ring_that_takes_a_few_of_another_has_not_merged_with_it(self):
        now = found(range(23), range(23, 40))
        identity = match(now, known(x=range(20), y=range(20, 40)))
        assert told(identity) == [(Change.GREW, "x", "x"), (Change.SHRANK, "y", "y")]

    def test_a_merged_ring_that_leaves_again_gets_its_own_id_back(self):
        first = {"x": range(20), "y": range(20, 30)}
        before = known(gone=("y",), first=first, x=range(30), y=range(20, 30))
        identity = match(found(range(20), range(20, 30)), before)
        assert identity.names == ["x", "y"]
        assert {(c, e) for c, _, e in told(identity)} == {(Change.SPLIT, "x")}

    def test_a_handful_mixed_into_a_merged_ring_does_not_leave_with_its_id(self):
        first = {"x": range(20), "y": range(20, 31)}
        before = known(gone=("y",), first=first, x=range(28), y=())
        identity = match(found(range(28), range(28, 32)), before)
        assert identity.names[0] == "x"
        assert identity.names[1] not in ("x", "y")

    def test_the_last_of_a_ring_that_died_do_not_name_those_they_are_found_with(self):
        first = {"x": range(20), "y": range(26, 30), "z": range(30, 33), "w": range(33, 36)}
        before = known(gone=("w", "y", "z"), first=first, x=range(20), y=(), z=(), w=())
        mixed = [*range(26, 30), *range(30, 32), *range(33, 36)]
        identity = match(found(range(20), mixed), before)
        assert identity.names[1] not in ("w", "y", "z")


class TestHistory:
    def test_a_ring_that_died_and_comes_back_gets_its_id_back(self):
        identity = match(found(range(10)), known(gone=("x",), x=range(10)))
        assert told(identity) == [(Change.BORN, "x", "x")]

    def test_the_half_that_left_does_not_come_back_as_the_ring_whose_things_another_has(self):
        first = {"x": range(20), "y": range(40, 45)}
        goes_on = [*range(10), *range(40, 45)]
        before = known(gone=("x",), first=first, x=(), y=goes_on, values=[["card"], ["card"]])
        now = found(goes_on, range(10, 20), values=[["card"], ["new"]])
        assert match(now, before).names[0] == "y"
        assert match(now, before).names[1] not in ("x", "y")

    def test_the_living_come_before_the_dead(self):
        before = known(gone=("old",), old=range(20), new=range(12))
        assert match(found(range(20)), before).names == ["new"]

    def test_the_dead_are_not_told_to_have_died_again(self):
        assert match(found(), known(gone=("x",), x=range(10))).steps == []

    def test_a_few_left_of_a_ring_that_died_do_not_name_one_that_came_from_elsewhere(self):
        first = {"old": range(3), "x": range(3, 40)}
        before = known(gone=("old",), first=first, x=range(3, 40), old=())
        names = match(found(range(14), range(14, 40)), before).names
        assert names[1] == "x"
        assert names[0] != "old"

    def test_a_founders_name_that_was_given_to_others_is_not_given_again(self):
        name = match(found(range(10)), KnownRings.none()).names[0]
        before = known(gone=(name,), **{name: range(50, 60)})
        assert match(found(range(10)), before).names[0] != name


class TestFirstRings:
    def test_of_two_merged_rings_that_part_each_is_itself_whatever_their_sizes(self):
        first = {"x": range(10), "y": range(10, 30)}
        before = known(gone=("y",), first=first, x=range(30), y=())
        assert match(found(range(10), range(10, 30)), before).names == ["x", "y"]

    def test_a_merged_ring_keeps_its_id_when_few_of_its_first_members_are_left(self):
        first = {"x": range(2), "y": range(2, 30)}
        before = known(gone=("y",), first=first, x=range(30), y=())
        assert match(found(range(30)), before).names == ["x"]

    def test_members_of_a_new_ring_begin_with_it_and_those_of_an_old_one_with_theirs(self):
        identity = match(found(range(12), range(40, 50)), known(x=range(10)))
        assert identity.names[0] == "x"
        assert identity.first["a000"] == identity.first["a011"] == "x"
        assert identity.first["a040"] == identity.names[1]

    def test_a_part_that_leaves_begins_anew_and_is_known_when_it_leaves_again(self):
        split = match(found(range(20), range(20, 30)), known(x=range(30)))
        part = split.names[1]
        first = {"x": range(20), part: range(20, 30)}
        assert {split.first[f"a{i:03d}"] for i in range(20, 30)} == {part}
        merged = known(gone=(part,), first=first, x=range(30), **{part: ()})
        assert match(found(range(20), range(20, 30)), merged).names == ["x", part]

    def test_a_ring_that_is_not_answered_asks_for_its_next_part(self):
        """Of y, most went to x's ring; what else is left of it goes on as y."""
        before = known(x=range(20), y=range(20, 40))
        now = found([*range(20), *range(20, 31)], range(31, 40))
        assert match(now, before).names == ["x", "y"]


class TestAttributes:
    def test_an_operator_who_comes_back_with_the_same_things_is_recognised(self):
        before = known(x=range(100, 120), values=[["card", "domain", "proxy"]])
        now = found(range(20), values=[["card", "domain", "proxy"]])
        assert match(now, before).names == ["x"]

    def test_half_of_the_evidence_is_not_enough(self):
        before = known(x=range(100, 120), values=[["card", "domain"]])
        assert match(found(range(20), values=[["card", "other"]]), before).names != ["x"]

    def test_evidence_moves_no_id_while_the_accounts_are_there(self):
        before = known(x=range(20, 40), values=[["card", "domain"]])
        now = found(range(20), values=[["card", "domain"]])
        assert match(now, before).names != ["x"]

    def test_members_come_before_evidence(self):
        before = known(x=range(10), y=[*range(100, 110)], values=[["a"], ["b"]])
        now = found(range(10), range(20, 30), values=[["b"], ["a"]])
        assert match(now, before).names[0] == "x"


def _groups(draw_from: int):
    return st.lists(st.integers(-1, 5), min_size=draw_from, max_size=draw_from)


@given(_groups(30), _groups(30), st.randoms(use_true_random=False))
def test_names_are_unique_and_the_order_of_rows_changes_nothing(before, now, random):
    ids = pa.array([f"a{i:03d}" for i in range(30)])
    ring = np.array(now, np.int32)
    _, ring[ring >= 0] = np.unique(ring[ring >= 0], return_inverse=True)
    new = FoundRings(ids, np.arange(30) * 1000, ring, Marks.none())
    groups: dict[str, list[int]] = {}
    for account, group in enumerate(before):
        if group >= 0:
            groups.setdefault(f"r{group}", []).append(account)
    straight = match(new, known(**groups))
    shuffled = list(groups.items())
    random.shuffle(shuffled)
    assert match(new, known(**dict(shuffled))) == straight
    assert len(set(straight.names)) == new.rings
    gone = {step.earlier_ring_id for step in straight.steps if step.ring_id is None}
    told_of = {step.earlier_ring_id for step in straight.steps} - {None}
    assert told_of == set(groups)  # everybody before is accounted for
    assert not gone & set(straight.names)
    assert {step.ring_id for step in straight.steps} - {None} == set(straight.names)
