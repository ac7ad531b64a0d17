"""``ringfinder journal``: checked, exported, compacted; nothing clear in any of it."""

import json
import sqlite3
from contextlib import closing

import pytest
from journals import entries_in, entry_of, mixed
from shell import run
from stored import pseudonym
from stores import OPENERS

from ringfinder.journal import Caretaker, Reader
from ringfinder.journal.file import JournalFile
from ringfinder.journal.tables import NAME
from ringfinder.store import EventLog


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A data directory whose journal holds nine entries."""
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    (data / "journal").mkdir(parents=True)
    log = EventLog(data / "events")
    with closing(JournalFile(data / "journal")) as file:
        file.add_block(log.reserve(1000))
        file.commit([mixed(n) for n in range(9)])
    return data


def journal(home, *words):
    return run("journal", *words, "--data-dir", str(home))


class TestCheck:
    def test_a_sound_journal_is_told_so(self, home):
        ran = journal(home, "check")
        assert ran.code == 0, ran.err
        assert "9 entries (1 to 9)" in ran.out
        assert "as it was written" in ran.out

    def test_damaged_entries_are_named_with_exit_code_4(self, home):
        with closing(sqlite3.connect(home / "journal" / NAME)) as connection:
            connection.execute("UPDATE entry SET event = x'00' WHERE sequence = 4")
            connection.commit()
        ran = journal(home, "check")
        assert ran.code == 4
        assert "Damaged: 1 entries: 4" in ran.out
        assert "damaged" in ran.err
        told = json.loads(journal(home, "check", "--json").out)
        assert (told["damaged"], told["sound"], told["entries"]) == ([4], False, 9)
        assert journal(home, "export").code == 4

    def test_without_a_journal_it_says_so_with_exit_code_3(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for words in (["check"], ["export"], ["compact"]):
            ran = journal(tmp_path / "nothing", *words)
            assert ran.code == 3
            assert "holds no journal" in ran.err


class TestExport:
    def test_events_are_json_lines_with_pseudonyms(self, home):
        ran = journal(home, "export")
        lines = [json.loads(line) for line in ran.out.splitlines()]
        assert [line["sequence"] for line in lines] == list(range(1, 10))
        assert lines[0]["type"] == "signups"
        assert lines[0]["values"] == [{"kind": "ip", "pseudonym": pseudonym("e0")}]

    def test_it_begins_after_a_number(self, home):
        lines = journal(home, "export", "--after", "7").out.splitlines()
        assert [json.loads(line)["sequence"] for line in lines] == [8, 9]


class TestCompact:
    def test_events_move_through_the_graph_into_the_log(self, home):
        ran = journal(home, "compact", "--min-age", "0", "--json")
        assert ran.code == 0, ran.err
        told = json.loads(ran.out)
        assert (told["projected"], told["moved"], told["left"]) == (9, 9, 0)
        assert EventLog(home / "events").last_sequence == 9
        assert OPENERS["embedded"](str(home / "graph.duckdb")).counts()["accounts"] == 3
        assert entries_in(home / "journal") == []

    def test_young_events_stay(self, home):
        ran = journal(home, "compact")
        assert "moved 0 into the event log" in ran.out
        assert "9 stay in the journal" in ran.out


class TestCaretaker:
    def caretaker(self, home, age_s, **when):
        with closing(Reader(home / "journal")) as reader:
            (first, *_), _ = reader.held(0)
        opened = lambda: OPENERS["embedded"](str(home / "graph.duckdb"))  # noqa: E731
        return Caretaker(
            home / "journal", EventLog(home / "events"), opened,
            clock=lambda: first.committed_ms / 1000 + age_s, **when,
        )  # fmt: skip

    def test_it_waits_until_enough_has_come_together(self, home):
        assert self.caretaker(home, 3600).look() is None

    @pytest.mark.parametrize(("age_s", "when"), [(90_000, {}), (100, {"most_events": 9})])
    def test_then_it_compacts_what_the_store_has(self, home, age_s, when):
        journal(home, "compact")
        assert self.caretaker(home, age_s, **when).look().moved == 9

    def test_what_is_damaged_is_not_due_every_minute(self, home):
        journal(home, "compact")
        with closing(JournalFile(home / "journal")) as file:
            file._connection.execute("UPDATE entry SET event = zeroblob(9) WHERE sequence = 4")
        caretaker = self.caretaker(home, 90_000)
        assert caretaker.look().moved == 8
        assert caretaker.look() is None


def test_no_clear_value_is_in_any_file_of_a_journal(home):
    """Values are refused unless they are pseudonyms; an event_id is only kept as a hash."""
    with closing(JournalFile(home / "journal")) as file:
        file.commit([entry_of("x", values=[{"kind": "ip", "pseudonym": pseudonym("192.0.2.77")}])])
        file.erase("account-x")
        file.checkpoint("TRUNCATE")
    for canary in (b"192.0.2.77", b"account-x", pseudonym("192.0.2.77").encode()):
        for path in (home / "journal").iterdir():
            assert canary not in path.read_bytes(), path
