"""What a file or a table lost, why, and what a person does about it: in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import duckdb

from ringfinder.model import IntArray
from ringfinder.sources.checks import EXAMPLE_TIME
from ringfinder.sources.columns import WORDS
from ringfinder.sources.layout import IN_UTF8, Layout
from ringfinder.sources.rejects import Fault, Reason
from ringfinder.sources.scan import ACCOUNTS, Scan

LARGE = 0.1
"""Share of a table's rows from which one fault is told of: more than people mistype."""

REMEDIES = {
    Reason.NOT_UTF8: ("as not UTF-8", IN_UTF8),
    Reason.NOT_A_TIME: ("for a time that is none", f"a time is written such as {EXAMPLE_TIME}"),
}
"""Faults that a whole file tends to have, in words, and what a person does about them."""


def tell_of_file(
    layout: Layout, faults: Mapping[Reason, IntArray], notices: Callable[[str], None]
) -> None:
    """Say of what a whole file may suffer what it is, and what to do about it.

    Parameters
    ----------
    layout
        The file.
    faults
        By reason of `REMEDIES` the lines at fault, in their order; 0 where not known.
    notices
        Takes the sentences.
    """
    for reason, (why, remedy) in REMEDIES.items():
        lines = faults[reason]
        if len(lines):
            first = f", the first at line {lines[0]:,}" if lines[0] else ""
            notices(f"{layout.file.name}: {_rows(len(lines))} left out {why}{first}; {remedy}")


def tell_of_decimals(
    con: duckdb.DuckDBPyConnection, layout: Layout, plan: Scan, notices: Callable[[str], None]
) -> None:
    """Say where accounts are unknown only for a ``.0``: data frames write ids with gaps so.

    Nothing is mended: ``1001.0`` may be an account's name.
    """
    more, less = con.execute(
        f"WITH strangers AS (SELECT account_id, count(*) AS n FROM ({plan.strangers}) "
        "GROUP BY account_id) SELECT "
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
    large = [f for f in faults if f.rows > LARGE * rows and f.reason not in REMEDIES]
    if large:
        notices(f"{WORDS[table]}: many of {rows:,} rows are left out: {listed(large)}")


def listed(faults: Iterable[Fault]) -> str:
    """Return faults in words, each with the number of its rows."""
    return ", ".join(f"{fault.words} ({fault.rows:,})" for fault in faults)


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"
