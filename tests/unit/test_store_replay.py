"""From events to the graph: projected, rebuilt, and as it was known in the past."""

import numpy as np
import pytest
from stored import HOUR_MS, START_MS, events_of, pseudonym, signups, usage
from stores import OPENERS

from ringfinder.errors import StoreError, StoreUnavailable
from ringfinder.graph.columns import NEVER
from ringfinder.schema import CODE
from ringfinder.store import (
    EventLog,
    EventType,
    project,
    read_attribute_graph,
    read_profiles,
    rebuild,
)

DAY_MS = 24 * HOUR_MS


@pytest.fixture
def log(tmp_path):
    """An empty log."""
    return EventLog(tmp_path / "events")


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    return OPENERS["embedded"](str(tmp_path / "graph.duckdb"))


@pytest.fixture
def opened(tmp_path):
    """Open a further empty store."""
    numbers = iter(range(99))
    return lambda: OPENERS["embedded"](str(tmp_path / f"other{next(numbers)}.duckdb"))


def two_days(log):
    """Record two days of a small world."""
    log.append(
        [
            signups("ann", "bob", country="DE", values={"ip": "x", "device": "d"}),
            usage(
                ("ann", 1, 3, {"ip": "x"}),
                ("ann", 1.5, 2),
                ("bob", 30, 0),
                ("eve", 2, 1, {"ip": "y"}),
            ),
            events_of(
                EventType.LABELS, {"account_id": "bob", "label": "fraud", "source": "chargeback"}
            ),
        ]
    )
    log.append(
        [
            signups("cid", occurred_ms=START_MS + DAY_MS, received_ms=START_MS + DAY_MS),
            usage(("ann", 26, 4, {"ip": "z"}), ("cid", 25, 1)),
            events_of(
                EventType.PAYMENTS, {"account_id": "cid", "values": {"payment_fingerprint": "p"}}
            ),
            events_of(
                EventType.DECISIONS, {"account_id": "ann", "decision": "review", "score": 0.5}
            ),
        ]
    )


class StopsAfter:
    """A store whose process dies at the nth write."""

    def __init__(self, store, writes):
        self.applied, self._store, self._left = store.applied, store, writes
        self.begun, self.batch_events = store.begun, store.batch_events

    def write(self, batch):
        """Write, until the end has come."""
        self._left -= 1
        if not self._left:
            raise InterruptedError
        return self._store.write(batch)


class ErasesOnce:
    """A store to which the first batch takes so long that somebody is erased meanwhile."""

    def __init__(self, store, log, *names):
        self.applied, self.erase, self._store = store.applied, store.erase, store
        self.begun, self.batch_events = store.begun, store.batch_events
        self._log, self._names = log, names

    def write(self, batch):
        """Write, after an erasure of log and store has come and gone."""
        if self._names:
            self._log.erase(self._names)
            self._store.erase(self._names)
        self._names = ()
        return self._store.write(batch)


class ErasesOnceInVain(ErasesOnce):
    """The same, but it cannot be reached when somebody is to be taken out again."""

    def __init__(self, store, log, *names):
        super().__init__(store, log, *names)
        self.erase = self._fail

    def _fail(self, names):
        raise StoreUnavailable("the store is away")


