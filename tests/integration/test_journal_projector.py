"""From the journal into the graph and the log: at least once, in order, wherever it is killed."""

import asyncio
import tempfile
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import KINDS, client_of, entries_in, entry_of, mixed, rows_in
from stored import START_MS, signups
from stores import OPENERS

from ringfinder.errors import StoreError, StoreUnavailable
from ringfinder.journal import Compaction, Entry, Projector, Reader, errands, moved, settle
from ringfinder.journal import compact as compact_module
from ringfinder.journal.file import JournalFile
from ringfinder.journal.place import only_writer
from ringfinder.journal.tail import Follower
from ringfinder.store import EventLog, EventType, project, rebuild
from ringfinder.store.files import locked


class Dying:
    """A store that is away from its second write on, or writes that and loses the answer."""

    def __init__(self, inner, *, after_writing):
        self.inner, self.after_writing, self.writes = inner, after_writing, 0

    def write(self, batch):
        self.writes += 1
        if self.writes >= 2 and not self.after_writing:
            raise StoreUnavailable("away")
        written = self.inner.write(batch)
        if self.writes == 2:
            raise StoreUnavailable("the answer was lost")
        return written

    def __getattr__(self, name):
        return getattr(self.inner, name)


class Erasing:
    """The store of a home where an account is erased while its events are on their way there."""

    def __init__(self, home):
        self.home, self.inner = home, home.open_store()

    def write(self, batch):
        with self.home.file() as file:
            file.erase("account-1")
        self.home.log.erase(["account-1"])
        self.inner.erase(["account-1"])
        return self.inner.write(batch)

    def __getattr__(self, name):
        return getattr(self.inner, name)


class Home:
    """A journal, a log and a store, without a writer's process."""

    def __init__(self, path):
        self.path, self.journal = path, path / "journal"
        self.journal.mkdir()
        self.log = EventLog(path / "events", wait_s=1)
        self.clock = [START_MS / 1000]
        with self.file() as file:
            file.add_block(self.log.reserve(1000))

    @contextmanager
    def file(self):
        with closing(JournalFile(self.journal, clock=lambda: self.clock[0])) as file:
            yield file

    def commit(self, *entries):
        with self.file() as file:
            return file.commit(entries)

    def open_store(self, name="graph"):
        return OPENERS["embedded"](str(self.path / f"{name}.duckdb"))

    def projector(self, **options):
        return Projector(self.journal, self.log, self.open_store, **options)

    def drain(self, **options):
        with closing(self.projector(**options)) as projector:
            return projector.drain()

    def compact(self, *, min_age_s=0.0, **options):
        with errands(self.journal) as writer:
            clock = options.pop("clock", lambda: self.clock[0] + 1)
            work = Compaction(self.journal, self.log, self.open_store(), writer, clock=clock)
            return work.run(min_age_s=min_age_s, **options)

    def commit_and_move(self, *entries):
        """Record entries, and move all that is recorded into the log."""
        told = self.commit(*entries)
        self.drain()
        self.compact()
        return told

    def rebuilt(self, name):
        """Return a store made from the log alone."""
        store = self.open_store(name)
        rebuild(self.log, store)
        return store


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


