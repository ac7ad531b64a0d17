"""What a file or a table lost, why, and what a person does about it: in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np

from ringfinder.model import IntArray
from ringfinder.sources.checks import EXAMPLE_TIME
from ringfinder.sources.columns import WORDS
from ringfinder.sources.layout import IN_UTF8, Layout
from ringfinder.sources.rejects import Fault, Reason
from ringfinder.sources.scan import ACCOUNTS, Scan

LARGE = 0.1
"""Share of a table's rows from which one fault is told of: more than people mistype."""

STRANGER = ("account_id", Reason.UNKNOWN_ACCOUNT)
NUMBERS = (Reason.NOT_A_NUMBER, Reason.NOT_WHOLE)
_DIGITS = "write numbers in digits alone, such as 12500: no dots, commas or units"

REMEDIES = {
    Reason.NOT_UTF8: ("as not UTF-8", IN_UTF8),
    Reason.NOT_A_TIME: ("for a time that is none", f"a time is written such as {EXAMPLE_TIME}"),
    Reason.TIME_OUT_OF_RANGE: (
        "for a time before 2000 or after 2099",
        "a time that is a number counts seconds or milliseconds since 1970",
    ),
}
"""Faults that a whole file tends to have, in words, and what a person does about them."""

_TOLD = {*REMEDIES, *NUMBERS}


@dataclass(frozen=True)
class Lost:
    """Rows of one file that were left out.

    Attributes
    ----------
    lines
        By field at fault, or None, and reason: the lines in their order, 0 where not known.
    grouped
        Fields with numbers at fault that have dots between thousands.
    """

    lines: Mapping[tuple[str | None, Reason], IntArray]
    grouped: Sequence[str]

    @property
    def strangers(self) -> int:
        """Number of rows whose account is unknown."""
        return len(self.lines.get(STRANGER, ()))

    def of(self, reason: Reason, field: str | None = None) -> IntArray:
        """Return the lines that a reason cost, of one field or of all."""
        found = [
            lines
            for (at, why), lines in self.lines.items()
            if why is reason and field in (None, at)
        ]
        return np.sort(np.concatenate([np.empty(0, np.int64), *found]))

    def of_number(self, field: str) -> IntArray:
        """Return the lines in which a field is no whole number."""
        return np.sort(np.concatenate([self.of(reason, field) for reason in NUMBERS]))


def tell_of_file(layout: Layout, lost: Lost, notices: Callable[[str], None]) -> None:
    """Say of what a whole file may suffer what it is, and what to do about it.

    Parameters
    ----------
    layout
        The file.
    lost
        Its rows that were left out.
    notices
        Takes the sentences.
    """
    for reason, (why, remedy) in REMEDIES.items():
        lines = lost.of(reason)
        if len(lines):
            notices(
                f"{layout.file.name}: {_rows(len(lines))} left out {why}{_first(lines)}; {remedy}"
            )
    fields = {str(field) for field, reason in lost.lines if reason in NUMBERS}
    for field in sorted(fields.difference(lost.grouped)):
        lines = lost.of_number(field)
        notices(
            f"{layout.file.name}: {_rows(len(lines))} left out for {field} that is no whole "
            f"number{_first(lines)}; {_DIGITS}"
        )


def tell_of_thousands(
    con: duckdb.DuckDBPyConnection,
    layout: Layout,
    plan: Scan,
    lost: Lost,
    notices: Callable[[str], None],
) -> None:
    """Say where numbers have dots between thousands, and how many were misread for it.

    ``12.000`` is twelve for most who write it, and twelve thousand beside ``1.234.567``.
    Nothing is mended: which one is meant is not for a reader to guess.
    """
    for field in lost.grouped:
        misread = f"bad = 0 AND regexp_full_match(raw_{field}::VARCHAR, '[1-9][0-9]{{0,2}}[.]000')"
        ((rows,),) = con.execute(f"SELECT count(*) FROM ({plan.judged}) WHERE {misread}").fetchall()
        also = f", and {_rows(rows)} with numbers such as 12.000 read as 12" if rows else ""
        lines = lost.of_number(field)
        notices(
            f"{layout.file.name}: {field} seems to have dots between thousands, such as 1.234.567: "
            f"{_rows(len(lines))} left out{_first(lines)}{also}; {_DIGITS}"
        )


def tell_of_decimals(
    con: duckdb.DuckDBPyConnection, layout: Layout, plan: Scan, notices: Callable[[str], None]
) -> None:
    """Say where accounts are unknown only for a ``.0``: data frames write ids with gaps so.

    Nothing is mended: ``1001.0`` may be an account's name.
    """
    unknown = 1 + plan.meanings.index(STRANGER)
    more, less = con.execute(
        f"WITH strangers AS (SELECT account_id, count(*) AS n FROM ({plan.judged}) "
        f"WHERE bad = {unknown} GROUP BY account_id) SELECT "
        f"coalesce(sum(n) FILTER (account_id[-2:] = '.0' AND account_id[:-3] IN "
        f"(SELECT account_id FROM {ACCOUNTS})), 0), "
        f"coalesce(sum(n) FILTER (account_id || '.0' IN (SELECT account_id FROM {ACCOUNTS})), 0) "
        "FROM strangers"
    ).fetchall()[0]
    for rows, here, there in ((more, "1001.0", "1001"), (less, "1001", "1001.0")):
        if rows:
            notices(
                f"{layout.file.name}: {_rows(int(rows))} left out whose account is written such "
                f"as {here}, and such as {there} in the sign-ups. Data frames write whole numbers "
                "so in a column with gaps: write account_id as text or as whole numbers (pandas: "
                "astype('Int64')), in all files alike"
            )


def tell_of_table(
    table: str, good: int, faults: Sequence[Fault], notices: Callable[[str], None]
) -> None:
    """Say where a table lost all of its rows, or many for one reason.

    Parameters
    ----------
    table
        The input table.
    good
        Rows of it that can be used.
    faults
        What its other rows were rejected for.
    notices
        Takes the sentence.
    """
    if not good:
        why = f": {listed(faults)}" if faults else ""
        notices(f"{WORDS[table]}: no row could be used{why}")
        return
    rows = good + sum(fault.rows for fault in faults)
    # Those with a remedy were told of with their file.
    large = [f for f in faults if f.rows > LARGE * rows and f.reason not in _TOLD]
    if large:
        lost = sum(fault.rows for fault in large)
        notices(f"{WORDS[table]}: {lost:,} of {rows:,} rows left out: {listed(large)}")


def why_none(faults: Sequence[Fault]) -> str:
    """Return why no row is left, each reason with the place of its first row.

    An audit that ends so leaves no list of rejects behind.
    """
    if not faults:
        return "no rows"
    reasons = []
    for fault in faults:
        line = f"line {fault.line:,}" if fault.line else "line unknown"
        reasons.append(f"{fault.words} ({fault.rows:,}, first {line} of {fault.file})")
    return f"all rows rejected: {', '.join(reasons)}"


def listed(faults: Iterable[Fault]) -> str:
    """Return faults in words, each with the number of its rows."""
    return ", ".join(f"{fault.words} ({fault.rows:,})" for fault in faults)


def _first(lines: IntArray) -> str:
    return f", the first at line {lines[0]:,}" if lines[0] else ""


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"
