"""What a store promises about reads: sorted, counted, and nothing but what was written."""

import threading
import time

import numpy as np
import pyarrow as pa
import pytest
from stored import START_MS, batch_of, graph_tables, label, pseudonym, rings_of

from ringfinder.errors import InputError
from ringfinder.schema import CODE
from ringfinder.store import no_profiles, to_attribute_graph, to_graph_tables
from ringfinder.store.neo4j.keys import key_of

HOSTILE = [
    "plain",
    'it\'s "quoted" `and` \\escaped\\',
    "'; DROP TABLE account; --",
    "MATCH (n) DETACH DELETE n //",
    "}) RETURN 1 UNION MATCH (n {x: '",
    "nul\x00inside",
    "\x00",
    "line\nbreak\ttab\r",
    "héllo wörld",
    "\U0001f600 \U0001f469‍\U0001f469‍\U0001f467",
    "e\u0301 is not \u00e9",
    "\u202eright to left",
    "$param {brace} %s :colon",
    "",
    " ",
    "x" * 100_000,
]


class TestOrderOfRows:
    def test_accounts_values_and_sightings_are_sorted_by_their_keys(self, store):
        rows = [("b", "device", "1", 0, 0, 1), ("a", "ip", "2", 0, 0, 1), ("a", "ip", "1", 0, 0, 1)]
        store.write(batch_of(1, graph=graph_tables({"b": {}, "a": {}, "é": {}, "Z": {}}, rows)))
        graph = store.read_graph()
        assert graph.accounts["account_id"].to_pylist() == ["Z", "a", "b", "é"]
        values = list(zip(*graph.values.to_pydict().values(), strict=True))
        assert values == sorted(values)
        assert values[-1] == (CODE["device"], pseudonym("1"))
        pairs = list(zip(*graph.sightings.select([0, 1]).to_pydict().values(), strict=True))
        assert pairs == [(1, 0), (1, 1), (2, 2)]

    def test_two_reads_give_the_same_bytes(self, store):
        rows = [(f"a{i % 7}", "ip", str(i % 5), i, i, 1) for i in range(40)]
        store.write(batch_of(1, graph=graph_tables({f"a{i}": {} for i in range(7)}, rows)))
        first, second = store.read_graph(), store.read_graph()
        assert first == second

    def test_an_empty_store_reads_as_empty_tables(self, store):
        graph = store.read_graph()
        assert (len(graph.accounts), len(graph.values), len(graph.sightings)) == (0, 0, 0)
        assert len(store.read_profiles()) == len(store.read_labels()) == 0
        assert len(store.read_decisions()) == 0
        assert store.applied() == ()


class TestOneMoment:
    def test_a_read_beside_a_writer_sees_whole_batches_only(self, store):
        """Batch n has n accounts, each seen with n values of its own."""

        def batch(number):
            names = [f"{number} {row}" for row in range(number)]
            seen = [(n, "ip", f"{n} {v}", 0, 0, 1) for n in names for v in range(number)]
            return batch_of(number, graph=graph_tables({name: {} for name in names}, seen))

        writer = threading.Thread(target=lambda: [store.write(batch(n)) for n in range(1, 9)])
        writer.start()
        seen = set()
        while True:
            alive = writer.is_alive()
            graph = store.read_graph(uncounted=True)
            seen.add((len(graph.accounts), len(graph.values), len(graph.sightings)))
            if not alive:
                break
            time.sleep(0.05)  # who reads without a pause keeps writers from their turn
        writer.join()
        states = [(0, 0, 0)]
        for number in range(1, 9):
            accounts, values, _ = states[-1]
            states.append((accounts + number, values + number**2, values + number**2))
        assert seen <= set(states)
        assert states[-1] in seen


