"""The audit log: nothing is changed, lost or put in another order unseen; all can be erased."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfinder.cli.auditlog import auditlog
from ringfinder.cli.failure import guarded
from ringfinder.errors import InputError, StoreError, StoreUnavailable
from ringfinder.serve.auditchain import AuditLogDamaged
from ringfinder.serve.auditlog import HEAD, KEY, LOG, AuditLog

CANARY = "canary-7f3a"


@pytest.fixture
def log(tmp_path):
    return AuditLog(tmp_path, clock_ms=lambda: 1_700_000_000_000)


@pytest.fixture
def filled(log):
    for number in range(5):
        log.append("key:k1", "label.set", about=f"account-{number}", why=f"reason {number}")
    return log


def lines_of(directory):
    return (directory / LOG).read_text().splitlines()


def put(directory, lines):
    (directory / LOG).write_text("".join(line + "\n" for line in lines))


class TestAppend:
    def test_what_was_said_is_read_back_in_order(self, log):
        log.append("key:k1", "label.set", about="a1", why="is a customer", details={"n": 1})
        log.append("cli:ann", "policy.changed")
        first, second = log.read()
        assert (first.seq, first.who, first.what, first.about) == (1, "key:k1", "label.set", "a1")
        assert (first.why, first.details, first.at_ms) == (
            "is a customer", {"n": 1}, 1_700_000_000_000,
        )  # fmt: skip
        assert (second.seq, second.about, second.why) == (2, None, "")

    def test_it_goes_on_after_a_restart(self, filled, tmp_path):
        assert AuditLog(tmp_path).append("serve", "started") == 6
        assert AuditLog(tmp_path).verify().entries == 6

    def test_a_line_half_written_by_a_crash_is_dropped(self, filled, tmp_path):
        with (tmp_path / LOG).open("ab") as file:
            file.write(b'{"seq": 6, "at')
        assert filled.verify().entries == 5
        assert filled.append("serve", "started") == 6
        assert filled.verify().entries == 6

    def test_a_crash_between_line_and_head_loses_nothing(self, filled, tmp_path):
        head = (tmp_path / HEAD).read_bytes()
        filled.append("serve", "started")
        (tmp_path / HEAD).write_bytes(head)
        assert filled.append("serve", "stopped") == 7
        assert filled.verify().entries == 7

    def test_a_long_line_is_found_again(self, log):
        log.append("serve", "big", details={"x": "y" * 8000})
        for _ in range(20):
            log.append("serve", "big", why="z" * 2000, details={"x": "y" * 5000})
        assert log.verify().entries == 21

    @pytest.mark.parametrize("words", [{"why": "x" * 2001}, {"details": {"x": "y" * 9000}}])
    def test_words_without_end_are_refused(self, log, words):
        with pytest.raises(InputError, match="longer than"):
            log.append("serve", "x", **words)
        assert log.verify().entries == 0

    def test_what_is_appended_is_on_the_disk_before_the_call_returns(self, log, monkeypatch):
        synced = []
        real = os.fsync
        monkeypatch.setattr(
            os,
            "fsync",
            lambda fd: synced.append(Path(f"/proc/self/fd/{fd}").readlink().name) or real(fd),
        )
        log.append("serve", "started")
        assert [name for name in synced if name == LOG]

    def test_a_full_disk_is_a_sentence_and_no_line(self, filled, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(StoreError, match="No space left"):
            filled.append("serve", "started")
        monkeypatch.undo()
        assert filled.verify().entries == 5

    def test_nobody_else_can_read_it(self, filled, tmp_path):
        assert (tmp_path / LOG).stat().st_mode & 0o077 == 0
        assert (tmp_path / KEY).stat().st_mode & 0o077 == 0
        assert (tmp_path / HEAD).stat().st_mode & 0o077 == 0

    def test_a_writer_that_hangs_holds_others_up_for_a_bounded_time(self, filled, tmp_path):
        waiting = AuditLog(tmp_path, wait_s=0.05)
        with filled._holding(exclusive=True), pytest.raises(StoreUnavailable, match="audit log"):
            waiting.append("serve", "x")


def _append_many(directory, who, count):
    log = AuditLog(directory)
    for number in range(count):
        log.append(who, "label.set", about=str(number))


class TestConcurrentWriters:
    def test_processes_and_threads_write_one_chain(self, tmp_path):
        spawn = multiprocessing.get_context("fork")
        workers = [spawn.Process(target=_append_many, args=(tmp_path, f"p{n}", 15)) for n in (1, 2)]
        workers += [
            threading.Thread(target=_append_many, args=(tmp_path, f"t{n}", 15)) for n in (1, 2)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        log = AuditLog(tmp_path)
        assert log.verify().entries == 60
        by_writer = {}
        for act in log.read():
            by_writer.setdefault(act.who, []).append(act.about)
        assert by_writer == {w: [str(n) for n in range(15)] for w in ("p1", "p2", "t1", "t2")}


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    directory = tmp_path_factory.mktemp("log")
    log = AuditLog(directory)
    for number in range(5):
        log.append("key:k1", "label.set", about=f"account-{number}", why="because")
    return log, directory, lines_of(directory)


class TestTampering:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(st.integers(0, 4), st.integers(0, 400), st.sampled_from('abcdef0123456789{}:," '))
    def test_any_changed_byte_of_a_line_is_found(self, once, number, at, new):
        log, directory, lines = once
        at %= len(lines[number])
        changed = lines[number][:at] + new + lines[number][at + 1 :]
        put(directory, [*lines[:number], changed, *lines[number + 1 :]])
        if not _same(changed, lines[number]):
            with pytest.raises(AuditLogDamaged):
                log.verify()

    @pytest.mark.parametrize(
        "field", ["seq", "at_ms", "who", "what", "commitment", "mac", "salt", "said"]
    )
    def test_every_field_counts(self, filled, tmp_path, field):
        lines = lines_of(tmp_path)
        line = json.loads(lines[2])
        line[field] = {"about": "x", "why": "", "details": {}} if field == "said" else "0" * 64
        put(tmp_path, [*lines[:2], json.dumps(line), *lines[3:]])
        with pytest.raises(AuditLogDamaged, match="line 3"):
            filled.verify()

    def test_a_missing_line_is_found(self, filled, tmp_path):
        lines = lines_of(tmp_path)
        put(tmp_path, lines[:2] + lines[3:])
        with pytest.raises(AuditLogDamaged, match="line 3"):
            filled.verify()

    def test_lines_in_another_order_are_found(self, filled, tmp_path):
        lines = lines_of(tmp_path)
        put(tmp_path, [lines[1], lines[0], *lines[2:]])
        with pytest.raises(AuditLogDamaged, match="line 1"):
            filled.verify()

    def test_a_line_twice_is_found(self, filled, tmp_path):
        lines = lines_of(tmp_path)
        put(tmp_path, [*lines, lines[-1]])
        with pytest.raises(AuditLogDamaged, match="line 6"):
            filled.verify()

    def test_a_log_cut_short_is_found_and_not_written_on(self, filled, tmp_path):
        put(tmp_path, lines_of(tmp_path)[:3])
        with pytest.raises(AuditLogDamaged, match="cut short"):
            filled.verify()
        with pytest.raises(AuditLogDamaged, match="cut short"):
            filled.append("serve", "x")

    def test_so_is_one_whose_head_went_as_well(self, filled, tmp_path):
        put(tmp_path, lines_of(tmp_path)[:3])
        (tmp_path / HEAD).unlink()
        with pytest.raises(AuditLogDamaged, match="missing"):
            filled.verify()
        with pytest.raises(AuditLogDamaged, match="missing"):
            filled.append("serve", "x")

    def test_a_removed_log_is_found(self, filled, tmp_path):
        (tmp_path / LOG).unlink()
        with pytest.raises(AuditLogDamaged, match="cut short"):
            filled.verify()

    def test_a_log_set_back_as_a_whole_is_found_by_what_was_noted_elsewhere(self, filled, tmp_path):
        earlier = {name: (tmp_path / name).read_bytes() for name in (LOG, HEAD)}
        filled.append("key:k9", "label.set", about="a")
        noted = filled.verify().head
        for name, content in earlier.items():
            (tmp_path / name).write_bytes(content)
        filled.verify()
        with pytest.raises(AuditLogDamaged, match="line 6 as it was noted"):
            filled.verify(expect=noted)

    def test_a_chain_forged_without_the_key_is_found(self, filled, tmp_path):
        other = AuditLog(tmp_path / "other")
        for number in range(5):
            other.append("key:k1", "label.set", about=f"account-{number}", why="forged")
        put(tmp_path, lines_of(tmp_path / "other"))
        with pytest.raises(AuditLogDamaged, match="line 1"):
            filled.verify()

    def test_a_line_blanked_without_an_erasure_is_found(self, filled, tmp_path):
        lines = lines_of(tmp_path)
        line = json.loads(lines[1]) | {"said": None, "salt": None}
        put(tmp_path, [lines[0], json.dumps(line), *lines[2:]])
        with pytest.raises(AuditLogDamaged, match="line 2 of the audit log was blanked"):
            filled.verify()

    @pytest.mark.parametrize("depth", [500, 900, 950, 975, 100_000])
    def test_a_line_nested_without_end_is_damage_like_any_other(self, filled, tmp_path, depth):
        lines = lines_of(tmp_path)
        line = json.loads(lines[2]) | {"said": "here"}
        nested = json.dumps(line).replace('"here"', "[" * depth + "]" * depth)
        put(tmp_path, [*lines[:2], nested, *lines[3:]])
        with pytest.raises(AuditLogDamaged):
            filled.verify()

    @pytest.mark.parametrize("name", [LOG, HEAD])
    def test_nor_is_such_a_last_line_or_head_written_on(self, filled, tmp_path, name):
        (tmp_path / name).write_bytes(b"[" * 100_000 + b"\n")
        for ask in (filled.verify, lambda: filled.append("serve", "x")):
            with pytest.raises(AuditLogDamaged):
                ask()

    @pytest.mark.parametrize("expect", ["x", "5", "5:abc", "-1:" + "0" * 64])
    def test_what_is_no_noted_line_is_refused(self, filled, expect):
        with pytest.raises(InputError, match="NUMBER:HASH"):
            filled.verify(expect=expect)


def _same(changed, line):
    try:
        return json.loads(changed) == json.loads(line)
    except ValueError:
        return False


class TestErasure:
    def test_what_was_said_of_an_account_is_gone_from_the_bytes(self, filled, tmp_path):
        filled.append("key:k1", "label.set", about=CANARY, why=f"wrote from {CANARY}@example.com")
        assert filled.erase([CANARY], who="key:admin") == 1
        for path in tmp_path.iterdir():
            assert CANARY.encode() not in path.read_bytes(), path

    def test_the_chain_holds_and_says_that_something_was_erased(self, filled):
        filled.append("key:k1", "label.set", about=CANARY)
        filled.erase([CANARY], who="key:admin")
        found = filled.verify()
        assert (found.entries, found.erased) == (7, 1)
        acts = list(filled.read())
        assert (acts[5].erased, acts[5].about, acts[5].who) == (True, None, "key:k1")
        assert acts[6].what == "account.erased"

    def test_that_an_account_was_erased_can_still_be_shown_by_who_has_the_key(self, filled):
        filled.erase(["account-2"], who="key:admin")
        assert list(filled.read())[-1].details["accounts"] == [filled.trace_of("account-2")]

    def test_other_accounts_stay(self, filled):
        filled.erase(["account-2"], who="key:admin")
        assert [act.about for act in filled.read()] == [
            "account-0", "account-1", None, "account-3", "account-4", None,
        ]  # fmt: skip

    def test_the_log_goes_on_and_earlier_notes_of_it_stay_good(self, filled):
        noted = filled.verify().head
        filled.erase(["account-4"], who="key:admin")
        filled.append("serve", "x")
        assert filled.verify(expect=noted).entries == 7

    def test_an_account_nobody_named_is_erased_without_any_line(self, filled):
        assert filled.erase(["nobody"], who="key:admin") == 0
        assert filled.verify().erased == 0


class TestKey:
    def test_a_key_of_ones_own_is_used(self, tmp_path):
        key = tmp_path / "key"
        key.write_text("k" * 32)
        AuditLog(tmp_path / "log", key_file=key).append("serve", "x")
        assert not (tmp_path / "log" / KEY).exists()
        assert AuditLog(tmp_path / "log", key_file=key).verify().entries == 1
        key.write_text("l" * 32)
        with pytest.raises(AuditLogDamaged):
            AuditLog(tmp_path / "log", key_file=key).verify()

    @pytest.mark.parametrize(("content", "says"), [(None, "Cannot read"), ("short", "too short")])
    def test_a_key_that_is_none_is_a_sentence(self, tmp_path, content, says):
        key = tmp_path / "key"
        if content is not None:
            key.write_text(content)
        with pytest.raises(InputError, match=says):
            AuditLog(tmp_path, key_file=key)


class TestCommands:
    def test_verify_prints_what_to_note(self, filled, tmp_path):
        result = CliRunner().invoke(auditlog, ["verify", "--data-dir", str(tmp_path), "--json"])
        assert json.loads(result.output)["head"] == filled.verify().head

    def test_verify_of_a_changed_log_ends_with_4(self, filled, tmp_path, capsys):
        put(tmp_path, lines_of(tmp_path)[1:])
        assert guarded(auditlog, ["verify", "--data-dir", str(tmp_path)]) == 4
        assert "line 1" in capsys.readouterr().err

    def test_verify_without_a_log_ends_with_3(self, tmp_path):
        assert guarded(auditlog, ["verify", "--data-dir", str(tmp_path)]) == 3

    def test_show_tells_who_did_what_and_why(self, filled, tmp_path):
        shown = CliRunner().invoke(auditlog, ["show", "--data-dir", str(tmp_path)]).output
        assert "key:k1" in shown
        assert "reason 4" in shown
        assert "2023-11-14 22:13:20Z" in shown

    def test_show_of_one_account(self, filled, tmp_path):
        args = ["show", "--data-dir", str(tmp_path), "--account", "account-3", "--json"]
        acts = json.loads(CliRunner().invoke(auditlog, args).output)["acts"]
        assert [act["seq"] for act in acts] == [4]
