"""What a store promises about runs: one at a time, whole, and nothing of the run before."""

from dataclasses import replace

import pytest
from stored import batch_of, graph_tables, label, pseudonym, rings_of
from test_reading import HOSTILE

from ringfinder.errors import StoreError, StoreUnavailable
from ringfinder.schema import CODE

EVIDENCE = {
    "ring_id": "r1",
    "kind": CODE["ip"],
    "pseudonym": pseudonym("x"),
    "accounts_inside": 2,
    "accounts_total": 3,
    "nats": 4.5,
}


def born(run, ring):
    """One row of lineage."""
    return {"run_id": run, "change": "born", "ring_id": ring, "shared": 0}


@pytest.fixture
def lock(store):
    """The right to write rings."""
    return store.acquire_run_lock("the test")


class TestRings:
    def test_before_the_first_run_there_are_none(self, store):
        assert store.read_rings() is None
        assert store.counts()["rings"] == 0

    def test_rings_come_back_sorted_with_members_evidence_and_lineage(self, store, lock):
        rings = rings_of(
            "monday",
            {"r2": ["c"], "r1": ["b", "a"]},
            evidence=[EVIDENCE],
            lineage=[born("monday", "r1"), born("monday", "r2")],
        )
        store.write_rings(rings, lock)
        found = store.read_rings()
        assert found.run_id == "monday"
        assert found.rings["ring_id"].to_pylist() == ["r1", "r2"]
        pairs = zip(*found.members.to_pydict().values(), strict=True)
        assert list(pairs) == [("r1", "a", 0.99), ("r1", "b", 0.99), ("r2", "c", 0.99)]
        assert found.evidence.to_pylist() == [EVIDENCE]
        assert [row["ring_id"] for row in found.lineage.to_pylist()] == ["r1", "r2"]

    def test_a_run_sweeps_what_it_did_not_touch(self, store, lock):
        first = rings_of("monday", {"r1": ["a"], "r2": ["b"]}, evidence=[EVIDENCE])
        store.write_rings(first, lock)
        store.write_rings(rings_of("tuesday", {"r2": ["b", "c"]}), lock)
        found = store.read_rings()
        assert found.rings["ring_id"].to_pylist() == ["r2"]
        assert found.members["account_id"].to_pylist() == ["b", "c"]
        assert len(found.evidence) == 0

    def test_lineage_grows_from_run_to_run(self, store, lock):
        died = {"run_id": "tuesday", "change": "died", "earlier_ring_id": "r1", "shared": 0}
        store.write_rings(rings_of("monday", {"r1": ["a"]}, lineage=[born("monday", "r1")]), lock)
        store.write_rings(rings_of("tuesday", {}, lineage=[died]), lock)
        changes = store.read_rings().lineage.to_pylist()
        assert [(row["run_id"], row["change"]) for row in changes] == [
            ("monday", "born"),
            ("tuesday", "died"),
        ]

    def test_lineage_of_runs_that_never_came_into_force_goes(self, store, lock):
        for run in ("monday", "tuesday", "wednesday"):
            store.write_rings(rings_of(run, {"r1": ["a"]}, lineage=[born(run, "r1")]), lock)
        thursday = rings_of("thursday", {"r1": ["a"]}, lineage=[born("thursday", "r1")])
        store.write_rings(thursday, lock, void=["tuesday", "wednesday", "nobody's"])
        lineage = store.read_rings().lineage
        assert lineage["run_id"].to_pylist() == ["monday", "thursday"]

    def test_a_run_written_twice_changes_nothing(self, store, lock):
        rings = rings_of("monday", {"r1": ["a"]}, lineage=[born("monday", "r1")])
        store.write_rings(rings, lock)
        before = store.fingerprint(rings=True)
        store.write_rings(rings, lock)
        assert store.fingerprint(rings=True) == before

    def test_rings_do_not_count_in_the_fingerprint_of_the_events(self, store, lock):
        before = store.fingerprint()
        whole = store.fingerprint(rings=True)
        store.write_rings(rings_of("monday", {"r1": ["a"]}), lock)
        assert store.fingerprint() == before
        assert store.fingerprint(rings=True) != whole

    def test_clearing_the_store_keeps_rings_and_forgets_the_rest(self, store, lock):
        empty = store.fingerprint()
        store.write(batch_of(1, graph=graph_tables({"a": {}}, [("a", "ip", "x", 0, 0, 1)])))
        store.write_rings(rings_of("monday", {"r1": ["a"]}), lock)
        store.clear()
        assert store.fingerprint() == empty
        assert store.applied() == ()
        assert store.counts()["rings"] == 1

    def test_hostile_strings_are_data(self, store, lock):
        names = [*HOSTILE[:-1], "y" * 100_000]
        rings = rings_of(
            names[3],
            {name: [name] for name in names},
            lineage=[born(names[3], name) for name in names],
        )
        column = rings.rings.schema.get_field_index("summary")
        words = rings.rings.set_column(
            column, rings.rings.schema.field(column), rings.rings["ring_id"]
        )
        rings = replace(rings, rings=words)
        store.write_rings(rings, lock)
        store.write_rings(rings, lock)
        found = store.read_rings()
        names = sorted(names, key=str.encode)
        assert found.run_id == rings.run_id
        for column in ("ring_id", "summary"):
            assert found.rings[column].to_pylist() == names
        assert found.members["account_id"].to_pylist() == names
        assert found.lineage["ring_id"].to_pylist() == names

    def test_members_outlive_clearing_and_meet_their_events_again(self, store, lock, another):
        batch = batch_of(1, graph=graph_tables({"a": {}}, [("a", "ip", "x", 0, 0, 1)]))
        store.write(batch)
        store.write_rings(rings_of("monday", {"r1": ["a", "b"]}, evidence=[EVIDENCE]), lock)
        before, rings = store.fingerprint(), store.read_rings()
        store.clear()
        assert len(store.read_graph(uncounted=True).accounts) == 0
        assert store.read_rings() == rings
        store.write(batch)
        assert store.fingerprint() == before
        assert store.read_rings() == rings
        other = another()
        other.write(batch)
        assert other.fingerprint() == before


