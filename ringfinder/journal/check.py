"""Whether a journal holds what was written: every entry, in order, unchanged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from ringfinder.errors import NotFound, StoreError
from ringfinder.journal.reader import recorded
from ringfinder.journal.seals import START, Row, chained, content_is_sound
from ringfinder.journal.tables import NAME, check_format, open_reading
from ringfinder.store.parts import covering
from ringfinder.store.protocol import Interval

SHOWN = 20
"""How many damaged entries a sentence names."""


@dataclass(slots=True)
class Report:
    """What a check found.

    Attributes
    ----------
    entries, held, erased
        Entries; those whose event is still here; those whose account was erased.
    first, last
        Sequence numbers of the oldest and the newest entry; 0 without any.
    damaged
        Numbers of entries that are not what was written, or are no events.
    missing
        Numbers, as intervals, that were given to entries and stand nowhere.
    problems
        What is wrong with the file as a whole, in sentences.
    """

    entries: int = 0
    held: int = 0
    erased: int = 0
    first: int = 0
    last: int = 0
    damaged: list[int] = field(default_factory=list)
    missing: list[Interval] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.damaged or self.missing or self.problems)


def check_journal(directory: Path) -> Report:
    """Read a whole journal and verify it; its writer may be at work meanwhile.

    Raises
    ------
    NotFound
        If there is no journal.
    """
    path = directory / NAME
    if not path.exists():
        raise NotFound(f"{directory} holds no journal; it begins with the first event over HTTP")
    report = Report()
    try:
        with closing(open_reading(path)) as connection:
            check_format(connection, path)
            connection.execute("BEGIN")  # one moment for all that follows
            _check_file(connection, report)
            _check_entries(connection, report)
    except sqlite3.Error as error:
        report.problems.append(f"SQLite cannot read all of it ({error})")
    except StoreError as error:
        report.problems.append(str(error))
    return report


def _check_file(connection: sqlite3.Connection, report: Report) -> None:
    """Let SQLite compare its pages and indexes."""
    for (said,) in connection.execute(f"PRAGMA integrity_check({SHOWN})"):
        if said != "ok":
            report.problems.append(f"SQLite: {said}")


def _check_entries(connection: sqlite3.Connection, report: Report) -> None:
    ask = connection.execute
    blocks: list[Interval] = ask("SELECT first, last FROM block ORDER BY first").fetchall()
    links = {name: (number, chain) for name, number, chain in ask("SELECT * FROM link")}
    number, chain = links.get("tail", (0, START))
    seals: tuple[bytes, ...] = (chain,)
    for row in _rows(connection):
        report.entries += 1
        report.first = report.first or row.sequence
        report.held += row.event is not None
        report.erased += row.account_id is None
        gap = _gap(number, row.sequence, blocks)
        if gap:
            report.missing.append(gap)
        fitting = _fitting(row, seals)
        if not _is_sound(row, fit=fitting is not None or bool(gap)):
            report.damaged.append(row.sequence)
        # A flipped bit in one seal must not speak against the row after it, too.
        seals = (row.chain, chained(seals[0] if fitting is None else fitting, row))
        number = row.sequence
    report.last = number
    head = links.get("head", (0, START))[0]
    if number < head:
        report.missing.append((number + 1, head))


def _rows(connection: sqlite3.Connection) -> Iterator[Row]:
    for row in connection.execute("SELECT * FROM entry NOT INDEXED ORDER BY sequence"):
        yield Row._make(row)


def _fitting(row: Row, seals: Sequence[bytes]) -> bytes | None:
    """Return which seal of the row before this one is chained to; None: to neither."""
    for seal in seals:
        try:
            if chained(seal, row) == row.chain:
                return seal
        except (TypeError, ValueError):
            return None
    return None


def _is_sound(row: Row, *, fit: bool) -> bool:
    if not (fit and content_is_sound(row)):
        return False
    try:
        recorded(row)
    except ValueError:  # a type of event that there is not
        return False
    return True


def _gap(before: int, number: int, blocks: Sequence[Interval]) -> Interval | None:
    """Return the numbers of the same block that are missing before a number."""
    block = covering(blocks, number)
    first = max(before + 1, block[0] if block and before else number)
    return (first, number - 1) if first < number else None
