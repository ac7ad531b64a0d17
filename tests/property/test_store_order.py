"""Promises 2 and 3: one effect per event, and the graph a pure function of the events."""

import contextlib
import itertools
import tempfile
from pathlib import Path

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored import START_MS, batch_of, events_of, graph_tables, label
from stores import OPENERS

from ringfinder.store import EventLog, EventType, project
from ringfinder.store.loading import merged

SLOW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])

NAMES = st.sampled_from(["ann", "bob", "c\x00d", "é", "'; --"])
MOMENTS = st.integers(0, 5)
FACTS = st.none() | st.fixed_dictionaries(
    {"created_ms": MOMENTS.map(lambda t: START_MS + t)},
    optional={
        "country": st.sampled_from([None, "DE", "FR"]),
        "plan": st.sampled_from([None, "free", "pro"]),
        "email_verified": st.sampled_from([None, True, False]),
        "closed_ms": st.sampled_from([None, START_MS + 9, START_MS + 8]),
        "outcome": st.sampled_from(["completed", "denied", "abandoned"]),
    },
)
SIGHTINGS = st.tuples(
    NAMES, st.sampled_from(["ip", "device"]), st.sampled_from("xyz"), MOMENTS, MOMENTS
)


@st.composite
def batches(draw):
    """Draw batches that cover neighbouring ranges of events."""
    result, first = [], 1
    for _ in range(draw(st.integers(1, 4))):
        seen = [
            (name, kind, value, min(a, b), max(a, b), 1 + a)
            for name, kind, value, a, b in draw(st.lists(SIGHTINGS, max_size=6))
        ]
        facts = draw(st.dictionaries(NAMES, FACTS, max_size=3))
        accounts = {name: facts.get(name) for name in [*facts, *(row[0] for row in seen)]}
        last = first + draw(st.integers(0, 3))
        labels = [label(name) for name in draw(st.lists(NAMES, max_size=2))]
        result.append(batch_of(first, last, graph=graph_tables(accounts, seen), labels=labels))
        first = last + 1
    return result


def fresh_store(directory):
    """An empty store that folds often."""
    return OPENERS["embedded"](str(Path(directory) / "graph.duckdb"))


@SLOW
@given(written=batches(), data=st.data())
def test_any_permutation_of_batches_with_duplicates_gives_one_graph(written, data):
    order = data.draw(
        st.permutations(written + data.draw(st.lists(st.sampled_from(written), max_size=3)))
    )
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        straight, shuffled = fresh_store(one), fresh_store(other)
        for batch in written:
            assert straight.write(batch)
        for batch in order:
            shuffled.write(batch)
        assert shuffled.fingerprint() == straight.fingerprint()
        assert shuffled.applied() == straight.applied()
        assert shuffled.read_graph() == straight.read_graph()


@SLOW
@given(written=batches(), data=st.data())
def test_whoever_writes_which_batch_and_remembers_what_it_is_one_graph(written, data):
    """Hands: two that remember the store's names and one that does not, in any turns."""
    order = data.draw(st.permutations(written * 2))
    hands = data.draw(st.lists(st.integers(0, 2), min_size=len(order), max_size=len(order)))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        straight = fresh_store(one)
        kinds = ("remembering", "remembering", "embedded")
        several = [OPENERS[kind](f"{other}/graph.duckdb") for kind in kinds]
        for batch in written:
            straight.write(batch)
        for batch, hand in zip(order, hands, strict=True):
            several[hand].write(batch)
        assert several[0].read_graph(uncounted=True) == straight.read_graph(uncounted=True)
        assert several[0].fingerprint() == straight.fingerprint()


EVENT = st.fixed_dictionaries(
    {
        "account_id": NAMES,
        "event_id": st.sampled_from([f"e{n}" for n in range(8)]),
        "occurred_ms": MOMENTS.map(lambda t: START_MS + t * 1_800_000),
        "values": st.dictionaries(st.sampled_from(["ip", "device"]), st.sampled_from("xy")),
    }
)
TYPES = st.sampled_from([EventType.SIGNUPS, EventType.USAGE, EventType.LOGINS])


