"""The journal over its socket: real writers, several clients, and what can befall them."""

import asyncio
import contextlib
import os
import re
import resource
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from journals import (
    WriterProcess,
    client_of,
    entries_in,
    entry_of,
    rows_in,
    writer_at,
)

from ringfinder.errors import InputError, StoreError
from ringfinder.journal import (
    Committed,
    Conflict,
    Journal,
    JournalUnavailable,
    Reader,
    Repeated,
    errands,
    serve_writer,
)
from ringfinder.journal import writer as writer_module
from ringfinder.journal.changes import ChangeLog
from ringfinder.journal.check import check_journal
from ringfinder.journal.file import JournalFile
from ringfinder.journal.tail import Follower
from ringfinder.store import EventLog, EventType
from ringfinder.store.files import locked

STALL = """
import time
from ringfinder.journal.file import JournalFile
commit = JournalFile.commit
def slow(self, entries):
    if (home / "stall").exists():
        time.sleep({seconds})
    return commit(self, entries)
JournalFile.commit = slow
"""


@pytest.fixture
def home(tmp_path):
    """A data directory with a writer at work."""
    with writer_at(tmp_path):
        yield tmp_path


@pytest.fixture
def client(tmp_path):
    """Speak to a writer in this process: ``client(lambda journal: journal.commit(...))``."""

    async def begun():
        ready = asyncio.Event()
        places = (tmp_path / "journal", tmp_path / "events")
        writer = asyncio.create_task(serve_writer(*places, ready=ready.set))
        await ready.wait()
        return writer

    async def ended(writer):
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)

    with client_of(tmp_path) as (runner, journal):
        writer = runner.run(begun())
        yield lambda work: runner.run(work(journal))
        runner.run(ended(writer))


