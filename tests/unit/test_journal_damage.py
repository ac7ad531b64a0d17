"""Bit flips in the journal: found and named, never told again as if they were sound."""

import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from journals import entries_in, entry_of, rows_in

from ringfinder.errors import NotFound, StoreError
from ringfinder.journal import Committed, Conflict, Reader, Repeated, salvage
from ringfinder.journal.check import check_journal
from ringfinder.journal.file import JournalFile, OutOfNumbersError
from ringfinder.journal.reader import PROJECTED
from ringfinder.journal.salvage import damaged_files, open_or_salvage
from ringfinder.journal.tables import NAME, open_writing
from ringfinder.store import EventType

COLUMNS = {
    "id": "randomblob(16)",
    "body": "x'00'",
    "committed_ms": "committed_ms + 1",
    "event_mark": "zeroblob(16)",
    "answer_mark": "zeroblob(16)",
    "chain": "zeroblob(16)",
    "nonce": "zeroblob(16)",
    "account_id": "'someone else'",
    "event": "x'7b7d'",
    "answer": "x'7b7d'",
    "type": "'logins'",
}


@pytest.fixture
def directory(tmp_path):
    """A journal of thirty entries."""
    with closing(JournalFile(tmp_path)) as file:
        file.add_block((1, 1000))
        for n in range(0, 30, 3):
            file.commit([entry_of(n), entry_of(n + 1), entry_of(n + 2)])
        file.checkpoint("TRUNCATE")
    return tmp_path


def change(directory, statement):
    with closing(sqlite3.connect(directory / NAME)) as connection:
        connection.execute(statement)
        connection.commit()


class TestCheck:
    def test_a_sound_journal_is_told_to_be_sound(self, directory):
        report = check_journal(directory)
        assert report.sound
        assert (report.entries, report.held, report.first, report.last) == (30, 30, 1, 30)

    @pytest.mark.parametrize("column", COLUMNS)
    def test_a_changed_column_names_its_entry_and_no_other(self, directory, column):
        change(directory, f"UPDATE entry SET {column} = {COLUMNS[column]} WHERE sequence = 12")
        assert check_journal(directory).damaged == [12]

    def test_missing_entries_are_named(self, directory):
        change(directory, "DELETE FROM entry WHERE sequence IN (5, 6, 29, 30)")
        report = check_journal(directory)
        assert report.missing == [(5, 6), (29, 30)]
        assert report.damaged == []

    def test_an_event_that_vanished_is_not_taken_for_one_that_moved_and_erased(self, directory):
        change(directory, "UPDATE entry SET account_id = NULL WHERE sequence = 7")
        assert check_journal(directory).damaged == [7]

    def test_a_flipped_bit_anywhere_in_an_entry_is_found(self, directory):
        whole = (directory / NAME).read_bytes()
        chance = random.Random(7)
        places = [i for i in range(len(whole)) if whole[i : i + 10] == b'{"event_id']
        for at in chance.sample(places, 10):
            spot = at + chance.randrange(60)
            flipped = bytearray(whole)
            flipped[spot] ^= 1 << chance.randrange(8)
            (directory / NAME).write_bytes(flipped)
            report = check_journal(directory)
            assert not report.sound
            assert len(report.damaged) == 1
        (directory / NAME).write_bytes(whole)
        assert check_journal(directory).sound

    def test_erased_forgotten_and_pruned_entries_are_no_damage(self, directory):
        with closing(JournalFile(directory, clock=lambda: 1e10)) as file:
            file.erase("account-3")
            file.forget((1, 10))
            assert file.prune(int(1e13), 4) == 4
            assert file.prune(int(1e13), 400) == 6
            file.commit([entry_of("later")])
        report = check_journal(directory)
        assert report.sound
        assert (report.entries, report.held, report.first) == (21, 21, 11)

    def test_without_a_journal_it_says_so(self, tmp_path):
        with pytest.raises(NotFound):
            check_journal(tmp_path)

    @pytest.mark.parametrize("content", [b"", b"no database at all" * 400])
    def test_a_file_that_is_none_is_told(self, tmp_path, content):
        (tmp_path / NAME).write_bytes(content)
        assert check_journal(tmp_path).problems