class TestProject:
    def test_sightings_sum_up_what_events_say(self, log, store):
        two_days(log)
        project(log, store)
        graph = store.read_graph()
        assert graph.accounts["account_id"].to_pylist() == ["ann", "bob", "cid"]
        value = graph.values.to_pylist().index({"kind": CODE["ip"], "pseudonym": pseudonym("x")})
        (seen,) = [
            row
            for row in graph.sightings.to_pylist()
            if (row["account"], row["value"]) == (0, value)
        ]
        assert (seen["first_ms"], seen["last_ms"]) == (START_MS, START_MS + HOUR_MS)
        assert seen["count"] == 1 + 3  # the sign-up, and a row of three exchanges

    def test_labels_decisions_and_profiles_arrive(self, log, store):
        two_days(log)
        project(log, store)
        (label,) = store.read_labels().to_pylist()
        assert (label["account_id"], label["label"], label["source"]) == (
            "bob",
            "fraud",
            "chargeback",
        )
        assert store.read_decisions()["score"].to_pylist() == [0.5]
        profiles = {row["account_id"]: row for row in store.read_profiles().to_pylist()}
        assert profiles["ann"]["exchanges"] == 9
        assert profiles["ann"]["active_days"] == 2
        assert profiles["bob"]["first_use_ms"] is None

    def test_a_second_projection_writes_only_what_is_new(self, log, store):
        two_days(log)
        assert project(log, store) == 7
        assert project(log, store) == 0
        log.append([signups("dan")])
        assert project(log, store) == 1
        assert store.counts()["accounts"] == 4

    def test_day_by_day_equals_all_at_once(self, log, store, opened):
        log.append([signups("ann", "bob")])
        project(log, store)
        for hour in range(1, 6):
            log.append([usage(("ann", 10 * hour, hour, {"ip": str(hour % 2)}), ("bob", hour, 1))])
            project(log, store)
        other = opened()
        project(log, other)
        assert other.fingerprint() == store.fingerprint()

    def test_a_projection_that_stops_anywhere_is_completed_by_the_next(self, log, store, opened):
        two_days(log)
        log.append([usage(("ann", 50, 1), ("eve", 51, 1)), usage(("bob", 52, 6))])
        project(log, store)
        for stop in (2, 3, 6, 9):
            other = opened()
            with pytest.raises(InterruptedError):
                project(log, StopsAfter(other, stop))
            project(log, other)
            assert other.fingerprint() == store.fingerprint()

    def test_who_is_erased_while_a_batch_is_on_its_way_is_not_brought_back(
        self, log, store, opened
    ):
        two_days(log)
        project(log, ErasesOnce(store, log, "ann", "cid"))
        assert store.read_graph().accounts["account_id"].to_pylist() == ["bob"]
        other = opened()
        rebuild(log, other)
        assert other.fingerprint() == store.fingerprint()

    def test_a_store_that_cannot_take_them_out_again_is_told_and_not_passed_over(self, log, store):
        two_days(log)
        with pytest.raises(StoreUnavailable, match="away"):
            project(log, ErasesOnceInVain(store, log, "ann"))

    def test_outcomes_decide_who_is_counted(self, log, store):
        log.append([signups("ann", "bob", outcome=None)])
        project(log, store)
        assert store.counts()["accounts"] == 0
        later = {"occurred_ms": START_MS + 5}
        log.append(
            [
                events_of(
                    EventType.OUTCOMES,
                    {"account_id": "ann", "outcome": "completed", **later},
                    {"account_id": "bob", "outcome": "abandoned", **later},
                )
            ]
        )
        project(log, store)
        assert store.read_graph().accounts["account_id"].to_pylist() == ["ann"]


class TestRebuild:
    def test_a_rebuilt_store_has_the_same_fingerprint(self, log, store, opened):
        two_days(log)
        project(log, store)
        before = store.fingerprint()
        rebuild(log, store)
        assert store.fingerprint() == before
        other = opened()
        rebuild(log, other)
        assert other.fingerprint() == before

    def test_a_damaged_log_is_found_before_anything_is_dropped(self, log, store):
        two_days(log)
        project(log, store)
        before = store.fingerprint()
        next(log.directory.glob("payments-*-events-*")).write_bytes(b"")
        with pytest.raises(StoreError, match="damaged"):
            rebuild(log, store)
        assert store.fingerprint() == before

    def test_after_an_erasure_in_both_they_agree_again(self, log, store, opened):
        two_days(log)
        project(log, store)
        log.erase(["ann"])
        store.erase(["ann"])
        other = opened()
        rebuild(log, other)
        assert other.fingerprint() == store.fingerprint()
        assert other.applied() == store.applied()

    def test_the_past_is_rebuilt_as_it_was_known_then(self, log, opened):
        two_days(log)
        past, early = opened(), opened()
        rebuild(log, past, known_by_ms=START_MS + 3 * HOUR_MS)
        graph = past.read_graph()
        assert graph.accounts["account_id"].to_pylist() == ["ann", "bob"]
        assert [row["exchanges"] for row in past.read_profiles().to_pylist()] == [5, 1]
        rebuild(log, early, known_by_ms=START_MS - 1)
        assert early.counts()["accounts"] == early.counts()["labels"] == 0


