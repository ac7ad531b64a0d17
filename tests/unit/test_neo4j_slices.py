"""Slices of a batch say what the batch says, whoever cuts it."""

import pyarrow as pa
import pytest
from stored import START_MS, batch_of, graph_tables, label, profile

from ringfinder.store import EmbeddedStore
from ringfinder.store.batches import VALUES, GraphTables
from ringfinder.store.neo4j import slices as cutting
from ringfinder.store.neo4j.slices import Slices

NAMES = [f"a{number}" for number in range(40)]
SEEN = [
    (name, kind, f"{row % 7}", row, row + 1, 2)
    for row, name in enumerate(NAMES + NAMES[:9])
    for kind in ("ip", "device")
]
BATCH = batch_of(
    3,
    90,
    graph=graph_tables({name: {"country": "DE"} for name in NAMES} | {"b": None}, SEEN),
    profiles=[profile(name, 9, 2) for name in NAMES[:20]],
    labels=[label(name) for name in NAMES[::3]],
    decisions=[{"account_id": "b", "decision": "review", "decided_ms": START_MS}],
)


def fingerprint(path, batches):
    """What a store makes of batches, taken to be of one event each."""
    store = EmbeddedStore(path)
    for number, batch in enumerate(batches, start=1):
        parts = (batch.graph, batch.profiles, batch.labels, batch.decisions)
        store.write(type(batch)(number, number, *parts))
    return store.fingerprint()


def parts_of(batch, rows):
    slices = Slices(batch, rows=rows)
    return [slices.part(number, slices.many) for number in range(slices.many)]


@pytest.mark.parametrize("rows", [1, 30, 1_000])
def test_all_slices_together_say_what_the_batch_says(tmp_path, rows):
    parts = parts_of(BATCH, rows)
    assert (len(parts) == 1) == (rows == 1_000)
    assert fingerprint(tmp_path / "cut", parts) == fingerprint(tmp_path / "whole", [BATCH])


def test_each_account_and_value_meet_in_one_slice_only(tmp_path):
    pairs = [
        (part.graph.accounts["account_id"][row["account"]].as_py(),
         *part.graph.values.slice(row["value"], 1).to_pylist()[0].values())
        for part in parts_of(BATCH, 30)
        for row in part.graph.sightings.to_pylist()
    ]  # fmt: skip
    assert len(pairs) == len(set(pairs)) == len({(name, kind, v) for name, kind, v, *_ in SEEN})


def test_slices_are_the_same_in_whatever_order_the_batch_comes():
    shuffled = batch_of(
        3,
        90,
        graph=graph_tables({"b": None} | {n: {"country": "DE"} for n in NAMES[::-1]}, SEEN[::-1]),
    )
    for one, other in zip(parts_of(BATCH, 30), parts_of(shuffled, 30), strict=True):
        assert set(one.graph.accounts["account_id"].to_pylist()) == set(
            other.graph.accounts["account_id"].to_pylist()
        )
        assert len(one.graph.sightings) == len(other.graph.sightings)


def test_an_account_with_very_many_values_is_spread_over_the_slices(tmp_path, monkeypatch):
    monkeypatch.setattr(cutting, "_BUSY", 20)
    seen = [("hub", "ip", f"{row}", row, row, 1) for row in range(100)]
    batch = batch_of(1, 100, graph=graph_tables({"hub": {}}, seen))
    parts = parts_of(batch, 25)
    assert max(len(part.graph.sightings) for part in parts) < 60
    assert fingerprint(tmp_path / "cut", parts) == fingerprint(tmp_path / "whole", [batch])


def test_values_that_nobody_was_seen_with_are_not_lost(tmp_path):
    more = pa.table({"kind": pa.array([0], pa.int8()), "pseudonym": ["p1_" + "f" * 32]})
    graph = BATCH.graph
    values = pa.concat_tables([graph.values, more.cast(VALUES)])
    batch = batch_of(3, 90, graph=GraphTables(graph.accounts, values, graph.sightings))
    held = [part.graph.values["pseudonym"].to_pylist() for part in parts_of(batch, 30)]
    assert [("p1_" + "f" * 32) in some for some in held] == [True] + [False] * (len(held) - 1)


def test_whoever_goes_on_may_ask_for_as_many_slices_as_were_begun(tmp_path):
    slices = Slices(BATCH, rows=1_000_000)
    parts = [slices.part(number, 5) for number in range(5)]
    assert fingerprint(tmp_path / "cut", parts) == fingerprint(tmp_path / "whole", [BATCH])