class TestCommit:
    def test_a_new_event_gets_the_next_number(self, client):
        assert client(lambda j: j.commit(entry_of(1), 5)) == Committed(1)
        assert client(lambda j: j.commit(entry_of(2), 5)) == Committed(2)
        assert client(lambda j: j.last_sequence()) == 2

    def test_a_repetition_gets_the_stored_answer_whatever_it_brings_along(self, client):
        first = entry_of(1, country="DE")
        client(lambda j: j.commit(first, 5))
        again = entry_of(1, country="FR")
        again = type(again)(*(getattr(again, f) for f in again.__slots__[:-1]), b"another answer")
        assert client(lambda j: j.commit(again, 5)) == Repeated(1, first.answer)

    def test_another_body_under_the_same_id_is_a_conflict(self, client):
        client(lambda j: j.commit(entry_of(1), 5))
        assert client(lambda j: j.commit(entry_of(1, body=b"other"), 5)) == Conflict()

    def test_types_have_ids_of_their_own(self, client):
        told = client(lambda j: j.commit_many([entry_of(1), entry_of(1, EventType.LOGINS)], 5))
        assert told == [Committed(1), Committed(2)]

    def test_a_batch_is_answered_item_by_item_repetitions_within_it_too(self, client):
        client(lambda j: j.commit(entry_of(1), 5))
        told = client(
            lambda j: j.commit_many(
                [entry_of(1), entry_of(2), entry_of(2), entry_of(2, body=b"x"), entry_of(3)], 5
            )
        )
        assert told == [
            Repeated(1, b"answer 1"), Committed(2), Repeated(2, b"answer 2"), Conflict(),
            Committed(3),
        ]  # fmt: skip

    def test_nothing_to_commit_is_no_error(self, client):
        assert client(lambda j: j.commit_many([], 5)) == []

    @pytest.mark.parametrize("entry", [entry_of("x" * 70_000), entry_of(1, body=b"x" * 33)])
    def test_what_cannot_be_kept_is_refused_before_it_is_sent(self, client, entry):
        with pytest.raises(InputError):
            client(lambda j: j.commit(entry, 5))

    def test_large_batches_arrive_whole(self, client):
        told = client(lambda j: j.commit_many([entry_of(n) for n in range(6_000)], 20))
        assert told == [Committed(n + 1) for n in range(6_000)]

    def test_a_committed_event_is_found_by_id_and_account(self, client):
        entry = entry_of(1)
        client(lambda j: j.commit(entry, 5))
        found = client(lambda j: j.find(EventType.SIGNUPS, "e1"))
        assert (found.sequence, found.account_id, found.event) == (1, "account-1", entry.event)
        assert client(lambda j: j.signups_of("account-1")) == [found]
        assert client(lambda j: j.find(EventType.LOGINS, "e1")) is None

    def test_the_signups_of_an_account_are_found_newest_first_among_all_it_did(self, client):
        told = [entry_of(n, EventType.SIGNUPS, account="busy") for n in range(3)]
        used = [entry_of(n, EventType.USAGE, account="busy") for n in range(5000)]
        client(lambda j: j.commit_many([*told[:2], *used, told[2], entry_of(9)], 20))
        assert [one.sequence for one in client(lambda j: j.signups_of("busy"))] == [5003, 2, 1]
        assert [one.sequence for one in client(lambda j: j.signups_of("busy", 2))] == [5003, 2]

    def test_what_an_account_used_does_not_slow_down_who_asks_for_its_signup(self, home):
        used = [entry_of(n, EventType.USAGE, account="busy") for n in range(5000)]
        with client_of(home) as (runner, journal):
            runner.run(journal.commit_many([*used, entry_of(1, account="busy")], 20))
        with closing(Reader(home / "journal")) as reader:
            reader.last_sequence()  # opens it
            steps = []
            reader._connection.set_progress_handler(lambda: steps.append(1), 100)
            assert len(reader.signups_of("busy", 20)) == 1
        assert len(steps) < 5

    def test_who_asks_does_not_wait_for_who_reads_what_has_moved(self, home, monkeypatch):
        let_go = threading.Event()
        monkeypatch.setattr(Follower, "take", lambda self: (let_go.wait(20), ([], True))[1])

        async def both(journal):
            await journal.commit(entry_of(1), 5)
            tail = asyncio.create_task(anext(journal.tail(0)))
            await asyncio.sleep(0.1)
            try:
                async with asyncio.timeout(5):
                    assert await journal.find(EventType.SIGNUPS, "e1") is not None
                    assert (await journal.lag()).events == 1
            finally:
                let_go.set()
            assert await tail == []

        with client_of(home) as (runner, journal):
            runner.run(both(journal))

    def test_many_at_once_share_syncs(self, client, monkeypatch):
        groups, commit = [], JournalFile.commit

        def counted(self, entries):
            groups.append(len(entries))
            return commit(self, entries)

        monkeypatch.setattr(JournalFile, "commit", counted)

        async def both(journal):
            for n in range(30):
                await journal.commit(entry_of(f"alone{n}"), 5)
            alone = groups.copy()
            await asyncio.gather(*(journal.commit(entry_of(n), 5) for n in range(1000)))
            return alone, groups[len(alone) :]

        alone, together = client(both)
        assert alone == [1] * 30
        assert sum(together) == 1000
        assert len(together) <= 20