class TestProjector:
    def test_every_event_arrives_once(self, home):
        home.commit(*(mixed(n) for n in range(30)))
        assert home.drain(batch_events=7) == 30
        store = home.open_store()
        assert store.applied() == ((1, 30),)
        assert store.counts()["accounts"] == 10
        assert sum(store.read_graph().sightings["count"].to_pylist()) == 10 * (1 + 1 + 2)
        assert home.drain() == 0

    def test_it_goes_on_at_once_behind_a_gap_and_rests_when_all_is_told(self, home, monkeypatch):
        home.commit(*(entry_of(n) for n in range(9)))
        with home.file() as file:
            for account in ("account-2", "account-5"):
                file.erase(account)
        stop, rests = threading.Event(), []
        monkeypatch.setattr(stop, "wait", lambda seconds: (rests.append(seconds), stop.set()))
        home.projector().run(stop)
        assert home.open_store().applied() == ((1, 2), (4, 5), (7, 9))
        assert len(rests) == 1

    def test_the_dearer_a_batch_the_longer_it_rests_but_not_for_ever(self, home):
        with closing(home.projector(every_s=1.0)) as projector:
            assert [projector._rest_s(took) for took in (0.001, 0.1, 60.0)] == [1.0, 2.0, 5.0]

    def test_a_store_gets_no_larger_batches_than_it_asks_for(self, home):
        home.commit(*(mixed(n) for n in range(9)))
        sizes = []

        class Small:
            batch_events = 4

            def __init__(self):
                self.inner = home.open_store()

            def write(self, batch):
                sizes.append(batch.last - batch.first + 1)
                return self.inner.write(batch)

            def __getattr__(self, name):
                return getattr(self.inner, name)

        with closing(Projector(home.journal, home.log, Small)) as projector:
            projector.drain()
        assert sizes == [4, 4, 1]

    def test_a_draining_ends_though_entries_keep_coming(self, home, monkeypatch):
        numbers = iter(range(9, 400))
        home.commit(*(entry_of(n) for n in range(9)))
        step = Projector.step

        def while_more_come(projector):
            done = step(projector)
            home.commit(*(entry_of(next(numbers)) for _ in range(4)))
            return done

        monkeypatch.setattr(Projector, "step", while_more_come)
        assert home.drain(batch_events=4) == 12  # nine, and what came into the last batch
        assert home.open_store().applied() == ((1, 12),)

    def test_attempts_are_not_counted_until_they_are_completed(self, home):
        home.commit(entry_of(1, outcome=None), entry_of(2, outcome=None))
        home.drain()
        assert home.open_store().counts()["accounts"] == 0
        done = entry_of(3, EventType.OUTCOMES, account="account-1", occurred_ms=START_MS + 5)
        gone = entry_of(
            4, EventType.OUTCOMES, account="account-2", outcome="abandoned",
            occurred_ms=START_MS + 5,
        )  # fmt: skip
        home.commit(done, gone)
        home.drain()
        graph = home.open_store().read_graph()
        assert graph.accounts["account_id"].to_pylist() == ["account-1"]

    def test_labels_and_decisions_arrive(self, home):
        home.commit(entry_of(1, EventType.LABELS), entry_of(2, EventType.DECISIONS))
        home.drain()
        counts = home.open_store().counts()
        assert (counts["labels"], counts["decisions"]) == (1, 1)

    def test_two_at_once_do_each_other_no_harm(self, home):
        home.commit(*(mixed(n) for n in range(40)))
        stop = threading.Event()
        both = [home.projector(batch_events=size, every_s=0.01) for size in (3, 7)]
        threads = [threading.Thread(target=each.run, args=(stop,)) for each in both]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 20
        while home.open_store().applied() != ((1, 40),):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        stop.set()
        for thread in threads:
            thread.join()
        once = at_once(home, "once")
        assert home.open_store().fingerprint() == once.fingerprint()

    def test_one_that_drains_beside_another_goes_on_behind_it(self, home):
        home.commit(*(mixed(n) for n in range(9)))
        slow, quick = home.projector(batch_events=6), home.projector(batch_events=4)
        store, write = slow.store, type(slow.store).write

        def overtaken(batch):
            slow.store.write = lambda batch: write(store, batch)
            with closing(quick):
                quick.step()
            return write(store, batch)

        store.write = overtaken
        with closing(slow):
            slow.drain()
        assert home.open_store().applied() == ((1, 9),)
        assert home.open_store().fingerprint() == at_once(home, "once").fingerprint()

    def test_a_store_that_is_away_is_told_in_the_lag_and_caught_up_with(self, home):
        home.commit(*(mixed(n) for n in range(6)))
        away = threading.Event()
        away.set()

        def opened():
            if away.is_set():
                raise StoreUnavailable("the graph store is away: start it")
            return home.open_store()

        stop = threading.Event()
        projector = Projector(home.journal, home.log, opened, every_s=0.01)
        thread = threading.Thread(target=projector.run, args=(stop,))
        thread.start()
        with closing(Reader(home.journal, clock=lambda: home.clock[0] + 9)) as reader:
            until(lambda: reader.lag().problem)
            lag = reader.lag()
            assert (lag.events, lag.projected) == (6, 0)
            assert lag.seconds == pytest.approx(9)
            assert "is away: start it" in lag.problem
            home.commit(*(mixed(n) for n in range(6, 9)))
            away.clear()
            until(lambda: reader.lag().events == 0)
            assert reader.lag().problem is None
            assert reader.lag().seconds == 0
        stop.set()
        thread.join()
        assert home.open_store().applied() == ((1, 9),)

    def test_a_batch_whose_answer_was_lost_is_not_written_again(self, home):
        home.commit(*(mixed(n) for n in range(9)))

        store = Dying(home.open_store(), after_writing=True)
        with closing(Projector(home.journal, home.log, lambda: store, batch_events=4)) as projector:
            assert projector.drain() == 4 + 1
        assert home.drain() == 0
        assert home.open_store().applied() == ((1, 9),)

    def test_a_store_that_dies_in_a_batch_gets_it_again(self, home):
        home.commit(*(mixed(n) for n in range(9)))

        store = Dying(home.open_store(), after_writing=False)
        with (
            closing(Projector(home.journal, home.log, lambda: store, batch_events=4)) as projector,
            pytest.raises(StoreUnavailable),
        ):
            projector.drain()
        assert home.drain() == 5
        assert home.open_store().applied() == ((1, 9),)

    def test_a_store_that_was_emptied_is_filled_again(self, home):
        home.commit(*(mixed(n) for n in range(9)))
        home.drain()
        before = home.open_store().fingerprint()
        home.open_store().clear()
        assert home.drain() == 9
        assert home.open_store().fingerprint() == before

    def test_a_damaged_entry_keeps_no_other_out_and_is_named(self, home):
        home.commit(*(mixed(n) for n in range(9)))
        with home.file() as file:
            file._connection.execute("UPDATE entry SET event = zeroblob(9) WHERE sequence = 4")
        with closing(home.projector()) as projector:
            assert projector.drain() == 8
            projector._asked_s = float("-inf")
            home.commit(mixed(9))
            assert projector.drain() == 1
        assert home.open_store().applied() == ((1, 3), (5, 10))
        with closing(Reader(home.journal)) as reader:
            assert "the first is 4" in reader.lag().problem
            assert reader.lag().projected == 10

    def test_bytes_that_are_no_event_keep_no_other_out(self, home):
        poison = Entry(EventType.LOGINS, "e", b"e", "a", b"{}")
        clear = entry_of("clear")
        event = clear.event.replace(b'"p1_', b'"x1_')
        home.commit(poison, mixed(0), Entry(EventType.SIGNUPS, "f", b"f", "a", event))
        assert home.drain() == 3
        assert home.open_store().counts()["accounts"] == 1
        with closing(Reader(home.journal)) as reader:
            assert "2 entries" in reader.lag().problem

    def test_who_is_erased_on_the_way_is_not_brought_back(self, home):
        home.commit(entry_of(1), entry_of(2))

        with closing(Projector(home.journal, home.log, lambda: Erasing(home))) as projector:
            projector.drain()
        graph = home.open_store().read_graph(uncounted=True)
        assert graph.accounts["account_id"].to_pylist() == ["account-2"]


