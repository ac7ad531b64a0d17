"""What a snapshot hands on: names, flags, marks, history, rings for the store."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ringfinder.errors import StoreError
from ringfinder.publish.carried import (
    HISTORY,
    REMEMBERED_RUNS,
    read_in_force,
    read_known,
    write_history,
)
from ringfinder.publish.staging import Staging

ACCOUNTS = {"a": "r1", "b": "r1", "c": "r2", "d": None, "e": "r3"}
VERDICTS = {"r3": "household", "r1": "fleet", "r2": "organisation"}
COLUMNS = ("ring_id", "kind", "value", "accounts_inside", "nats")
EVIDENCE = [("r1", "ip", "p1_x", 2, 6.0), ("r2", "device", "p1_y", 1, 3.0)]


@pytest.fixture
def snapshot(tmp_path):
    """The tables of a small one."""
    members = list(ACCOUNTS.values())
    tables = {
        "accounts": {"account_id": list(ACCOUNTS), "ring_id": pa.array(members, pa.string())},
        "rings": {
            "ring_id": list(VERDICTS), "verdict": list(VERDICTS.values()),
            "size": [members.count(name) for name in VERDICTS],
        },
        "evidence": dict(zip(COLUMNS, zip(*EVIDENCE, strict=True), strict=True)),
    }  # fmt: skip
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    history = [("a", "r1", 0), ("b", "old", 0), ("c", "r2", 0), ("d", "old", 3), ("e", "r3", 0)]
    columns = list(zip(*history, strict=True))
    pq.write_table(pa.table(columns, schema=HISTORY), tmp_path / "history.parquet")
    return tmp_path


def test_before_the_first_snapshot_nobody_is_known():
    assert read_known(None).names == []
    assert read_in_force(None) is None


def test_living_rings_come_first_by_name_then_those_that_are_gone(snapshot):
    known = read_known(snapshot)
    assert known.names == ["r1", "r2", "r3", "old"]
    assert known.living.tolist() == [True, True, True, False]
    members = zip(known.account_id.to_pylist(), known.ring.tolist(), strict=True)
    assert dict(members) == {"a": 0, "b": 0, "c": 1, "e": 2}
    first = zip(known.first_account_id.to_pylist(), known.first_ring.tolist(), strict=True)
    assert dict(first) == {"a": 0, "b": 3, "c": 1, "d": 3, "e": 2}


def test_marks_weigh_their_nats_by_the_share_of_the_ring_that_has_them(snapshot):
    marks = read_known(snapshot).marks
    assert marks.value.to_pylist() == ["ip:p1_x", "device:p1_y"]
    assert marks.weight.tolist() == [6.0, 3.0]


def test_what_is_in_force_tells_flagged_accounts_and_organisations(snapshot):
    told = read_in_force(snapshot)
    assert told.account_id.to_pylist() == list(ACCOUNTS)
    assert told.flagged.tolist() == [True, True, False, False, False]
    assert told.organisation.to_pylist() == [None, None, "r2", None, "r3"]


@pytest.mark.parametrize("name", ["accounts", "rings", "evidence", "history"])
def test_a_table_that_cannot_be_read_is_named(snapshot, name):
    (snapshot / f"{name}.parquet").write_bytes(b"PAR1")
    with pytest.raises(StoreError, match=rf"{name}\.parquet of the snapshot"):
        read_known(snapshot)


class TestHistory:
    def written(self, tmp_path, earlier, first, there="abcdez"):
        place = tmp_path / "next"
        place.mkdir(exist_ok=True)
        write_history(Staging(place), earlier, first, pa.array(list(there)))
        table = pq.read_table(place / "history.parquet")
        assert table.schema.equals(HISTORY)
        return [tuple(row.values()) for row in table.to_pylist()]

    def test_members_are_as_old_as_today_and_others_a_run_older(self, snapshot, tmp_path):
        rows = self.written(tmp_path, snapshot, {"c": "r2", "a": "r1", "z": "new"})
        assert rows == [
            ("a", "r1", 0), ("b", "old", 1), ("c", "r2", 0), ("d", "old", 4), ("e", "r3", 1),
            ("z", "new", 0),
        ]  # fmt: skip

    def test_the_first_has_nothing_but_its_members(self, tmp_path):
        assert self.written(tmp_path, None, {"a": "r1"}) == [("a", "r1", 0)]
        assert self.written(tmp_path, None, {}) == []

    def test_who_was_erased_is_not_remembered(self, snapshot, tmp_path):
        rows = self.written(tmp_path, snapshot, {}, there="ab")
        assert [account for account, *_ in rows] == ["a", "b"]

    def test_after_a_year_in_no_ring_an_account_is_forgotten(self, snapshot, tmp_path):
        columns = [["a", "b"], ["r1", "r1"], [REMEMBERED_RUNS - 1, REMEMBERED_RUNS]]
        pq.write_table(pa.table(columns, schema=HISTORY), snapshot / "history.parquet")
        assert self.written(tmp_path, snapshot, {}) == [("a", "r1", REMEMBERED_RUNS)]


def test_marks_never_divide_by_an_empty_ring(snapshot):
    rings = pq.read_table(snapshot / "rings.parquet")
    zero = rings.set_column(2, "size", pa.array([0] * len(rings)))
    pq.write_table(zero, snapshot / "rings.parquet")
    assert np.isfinite(read_known(snapshot).marks.weight).all()