class TestTail:
    def test_another_process_sees_an_event_within_100_ms(self, tmp_path, client):
        follower = """
import asyncio, sys, time
from pathlib import Path
from ringfinder.journal import Journal
async def follow():
    async for entries in Journal(Path(sys.argv[1])).tail(0):
        for entry in entries:
            print(entry.sequence, time.time(), flush=True)
asyncio.run(follow())
"""
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", follower, str(tmp_path / "journal")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            client(lambda j: j.commit(entry_of("first"), 5))
            assert process.stdout.readline().startswith(b"1 ")
            delays = []
            for n in range(2, 12):
                client(lambda j, n=n: j.commit(entry_of(n), 5))
                done = time.time()
                number, seen = process.stdout.readline().split()
                assert int(number) == n
                delays.append(float(seen) - done)
            process.kill()
        assert statistics.median(delays) < 0.1

    def test_it_begins_after_the_number_that_is_known(self, client):
        client(lambda j: j.commit_many([entry_of(n) for n in range(5)], 5))

        assert client(lambda j: first_of(j.tail(3))) == [4, 5]

    def test_it_says_once_that_it_has_told_everything(self, client):
        client(lambda j: j.commit_many([entry_of(n) for n in range(3)], 5))
        client(lambda j: j.erase("account-2", 5))  # the newest entry is told to nobody

        async def told(journal):
            tail, seen = journal.tail(0), []
            async with asyncio.timeout(5):
                while page := await anext(tail):
                    seen += [entry.sequence for entry in page]
            return seen

        assert client(told) == [1, 2]

    def test_several_tails_of_one_client_see_everything(self, client):
        client(lambda j: j.commit(entry_of(0), 5))

        async def both(journal):
            tails = [journal.tail(0), journal.tail(0)]
            seen = [await first_of(tail) for tail in tails]
            for n in range(1, 6):
                waiting = [asyncio.ensure_future(first_of(tail)) for tail in tails]
                await asyncio.sleep(0.05)
                await journal.commit(entry_of(n), 5)
                async with asyncio.timeout(5):
                    for part, page in zip(seen, waiting, strict=True):
                        part.extend(await page)
            return seen

        assert client(both) == [[1, 2, 3, 4, 5, 6]] * 2

    def test_it_leaves_out_what_is_known_beyond_that(self, client):
        client(lambda j: j.commit_many([entry_of(n) for n in range(9)], 5))

        known = ((1, 3), (5, 6), (20, 30))
        assert client(lambda j: first_of(j.tail(1, known=known))) == [4, 7, 8, 9]


class TestErase:
    def test_events_answers_and_bytes_go_and_a_repetition_brings_nothing_back(
        self, tmp_path, client
    ):
        canary = entry_of(1, account="canary-account")
        client(lambda j: j.commit_many([canary, entry_of(2)], 5))
        assert client(lambda j: j.erase("canary-account", 5)) == 1
        for path in (tmp_path / "journal").iterdir():
            assert path.is_socket() or b"canary-account" not in path.read_bytes(), path
        assert client(lambda j: j.commit(canary, 5)) == Repeated(1, None)
        assert client(lambda j: j.commit(entry_of(1, body=b"x"), 5)) == Conflict()
        assert [entry.sequence for entry in entries_in(tmp_path / "journal")] == [2]
        assert check_journal(tmp_path / "journal").sound

    def test_what_was_sent_before_it_is_erased_too(self, client):
        async def sent_together(journal):
            await journal.commit(entry_of(1), 5)
            entry = entry_of(2, account="canary-account")
            return await asyncio.gather(
                journal.commit(entry, 5), journal.erase("canary-account", 5)
            )

        assert client(sent_together) == [Committed(2), 1]

    def test_an_unknown_account_is_no_error(self, client):
        assert client(lambda j: j.erase("nobody", 5)) == 0

    def test_readers_are_waited_for(self, tmp_path, client):
        client(lambda j: j.commit(entry_of(1), 5))
        from ringfinder.journal.tables import NAME, open_reading

        reader = open_reading(tmp_path / "journal" / NAME)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM entry").fetchall()
        client(lambda j: j.commit(entry_of(2), 5))
        with pytest.raises(JournalUnavailable):
            client(lambda j: j.erase("account-1", 0.1))
        assert client(lambda j: j.commit(entry_of(3), 5)) == Committed(3)
        reader.close()
        client(lambda j: j.erase("account-1", 5))