class TestProfiles:
    IDS = ("bob", "ann", "nobody")

    def profiles(self, log, **options):
        """Read the profiles of three accounts, in no special order."""
        two_days(log)
        ids = signups(*self.IDS)[1]["account_id"].combine_chunks()
        created = np.array([START_MS, START_MS + 5 * HOUR_MS, -1])
        return read_profiles(log, ids, created, **options)

    def test_counts_stand_at_the_hours_of_the_day(self, log):
        profiles = self.profiles(log)
        assert profiles.hours[1, 1] == 5
        assert profiles.hours[1, 2] == 4
        assert profiles.hours.sum() == 9
        assert profiles.signup_hour.tolist() == [0, 5, 23]

    def test_sums_first_and_last_use(self, log):
        profiles = self.profiles(log)
        assert profiles.exchanges.tolist() == [0, 9, 0]
        assert profiles.input_tokens.tolist() == [0, 900, 0]
        assert profiles.output_tokens.tolist() == [7, 21, 0]
        assert profiles.first_use_ms.tolist() == [NEVER, START_MS + HOUR_MS, NEVER]
        assert profiles.last_use_ms.tolist() == [NEVER, START_MS + 26 * HOUR_MS, NEVER]

    def test_days_with_use_are_listed(self, log):
        profiles = self.profiles(log)
        day = START_MS // DAY_MS
        assert profiles.active_days.tolist() == [0, 2, 0]
        assert profiles.day_account.tolist() == [1, 1]
        assert profiles.day.tolist() == [day, day + 1]
        assert profiles.day_exchanges.tolist() == [5, 4]

    def test_the_past_leaves_out_what_was_received_later(self, log):
        profiles = self.profiles(log, known_by_ms=START_MS + HOUR_MS)
        assert profiles.exchanges.tolist() == [0, 3, 0]
        assert self.profiles(log, known_by_ms=0).exchanges.tolist() == [0, 0, 0]

    def test_use_before_1970_falls_into_the_hour_it_was_in(self, log):
        log.append([events_of(EventType.USAGE, {"account_id": "ann", "occurred_ms": -1})])
        ids = signups("ann")[1]["account_id"].combine_chunks()
        profiles = read_profiles(log, ids, np.array([0]))
        assert profiles.hours[0].tolist() == [0] * 23 + [1]
        assert profiles.day.tolist() == [-1]

    def test_counts_beyond_int32_stop_at_its_end(self, log):
        many = {"account_id": "ann", "exchanges": 10**9}
        log.append(
            [events_of(EventType.USAGE, many, many | {"event_id": "2"}, many | {"event_id": "3"})]
        )
        ids = signups("ann")[1]["account_id"].combine_chunks()
        profiles = read_profiles(log, ids, np.array([0]))
        assert profiles.exchanges.tolist() == [3 * 10**9]
        assert profiles.hours[0, 0] == profiles.day_exchanges[0] == 2**31 - 1


class TestAttributeGraph:
    def test_the_graph_of_a_store_has_profiles_in_its_own_order(self, log, store):
        two_days(log)
        project(log, store)
        graph = read_attribute_graph(log, store)
        assert graph.account_ids.to_pylist() == ["ann", "bob", "cid"]
        assert graph.profiles.exchanges.tolist() == [9, 0, 1]
        assert graph.stratum.tolist() == [0, 0, -1]
        assert graph.clear is None
        pairs = graph.account.astype(np.int64) * graph.values + graph.value
        assert np.all(np.diff(pairs) > 0)
        assert np.all(graph.holders() > 0)

    def test_an_empty_store_has_an_empty_graph(self, log, store):
        graph = read_attribute_graph(log, store)
        assert (graph.accounts, graph.values, len(graph.account)) == (0, 0, 0)
