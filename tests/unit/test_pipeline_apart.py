"""What a person keeps apart, kept in the data directory and turned into accounts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from ringfinder.detect.known import KnownRings, Marks
from ringfinder.errors import NotFound, StoreError
from ringfinder.pipeline.apart import (
    Apart,
    add_apart,
    erase_apart,
    read_apart,
    remove_apart,
    to_sides,
)

IDS = pa.array([f"a{i:02d}" for i in range(20)])


def known() -> KnownRings:
    """Two living rings, and one that was merged into the first."""
    members = [*range(8), *range(10, 14)]
    first = [*[2] * 3, *[0] * 5, *[1] * 4]
    return KnownRings(
        ["x", "y", "gone"],
        np.array([True, True, False]),
        np.array([0] * 8 + [1] * 4),
        pa.array([f"a{i:02d}" for i in members]),
        np.array(first),
        pa.array([f"a{i:02d}" for i in members]),
        Marks.none(),
    )


def sides(*decisions):
    found, unknown = to_sides(decisions, known(), IDS)
    return [(one.one.tolist(), one.other.tolist()) for one in found], unknown


def test_rings_are_their_members_and_one_that_is_gone_those_who_first_were_in_it():
    assert sides(Apart("rings", "x", "y", 0)) == ([([*range(8)], [10, 11, 12, 13])], 0)
    assert sides(Apart("rings", "y", "gone", 0)) == ([([10, 11, 12, 13], [0, 1, 2])], 0)


def test_accounts_of_two_rings_stand_for_their_rings():
    assert sides(Apart("accounts", "a03", "a12", 0)) == ([([*range(8)], [10, 11, 12, 13])], 0)


@pytest.mark.parametrize(("one", "other"), [("a03", "a05"), ("a03", "a19"), ("a18", "a19")])
def test_accounts_of_one_ring_or_of_none_stand_for_themselves(one, other):
    assert sides(Apart("accounts", one, other, 0)) == ([([int(one[1:])], [int(other[1:])])], 0)


@pytest.mark.parametrize(
    "decision", [Apart("rings", "x", "never", 0), Apart("accounts", "a01", "z", 0)]
)
def test_who_is_not_there_is_counted(decision):
    assert sides(decision) == ([], 1)


class TestKept:
    def test_in_the_order_they_were_taken_and_each_pair_once(self, tmp_path):
        assert add_apart(tmp_path, Apart("rings", "x", "y", 1, "ann"))
        assert not add_apart(tmp_path, Apart("rings", "y", "x", 2))
        assert add_apart(tmp_path, Apart("accounts", "x", "y", 3))
        assert [one.decided_ms for one in read_apart(tmp_path)] == [1, 3]
        assert read_apart(tmp_path)[0].source == "ann"

    def test_taking_back_what_was_never_said_is_told(self, tmp_path):
        add_apart(tmp_path, Apart("rings", "x", "y", 1))
        with pytest.raises(NotFound, match="apart list"):
            remove_apart(tmp_path, "accounts", "x", "y")
        remove_apart(tmp_path, "rings", "y", "x")
        assert read_apart(tmp_path) == []

    def test_what_was_said_of_an_erased_account_is_forgotten_and_of_rings_is_not(self, tmp_path):
        assert erase_apart(tmp_path, "x") == 0
        assert not list(tmp_path.iterdir())
        for decision in (
            Apart("accounts", "x", "y", 1),
            Apart("rings", "x", "y", 2),
            Apart("accounts", "z", "x", 3),
            Apart("accounts", "z", "y", 4),
        ):
            add_apart(tmp_path, decision)
        assert erase_apart(tmp_path, "x") == 2
        assert [one.decided_ms for one in read_apart(tmp_path)] == [2, 4]

    @pytest.mark.parametrize("content", [b"{", b"[1]", b'[{"what": "rings"}]', b"\xff"])
    def test_a_damaged_file_is_not_taken_for_an_empty_one(self, tmp_path, content):
        (tmp_path / "apart.json").write_bytes(content)
        with pytest.raises(StoreError, match="restore it from a backup"):
            read_apart(tmp_path)