class TestCounted:
    def test_an_account_that_was_only_seen_is_not_counted_until_it_signs_up(self, store):
        seen = graph_tables({"ann": None}, [("ann", "ip", "x", 0, 0, 1)])
        store.write(batch_of(2, graph=seen))
        assert store.counts()["accounts"] == store.counts()["sightings"] == 0
        assert len(store.read_graph().values) == 0
        store.write(batch_of(1, graph=graph_tables({"ann": {}})))
        assert store.counts()["accounts"] == store.counts()["sightings"] == 1

    @pytest.mark.parametrize("outcome", ["abandoned", "denied", None])
    def test_a_sign_up_that_was_not_completed_is_not_counted(self, store, outcome):
        said = {"outcome": outcome, "outcome_ms": None if outcome is None else START_MS}
        rows = [("ann", "ip", "x", 0, 0, 1), ("bob", "ip", "y", 0, 0, 1)]
        store.write(batch_of(1, graph=graph_tables({"ann": said, "bob": {}}, rows)))
        graph = store.read_graph()
        assert graph.accounts["account_id"].to_pylist() == ["bob"]
        assert graph.values["pseudonym"].to_pylist() == [pseudonym("y")]
        assert graph.sightings.to_pylist()[0]["account"] == 0

    def test_the_latest_outcome_decides(self, store):
        attempt = {"outcome": None, "outcome_ms": None}
        store.write(batch_of(1, graph=graph_tables({"ann": attempt})))
        for number, (word, at) in enumerate([("abandoned", 5), ("completed", 9)], start=2):
            said = {"created_ms": None, "outcome": word, "outcome_ms": START_MS + at}
            store.write(batch_of(number, graph=graph_tables({"ann": said})))
        assert store.counts()["accounts"] == 1

    def test_uncounted_accounts_and_their_values_can_be_read_too(self, store):
        store.write(batch_of(1, graph=graph_tables({"ann": None}, [("ann", "ip", "x", 0, 0, 1)])))
        store.write(batch_of(2, labels=[label("only labelled")]))
        graph = store.read_graph(uncounted=True)
        assert graph.accounts["account_id"].to_pylist() == ["ann", "only labelled"]
        assert len(graph.values) == len(graph.sightings) == 1


class TestStrings:
    def test_hostile_strings_are_data(self, store):
        facts = {name: {"country": name, "plan": name} for name in HOSTILE}
        rows = [(name, "ip", name, 0, 0, 1) for name in HOSTILE]
        labels = [label(name, source=name) for name in HOSTILE]
        store.write(batch_of(1, graph=graph_tables(facts, rows), labels=labels))
        graph = store.read_graph()
        names = sorted(HOSTILE, key=str.encode)
        assert graph.accounts["account_id"].to_pylist() == names
        assert graph.accounts["country"].to_pylist() == names
        assert store.read_labels()["source"].to_pylist() == names
        assert len(graph.values) == len(graph.sightings) == len(HOSTILE)

    def test_hostile_strings_are_data_in_what_is_told_of_accounts(self, store):
        said = [
            {"account_id": "a", "decision": "allow", "decided_ms": START_MS, "ring_id": name,
             "snapshot_id": name, "score": 0.5}
            for name in HOSTILE
        ]  # fmt: skip
        labels = [label("a", name, source=name) for name in HOSTILE]
        store.write(batch_of(1, decisions=said, labels=labels))
        names = sorted(HOSTILE, key=str.encode)
        decisions = store.read_decisions()
        assert decisions["ring_id"].to_pylist() == decisions["snapshot_id"].to_pylist() == names
        assert store.read_labels()["label"].to_pylist() == names

    def test_long_ids_and_what_looks_like_their_stand_ins_are_all_different(self, store):
        names = ["x" * 100_000, "x" * 99_999, "sha256:" + "0" * 64]
        names += [key_of(name) for name in names]
        store.write(batch_of(1, graph=graph_tables({name: {} for name in names})))
        assert store.read_graph().accounts["account_id"].to_pylist() == sorted(names)
        store.erase(names[:1])
        assert store.read_graph().accounts["account_id"].to_pylist() == sorted(names[1:])

    @pytest.mark.parametrize("half", ["\ud800", "a\udfffb"])
    def test_half_a_character_is_refused_wherever_a_string_comes_in(self, store, half):
        with pytest.raises(InputError, match="lone surrogate"):
            store.erase(["plain", half])
        with pytest.raises(InputError, match="lone surrogate"):
            store.acquire_run_lock(half)
        with pytest.raises(InputError, match="lone surrogate"):
            rings_of(half, {})

    def test_strings_that_differ_only_in_unicode_form_or_case_are_two(self, store):
        names = ["\u00e9", "e\u0301", "E", "e"]
        store.write(batch_of(1, graph=graph_tables({name: {} for name in names})))
        assert store.counts()["accounts"] == 4

    @pytest.mark.parametrize(
        "value", ["ann@example.org", "10.0.0.1", "p1_short", "P1_" + "0" * 32, ""]
    )
    def test_a_value_that_is_no_pseudonym_is_rejected_without_being_quoted(self, store, value):
        tables = graph_tables({"ann": {}}, [("ann", "ip", "x", 0, 0, 1)])
        clear = tables.values.set_column(1, tables.values.schema.field(1), pa.array([value]))
        with pytest.raises(InputError, match="1 values are not pseudonyms") as caught:
            batch_of(1, graph=type(tables)(tables.accounts, clear, tables.sightings))
        assert not value or value not in str(caught.value)

    def test_a_lone_surrogate_cannot_be_made_into_a_column(self):
        with pytest.raises(UnicodeEncodeError):
            graph_tables({"\ud800": {}})