def at_once(home, name):
    """Return a store that took the journal in all at once."""
    with closing(Projector(home.journal, home.log, lambda: home.open_store(name))) as projector:
        projector.drain()
    return home.open_store(name)


def until(true, seconds=20):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class TestCompaction:
    def test_events_keep_their_numbers_and_the_graph_stays_the_same(self, home):
        home.commit(*(mixed(n) for n in range(30)))
        home.drain()
        done = home.compact()
        assert (done.moved, done.dropped, done.left) == (30, 30, 0)
        assert entries_in(home.journal) == []
        numbers = sorted(
            number
            for kind in EventType
            for table in home.log.read(kind, columns=["sequence"])
            for number in table["sequence"].to_pylist()
        )
        assert numbers == list(range(1, 31))
        store = home.open_store()
        assert project(home.log, store) == 0
        assert home.rebuilt("rebuilt").fingerprint() == store.fingerprint()
        assert store.read_profiles()["exchanges"].to_pylist() == [2] * 10

    def test_a_repetition_after_it_still_gets_the_stored_answer(self, home):
        (first,) = home.commit_and_move(entry_of(1))
        (told,) = home.commit(entry_of(1))
        assert (told.sequence, told.answer) == (first.sequence, b"answer 1")

    def test_what_the_store_lacks_and_what_is_young_stays(self, home):
        home.commit(entry_of(1), entry_of(2))
        home.drain()
        home.commit(entry_of(3))
        assert home.compact().moved == 2
        home.drain()
        assert home.compact(min_age_s=60).moved == 0
        assert home.compact().moved == 1

    def test_an_id_that_the_log_knows_from_a_file_counts_once(self, home):
        kind, table = signups("account-1")
        home.log.append([(kind, table.set_column(0, "event_id", [["e1"]]))])
        home.commit(entry_of(1), entry_of(2))
        home.drain()
        done = home.compact()
        assert (done.moved, done.duplicates, done.left) == (1, 1, 0)
        assert "count once" in done.doubled

    def test_loaded_files_in_between_do_not_disturb_the_order(self, home):
        home.commit(*(mixed(n) for n in range(3)))
        home.log.append([signups("loaded")])
        with home.file() as file:
            file._blocks[0] = (1, 3)  # as if the block had been used up
            file.add_block(home.log.reserve(1000))
            file.commit([mixed(n) for n in range(3, 6)])
        store = home.open_store()
        project(home.log, store)
        home.drain()
        home.compact()
        numbers = [(s.first, s.last) for s in home.log.segments(EventType.SIGNUPS)]
        assert numbers == [(1, 3), (1001, 1001), (1002, 1004)]
        assert home.rebuilt("rebuilt").fingerprint() == store.fingerprint()

    @pytest.mark.parametrize("dies_at", ["append", "profiles", "forget", "second forget"])
    def test_killed_anywhere_it_doubles_nothing(self, home, monkeypatch, dies_at):
        monkeypatch.setattr(compact_module, "FORGET_EVENTS", 4)
        home.commit(*(mixed(n) for n in range(12)))
        home.drain()
        steps = {"append": "append_numbered", "profiles": "write", "forget": "forget"}

        class Killed(BaseException):
            pass

        class Dying:
            def __init__(self, inner, calls):
                self.inner, self.calls = inner, calls

            def __getattr__(self, name):
                real = getattr(self.inner, name)
                if name != steps.get(dies_at, "forget"):
                    return real

                def dying(*args, **named):
                    self.calls -= 1
                    told = real(*args, **named)
                    if not self.calls:
                        raise Killed
                    return told

                return dying

        calls = 2 if dies_at == "second forget" else 1
        with errands(home.journal) as writer:
            log, store, asked = (
                Dying(each, calls) for each in (home.log, home.open_store(), writer)
            )
            work = Compaction(home.journal, log, store, asked, clock=lambda: home.clock[0] + 1)
            with pytest.raises(Killed):
                work.run(min_age_s=0)
        home.commit(*(mixed(n) for n in range(15)))
        home.drain()
        assert home.compact().left == 0
        assert sum(s.rows for s in home.log.segments()) == 15
        store = home.open_store()
        assert store.counts()["accounts"] == 5
        assert home.rebuilt("rebuilt").fingerprint() == store.fingerprint()

    def test_two_at_once_wait_for_each_other(self, home):
        home.commit(*(mixed(n) for n in range(9)))
        home.drain()
        with (
            locked(home.journal / "compaction.lock", what="it", exclusive=True, wait_s=1),
            errands(home.journal) as writer,
        ):
            work = Compaction(home.journal, home.log, home.open_store(), writer, wait_s=0.1)
            with pytest.raises(StoreUnavailable, match="compaction"):
                work.run()
        assert home.compact().moved == 9

    def test_damaged_entries_are_never_dropped(self, home):
        home.commit(*(mixed(n) for n in range(9)))
        with home.file() as file:
            file._connection.execute("UPDATE entry SET event = zeroblob(9) WHERE sequence = 4")
        home.drain()
        done = home.compact()
        assert (done.moved, done.left, done.stuck) == (8, 1, 4)
        assert home.compact().left == 1

    def test_who_is_erased_on_the_way_is_not_brought_back(self, home):
        home.commit(entry_of(1), entry_of(2))
        home.drain()

        class Erasing:
            def __getattr__(self, name):
                return getattr(home.log, name)

            def append_numbered(self, part, tables, *, gone):
                with home.file() as file:
                    file.erase("account-1")
                home.log.erase(["account-1"])
                return home.log.append_numbered(part, tables, gone=gone)

        with errands(home.journal) as writer:
            work = Compaction(
                home.journal, Erasing(), home.open_store(), writer, clock=lambda: 1e12
            )
            work.run(min_age_s=0)
        (table,) = home.log.read(EventType.SIGNUPS)
        assert table["account_id"].to_pylist() == ["account-2"]

    def test_the_profile_of_who_is_erased_on_the_way_is_not_brought_back(self, home):
        home.commit(*(entry_of(n, EventType.USAGE) for n in (1, 2)))
        home.drain()

        with errands(home.journal) as writer:
            Compaction(home.journal, home.log, Erasing(home), writer, clock=lambda: 1e12).run()
        store = home.open_store()
        assert store.read_profiles()["account_id"].to_pylist() == ["account-2"]
        assert store.fingerprint() == home.rebuilt("again").fingerprint()

    def test_old_answers_are_dropped_after_their_retention(self, home):
        home.commit(*(entry_of(n) for n in range(5)))
        home.clock[0] += 86_400 * 20
        home.commit(*(entry_of(n) for n in range(5, 8)))
        home.drain()
        assert home.compact().pruned == 0
        done = home.compact(clock=lambda: home.clock[0] + 86_400 * 15)
        assert done.pruned == 5
        assert rows_in(home.journal, "SELECT min(sequence) FROM entry") == [(6,)]
        from ringfinder.journal.check import check_journal

        assert check_journal(home.journal).sound
        home.commit(entry_of("new"))
        assert check_journal(home.journal).sound


