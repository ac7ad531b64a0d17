"""One file into the SQL table of its rows: scanned once, bad rows told apart and written down."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
from pyarrow.lib import ArrowException

from ringfinder.errors import InputError
from ringfinder.sources.files import Format, with_plain_line_ends
from ringfinder.sources.layout import Layout
from ringfinder.sources.lines import Torn, find_lines, judge_records, read_torn
from ringfinder.sources.losses import Lost, tell_of_decimals, tell_of_file, tell_of_thousands
from ringfinder.sources.overlong import Cut, without_overlong
from ringfinder.sources.quotes import OverLines, rows_over_lines, without_open_quotes
from ringfinder.sources.rejects import Reason, RejectsWriter
from ringfinder.sources.scan import Scan, scan
from ringfinder.sources.survey import Survey, survey

HEADER = 1
"""Lines that the header takes."""

ROUNDS = 16
"""Times that a file with open quotes is read, at most; each time all those that show are closed,
and where the file has no other quotes half of those that are left show."""

_NOT_THE_FILE = (
    duckdb.OutOfMemoryException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
)
"""What the database raises for other reasons than what it finds in a file."""


@dataclass(frozen=True)
class Target:
    """The SQL table that rows go to.

    Attributes
    ----------
    table
        Its name, that of the input table.
    named
        Whether it holds the account's id; else its index.
    record
        Whether it tells file and row.
    file
        Index of the file that is being read.
    """

    table: str
    named: bool
    record: bool
    file: int = 0

    def keys(self) -> list[str]:
        """Return the columns that no field of the input gives."""
        return (["file INTEGER", "row BIGINT"] if self.record else []) + (
            [] if self.named else ["idx INTEGER"]
        )

    def has(self, field: str) -> bool:
        """Tell whether a field that is read has a column in the table."""
        return self.named or field != "account_id"


@dataclass(frozen=True)
class Intake:
    """Reads files, one after another, into the tables of one database.

    Attributes
    ----------
    con
        The database.
    place
        Directory for copies that may be needed.
    rejects, notices
        Take the rows that cannot be used, and sentences worth telling.
    """

    con: duckdb.DuckDBPyConnection
    place: Path
    rejects: RejectsWriter
    notices: Callable[[str], None]

    def take(self, layout: Layout, target: Target) -> tuple[Layout, tuple[int, int]]:
        """Add one file to its table; return how it was read, and numbers of good and bad rows.

        Raises
        ------
        InputError
            If the file turns out to be damaged.
        """
        name, before = layout.file.name, self._rows(target)
        try:
            layout, text, cut = without_overlong(layout, survey(layout), self.place)
            layout, plan, torn = self._mended(layout, target, text)
            staged = self._rows(target) - before
            if text.wide:
                torn = judge_records(layout, staged)
            unseen = text.lines - HEADER - staged - len(torn.lines)
            self._tell_of_quotes(layout, target, plan, torn, cut, unseen)
            bad = number_of(self.con, f"SELECT count(*) FROM {target.table} WHERE bad <> 0")
            if bad:
                self.con.execute(f"DELETE FROM {target.table} WHERE bad <> 0")
            lost = _write_rejects(self.con, layout, plan, torn, cut, bad, self.rejects)
            if lost.strangers * 2 > staged:  # a scan more is worth it
                tell_of_decimals(self.con, layout, plan, self.notices)
            if lost.grouped:
                tell_of_thousands(self.con, layout, plan, lost, self.notices)
        except (InputError, *_NOT_THE_FILE):
            raise
        except (duckdb.Error, EOFError, OSError, zlib.error, ArrowException):
            # The driver's own words may hold values of the file.
            raise InputError(
                f"{name} cannot be read as {layout.file.format}: it is damaged or cut short"
            ) from None
        tell_of_file(layout, lost, self.notices)
        return layout, (staged - bad, bad + len(torn.lines) + len(cut.records))

    def _rows(self, target: Target) -> int:
        return number_of(self.con, f"SELECT count(*) FROM {target.table}")

    def _mended(self, layout: Layout, target: Target, text: Survey) -> tuple[Layout, Scan, Torn]:
        """Insert a file's rows; where quotes stay open, again without the lines of those.

        An open quote swallows every row up to the next quote, or to the end. Nothing of
        what it swallowed is lost: its own line is, and is written down. Of all rounds the
        last of those that found most rows counts, lest whole ones be taken for broken.
        """
        lost: list[int] = []
        layout, plan, torn, rows = self._begin(layout, target, text)
        best, best_rows, best_lost = layout, rows, lost
        for _ in range(ROUNDS):
            mended, lines = without_open_quotes(layout, torn, self.place)
            if not lines:
                break
            self.con.execute("ROLLBACK")
            if lost and layout is not best:
                layout.file.path.unlink()  # a copy of our own
            lost = [*lost, *lines]
            layout, plan, torn, rows = self._begin(mended, target, text)
            if rows >= best_rows:
                best, best_rows, best_lost = layout, rows, lost
        else:
            self.notices(
                f"{layout.file.name}: so many quotes are open that rows behind them may be lost; "
                "write the file again with quotes doubled inside of quoted values"
            )
        if rows < best_rows:
            self.con.execute("ROLLBACK")
            layout, plan, torn, rows = self._begin(best, target, text)
        self.con.execute("COMMIT")
        return layout, plan, torn.and_lines(best_lost, Reason.QUOTES)

    def _begin(
        self, layout: Layout, target: Target, text: Survey
    ) -> tuple[Layout, Scan, Torn, int]:
        """Insert a file's rows in a transaction that stays open; return with it the table's rows.

        Of a fault nothing is rolled back: the database goes with the run.
        """
        self.con.execute("BEGIN")
        layout, plan = self._insert(layout, target, rejects=not text.wide)
        torn = Torn.none() if text.wide else read_torn(self.con, layout)
        return layout, plan, torn, self._rows(target)

    def _insert(self, layout: Layout, target: Target, *, rejects: bool) -> tuple[Layout, Scan]:
        """Scan a file into its table, bad rows marked; return how it was read in the end."""
        self.con.execute(f"SET preserve_insertion_order = {target.record}")
        try:
            return layout, _insert_once(self.con, layout, target, rejects=rejects)
        except duckdb.InvalidInputException:
            # Line ends of several kinds in one file, or text that is not UTF-8.
            self.con.execute("ROLLBACK")
            self.con.execute("BEGIN")
            if layout.file.format is Format.CSV:
                layout = replace(layout, file=with_plain_line_ends(layout.file, self.place))
            else:
                layout = replace(layout, tolerant=True)
            return layout, _insert_once(self.con, layout, target, rejects=rejects)

    def _tell_of_quotes(
        self, layout: Layout, target: Target, plan: Scan, torn: Torn, cut: Cut, unseen: int
    ) -> None:
        """Say which quotes are open, and which may have swallowed rows before they closed.

        Parameters
        ----------
        unseen
            Lines of the file that are no row of their own.
        """
        name = layout.file.name
        broken = cut.original(torn.lines[[why is Reason.QUOTES for why in torn.reasons]])
        if len(broken):
            many = "a quote is" if len(broken) == 1 else f"quotes of {len(broken):,} lines are"
            where = "where it must be" if len(broken) == 1 else "where they must be"
            first = "at" if len(broken) == 1 else "the first at"
            left = "it is left out" if len(broken) == 1 else "they are left out"
            self.notices(f"{name}: {many} not closed {where}, {first} line {broken[0]:,}; {left}")
        if unseen <= 0 or layout.file.format is not Format.CSV:
            return
        texts = [f for f, t in plan.types.items() if t == "VARCHAR" and target.has(f)]
        any_over = " OR ".join(["bad <> 0", *(f"contains({f}, chr(10))" for f in texts)])
        over = f"SELECT count(*) FROM {target.table} WHERE {any_over}"
        if len(torn.lines) or number_of(self.con, over):
            found = rows_over_lines(layout, [f for f in layout.chosen if f != "prompt"])
            if found.rows:
                self.notices(_swallowed(name, found, int(cut.original(np.array(found.first)))))


def _swallowed(name: str, found: OverLines, line: int) -> str:
    rows = "1 row has" if found.rows == 1 else f"{found.rows:,} rows have"
    return (
        f"{name}: {rows} a value, other than a prompt, over several lines, the first at line "
        f"{line:,}; {found.lines:,} lines lie inside. Where a quote is opened by mistake, "
        "rows up to where it closes are lost in such a value"
    )


def _insert_once(
    con: duckdb.DuckDBPyConnection, layout: Layout, target: Target, *, rejects: bool
) -> Scan:
    plan = scan(con, layout, rejects=rejects, record=target.record)
    fields = [f for f in plan.types if target.has(f)]
    into = ", ".join([*fields, "bad"] + ([] if target.named else ["idx"]))
    number = ("file, row, ", f"{target.file}, row, ") if target.record else ("", "")
    con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    con.execute(
        f"INSERT INTO {target.table} ({number[0]}{into}) "
        f"SELECT {number[1]}{into} FROM ({plan.rows})"
    )
    return plan


def _write_rejects(
    con: duckdb.DuckDBPyConnection,
    layout: Layout,
    plan: Scan,
    torn: Torn,
    cut: Cut,
    bad: int,
    rejects: RejectsWriter,
) -> Lost:
    """Write down the bad rows of a file, by line; a second scan finds where they are."""
    meanings = list(plan.meanings)
    grouped: set[int] = set()
    lines, codes = torn.lines, np.zeros(len(torn.lines), np.int64)
    for i, meaning in enumerate(zip(torn.fields, torn.reasons, strict=True)):
        if meaning not in meanings:
            meanings.append(meaning)
        codes[i] = meanings.index(meaning)
    if bad:
        con.execute("SET preserve_insertion_order = true")
        found = con.sql(plan.rejects).to_arrow_table()
        rows = found["row"].to_numpy()
        grouped = set(found.filter(found["grouped"])["bad"].to_pylist())
        lines = np.concatenate([lines, find_lines(layout, rows, torn)])
        codes = np.concatenate([codes, found["bad"].to_numpy().astype(np.int64) - 1])
    lines = cut.original(lines)
    if cut.lines:
        lines = np.append(lines, cut.lines)
        codes = np.append(codes, np.full(len(cut.lines), len(meanings)))
        meanings.append((None, Reason.LINE_TOO_LONG))
    order = np.argsort(lines, kind="stable")
    lines, codes = lines[order], codes[order]
    rejects.write(layout.file.table, layout.file.name, lines.tolist(), codes.tolist(), meanings)
    return Lost(
        {meanings[code]: lines[codes == code] for code in np.unique(codes).tolist()},
        [str(meanings[code - 1][0]) for code in sorted(grouped)],
    )


def number_of(con: duckdb.DuckDBPyConnection, query: str) -> int:
    """Return the one number that a query gives."""
    return int(con.execute(query).fetchall()[0][0])
