"""Who is known while an earlier snapshot is put back: all who signed up, wherever it stands."""

from __future__ import annotations

from contextlib import closing

import pytest
from journals import entry_of
from loads import home_at

from ringfinder.journal import Compaction, errands, settle
from ringfinder.journal.file import JournalFile
from ringfinder.pipeline import writeback as module


@pytest.fixture
def home(tmp_path):
    """A data directory with sign-ups in its journal that the store has and the log has not."""
    with home_at(tmp_path / "data") as home:
        (home.directory / "journal").mkdir()
        with closing(JournalFile(home.directory / "journal")) as file:
            file.add_block(home.log.reserve(100))
            file.commit([entry_of(number) for number in range(3)])
        settle(home.directory / "journal", home.log, home.store)
        yield home


def test_an_account_that_is_compacted_between_the_two_readings_is_known(home, monkeypatch):
    journal, asked = home.directory / "journal", []

    def compacting(read):
        """Read; before the second of the readings begins, the journal moves into the log."""

        def after_it(*arguments, **more):
            asked.append(read)
            if len(asked) == 2:
                with errands(journal) as writer:
                    work = Compaction(journal, home.log, home.store, writer)
                    assert work.run(min_age_s=0).moved == 3
            return read(*arguments, **more)

        return after_it

    monkeypatch.setattr(module, "held_events", compacting(module.held_events))
    monkeypatch.setattr(home.log, "read", compacting(home.log.read))
    known = module.known_accounts(home).to_pylist()
    assert sorted(set(known)) == ["account-0", "account-1", "account-2"]
    assert len(asked) == 2