class TestSettle:
    def test_graph_and_log_have_what_was_accepted_and_the_store_stays_open(self, home):
        home.clock[0] = time.time() - 120
        home.commit(*(mixed(n) for n in range(9)))
        store = home.open_store()
        assert settle(home.journal, home.log, store).moved == 9
        assert store.read_profiles()["exchanges"].to_pylist() == [2] * 3
        assert settle(home.journal, home.log, store).moved == 0

    def test_without_a_journal_nothing_happens(self, home, tmp_path):
        assert settle(tmp_path / "none", home.log, home.open_store()) is None
        assert not (tmp_path / "none").exists()

    def test_a_writer_that_does_not_answer_is_told_and_stops_no_run(self, home, monkeypatch):
        home.clock[0] = time.time() - 120
        home.commit(mixed(0))
        monkeypatch.setattr("ringfinder.journal.settling._PATIENCE_S", 0.1)
        told = []
        with only_writer(home.journal):
            assert settle(home.journal, home.log, home.open_store(), told.append) is None
        assert "keeps its events" in told[0]
        assert home.open_store().applied() == ((1, 1),)
        assert settle(home.journal, home.log, home.open_store()).dropped == 1


def all_of(follower):
    """What there is to follow, until that is all; the next look finds nothing more."""
    found, is_all = [], False
    while not is_all:
        page, is_all = follower.take()
        found += page
    assert follower.take() == ([], True)
    return found


