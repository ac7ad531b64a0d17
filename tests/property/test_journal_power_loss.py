"""The power fails at any sync: what was acknowledged is there, and the journal opens by itself."""

import random
from contextlib import closing
from itertools import count

import apsw
import pytest
from forgetful_disk import Disk, ForgetfulVFS
from journals import entry_of, rows_in

from ringfinder.journal import Committed, Repeated
from ringfinder.journal.check import check_journal
from ringfinder.journal.file import JournalFile
from ringfinder.journal.tables import NAME, PRAGMAS, open_writing

NAMES = count()
ERASED = "account-3"
ERASED_BYTES = b'"account-3"'


def on(disk):
    """Return how a journal's file is opened on a disk that forgets."""
    name = f"forgetful{next(NAMES)}"
    vfs = ForgetfulVFS(disk, name)

    def connect(path):
        connection = apsw.Connection(str(path), vfs=name)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # no memory shared through apsw
        for pragma in PRAGMAS:
            connection.execute(pragma).fetchall()
        return connection

    connect.vfs = vfs  # SQLite does not keep it alive
    return connect


def written(directory, disk, seed):
    """Write a journal on a disk that forgets; return the files at the beginning."""
    directory.mkdir()
    with closing(JournalFile(directory)) as file:
        file.add_block((1, 10_000))
        file.checkpoint("TRUNCATE")
    before = {NAME: (directory / NAME).read_bytes()}
    chance = random.Random(seed)
    connect = on(disk)
    number = 0
    with closing(JournalFile(directory, connect=connect, clock=lambda: 1.0)) as file:
        for step in range(14):
            size = chance.choice([1, 1, 2, 7, 25])
            file.commit([entry_of(n) for n in range(number, number + size)])
            number += size
            disk.mark(number)
            if step in {4, 9}:
                file.checkpoint("PASSIVE" if step == 4 else "RESTART")
            if step == 6:
                file.erase(ERASED)
                file.checkpoint("TRUNCATE")
                disk.mark(number)
            if step == 11:
                file.forget((1, 5))
    return before, number


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
def test_after_a_power_loss_at_any_sync_all_that_was_acknowledged_is_there(tmp_path, seed, kept):
    disk = Disk()
    before, written_to = written(tmp_path / "written", disk, seed)
    assert sum(what == "sync" for what, *_ in disk.done) >= 14
    chance = random.Random(seed)
    for moment in disk.moments():
        home = tmp_path / f"moment{moment}"
        home.mkdir()
        for name, content in disk.after_power_loss(before, moment, chance, kept).items():
            (home / name).write_bytes(content)
        acknowledged = disk.acknowledged(moment)
        with closing(JournalFile(home)) as file:
            assert check_journal(home).sound
            (rows,) = rows_in(home, "SELECT count(*) FROM entry")
            assert acknowledged <= rows[0] <= written_to
            told = file.commit([entry_of(n) for n in range(written_to)])
        for n, result in enumerate(told):
            if n < rows[0]:
                assert isinstance(result, Repeated)
                assert result.answer in {f"answer {n}".encode(), None}
            else:
                assert isinstance(result, Committed)
        assert len({result.sequence for result in told}) == written_to


def test_what_was_erased_does_not_come_back_with_the_power(tmp_path):
    disk = Disk()
    before, _ = written(tmp_path / "written", disk, 0)
    erased = max(i for i, (what, name, at, _) in enumerate(disk.done) if what == "truncate")
    chance = random.Random(0)
    for moment in (erased + 1, len(disk.done)):
        for content in disk.after_power_loss(before, moment, chance, 1.0).values():
            assert ERASED_BYTES not in content


def test_a_disk_that_never_syncs_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "test_journal_power_loss.PRAGMAS",
        tuple(p.replace("synchronous = FULL", "synchronous = OFF") for p in PRAGMAS),
    )
    disk = Disk()
    before, _ = written(tmp_path / "written", disk, 0)
    home = tmp_path / "after"
    home.mkdir()
    files = disk.after_power_loss(before, len(disk.done), random.Random(0), 0.0)
    for name, content in files.items():
        (home / name).write_bytes(content)
    with closing(open_writing(home / NAME)) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM entry").fetchone()
    assert rows < disk.acknowledged(len(disk.done))