class TestHub:
    def test_a_value_that_very_many_share_is_written_and_read(self, store):
        many = 3_000
        for number in (1, 2):  # the second time, every sighting is there already
            names = [f"hub {row:04}" for row in range(many)]
            rows = [(name, "ip", "hub", number, number, 1) for name in names]
            store.write(batch_of(number, graph=graph_tables({name: {} for name in names}, rows)))
        graph = store.read_graph()
        assert len(graph.values) == 1
        assert graph.sightings["account"].to_pylist() == list(range(many))
        assert set(graph.sightings["count"].to_pylist()) == {2}

    def test_one_pseudonym_of_two_kinds_is_two_values(self, store):
        rows = [("a", kind, "same", 0, 0, 1) for kind in ("device", "ip", "mailbox")]
        store.write(batch_of(1, graph=graph_tables({"a": {}}, rows[:1])))
        store.write(batch_of(2, graph=graph_tables({"a": {}}, rows)))
        graph = store.read_graph()
        kinds = [CODE[kind] for kind in ("ip", "mailbox", "device")]
        assert graph.values.to_pylist() == [
            {"kind": kind, "pseudonym": pseudonym("same")} for kind in kinds
        ]
        assert graph.sightings["count"].to_pylist() == [1, 1, 2]


class TestCore:
    def test_a_graph_comes_back_as_it_was_written(self, store):
        rows = [("a", "ip", "x", 0, 5, 2), ("b", "ip", "x", 1, 1, 1), ("b", "device", "d", 1, 2, 1)]
        facts = {"a": {"country": "US"}, "b": {"country": "DE", "closed_ms": START_MS + 9}, "c": {}}
        store.write(batch_of(1, graph=graph_tables(facts, rows)))
        tables = store.read_graph()
        graph = to_attribute_graph(tables, no_profiles(tables.accounts["created_ms"].to_numpy()))
        assert graph.stratum.tolist() == [1, 0, -1]
        store.clear()
        store.write(batch_of(1, graph=to_graph_tables(graph, ["DE", "US"])))
        assert store.read_graph() == tables
        assert graph.holders().tolist() == [2, 1]
        assert graph.count.dtype == graph.account.dtype == np.int32