class TestNoFalseAcknowledgement:
    @pytest.mark.parametrize("column", ["body", "event_mark", "answer_mark", "nonce", "event"])
    def test_a_damaged_entry_is_taken_anew_from_whoever_repeats_it(self, directory, column):
        change(directory, f"UPDATE entry SET {column} = {COLUMNS[column]} WHERE sequence = 12")
        with closing(JournalFile(directory)) as file:
            assert file.commit([entry_of(11)]) == [Committed(31)]
            assert file.commit([entry_of(11)]) == [Repeated(31, b"answer 11")]
            assert file.commit([entry_of(12)]) == [Repeated(13, b"answer 12")]
            assert file.commit([entry_of(12, body=b"other")]) == [Conflict()]
        assert [e.account_id for e in entries_in(directory)].count("account-11") == 1
        assert check_journal(directory).damaged == [12]

    @pytest.mark.parametrize("column", ["chain", "committed_ms"])
    def test_an_entry_with_sound_content_is_told_again(self, directory, column):
        change(directory, f"UPDATE entry SET {column} = {COLUMNS[column]} WHERE sequence = 12")
        with closing(JournalFile(directory)) as file:
            assert file.commit([entry_of(11)]) == [Repeated(12, b"answer 11")]
            assert file.commit([entry_of(12)]) == [Repeated(13, b"answer 12")]

    def test_readers_leave_it_out_and_remember(self, directory):
        change(directory, "UPDATE entry SET event = x'7b7d' WHERE sequence = 12")
        with closing(Reader(directory)) as reader:
            entries, through = reader.held(0)
            assert [e.sequence for e in entries] == [n for n in range(1, 31) if n != 12]
            assert (through, reader.damaged) == (30, {12})
            assert reader.find(entries[0].event_type, "e11") is None

    def test_what_ended_a_reading_is_told_though_it_ended_its_transaction_too(self, directory):
        class Broken:
            def __init__(self, inner):
                self.inner = inner

            def execute(self, statement, *given):
                if "NULL AND sequence > ?" in statement:
                    self.inner.execute("ROLLBACK")
                    raise sqlite3.OperationalError("disk I/O error")
                return self.inner.execute(statement, *given)

            def close(self):
                self.inner.close()

        with closing(Reader(directory)) as reader:
            assert len(reader.page(0, 50)[0]) == 30
            reader._connection = Broken(reader._connection)
            with pytest.raises(StoreError, match=r"\(disk I/O error\)"):
                reader.page(0, 50)
            assert len(reader.page(0, 50)[0]) == 30


class TestSalvage:
    def break_page(self, directory, number):
        """Overwrite a page of the file with noise."""
        whole = bytearray((directory / NAME).read_bytes())
        whole[4096 * number : 4096 * (number + 1)] = random.Random(1).randbytes(4096)
        (directory / NAME).write_bytes(whole)

    def pages(self, directory):
        return (directory / NAME).stat().st_size // 4096

    def test_whatever_page_breaks_the_journal_goes_on_with_what_can_be_read(self, directory):
        whole = (directory / NAME).read_bytes()
        saved = []
        for number in range(self.pages(directory)):
            (directory / NAME).write_bytes(whole)
            self.break_page(directory, number)
            with closing(open_or_salvage(directory, broken=True)) as file:
                assert file.free == 0 or file.last_sequence == 30
                file.add_block((5001, 6000))
                told = file.commit([entry_of(n) for n in range(30)] + [entry_of("new")])
            saved.append(sum(isinstance(result, Repeated) for result in told))
            numbers = [result.sequence for result in told]
            assert len(set(numbers)) == 31
            assert all(n <= 30 or n >= 5001 for n in numbers)
            assert len(entries_in(directory)) == 31
            for path in directory.iterdir():
                path.unlink()
        assert max(saved) == 30
        assert sum(saved) > 30

    def test_a_broken_head_is_found_when_it_is_opened_and_the_file_is_kept(self, directory):
        self.break_page(directory, 0)
        broken = (directory / NAME).read_bytes()
        with closing(open_or_salvage(directory)) as file:
            with pytest.raises(OutOfNumbersError):
                file.commit([entry_of("new")])
            file.add_block((5001, 6000))
            assert file.commit([entry_of("new")]) == [Committed(5001)]
        (aside,) = damaged_files(directory)
        assert aside.read_bytes() == broken

    def test_numbers_of_lost_entries_are_not_given_again(self, directory):
        change(directory, "DELETE FROM entry WHERE sequence > 25")
        with closing(open_or_salvage(directory, broken=True)) as file:
            assert file.free == 0
            file.add_block((1001, 2000))
            assert file.commit([entry_of("new")]) == [Committed(1001)]
        report = check_journal(directory)
        assert (report.damaged, report.problems) == ([], [])

    @pytest.mark.parametrize("before", ["rename", "sync_directory", "publish"])
    def test_killed_over_it_the_next_start_has_what_could_be_read(
        self, directory, monkeypatch, before
    ):
        """Whatever step it dies before: the old file is there, or the new one is whole."""

        def dies(*_):
            raise KeyboardInterrupt

        with closing(open_writing(directory / NAME)) as kept:
            kept.execute("UPDATE entry SET committed_ms = 7")  # this stays in its log of changes
            with monkeypatch.context() as patch:
                patch.setattr(Path if before == "rename" else salvage, before, dies)
                with pytest.raises(KeyboardInterrupt):
                    open_or_salvage(directory, broken=True)
        with closing(open_or_salvage(directory)) as file:
            assert file.last_sequence == 30
            assert file.commit([entry_of(0)]) == [Repeated(1, b"answer 0")]
        assert {entry.committed_ms for entry in entries_in(directory)} == {7}
        assert len(entries_in(directory)) == 30
        assert not list(directory.glob("*.salvaged*"))

    def test_a_disk_that_is_full_over_it_costs_nothing(self, directory, monkeypatch):
        def full(path):
            connection = open_writing(path)
            connection.execute("PRAGMA max_page_count = 4")
            return connection

        with monkeypatch.context() as patch:
            patch.setattr(salvage, "open_writing", full)
            with pytest.raises(sqlite3.OperationalError, match="full"):
                open_or_salvage(directory, broken=True)
        assert len(entries_in(directory)) == 30
        with closing(open_or_salvage(directory, broken=True)) as file:
            assert file.last_sequence == 30

    def test_one_of_before_gets_the_index_that_came_later(self, directory):
        with closing(sqlite3.connect(directory / NAME)) as connection:
            connection.execute("DROP INDEX entry_of")
            connection.execute("CREATE INDEX entry_account ON entry (account_id)")
        open_or_salvage(directory).close()
        indexes = rows_in(directory, "SELECT name FROM sqlite_schema WHERE name LIKE 'entry_%'")
        assert {name for (name,) in indexes} == {"entry_id", "entry_of", "entry_held"}
        assert check_journal(directory).sound

    def test_a_sound_file_is_only_opened(self, directory):
        with closing(open_or_salvage(directory)) as file:
            assert file.commit([entry_of(0)]) == [Repeated(1, b"answer 0")]
        assert damaged_files(directory) == []

    def test_a_file_of_another_version_is_refused_not_salvaged(self, directory):
        change(directory, "UPDATE journal SET format = 99")
        with pytest.raises(StoreError, match="another version"):
            open_or_salvage(directory)
        assert damaged_files(directory) == []


