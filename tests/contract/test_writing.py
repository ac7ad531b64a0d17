"""What a store promises about batches: once each, in any order, whole or not at all."""

import itertools
import random

import pyarrow as pa
import pytest
from stored import START_MS, batch_of, graph_tables, label, profile
from stores import open_store

from ringfinder.errors import StoreError

ONE = batch_of(
    1,
    4,
    graph=graph_tables(
        {"ann": {"country": "DE"}, "bob": {}},
        [("ann", "ip", "x", 0, 5, 2), ("bob", "ip", "x", 3, 3, 1), ("bob", "device", "d", 3, 9, 1)],
    ),
    labels=[label("ann")],
)
TWO = batch_of(
    5,
    6,
    graph=graph_tables(
        {"ann": None, "cid": {"created_ms": START_MS + 7}},
        [("ann", "ip", "x", 8, 9, 1), ("cid", "mailbox", "m", 7, 7, 1)],
    ),
    profiles=[profile("ann", 6, 3)],
)
THREE = batch_of(
    7,
    graph=graph_tables({"bob": {"created_ms": START_MS - 1, "closed_ms": START_MS + 50}}),
    profiles=[profile("ann", 7, 4)],
    decisions=[{"account_id": "bob", "decision": "review", "decided_ms": START_MS}],
)
BATCHES = (ONE, TWO, THREE)


def sightings_of(store):
    """Return (account_id, pseudonym's row, first, last, count), times from the start on."""
    graph = store.read_graph(uncounted=True)
    names = graph.accounts["account_id"].to_pylist()
    return [
        (
            names[row["account"]],
            row["value"],
            row["first_ms"] - START_MS,
            row["last_ms"] - START_MS,
            row["count"],
        )
        for row in graph.sightings.to_pylist()
    ]


class TestOnce:
    def test_a_batch_written_twice_changes_nothing(self, store):
        assert store.write(ONE)
        before = store.fingerprint()
        assert not store.write(ONE)
        assert store.fingerprint() == before

    def test_a_batch_within_a_range_already_written_changes_nothing(self, store):
        store.write(ONE)
        before = store.fingerprint()
        assert not store.write(batch_of(2, 3, graph=TWO.graph))
        assert store.fingerprint() == before

    def test_a_batch_that_is_half_known_is_refused_and_changes_nothing(self, store):
        store.write(ONE)
        before = store.fingerprint()
        with pytest.raises(StoreError, match="events 4 to 5 are partly in the store"):
            store.write(batch_of(4, 5, graph=TWO.graph))
        assert store.fingerprint() == before
        assert store.applied() == ((1, 4),)

    def test_what_is_applied_is_kept_as_few_intervals(self, store):
        for batch in (THREE, ONE):
            store.write(batch)
        assert store.applied() == ((1, 4), (7, 7))
        store.write(TWO)
        assert store.applied() == ((1, 7),)

    def test_an_empty_batch_counts_as_applied(self, store):
        store.write(batch_of(1, 9))
        assert store.applied() == ((1, 9),)
        assert store.counts()["accounts"] == 0


def drawn_batches(seed):
    """Draw batches that say all sorts of things about few accounts: ties, gaps, repetitions."""
    rng = random.Random(seed)
    names = ["ann", "bob", "c\x00d", "\U0001f600", "\uffee", "'; --"]

    def moment():
        return START_MS + rng.randrange(3)

    def said():
        return {
            "created_ms": rng.choice([None, moment()]),
            "closed_ms": rng.choice([None, moment()]),
            "country": rng.choice([None, "DE", "\U0001f600", "\uffee"]),
            "plan": rng.choice([None, "free", "pro"]),
            "email_verified": rng.choice([None, True, False]),
            "outcome": rng.choice(["completed", "completed", "denied"]),
            "outcome_ms": moment(),
        }

    def seen():
        first, more = rng.randrange(5), rng.randrange(5)
        kind, value = rng.choice(["ip", "device"]), rng.choice("xyz")
        return (rng.choice(names), kind, value, first, first + more, 1 + more)

    for number in range(1, 9):
        sightings = [seen() for _ in range(rng.randrange(8))]
        accounts = {name: None for name, *_ in sightings}
        accounts |= {rng.choice(names): said() for _ in range(rng.randrange(4))}
        yield batch_of(
            number,
            graph=graph_tables(accounts, sightings),
            labels=[label(rng.choice(names), source=rng.choice([None, "x"])) for _ in "ab"],
            profiles=[profile(rng.choice(names), rng.randrange(4), rng.randrange(1, 4))],
        )


