"""Rows that could not be used: where they stand and why, never what they say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import IO, Self


class Reason(StrEnum):
    """Why a row was left out."""

    MISSING = "missing"
    TOO_LONG = "too long"
    NOT_A_TIME = "not a time"
    TIME_OUT_OF_RANGE = "time out of range"
    IN_THE_FUTURE = "lies in the future"
    NOT_A_NUMBER = "not a number"
    NEGATIVE = "negative"
    NOT_WHOLE = "not a whole number"
    OUT_OF_RANGE = "number out of range"
    NOT_A_FLAG = "neither true nor false"
    NOT_A_LABEL = "neither fraud nor legitimate"
    UNKNOWN_ACCOUNT = "unknown account"
    NOT_UTF8 = "not UTF-8"
    COLUMNS = "wrong number of columns"
    QUOTES = "broken quotes"
    LINE_TOO_LONG = "line too long"
    NOT_AN_OBJECT = "not a JSON object"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Fault:
    """What rows of one table were rejected for.

    Attributes
    ----------
    field
        The field at fault; None where the whole row is.
    reason
        Why.
    rows
        How many.
    file, line
        Where the first one stands; 0 where no line is known.
    """

    field: str | None
    reason: Reason
    rows: int
    file: str
    line: int

    @property
    def words(self) -> str:
        """The fault in words, such as ``not a time in created_at``."""
        # An unknown account can be in one field only, and that field is not what is wrong.
        if self.field is None or self.reason is Reason.UNKNOWN_ACCOUNT:
            return str(self.reason)
        return f"{self.reason} in {self.field}"


class RejectsWriter:
    """Writes ``rejects.jsonl`` and counts what went there.

    One line of JSON per rejected row: table; file; line (of a CSV or JSON lines file, or
    row of a Parquet file, from 1; null where a damaged file does not tell); field (null
    where the whole row is at fault); reason. Values are never written: they may be
    personal data.

    Parameters
    ----------
    path
        The file to write, or None to count only. It exists afterwards even without rejects.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._file: IO[str] | None = (
            None if path is None else path.open("w", encoding="utf-8", newline="\n")
        )
        self.counts: Counter[tuple[str, str]] = Counter()
        """Rejected rows by (table, reason)."""
        self._faults: dict[str, dict[tuple[str | None, Reason], Fault]] = {}

    @property
    def total(self) -> int:
        """Number of rejected rows."""
        return self.counts.total()

    def faults(self, *tables: str) -> list[Fault]:
        """Return what rows of these tables were rejected for, by table, the most frequent first."""
        return [
            fault
            for table in tables
            for fault in sorted(
                self._faults.get(table, {}).values(), key=lambda one: (-one.rows, one.words)
            )
        ]

    def write(
        self,
        table: str,
        file: str,
        lines: Sequence[int],
        codes: Sequence[int],
        meanings: Sequence[tuple[str | None, Reason]],
    ) -> None:
        """Add the rejected rows of one file.

        Parameters
        ----------
        table, file
            Where the rows were found.
        lines
            Line or row of each, in the order to write; 0 where it is not known.
        codes
            For each the index into `meanings`.
        meanings
            The field at fault, or None, and the reason.
        """
        head = f'{{"table": {json.dumps(table)}, "file": {json.dumps(file)}, "line": '
        tails = [
            f', "field": {json.dumps(field)}, "reason": {json.dumps(reason)}}}\n'
            for field, reason in meanings
        ]
        for code, number in Counter(codes).items():
            field, reason = meanings[code]
            self.counts[table, str(reason)] += number
            self._count(table, Fault(field, reason, number, file, lines[codes.index(code)]))
        if self._file is not None:
            self._file.writelines(
                f"{head}{line or 'null'}{tails[code]}"
                for line, code in zip(lines, codes, strict=True)
            )

    def _count(self, table: str, fault: Fault) -> None:
        faults = self._faults.setdefault(table, {})
        key = fault.field, fault.reason
        faults[key] = (
            replace(faults[key], rows=faults[key].rows + fault.rows) if key in faults else fault
        )

    def close(self) -> None:
        """Close the file; the counts stay."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