class TestDeadline:
    def test_without_a_writer_it_ends_in_time(self, tmp_path):
        with client_of(tmp_path) as (runner, journal):
            start = time.monotonic()
            with pytest.raises(JournalUnavailable, match="within 80 ms"):
                runner.run(journal.commit(entry_of(1), 0.08))
            assert time.monotonic() - start < 1.5

    def test_a_writer_that_comes_later_is_found(self, tmp_path):
        with client_of(tmp_path) as (runner, journal):
            with pytest.raises(JournalUnavailable):
                runner.run(journal.commit(entry_of(1), 0.05))
            with writer_at(tmp_path):
                assert runner.run(journal.commit(entry_of(1), 5)) == Committed(1)

    def test_a_stalled_disk_is_told_in_time_and_the_answer_is_kept(self, tmp_path):
        with (
            writer_at(tmp_path, before=f"home = Path(sys.argv[1])\n{STALL.format(seconds=2)}"),
            client_of(tmp_path) as (runner, journal),
        ):
            runner.run(journal.commit(entry_of("before"), 5))
            (tmp_path / "stall").touch()
            start = time.monotonic()
            with pytest.raises(JournalUnavailable):
                runner.run(journal.commit(entry_of(1), 0.08))
            assert time.monotonic() - start < 1.5
            (tmp_path / "stall").unlink()
            assert runner.run(journal.commit(entry_of(1), 5)) == Repeated(2, b"answer 1")

    def test_a_writer_that_stands_still_is_not_reached(self, home):
        with client_of(home) as (runner, journal):
            runner.run(journal.reach(5))
            pid = int((home / "journal" / "lock").read_text())
            os.kill(pid, signal.SIGSTOP)
            try:
                for _ in range(50):
                    with pytest.raises(JournalUnavailable, match="does not answer"):
                        runner.run(journal.reach(0.01))
                assert len(journal._dialer._link._asked) == 1  # however many want to know
            finally:
                os.kill(pid, signal.SIGCONT)
            runner.run(journal.reach(5))
            assert runner.run(journal.last_sequence()) == 0

    def test_that_the_writer_answers_proves_nothing_of_a_disk_that_refused(self, home):
        with client_of(home) as (runner, journal):
            journal._refusal = time.monotonic(), "its disk refuses"
            runner.run(journal.reach(5))
            assert journal.why_refused() == "its disk refuses"

    def test_a_writer_that_stands_still_is_not_buried(self, home):
        with client_of(home) as (runner, journal):
            journal._dialer._max_pending = 50
            runner.run(journal.commit(entry_of("before"), 5))
            pid = int((home / "journal" / "lock").read_text())
            os.kill(pid, signal.SIGSTOP)
            try:
                journal._dialer._link._max_pending = 50
                for n in range(50):
                    with pytest.raises(JournalUnavailable, match="did not confirm"):
                        runner.run(journal.commit(entry_of(n), 0.001))
                with pytest.raises(JournalUnavailable, match="behind by 50 entries"):
                    runner.run(journal.commit(entry_of("one more"), 5))
            finally:
                os.kill(pid, signal.SIGCONT)
            runner.run(asyncio.sleep(0.5))
            assert isinstance(runner.run(journal.commit(entry_of("after"), 5)), Committed)