class TestOrder:
    @pytest.mark.parametrize("seed", range(3))
    def test_whatever_is_said_in_any_order_is_the_same_graph_on_every_store(
        self, store, another, seed
    ):
        batches = list(drawn_batches(seed))
        other = another()
        for batch in batches:
            other.write(batch)
        order = batches + batches[:3]
        random.Random(seed).shuffle(order)
        for batch in order:
            store.write(batch)
        assert store.read_graph(uncounted=True) == other.read_graph(uncounted=True)
        assert store.read_graph() == other.read_graph()
        assert store.fingerprint() == other.fingerprint()
        assert store.counts() == other.counts()

    def test_every_order_of_batches_gives_the_same_graph(self, store, another):
        for batch in BATCHES:
            store.write(batch)
        for order in itertools.permutations(BATCHES):
            other = another()
            for batch in order:
                other.write(batch)
            assert other.fingerprint() == store.fingerprint()

    def test_one_large_batch_and_many_small_ones_give_the_same_graph(self, store, another):
        tables = graph_tables(
            {"ann": {}, "bob": {}},
            [("ann", "ip", "x", 0, 5, 2), ("ann", "ip", "x", 2, 9, 1), ("bob", "ip", "x", 1, 1, 1)],
        )
        store.write(batch_of(1, 3, graph=tables))
        other = another()
        for number, row in enumerate(range(3), start=1):
            part = type(tables)(tables.accounts, tables.values, tables.sightings.slice(row, 1))
            other.write(batch_of(number, graph=part))
        assert other.fingerprint() == store.fingerprint()

    def test_folding_repeated_rows_changes_nothing(self, store, another):
        """The stores under test fold after ten rows; the other one never has that many."""
        for number in range(1, 14):
            sighting = ("ann", "ip", "x", number, number, 1)
            store.write(batch_of(number, graph=graph_tables({"ann": {}}, [sighting])))
        whole = another()
        whole.write(
            batch_of(1, 13, graph=graph_tables({"ann": {}}, [("ann", "ip", "x", 1, 13, 13)]))
        )
        assert store.fingerprint() == whole.fingerprint()


