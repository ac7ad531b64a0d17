"""However the same events come, over HTTP, in files or both ways: one graph, at every moment."""

import tempfile
import threading
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import KINDS, event_row
from stores import OPENERS

from ringfinder.journal import Compaction, Entry, JournalIds, Projector, encode_event, errands
from ringfinder.journal.file import JournalFile
from ringfinder.pipeline.check import check_graph
from ringfinder.store import EVENT_SCHEMAS, EventLog, EventType, project, rebuild


def row_of(number):
    """Return type and row of an event; three neighbours belong to one account."""
    kind = KINDS[number % 3]
    return kind, event_row(kind, f"e{number}", f"account-{number // 3}")


def tables_of(numbers):
    for kind in KINDS:
        rows = [row for one, row in map(row_of, numbers) if one == kind]
        if rows:
            yield kind, pa.Table.from_pylist(rows, schema=EVENT_SCHEMAS[kind])


class Installation:
    """A log, a journal and a store."""

    def __init__(self, path):
        self.path, self.journal = path, path / "journal"
        self.journal.mkdir(parents=True)
        self.log = EventLog(path / "events", wait_s=5)
        self.store = OPENERS["embedded"](str(path / "graph.duckdb"))
        with closing(JournalFile(self.journal)) as file:
            file.add_block(self.log.reserve(1000))

    def http(self, numbers):
        with closing(JournalFile(self.journal)) as file:
            for number in numbers:
                kind, row = row_of(number)
                name, account = row["event_id"], row["account_id"]
                file.commit([Entry(kind, name, b"x", account, encode_event(kind, row))])

    def file(self, numbers):
        self.log.append(tables_of(numbers), elsewhere=JournalIds(self.journal))
        project(self.log, self.store)

    def project(self, numbers=()):
        projector = Projector(self.journal, self.log, lambda: self.store)
        try:
            projector.drain()
        finally:
            projector.leave()

    def compact(self, numbers=()):
        with errands(self.journal) as writer:
            work = Compaction(self.journal, self.log, self.store, writer, clock=lambda: 1e11)
            work.run(min_age_s=0, retention_days=1e6)

    def rebuild(self, numbers=()):
        rebuild(self.log, self.store)

    def fingerprint(self):
        """Return that of a night's beginning: profiles are folded from the log's usage."""
        self.project()
        self.compact()
        return self.store.fingerprint()


def once(path, numbers):
    """Return the fingerprint of the events in one file."""
    other = Installation(path)
    other.file(sorted(set(numbers)))
    return other.fingerprint()


WAYS = st.sampled_from(["http", "http", "file", "file", "project", "compact", "rebuild"])
STEPS = st.lists(st.tuples(WAYS, st.lists(st.integers(0, 8), max_size=5)), max_size=6)


@settings(max_examples=12, deadline=None)
@given(STEPS)
def test_any_interleaving_of_files_and_http_gives_the_graph_of_the_events_once(steps):
    with tempfile.TemporaryDirectory() as folder:
        home = Installation(Path(folder) / "home")
        told = set()
        for way, numbers in steps:
            getattr(home, way)(numbers)
            told |= set(numbers) if way in {"http", "file"} else set()
        home.project()
        assert not check_graph(home.log, home.store, journal=home.journal).found
        expected = once(Path(folder) / "once", told)
        assert home.fingerprint() == expected
        home.rebuild()
        assert home.fingerprint() == expected


@pytest.fixture
def home(tmp_path):
    return Installation(tmp_path / "home")


def counts_of(home):
    return sum(home.store.read_graph(uncounted=True).sightings["count"].to_pylist())


def test_what_comes_over_http_while_it_is_loaded_counts_once(home):
    def meanwhile():
        yield from tables_of([0, 3])
        home.http([0])

    home.log.append(meanwhile(), elsewhere=JournalIds(home.journal))
    home.project()
    project(home.log, home.store)
    assert counts_of(home) == 2
    (segment,) = home.log.segments(EventType.SIGNUPS)
    assert segment.rows == 1
    home.compact()
    home.rebuild()
    assert counts_of(home) == 2


def test_a_load_of_which_all_came_meanwhile_records_nothing(home):
    def meanwhile():
        yield from tables_of([0])
        home.http([0])

    told = home.log.append(meanwhile(), elsewhere=JournalIds(home.journal))
    assert (told.recorded, told.duplicates) == ({EventType.SIGNUPS: 0}, {EventType.SIGNUPS: 1})
    assert home.log.segments() == ()


def test_the_projector_does_not_look_while_an_append_becomes_visible(home, monkeypatch):
    """Else it would miss what the append has just decided to keep."""
    entered, seen = threading.Event(), []
    taken = JournalIds(home.journal)

    def since(kind):
        entered.set()
        watching.join(0.3)  # it must wait for the lock
        assert not seen
        return JournalIds.since(taken, kind)

    def look():
        entered.wait(5)
        seen.extend(home.log.published(EventType.SIGNUPS))

    watching = threading.Thread(target=look)
    watching.start()
    monkeypatch.setattr(taken, "since", since)
    home.log.append(tables_of([0]), elsewhere=taken)
    watching.join(5)
    assert [segment.rows for segment in seen] == [1]


def test_an_event_that_is_damaged_in_the_journal_may_come_again_in_a_file(home):
    home.http([0, 3])
    with closing(JournalFile(home.journal)) as file:
        file._connection.execute("UPDATE entry SET event = zeroblob(9) WHERE sequence = 1")
    home.file([0, 3])
    home.project()
    assert counts_of(home) == 2


def test_an_account_that_was_erased_comes_back_by_no_file(home):
    home.http([0, 3])
    home.project()
    with closing(JournalFile(home.journal)) as file:
        file.erase("account-0")
    home.store.erase(["account-0"])
    home.file([0, 3])
    graph = home.store.read_graph(uncounted=True)
    assert graph.accounts["account_id"].to_pylist() == ["account-1"]