class TestAttached:
    """What follows from an event is recorded with it or not at all."""

    def attached(self, number, kind=EventType.DECISIONS):
        return replace(entry_of(number, kind), attached=True)

    def test_it_is_recorded_with_the_entry_before_it(self, directory):
        with closing(JournalFile(directory)) as file:
            told = file.commit([entry_of(70), self.attached(70), entry_of(71)])
        assert told == [Committed(31), Committed(32), Committed(33)]

    def test_not_with_a_repetition_nor_with_a_conflict(self, directory):
        other = replace(entry_of(1), body_digest=b"other")
        with closing(JournalFile(directory)) as file:
            told = file.commit([
                entry_of(0), self.attached(0), other, self.attached(1), self.attached(2),
                entry_of(72), self.attached(72),
            ])  # fmt: skip
        assert told[:2] == [Repeated(1, b"answer 0")] * 2
        assert told[2:5] == [Conflict()] * 3
        assert told[5:] == [Committed(31), Committed(32)]
        assert len(entries_in(directory)) == 32


class TestNumbers:
    def test_without_numbers_nothing_is_recorded(self, tmp_path):
        with closing(JournalFile(tmp_path)) as file:
            with pytest.raises(OutOfNumbersError):
                file.commit([entry_of(1)])
            file.add_block((1, 2))
            with pytest.raises(OutOfNumbersError):
                file.commit([entry_of(n) for n in range(3)])
            assert rows_in(tmp_path) == []
            assert file.commit([entry_of(1)]) == [Committed(1)]

    def test_blocks_follow_each_other(self, tmp_path):
        with closing(JournalFile(tmp_path)) as file:
            file.add_block((1, 2))
            file.add_block((10, 12))
            assert file.free == 5
            told = file.commit([entry_of(n) for n in range(4)])
            assert [result.sequence for result in told] == [1, 2, 10, 11]
            assert (file.free, file.highest) == (1, 12)
        assert check_journal(tmp_path).sound

    def test_an_answer_of_nothing_is_an_answer(self, tmp_path):
        empty = replace(entry_of(1), answer=b"")
        with closing(JournalFile(tmp_path)) as file:
            file.add_block((1, 2))
            file.commit([empty])
            assert file.commit([empty]) == [Repeated(1, b"")]


def test_what_the_projector_said_and_the_system_does_not_give_is_an_error_of_ours(directory):
    (directory / PROJECTED).mkdir()  # as with too many open files: refused, and not absent
    with closing(Reader(directory)) as reader, pytest.raises(StoreError, match="cannot be read"):
        reader.lag()