class TestRunLock:
    def test_two_runs_cannot_hold_the_lock_together(self, store, lock):
        with pytest.raises(StoreUnavailable, match="a run by the test writes rings"):
            store.acquire_run_lock("another")

    def test_a_released_lock_can_be_taken_and_its_token_rises(self, store, lock):
        store.release_run_lock(lock)
        assert store.acquire_run_lock("another").token > lock.token

    def test_an_expired_lock_can_be_taken_and_the_late_run_writes_nothing(self, store):
        late = store.acquire_run_lock("slow", lease_s=0)
        store.write_rings(rings_of("slow", {"r1": ["a"]}), late)
        lock = store.acquire_run_lock("fast")
        store.write_rings(rings_of("fast", {"r2": ["b"]}), lock)
        before = store.fingerprint(rings=True)
        with pytest.raises(StoreError, match="run slow has lost the lock"):
            store.write_rings(rings_of("slow", {"r3": ["c"]}), late)
        assert store.fingerprint(rings=True) == before

    def test_releasing_a_lock_that_another_run_has_taken_does_nothing(self, store):
        late = store.acquire_run_lock("slow", lease_s=0)
        store.acquire_run_lock("fast")
        store.release_run_lock(late)
        with pytest.raises(StoreUnavailable):
            store.acquire_run_lock("third")

    def test_the_lock_of_a_holder_known_to_be_dead_can_be_taken_and_it_writes_nothing(self, store):
        dead = store.acquire_run_lock("one of home 7")
        lock = store.acquire_run_lock("two of home 7", dead="home 7")
        assert lock.token > dead.token
        with pytest.raises(StoreError, match="has lost the lock"):
            store.write_rings(rings_of("one", {"r1": ["a"]}), dead)
        store.release_run_lock(dead)
        store.write_rings(rings_of("two", {"r2": ["b"]}), lock)

    def test_the_lock_of_anybody_else_cannot(self, store, lock):
        with pytest.raises(StoreUnavailable, match="a run by the test writes rings"):
            store.acquire_run_lock("two of home 7", dead="home 7")

    def test_tokens_rise_across_clearing(self, store, lock):
        store.release_run_lock(lock)
        store.clear()
        assert store.acquire_run_lock("another").token > lock.token