class TestProcesses:
    def test_a_second_writer_is_refused_and_the_first_is_named(self, home):
        second = WriterProcess(home)
        assert second.process.wait(timeout=20) == 1
        assert "in use by another process" in second.complaint()
        second.end(signal.SIGCONT)

    def test_a_socket_left_behind_does_not_matter(self, tmp_path):
        with writer_at(tmp_path) as writer:
            writer.end(signal.SIGKILL)
        assert (tmp_path / "journal" / "writer.sock").is_socket()
        with writer_at(tmp_path), client_of(tmp_path) as (runner, journal):
            assert runner.run(journal.commit(entry_of(1), 5)) == Committed(1)

    def test_a_deep_directory_is_no_obstacle(self, tmp_path):
        deep = tmp_path / ("d" * 60) / ("e" * 60)
        deep.mkdir(parents=True)
        with writer_at(deep), client_of(deep) as (runner, journal):
            assert runner.run(journal.commit(entry_of(1), 5)) == Committed(1)

    def test_nobody_else_may_read_it(self, home):
        assert (home / "journal").stat().st_mode & 0o077 == 0
        for path in (home / "journal").iterdir():
            if path.name != "lock":
                assert path.stat().st_mode & 0o077 == 0, path

    @pytest.mark.parametrize("gone", [[""], ["-wal"], ["", "-wal", "-shm"]])
    def test_what_it_acknowledges_is_there_also_where_files_are_removed_beneath_it(
        self, tmp_path, gone
    ):
        told = {}

        async def send_until(journal, number):
            while True:  # as everybody does who is told that it is not recorded
                with contextlib.suppress(JournalUnavailable):
                    told[number] = await journal.commit(entry_of(number), 5)
                    return
                await asyncio.sleep(0.02)

        with writer_at(tmp_path) as writer, client_of(tmp_path) as (runner, journal):
            for number in range(10):
                runner.run(send_until(journal, number))
            for suffix in gone:
                (tmp_path / "journal" / f"journal.sqlite{suffix}").unlink()
            for number in range(10, 20):
                runner.run(send_until(journal, number))
            writer.end(signal.SIGKILL)
        first = 10 if "" in gone else 0
        with writer_at(tmp_path), client_of(tmp_path) as (runner, journal):
            for number in range(first, 20):
                answer = runner.run(journal.commit(entry_of(number), 5))
                assert answer.sequence == told[number].sequence
        assert check_journal(tmp_path / "journal").sound
        assert len({result.sequence for result in told.values()}) == 20

    def test_told_to_stop_it_leaves_one_sound_file(self, tmp_path):
        with writer_at(tmp_path) as writer, client_of(tmp_path) as (runner, journal):
            runner.run(journal.commit_many([entry_of(n) for n in range(100)], 5))
            assert writer.end() == 0
        assert {p.name for p in (tmp_path / "journal").iterdir()} == {"journal.sqlite", "lock"}
        assert check_journal(tmp_path / "journal").entries == 100

    def test_a_clock_set_back_changes_no_order(self, tmp_path):
        with writer_at(tmp_path), client_of(tmp_path) as (runner, journal):
            runner.run(journal.commit(entry_of(1), 5))
        before = "import time\ntime.time = lambda: 1e9"
        with writer_at(tmp_path, before=before), client_of(tmp_path) as (runner, journal):
            assert runner.run(journal.commit(entry_of(2), 5)) == Committed(2)
        first, second = entries_in(tmp_path / "journal")
        assert first.sequence < second.sequence
        assert first.committed_ms > second.committed_ms
        assert check_journal(tmp_path / "journal").sound

    def test_nonsense_on_the_socket_disturbs_nobody(self, home):
        path = str(home / "journal" / "writer.sock")
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x20\x01" + bytes(40), b"\0" * 13):
            with socket.socket(socket.AF_UNIX) as stranger:
                stranger.connect(path)
                stranger.sendall(nonsense)
                stranger.settimeout(5)
                with contextlib.suppress(ConnectionResetError):
                    assert stranger.recv(100) == b""
        with client_of(home) as (runner, journal):
            assert runner.run(journal.commit(entry_of(1), 5)) == Committed(1)

    def test_numbers_come_from_the_log_and_outlive_the_writer(self, tmp_path):
        log = EventLog(tmp_path / "events")
        for n in range(2):
            with writer_at(tmp_path), client_of(tmp_path) as (runner, journal):
                assert runner.run(journal.commit(entry_of(n), 5)) == Committed(n + 1)
        assert rows_in(tmp_path / "journal", "SELECT first, last FROM block") == [(1, 1_000_000)]
        assert log.allocated == 1_000_000

    def test_a_log_that_is_being_loaded_delays_no_commit_once_there_are_numbers(self, tmp_path):
        log = EventLog(tmp_path / "events")
        with (
            writer_at(tmp_path),
            client_of(tmp_path) as (runner, journal),
            locked(log.directory / "lock", what="it", exclusive=True, wait_s=5),
        ):
            assert runner.run(journal.commit(entry_of(1), 1)) == Committed(1)


@contextmanager
def opened(tmp_path):
    """Open a journal's file that has numbers to give."""
    home = tmp_path / "journal"
    home.mkdir()
    with closing(JournalFile(home)) as file:
        file.add_block((1, 1000))
        yield file


