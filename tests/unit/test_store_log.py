"""The event log: whole appends, each event once, damage detected, the past as it was known."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stored import START_MS, events_of, files_of, pseudonym, signups

from ringfinder.errors import InputError, StoreError, StoreUnavailable
from ringfinder.store import EventLog, EventType, segments
from ringfinder.store.files import locked

APPENDER = """
import sys
from pathlib import Path
from ringfinder.store import EventLog
from stored import signups
log = EventLog(Path(sys.argv[1]))
table = signups(*(f"a{n}" for n in range(20_000)))
print("go", flush=True)
log.append([table])
print("done", flush=True)
"""


class Killed(BaseException):
    """Stands for kill -9: no handler of ours sees it."""


@pytest.fixture
def log(tmp_path) -> EventLog:
    """An empty log."""
    return EventLog(tmp_path / "events", wait_s=0.1)


def everything(log, kind=EventType.SIGNUPS, **options):
    """Return all events of a type as rows."""
    return [row for table in log.read(kind, **options) for row in table.to_pylist()]


def account_ids(log, **options):
    """Return the accounts of all sign-ups, in order."""
    return [row["account_id"] for row in everything(log, **options)]


class TestAppend:
    def test_events_come_back_in_order_with_their_sequence_numbers(self, log):
        told = log.append(
            [
                signups("b", "a", values={"ip": "x"}),
                events_of(EventType.LOGINS, {"account_id": "a"}),
            ]
        )
        assert told.last_sequence == log.last_sequence == 3
        assert told.recorded == {EventType.SIGNUPS: 2, EventType.LOGINS: 1}
        rows = everything(log)
        assert [(row["sequence"], row["account_id"]) for row in rows] == [(1, "b"), (2, "a")]
        assert rows[0]["values"] == [{"kind": "ip", "pseudonym": pseudonym("x")}]
        assert everything(log, EventType.LOGINS)[0]["sequence"] == 3

    def test_an_event_id_counts_once_within_an_append_and_across_appends(self, log):
        kind, table = signups("a", "b")
        told = log.append([(kind, pa.concat_tables([table, table])), (kind, table)])
        assert (told.recorded[kind], told.duplicates[kind]) == (2, 4)
        told = log.append([(kind, table), signups("a", "b", "c")])
        assert (told.recorded[kind], told.duplicates[kind]) == (1, 4)
        assert account_ids(log) == ["a", "b", "c"]
        assert log.last_sequence == 3

    def test_the_first_of_two_events_with_one_id_counts(self, log):
        log.append([signups("a", event_id="e", country="DE")])
        log.append([signups("b", event_id="e", country="FR")])
        assert [row["country"] for row in everything(log)] == ["DE"]

    def test_types_have_ids_of_their_own(self, log):
        log.append([events_of(EventType.LOGINS, {"account_id": "a", "event_id": "row 1"})])
        log.append([events_of(EventType.PAYMENTS, {"account_id": "a", "event_id": "row 1"})])
        assert log.last_sequence == 2

    def test_an_append_of_nothing_new_changes_no_file(self, log):
        log.append([signups("a")])
        before = (files_of(log.directory), (log.directory / "manifest.json").read_bytes())
        log.append([signups("a")])
        log.append([])
        assert (files_of(log.directory), (log.directory / "manifest.json").read_bytes()) == before

    def test_large_tables_are_cut_into_segments_without_losing_ids(self, log, monkeypatch):
        monkeypatch.setattr(segments, "ROWS_PER_SEGMENT", 3)
        kind, table = signups(*"abcdefgh")
        log.append([(kind, pa.concat_tables([table, table]))])
        assert [(s.first, s.last) for s in log.segments(kind)] == [(1, 3), (4, 6), (7, 8)]
        assert account_ids(log) == list("abcdefgh")

    def test_a_generator_of_tables_is_taken_one_at_a_time(self, log):
        def tables():
            yield signups("a")
            assert len(list(log.directory.glob("signups-*-events-*"))) == 1
            yield signups("b")

        assert log.append(tables()).last_sequence == 2

    def test_a_bad_table_keeps_the_good_ones_before_it_out_too(self, log):
        kind, bad = signups("b")
        with pytest.raises(InputError):
            log.append([signups("a"), (kind, bad.drop_columns(["account_id"]))])
        assert log.last_sequence == 0
        assert log.append([signups("c")]).last_sequence == 1
        assert account_ids(log) == ["c"]

    def test_another_appender_is_waited_for_and_then_named(self, log):
        with (
            locked(log.directory / "lock", what="it", exclusive=True, wait_s=1),
            pytest.raises(StoreUnavailable, match="event log .* process"),
        ):
            log.append([signups("a")])

    def test_a_full_disk_is_a_clear_refusal(self, log, monkeypatch):
        def full(*_args, **_more):
            raise OSError(28, "No space left on device")

        log.append([signups("a")])
        with monkeypatch.context() as patch:
            patch.setattr(pq, "write_table", full)
            with pytest.raises(StoreError, match="No space left on device; nothing was recorded"):
                log.append([signups("b")])
        assert account_ids(log) == ["a"]


class TestInterrupted:
    @pytest.mark.parametrize("call", ["fsync", "replace"])
    def test_whatever_step_an_append_dies_at_it_is_whole_or_absent(
        self, tmp_path, monkeypatch, call
    ):
        outcomes = set()
        for step in range(1, 40):
            log = EventLog(tmp_path / f"{call}{step}")
            more = [signups("b", "c"), events_of(EventType.USAGE, {"account_id": "a"})]
            log.append([signups("a")])
            with monkeypatch.context() as patch:
                steps = die_at(patch, call, step)
                with contextlib.suppress(Killed):
                    log.append(more)
            reopened = EventLog(tmp_path / f"{call}{step}")
            outcomes.add(reopened.last_sequence)
            assert reopened.last_sequence in {1, 4}
            reopened.check()
            assert reopened.append(more).last_sequence == 4
            named = {e.name for s in reopened.segments() for e in s.files()}
            assert files_of(reopened.directory) == named
            assert not list(reopened.directory.glob("*.tmp"))
            if len(steps) < step:
                break
        assert outcomes == {1, 4}

    def test_an_append_killed_by_the_system_leaves_nothing_half(self, tmp_path):
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        for delay_s in (0.0, 0.05, 0.15):
            command = [sys.executable, "-c", APPENDER, str(tmp_path / "events")]
            with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as appender:
                assert appender.stdout.readline() == b"go\n"
                time.sleep(delay_s)
                appender.kill()
            log = EventLog(tmp_path / "events")
            assert log.last_sequence in {0, 20_000}
            log.check()

    def test_what_an_interrupted_append_left_is_swept(self, log):
        log.append([signups("a")])
        (log.directory / "signups-x.tmp").write_text("half")
        (log.directory / "signups-y.parquet").write_text("never named")
        log.append([signups("b")])
        assert not list(log.directory.glob("signups-[xy]*"))


def die_at(patch, call, step):
    """Let the nth fsync or rename be the last thing that happens; return the calls so far."""
    owner = {"fsync": os, "replace": Path}[call]
    real = getattr(owner, call)
    calls = []

    def dying(*args):
        calls.append(args)
        if len(calls) == step:
            raise Killed
        return real(*args)

    patch.setattr(owner, call, dying)
    return calls


class TestDamage:
    @pytest.mark.parametrize("harm", ["cut", "flipped", "emptied", "removed"])
    @pytest.mark.parametrize("part", ["events", "ids", "hours"])
    def test_a_damaged_file_is_found_and_named(self, log, harm, part):
        log.append([events_of(EventType.USAGE, {"account_id": "a"}, {"account_id": "b"})])
        (path,) = log.directory.glob(f"usage-*-{part}-*.parquet")
        whole = path.read_bytes()
        middle = len(whole) // 2
        flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        content = {"cut": whole[:middle], "flipped": flipped, "emptied": b""}
        if harm == "removed":
            path.unlink()
        else:
            path.write_bytes(content[harm])
        with pytest.raises(StoreError, match=path.name):
            EventLog(log.directory).check()
        if part == "events":
            with pytest.raises(StoreError, match=f"{path.name}.*backup"):
                everything(EventLog(log.directory), EventType.USAGE)
        if part == "ids":
            with pytest.raises(StoreError, match=path.name):
                EventLog(log.directory).append([events_of(EventType.USAGE, {"account_id": "c"})])

    @pytest.mark.parametrize(
        "harm", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"format": 1, "sha256": "0", "body": "{}"}']
    )
    def test_a_damaged_manifest_is_refused(self, log, harm):
        log.append([signups("a")])
        (log.directory / "manifest.json").write_bytes(harm)
        with pytest.raises(StoreError, match="manifest.json is damaged"):
            _ = log.last_sequence

    def test_a_flipped_number_in_the_manifest_is_found(self, log):
        log.append([signups("a", "b")])
        path = log.directory / "manifest.json"
        path.write_text(path.read_text().replace('\\"next_sequence\\":3', '\\"next_sequence\\":2'))
        with pytest.raises(StoreError, match="damaged"):
            log.append([signups("c")])

    def test_a_lost_manifest_is_not_taken_for_an_empty_log(self, log):
        log.append([signups("a")])
        (log.directory / "manifest.json").unlink()
        with pytest.raises(StoreError, match="missing"):
            log.append([signups("b")])
        assert len(files_of(log.directory)) == 2

    def test_a_manifest_of_a_later_version_is_refused(self, log):
        log.append([signups("a")])
        path = log.directory / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
        with pytest.raises(StoreError, match="format 2"):
            log.segments()


class TestThePast:
    def test_events_are_read_as_they_were_known_at_a_time(self, log):
        log.append([signups("a", received_ms=START_MS + 10)])
        log.append(
            [
                events_of(
                    EventType.SIGNUPS,
                    {"account_id": "late", "received_ms": START_MS + 99},
                    {"account_id": "b", "received_ms": START_MS + 20},
                )
            ]
        )
        assert account_ids(log, known_by_ms=START_MS + 9) == []
        assert account_ids(log, known_by_ms=START_MS + 10) == ["a"]
        assert account_ids(log, known_by_ms=START_MS + 20) == ["a", "b"]
        assert account_ids(log) == ["a", "late", "b"]

    def test_chosen_columns_only_are_read(self, log):
        log.append([signups("a")])
        assert everything(log, columns=["account_id"]) == [
            {"received_ms": START_MS, "account_id": "a"}
        ]


class TestErasure:
    def test_an_erased_account_is_gone_from_rows_and_bytes(self, log):
        log.append(
            [
                signups("canary-account", "b"),
                events_of(EventType.USAGE, {"account_id": "canary-account"}),
            ]
        )
        assert log.erase(["canary-account"]) == 2
        assert account_ids(log) == ["b"]
        for path in log.directory.rglob("*"):
            assert path.is_dir() or b"canary-account" not in path.read_bytes()
        log.check()

    def test_a_reader_that_is_under_way_reads_on(self, log):
        for account in ("a", "b", "c"):
            log.append([signups(account, f"{account}2")])
        reading = log.read(EventType.SIGNUPS)
        assert next(reading)["account_id"].to_pylist() == ["a", "a2"]
        EventLog(log.directory).erase(["b", "c2"])
        assert [table["account_id"].to_pylist() for table in reading] == [["b2"], ["c"]]

    def test_whoever_asked_for_the_files_before_begins_anew_with_the_new(self, log):
        log.append([signups("a", "b")])
        asked = []

        def use(segments):
            paths = [log.checked(segment.events) for segment in segments]
            if not asked:
                EventLog(log.directory).erase(["a"])
            asked.append(paths)
            return [pq.read_table(path)["account_id"].to_pylist() for path in paths]

        assert log.using(EventType.SIGNUPS, use) == [["b"]]
        assert len(asked) == 2

    def test_a_file_that_is_gone_without_an_erasure_is_a_damage_still(self, log):
        log.append([signups("a")])
        (path,) = log.directory.glob("signups-*-events-*.parquet")
        path.unlink()
        with pytest.raises(StoreError, match="backup"):
            everything(EventLog(log.directory))

    def test_a_repeated_delivery_does_not_bring_it_back(self, log):
        log.append([signups("a", "b")])
        log.erase(["a"])
        assert log.append([signups("a", "b")]).recorded == {EventType.SIGNUPS: 0}
        assert account_ids(log) == ["b"]

    def test_sequence_numbers_are_not_used_again(self, log):
        log.append([signups("a")])
        log.erase(["a"])
        assert log.append([signups("c")]).last_sequence == 2

    def test_the_files_of_others_are_not_touched(self, log):
        log.append([signups("a")])
        before = files_of(log.directory)
        assert log.erase(["nobody"]) == 0
        assert files_of(log.directory) == before