@SLOW
@given(rows=st.lists(st.tuples(TYPES, EVENT), min_size=1, max_size=8), data=st.data())
def test_events_sent_again_and_cut_otherwise_give_one_graph(rows, data):
    """An id stands for one content: what is sent twice under it is the same event."""
    content = {(kind, row["event_id"]): row for kind, row in reversed(rows)}
    events = [(kind, content[kind, row["event_id"]]) for kind, row in rows]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=2)))
    repeats = data.draw(st.lists(st.sampled_from(events), max_size=4))
    pieces = [events[a:b] for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True)] + [
        repeats
    ]
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        prints = [
            fingerprint_after(one, [data.draw(st.permutations(events))]),
            fingerprint_after(other, pieces),
        ]
    assert prints[0] == prints[1]


@SLOW
@given(
    rows=st.lists(st.tuples(TYPES, EVENT), min_size=1, max_size=12),
    sizes=st.lists(st.none() | st.integers(1, 5), min_size=2, max_size=3),
    dies_at=st.integers(1, 6),
)
def test_any_cutting_of_segments_into_batches_gives_one_graph(rows, sizes, dies_at):
    """Also where a loader is killed and another, of another size, goes on."""
    content = {(kind, row["event_id"]): row for kind, row in rows}
    with tempfile.TemporaryDirectory() as directory:
        log = EventLog(Path(directory) / "events")
        log.append(by_type([(kind, row) for (kind, _), row in content.items()]))
        whole, cut = fresh_store(f"{directory}/whole"), fresh_store(f"{directory}/cut")
        project(log, whole)
        for size in sizes:
            cut.batch_events = size
            with contextlib.suppress(InterruptedError):
                project(log, StopsAfter(cut, dies_at))
        project(log, cut)
        assert cut.fingerprint() == whole.fingerprint()
        assert cut.applied() == whole.applied()


class StopsAfter:
    """A store whose process dies at the nth write."""

    def __init__(self, store, writes):
        self.applied, self._store, self._left = store.applied, store, writes
        self.begun, self.batch_events = store.begun, store.batch_events

    def write(self, batch):
        """Write, until the end has come; no batch is larger than the store asks for."""
        assert self.batch_events is None or batch.last - batch.first < self.batch_events
        self._left -= 1
        if not self._left:
            raise InterruptedError
        return self._store.write(batch)


def by_type(events):
    """Build one table of each type, in the order of the events."""
    kinds = dict.fromkeys(kind for kind, _ in events)
    return [events_of(kind, *(row for k, row in events if k == kind)) for kind in kinds]


def fingerprint_after(directory, pieces):
    """Append pieces of events, projecting after each; return the fingerprint."""
    log, store = EventLog(Path(directory) / "events"), fresh_store(directory)
    for piece in pieces:
        log.append(by_type(piece))
        project(log, store)
    assert not any(log.append(by_type(pieces[0])).recorded.values())
    return store.fingerprint()


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 10))))
def test_intervals_cover_the_same_numbers_and_do_not_touch(pairs):
    intervals = [(first, first + more) for first, more in pairs]
    result = merged(intervals)
    covered = {n for first, last in intervals for n in range(first, last + 1)}
    assert {n for first, last in result for n in range(first, last + 1)} == covered
    assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(result))


@SLOW
@given(
    ids=st.lists(st.text(max_size=3).filter(lambda s: s.isprintable()), min_size=1, max_size=20),
    data=st.data(),
)
def test_every_event_id_is_recorded_exactly_once(ids, data):
    cut = data.draw(st.integers(0, len(ids)))
    with tempfile.TemporaryDirectory() as directory:
        log = EventLog(Path(directory) / "events")
        for part in (ids[:cut], ids[cut:], ids):
            log.append(
                [events_of(EventType.LOGINS, *({"account_id": "a", "event_id": i} for i in part))]
            )
        recorded = pa.concat_tables(log.read(EventType.LOGINS))
        assert recorded["event_id"].to_pylist() == list(dict.fromkeys(ids))
        assert recorded["sequence"].to_pylist() == list(range(1, len(set(ids)) + 1))