class TestMerging:
    def test_a_sighting_keeps_its_first_its_last_and_the_sum(self, store):
        store.write(ONE)
        store.write(TWO)
        assert ("ann", 0, 0, 9, 3) in sightings_of(store)

    def test_the_earliest_sign_up_founds_an_account(self, store):
        later = {"created_ms": START_MS + 5, "country": "FR", "plan": "free"}
        store.write(batch_of(1, graph=graph_tables({"ann": later})))
        store.write(batch_of(2, graph=graph_tables({"ann": {"country": "DE"}})))
        (ann,) = store.read_graph().accounts.to_pylist()
        assert (ann["created_ms"], ann["country"]) == (START_MS, "DE")

    def test_what_the_founding_sign_up_leaves_open_comes_from_the_next(self, store):
        for number, plan in ((1, "pro"), (2, "free")):
            said = {"created_ms": START_MS + number, "plan": plan, "email_verified": number == 2}
            store.write(batch_of(number, graph=graph_tables({"ann": said})))
        store.write(batch_of(3, graph=graph_tables({"ann": {}})))
        (ann,) = store.read_graph().accounts.to_pylist()
        assert (ann["created_ms"], ann["plan"], ann["email_verified"]) == (START_MS, "pro", False)

    def test_a_tie_between_sign_ups_has_one_outcome(self, store, another):
        facts = [{"country": "FR"}, {"country": "DE", "plan": "pro"}, {"plan": "free"}]
        for target, order in ((store, facts), (another(), facts[::-1])):
            for number, said in enumerate(order, start=1):
                target.write(batch_of(number, graph=graph_tables({"ann": said})))
            (ann,) = target.read_graph().accounts.to_pylist()
            assert (ann["country"], ann["plan"]) == ("DE", "free")

    def test_the_latest_closing_time_counts(self, store):
        for number, closed in ((1, START_MS + 9), (2, START_MS + 4), (3, None)):
            store.write(batch_of(number, graph=graph_tables({"ann": {"closed_ms": closed}})))
        assert store.read_graph().accounts["closed_ms"].to_pylist() == [START_MS + 9]

    def test_the_profile_that_goes_furthest_replaces_the_others(self, store):
        store.write(batch_of(1, profiles=[profile("ann", 9, 30)]))
        store.write(batch_of(2, profiles=[profile("ann", 5, 20)]))
        (row,) = store.read_profiles().to_pylist()
        assert (row["exchanges"], row["hours"][0]) == (30, 30)

    def test_equal_labels_are_kept_once_and_different_ones_all(self, store):
        store.write(batch_of(1, labels=[label("ann"), label("ann"), label("ann", "legitimate")]))
        store.write(batch_of(2, labels=[label("ann"), label("ann", source="appeal")]))
        kept = [(row["label"], row["source"]) for row in store.read_labels().to_pylist()]
        assert kept == [("fraud", "appeal"), ("fraud", None), ("legitimate", None)]

    def test_sums_of_counts_end_with_the_range_of_integers(self, store):
        most = 2**63 - 1
        for number, count in ((1, most - 1), (2, most), (3, 5)):
            seen = ("ann", "ip", "x", 0, 0, count)
            store.write(batch_of(number, graph=graph_tables({"ann": {}}, [seen])))
        assert store.read_graph().sightings["count"].to_pylist() == [most]

    def test_keys_that_repeat_within_a_batch_are_folded(self, store, another):
        one = graph_tables({"ann": {"country": "FR"}}, [("ann", "ip", "x", 1, 3, 2)])
        two = graph_tables({"ann": {"country": "DE"}}, [("ann", "ip", "x", 0, 2, 5)])
        both = type(one)(
            *(
                pa.concat_tables([getattr(t, name) for t in (one, two)])
                for name in ("accounts", "values", "sightings")
            )
        )
        store.write(batch_of(1, graph=both))
        (ann,) = store.read_graph().accounts.to_pylist()
        assert ann["country"] == "DE"
        assert sightings_of(store) == [("ann", 0, 0, 3, 7)]
        other = another()
        for number, tables in ((1, one), (2, two)):
            other.write(batch_of(number, graph=tables))
        assert other.fingerprint() == store.fingerprint()


class TestOneStore:
    def test_emptied_and_written_again_in_another_order_it_is_the_same(self, store):
        for batch in BATCHES:
            store.write(batch)
        before = store.fingerprint()
        store.clear()
        assert store.fingerprint() != before
        for batch in (THREE, ONE, TWO, ONE):
            store.write(batch)
        assert store.fingerprint() == before


class TestLasting:
    def test_what_was_written_is_there_when_the_store_is_opened_again(self, store, address):
        for batch in BATCHES:
            store.write(batch)
        before = store.fingerprint()
        store.close()
        reopened = open_store(address)
        assert reopened.fingerprint() == before
        assert reopened.applied() == ((1, 7),)

    def test_a_closed_store_refuses_with_a_sentence(self, store):
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.counts()
