"""Saved queries after many nights, on a store whose history came back with a restore."""

from __future__ import annotations

from collections import Counter

import neo4j
import pyarrow as pa
import pytest
from stored import START_MS, batch_of, graph_tables, label, rings_of

from ringfinder.explore import saved_query
from ringfinder.pipeline.writeback import write_back
from ringfinder.store.neo4j import Neo4jStore

NIGHTS = 450
DAY_MS = 86_400_000
MEMBERS = [f"f{night}" for night in range(NIGHTS)]
OTHERS = ["cleared later", "told later", "at once", "suspect"]


def run_of(night):
    """The run of a night; ids rise, as those of snapshots do."""
    return f"run {night:04d}"


def change(night, what, now, before, shared=6):
    return {
        "run_id": run_of(night), "change": what, "ring_id": now, "earlier_ring_id": before,
        "shared": shared,
    }  # fmt: skip


def history():
    """A ring that is born, changes every night, parts once, and takes another in at last."""
    rows = [change(0, "born", "ring-f", None, 0)]
    for night in range(1, NIGHTS):
        rows.append(change(night, ("kept", "grew", "shrank")[night % 3], "ring-f", "ring-f"))
    rows += [change(200, "split", part, "ring-f") for part in ("ring-f", "ring-part")]
    rows.append(change(NIGHTS - 2, "merged", "ring-f", "ring-taken-in"))
    return rows


def told(account, *words):
    """Labels of an account, a minute apart."""
    return [
        label(account, word, decided_ms=START_MS + minute * 60_000)
        for minute, word in enumerate(words)
    ]


@pytest.fixture(scope="module")
def ask(neo4j_server):
    """Fill the server once; ask a saved query by name."""
    neo4j_server.clear()
    store = Neo4jStore(neo4j_server.uri, user=neo4j_server.user, password=neo4j_server.password)
    accounts = {name: {"created_ms": START_MS + day * DAY_MS} for day, name in enumerate(MEMBERS)}
    accounts |= {name: {} for name in OTHERS}
    labels = [
        *told("cleared later", "fraud", "legitimate"),
        *told("told later", "legitimate", "fraud"),
        *told("f0", "legitimate", "fraud"),
        *told("f1", "fraud", "legitimate"),
        *told("at once", "fraud"), *told("at once", "legitimate"),
        *told("suspect", "fraud"),
    ]  # fmt: skip
    labels += told("never signed up", "fraud")
    store.write(batch_of(1, graph=graph_tables(accounts), labels=labels))
    rings = rings_of(run_of(NIGHTS - 1), {"ring-f": MEMBERS}, lineage=history())
    lock = store.acquire_run_lock("restore")
    write_back(store, rings, lock)
    store.release_run_lock(lock)
    with neo4j_server.driver() as driver:

        def answer(name, **values):
            query = saved_query(name)
            return driver.execute_query(
                query.text, query.defaults() | values, routing_=neo4j.RoutingControl.READ
            ).records

        answer.store, answer.driver = store, driver
        yield answer
    store.close()
    neo4j_server.clear()


def changes(rows):
    return [(row["change"], row["before"], row["now"]) for row in rows]


def test_the_last_run_is_the_one_whose_rings_the_store_holds(ask):
    assert ask.store.read_rings().run_id == run_of(NIGHTS - 1)
    last = history()[NIGHTS - 1]
    assert last["run_id"] == run_of(NIGHTS - 1)
    assert changes(ask("last_run")) == [(last["change"], "ring-f", "ring-f")]


def test_lineage_shows_the_newest_nights_first(ask):
    rows = ask("lineage", ring="ring-f")
    assert len(rows) == 200
    assert rows[0]["run"] == run_of(NIGHTS - 1)
    assert [row["run"] for row in rows] == sorted((row["run"] for row in rows), reverse=True)
    assert ("merged", "ring-taken-in", "ring-f") in changes(rows)


def test_the_family_tree_shows_splits_and_mergers_whatever_nights_went_by(ask):
    drawn = [row["p"] for row in ask("family_tree", ring="ring-f")]
    names = {node["id"] for path in drawn for node in path.nodes if "RingName" in node.labels}
    assert names == {"ring-f", "ring-part", "ring-taken-in"}
    told = Counter(
        node["change"] for path in drawn for node in path.nodes if "Change" in node.labels
    )
    assert set(told) == {"split", "merged"}


def test_a_life_line_of_more_days_than_are_shown_ends_with_the_newest(ask):
    days = [row["day"] for row in ask("ring_life", ring="ring-f")]
    assert len(days) == 400
    assert days == sorted(days, reverse=True)
    assert max(days).to_native().toordinal() - min(days).to_native().toordinal() == 399
    newest = (START_MS + (NIGHTS - 1) * DAY_MS) // DAY_MS
    assert max(days).to_native().toordinal() - 719_163 == newest


def test_the_last_label_of_an_account_says_whether_it_is_disputed(ask):
    rows = sorted((row["account"], row["label"]) for row in ask("disputed"))
    assert rows == [("f1", "legitimate"), ("suspect", "fraud"), ("told later", "fraud")]


def test_the_history_is_the_one_that_was_written_back(ask):
    assert len(ask.store.read_rings().lineage) == len(pa.Table.from_pylist(history()))