class TestChanges:
    def test_what_was_moved_into_the_file_is_not_moved_again(self, tmp_path, monkeypatch):
        monkeypatch.setattr(writer_module, "TIDY_BYTES", 100_000)
        moved, move = [], ChangeLog.move
        monkeypatch.setattr(ChangeLog, "move", lambda log: (moved.append(log), move(log)))

        async def run():
            written = asyncio.ensure_future(
                serve_writer(tmp_path / "journal", tmp_path / "events", ready=lambda: None)
            )
            journal = Journal(tmp_path / "journal")
            for number in range(100):
                await journal.commit(entry_of(number, body=bytes(32)), 5)
            await journal.close()
            written.cancel()
            await asyncio.gather(written, return_exceptions=True)

        asyncio.run(run())
        assert 1 <= len(moved) <= 40

    def test_their_log_is_measured_by_what_is_in_it_not_by_its_file(self, tmp_path):
        with opened(tmp_path) as file:
            file.commit([entry_of(number) for number in range(200)])
            before = file.changes.read()
            assert before.unmoved == before.held > 4096 * 10
            file.changes.move()
            assert file.changes.read() == (before.held, 0)
            file.commit([entry_of(200)])
            after = file.changes.read()
            assert 0 < after.held == after.unmoved < before.held
            assert file.path.with_name(f"{file.path.name}-wal").stat().st_size > before.held

    def test_what_is_measured_is_what_sqlite_itself_says(self, tmp_path):
        with opened(tmp_path) as file, closing(sqlite3.connect(file.path)) as other:
            for number in range(60):
                file.commit([entry_of(3 * number + n) for n in range(3)])
                held, unmoved = file.changes.read()
                if number % 7 == 3:
                    answer = other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                    assert held == answer[1] * file.changes._page
                if number % 11 == 5:
                    file.changes.move()
                    assert file.changes.read().unmoved == 0
                assert 0 <= unmoved <= held

    def test_a_log_that_begins_anew_holds_nothing_until_the_next_commit(self, tmp_path):
        with opened(tmp_path) as file:
            file.commit([entry_of(number) for number in range(200)])
            assert file.checkpoint("RESTART")
            assert file.changes.read() == (0, 0)
            file.commit([entry_of(200)])
            assert 0 < file.changes.read().unmoved < 4096 * 20

    def test_measuring_drops_no_lock_that_sqlite_holds(self, tmp_path):
        ask = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)"
            "\ntry: c.execute('BEGIN IMMEDIATE')"
            "\nexcept sqlite3.OperationalError: print('locked')"
        )
        with opened(tmp_path) as file:
            file._connection.execute("BEGIN IMMEDIATE")
            file.changes.read()
            said = subprocess.run(
                [sys.executable, "-c", ask, file.path], capture_output=True, text=True, check=True
            )
            file._connection.execute("ROLLBACK")
        assert said.stdout.strip() == "locked"

    def test_without_a_log_of_changes_there_are_none(self, tmp_path):
        with opened(tmp_path) as file:
            file.path.with_name(f"{file.path.name}-wal").unlink()
            assert file.changes.read() == (0, 0)


class TestErrands:
    def test_they_go_through_the_writer_where_one_runs(self, home):
        with client_of(home) as (runner, journal):
            runner.run(journal.commit_many([entry_of(1), entry_of(2)], 5))
        with errands(home / "journal") as writer:
            assert writer.erase("account-1") == 1
            writer.forget((1, 2))
        assert entries_in(home / "journal") == []

    def test_each_gets_its_own_answer_however_many_are_asked(self, home):
        with client_of(home) as (runner, journal):
            runner.run(journal.commit_many([entry_of(n) for n in range(6)], 5))
        with errands(home / "journal") as writer:
            writer.forget((1, 6))
            assert [writer.prune(10**15, 2) for _ in range(4)] == [2, 2, 2, 0]
            assert writer.erase("account-1") == 0

    def test_and_in_its_place_where_none_does(self, tmp_path):
        with writer_at(tmp_path), client_of(tmp_path) as (runner, journal):
            runner.run(journal.commit_many([entry_of(1), entry_of(2)], 5))
        with errands(tmp_path / "journal") as writer:
            assert writer.erase("account-1") == 1
        assert len(entries_in(tmp_path / "journal")) == 1