class TestFollow:
    def test_it_misses_nothing_that_moves_meanwhile(self, home, monkeypatch):
        monkeypatch.setattr("ringfinder.journal.tail.PAGE", 4)
        home.commit(*(mixed(n) for n in range(30)))
        home.drain()
        with closing(Reader(home.journal)) as reader:
            follower = Follower(reader, 2, home.log)
            page, is_all = follower.take()
            assert len(page) == 4
            assert not is_all
            home.compact()
            seen = [entry.sequence for entry in (*page, *all_of(follower))]
        assert seen == list(range(3, 31))

    def test_what_has_moved_comes_in_pages_too(self, home, monkeypatch):
        home.commit_and_move(*(mixed(n) for n in range(50)))
        home.commit(*(mixed(n) for n in range(50, 60)))
        made, to_entries = [], moved._to_entries

        def counted(kind, events):
            for entry in to_entries(kind, events):
                made.append(entry.sequence)
                yield entry

        monkeypatch.setattr("ringfinder.journal.tail.PAGE", 4)
        monkeypatch.setattr(moved, "_to_entries", counted)
        with closing(Reader(home.journal)) as reader:
            follower, seen, is_all = Follower(reader, 2, home.log), [], False
            while not is_all:
                page, is_all = follower.take()
                seen += [entry.sequence for entry in page]
                assert len(page) <= 4
                assert len(made) <= len(seen) + len(KINDS)  # and the next of each type
        assert seen == list(range(3, 61))

    def test_of_what_has_moved_it_leaves_out_what_is_known(self, home, monkeypatch):
        monkeypatch.setattr("ringfinder.journal.tail.PAGE", 4)
        home.commit_and_move(*(mixed(n) for n in range(30)))
        with closing(Reader(home.journal)) as reader:
            known = ((5, 12), (20, 21))
            seen = [entry.sequence for entry in all_of(Follower(reader, 2, home.log, known))]
        assert seen == [3, 4, *range(13, 20), *range(22, 31)]

    def test_after_a_failure_it_goes_on_where_it_was(self, home, monkeypatch):
        monkeypatch.setattr("ringfinder.journal.tail.PAGE", 4)
        monkeypatch.setattr(moved, "AT_ONCE", 2)
        home.commit_and_move(*(entry_of(n) for n in range(20)))
        to_entries, calls = moved._to_entries, iter(range(99))

        def failing(kind, events):
            if next(calls) == 5:
                raise StoreError("the disk")
            return to_entries(kind, events)

        monkeypatch.setattr(moved, "_to_entries", failing)
        with closing(Reader(home.journal)) as reader:
            follower = Follower(reader, 0, home.log)
            seen = [entry.sequence for _ in range(2) for entry in follower.take()[0]]
            with pytest.raises(StoreError):
                follower.take()
            seen += [entry.sequence for entry in all_of(follower)]
        assert seen == list(range(1, 21))

    def test_an_erasure_meanwhile_does_not_end_it(self, home, monkeypatch):
        monkeypatch.setattr("ringfinder.journal.tail.PAGE", 4)
        home.commit_and_move(*(entry_of(n) for n in range(20)))
        with closing(Reader(home.journal)) as reader:
            follower = Follower(reader, 0, home.log)
            seen = [entry.sequence for entry in follower.take()[0]]
            home.log.erase(["account-15"])
            seen += [entry.sequence for entry in all_of(follower)]
        assert set(seen) >= set(range(1, 21)) - {16}

    def test_it_misses_nothing_that_is_committed_between_two_of_its_reads(self, home, monkeypatch):
        home.commit(mixed(0))
        with closing(Reader(home.journal)) as reader:
            follower, late = Follower(reader, 0, home.log), iter(range(1, 9))
            sound = Reader._sound

            def committing(self, rows):  # after the rows were read, before anything else is
                number = next(late, None)
                if number is not None:
                    home.commit(mixed(number))
                return sound(self, rows)

            monkeypatch.setattr(Reader, "_sound", committing)
            seen = [entry.sequence for _ in range(20) for entry in follower.take()[0]]
        assert seen == list(range(1, 10))

    def test_a_page_of_damaged_entries_hides_none_behind_it(self, home, monkeypatch):
        monkeypatch.setattr("ringfinder.journal.tail.PAGE", 2)
        home.commit(*(mixed(n) for n in range(6)))
        with home.file() as file:
            file._connection.execute(
                "UPDATE entry SET event = zeroblob(9) WHERE sequence IN (3, 4)"
            )
        with closing(Reader(home.journal)) as reader:
            seen = [entry.sequence for entry in all_of(Follower(reader, 0, home.log))]
        assert seen == [1, 2, 5, 6]

    def test_what_moved_from_between_two_that_are_held_is_not_missed(self, home):
        home.commit(
            *(replace(mixed(n), event=b"{}") if n in {2, 5} else mixed(n) for n in range(9))
        )
        home.drain()
        assert home.compact().left == 2
        home.commit(*(mixed(n) for n in range(9, 12)))
        with closing(Reader(home.journal)) as reader:
            seen = [entry.sequence for entry in all_of(Follower(reader, 0, home.log))]
        assert seen == list(range(1, 13))

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.sampled_from(["take", "commit", "compact", "erase"]), max_size=10))
    def test_compactions_and_erasures_between_pages_hide_nothing_and_double_nothing(self, does):
        with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as path:
            patch.setattr("ringfinder.journal.tail.PAGE", 3)
            patch.setattr(moved, "AT_ONCE", 2)
            home, seen, erased, made = Home(Path(path)), [], set(), 0
            with closing(Reader(home.journal)) as reader:
                follower = Follower(reader, 0, home.log)
                for do in ["commit", *does, "take"]:
                    if do == "take":
                        seen += [entry.sequence for entry in follower.take()[0]]
                    elif do == "commit":
                        home.commit(*(entry_of(n) for n in range(made, made + 7)))
                        made += 7
                    elif do == "compact":
                        home.drain()
                        home.compact()
                    else:
                        account = 5 * len(erased) % made
                        erased.add(account + 1)
                        with home.file() as file:
                            file.erase(f"account-{account}")
                        home.log.erase([f"account-{account}"])
                seen += [entry.sequence for entry in all_of(follower)]
        assert seen == sorted(set(seen))
        assert set(seen) | erased == set(range(1, made + 1))

    def test_events_come_from_the_log_as_the_journal_had_them(self, home):
        home.commit(*(mixed(n) for n in range(6)))
        before = entries_in(home.journal)
        home.drain()
        home.compact()
        with closing(Reader(home.journal)) as reader:
            after, _ = Follower(reader, 0, home.log).take()
        assert [(e.sequence, e.event_type, e.account_id) for e in after] == [
            (e.sequence, e.event_type, e.account_id) for e in before
        ]
        from ringfinder.journal import decode_event

        assert [decode_event(e.event) for e in after] == [decode_event(e.event) for e in before]

    def test_loaded_events_are_left_out(self, home):
        home.commit(entry_of(1))
        home.log.append([signups("loaded")])
        home.drain()
        home.compact()
        with closing(Reader(home.journal)) as reader:
            assert [e.sequence for e in all_of(Follower(reader, 0, home.log))] == [1]

    def test_a_client_follows_across_a_compaction(self, home):
        home.commit_and_move(*(mixed(n) for n in range(9)))
        home.commit(mixed(9))
        with client_of(home.path) as (runner, journal):

            async def follow():
                seen = []
                async with asyncio.timeout(5):
                    async for entries in journal.tail(0, log=home.log):
                        seen += [entry.sequence for entry in entries]
                        if len(seen) == 10:
                            break
                return seen

            assert runner.run(follow()) == list(range(1, 11))