class TestErasure:
    GRAPH = graph_tables(
        {"ann": {}, "bob": {}},
        [
            ("ann", "ip", "shared", 0, 0, 1),
            ("bob", "ip", "shared", 0, 0, 1),
            ("ann", "device", "own", 0, 0, 1),
        ],
    )

    def test_an_erased_account_takes_what_only_it_had_along(self, store, lock):
        store.write(batch_of(1, graph=self.GRAPH, labels=[label("ann")]))
        own = {**EVIDENCE, "pseudonym": pseudonym("own"), "kind": CODE["device"]}
        shared = {**EVIDENCE, "pseudonym": pseudonym("shared")}
        store.write_rings(rings_of("r", {"r1": ["ann", "bob"]}, evidence=[own, shared]), lock)
        store.erase(["ann"])
        graph = store.read_graph(uncounted=True)
        assert graph.accounts["account_id"].to_pylist() == ["bob"]
        assert graph.values["pseudonym"].to_pylist() == [pseudonym("shared")]
        assert len(store.read_labels()) == 0
        rings = store.read_rings()
        assert rings.members["account_id"].to_pylist() == ["bob"]
        assert rings.evidence["pseudonym"].to_pylist() == [pseudonym("shared")]

    def test_what_marks_a_ring_and_is_held_by_others_or_by_no_store_stays(self, store, lock):
        store.write(batch_of(1, graph=self.GRAPH))
        derived = {**EVIDENCE, "pseudonym": pseudonym("hour"), "kind": CODE["activity_window"]}
        shared = {**EVIDENCE, "pseudonym": pseudonym("shared")}
        store.write_rings(rings_of("r", {"r1": ["ann", "bob"]}, evidence=[derived, shared]), lock)
        store.erase(["ann"])
        found = store.read_rings().evidence["pseudonym"].to_pylist()
        assert sorted(found) == sorted([pseudonym("hour"), pseudonym("shared")])

    def test_an_erased_account_is_as_if_it_had_never_been(self, store, another):
        other = another()
        other.write(
            batch_of(1, graph=graph_tables({"bob": {}}, [("bob", "ip", "shared", 0, 0, 1)]))
        )
        store.write(batch_of(1, graph=self.GRAPH, labels=[label("ann")]))
        store.erase(["ann"])
        assert store.fingerprint() == other.fingerprint()

    def test_repeating_the_events_of_an_erased_account_does_not_bring_it_back(self, store):
        batch = batch_of(1, graph=self.GRAPH)
        store.write(batch)
        store.erase(["ann"])
        store.write(batch)
        assert store.counts()["accounts"] == 1

    def test_erasing_an_unknown_account_changes_nothing(self, store):
        store.write(batch_of(1, graph=self.GRAPH))
        before = store.fingerprint(rings=True)
        store.erase(["nobody", "'; DROP TABLE account; --"])
        assert store.fingerprint(rings=True) == before

    def test_later_events_find_the_store_in_order(self, store):
        store.write(batch_of(1, graph=self.GRAPH))
        store.erase(["bob"])
        more = graph_tables({"cid": {}}, [("cid", "ip", "shared", 5, 5, 1)])
        store.write(batch_of(2, graph=more))
        graph = store.read_graph()
        assert graph.accounts["account_id"].to_pylist() == ["ann", "cid"]
        assert store.counts()["sightings"] == 3