class TestStarved:
    def test_a_refusal_is_forgotten_so_that_somebody_tries_again(self, tmp_path, monkeypatch):
        journal = Journal(tmp_path)
        journal._refusal = (time.monotonic(), "its disk refuses")
        assert journal.why_refused() == "its disk refuses"
        monkeypatch.setattr("ringfinder.journal.client.REFUSAL_S", 0.0)
        assert journal.why_refused() is None

    def test_a_disk_without_room_is_told_before_anything_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setattr("ringfinder.journal.client.ROOM_BYTES", 1 << 62)
        assert "make room" in Journal(tmp_path).why_refused()

    def test_a_full_disk_is_a_clear_refusal_and_passes_by_itself(self, tmp_path):
        limit = f"""
import resource, threading, time
def watch():
    while not (home / "full").exists():
        time.sleep(0.01)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    (home / "is_full").touch()
    while (home / "full").exists():
        time.sleep(0.01)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    (home / "is_free").touch()
home = Path({str(tmp_path)!r})
threading.Thread(target=watch, daemon=True).start()
"""
        with writer_at(tmp_path, before=limit), client_of(tmp_path) as (runner, journal):
            runner.run(journal.commit_many([entry_of(n) for n in range(10)], 5))
            (tmp_path / "full").touch()
            wait_for(tmp_path / "is_full")
            refused = 0
            for n in range(10, 30):
                with pytest.raises(JournalUnavailable, match="disk refuses|cannot be opened"):
                    runner.run(journal.commit(entry_of(n), 5))
                refused += 1
            assert re.search("disk refuses|cannot be opened", journal.why_refused())
            (tmp_path / "full").unlink()
            wait_for(tmp_path / "is_free")
            deadline = time.monotonic() + 10
            told = []
            while len(told) < 20 and time.monotonic() < deadline:
                try:
                    told.append(runner.run(journal.commit(entry_of(10 + len(told)), 5)))
                except JournalUnavailable:
                    time.sleep(0.05)
            assert journal.why_refused() is None
        assert refused == 20
        assert len(told) == 20
        assert len(entries_in(tmp_path / "journal")) == 30
        assert check_journal(tmp_path / "journal").sound

    def test_without_file_descriptors_those_connected_go_on_and_others_come_later(self, tmp_path):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

        with (
            writer_at(tmp_path, preexec_fn=few),
            client_of(tmp_path) as (runner, journal),
            client_of(tmp_path) as (other_runner, other),
        ):
            runner.run(journal.commit(entry_of(0), 5))
            path = str(tmp_path / "journal" / "writer.sock")
            crowd = [socket.socket(socket.AF_UNIX) for _ in range(60)]
            for one in crowd:
                one.connect(path)
            with pytest.raises(JournalUnavailable):
                other_runner.run(other.commit(entry_of(1), 0.3))
            assert runner.run(journal.commit(entry_of(2), 5)) == Committed(2)
            for one in crowd:
                one.close()
            told = other_runner.run(other.commit(entry_of(1), 10))
            assert isinstance(told, Committed | Repeated)

    def test_without_numbers_nothing_is_acknowledged_until_there_are_some(self, tmp_path):
        log = EventLog(tmp_path / "events")
        quick = "import ringfinder.journal.writer as w\nw.PREPARE_S = 0.1"
        with locked(log.directory / "lock", what="it", exclusive=True, wait_s=5):
            writer = WriterProcess(tmp_path, before=quick).ready()
            with (
                client_of(tmp_path) as (runner, journal),
                pytest.raises(JournalUnavailable, match="sequence numbers"),
            ):
                runner.run(journal.commit(entry_of(1), 1))
        try:
            with client_of(tmp_path) as (runner, journal):
                deadline = time.monotonic() + 10
                while True:
                    try:
                        assert runner.run(journal.commit(entry_of(1), 1)) == Committed(1)
                        break
                    except JournalUnavailable:
                        assert time.monotonic() < deadline
                        time.sleep(0.05)
        finally:
            writer.end()

    def test_a_journal_that_cannot_be_made_says_so(self, tmp_path):
        (tmp_path / "journal").write_text("not a directory")
        writer = WriterProcess(tmp_path)
        assert writer.process.wait(timeout=20) == 1
        assert StoreError.__name__ in writer.complaint()
        writer.end(signal.SIGCONT)


async def first_of(tail) -> list[int]:
    """Return the numbers of the first page that is not empty."""
    while not (page := await anext(tail)):
        pass
    return [entry.sequence for entry in page]


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
