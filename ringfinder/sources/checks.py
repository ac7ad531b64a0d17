"""How a field is parsed and what is wrong with it, as SQL over columns."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ringfinder.durations import DAY_MS
from ringfinder.errors import InputError
from ringfinder.sources.columns import Column, Type
from ringfinder.sources.rejects import Reason

EARLIEST_MS = 946_684_800_000  # 2000-01-01: older than any account of these services
LATEST_MS = 4_102_444_800_000  # 2100-01-01
EXAMPLE_TIME = "2026-03-01T09:30:00Z"
AHEAD_MS = DAY_MS
"""How far a time may lie after the present: clocks and time zones are set wrongly by hours."""
_MILLISECONDS_FROM = 100_000_000_000
"""A number from here on counts milliseconds, below it seconds. As seconds it would be the
year 5138, as milliseconds 1973: both out of range, so no number can be meant both ways."""

_NOTHING = ("null", "none", "nil", "n/a", "na", "#n/a", "nat", "\\n", "undefined", "unknown", "-")
"""What exports write into a field of which they know nothing, in small letters. Of values that
accounts share `normalise.text` has a longer list; here it is times, numbers, flags and event_ids,
of which one such word would make thousands of rows a repetition of the first."""

_BLANKS = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)"
_WHOLE = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
    "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
}  # fmt: skip


@dataclass(frozen=True)
class Parsed:
    """One field as SQL.

    Attributes
    ----------
    raw
        Over the columns of the file: what is there; NULL where nothing is.
    value
        Over `raw`, named like the field: what it means; NULL where it means nothing.
    type
        SQL type of the value.
    checks
        Over raw (named ``raw_FIELD``) and value: what must not be, and why.
    """

    raw: str
    value: str
    type: str
    checks: list[tuple[str, Reason]]


def is_trimmed_late(column: Column) -> bool:
    """Tell whether a field is staged with the blanks around it.

    Looking for blanks costs as much as all other checks together. Of values that accounts
    share, few are distinct: `fold.fold_sightings` trims those.
    """
    return column.is_value and column.type is Type.TEXT


def trimmed(text: str) -> str:
    """Return SQL for text without blanks around it, NULL where nothing is left.

    Looking at both ends first is faster than trimming what needs none.
    """
    return (
        f"CASE WHEN {text} < '!' OR {text}[-1] <= ' ' "
        f"THEN nullif(trim({text}, {_BLANKS}), '') ELSE {text} END"
    )


def _told(text: str) -> str:
    """Return SQL for text, NULL where it says that nothing is known.

    Numbers and times begin with a digit, which is faster seen than all the words.
    """
    words = ", ".join(f"'{word}'" for word in _NOTHING)
    digit = f"{text} BETWEEN '0' AND ':'"
    return f"CASE WHEN {digit} OR lower({text}) NOT IN ({words}) THEN {text} END"


def parse(
    column: Column,
    source: str,
    type_: str,
    *,
    file: str,
    record: bool = False,
    now_ms: int | None = None,
) -> Parsed:
    """Return how to read a column of a file as a field.

    Parameters
    ----------
    column
        The field.
    source
        SQL that gives the file's column.
    type_
        Its SQL type: VARCHAR for text files, anything for Parquet.
    file
        The file's name for the message.
    record
        Whether rows become events: an event_id is kept as it is.
    now_ms
        The present, after which nothing can have happened; None: it is not asked.

    Raises
    ------
    InputError
        If a Parquet column's type cannot hold such a field.
    """
    raw = f"raw_{column.name}"
    if type_ == '"NULL"':  # a Parquet column without any value need not say its type
        source, type_ = f"CAST({source} AS VARCHAR)", "VARCHAR"
    if type_ == "VARCHAR" and not is_trimmed_late(column):
        source = trimmed(source)
        if not column.required and column.type in {Type.TIME, Type.COUNT, Type.FLAG, Type.EVENT}:
            source = _told(source)
    if column.type is Type.EVENT and record:
        column = replace(column, type=Type.TEXT)
    if column.type is Type.RECEIVED:
        received = _time(column, source, type_, raw) or Parsed("NULL", "NULL", "BIGINT", [])
        latest = LATEST_MS - 1 if now_ms is None else now_ms + AHEAD_MS
        in_range = f"{EARLIEST_MS} AND {latest}"
        value = f"CASE WHEN ({received.value}) BETWEEN {in_range} THEN ({received.value}) END"
        return Parsed(received.raw, value, received.type, [])
    if column.type is Type.TIME:
        parsed = _time(column, source, type_, raw)
        if parsed is not None and now_ms is not None:
            # One such row would make everything else look long past: every ring silent.
            ahead = f"{column.name} > {now_ms + AHEAD_MS}"
            parsed.checks.append((ahead, Reason.IN_THE_FUTURE))
    elif column.type is Type.COUNT:
        parsed = _count(column, source, type_, raw)
    elif column.type is Type.FLAG:
        parsed = _flag(source, type_, raw)
    else:
        parsed = _text(column, source, type_, raw)
    if parsed is None:
        raise InputError(
            f"{file}: the column of {column.name} has type {type_}; expected {column.type}"
        )
    if column.required:
        parsed.checks.insert(0, (f"{raw} IS NULL", Reason.MISSING))
    return parsed


def _text(column: Column, source: str, type_: str, raw: str) -> Parsed | None:
    if type_ in {"DOUBLE", "FLOAT"}:
        # A column of whole numbers with gaps, as data frames write it.
        whole = f"{source} = trunc({source}) AND abs({source}) < 1e15"
        source = (
            f"CASE WHEN NOT isfinite({source}) THEN NULL WHEN {whole} "
            f"THEN {source}::BIGINT::VARCHAR ELSE {source}::VARCHAR END"
        )
    elif type_.endswith("]") or type_.startswith(("STRUCT", "MAP", "UNION", "BLOB", "BIT")):
        return None
    elif type_ != "VARCHAR":
        source = f"{source}::VARCHAR"
    too_long = f"strlen({raw}) > {column.most}"
    if is_trimmed_late(column):
        too_long += f" AND strlen(trim({raw}, {_BLANKS})) > {column.most}"
    checks = [(too_long, Reason.TOO_LONG)]
    if column.type is Type.LABEL:
        value = f"lower({raw})"
        checks.append((f"{value} NOT IN ('fraud', 'legitimate')", Reason.NOT_A_LABEL))
        return Parsed(source, value, "VARCHAR", checks)
    if column.type in {Type.EVENT, Type.PROMPT}:
        # 128 bits stand for the text: nobody can make two meet on purpose.
        return Parsed(source, f"md5_number({raw})", "UHUGEINT", checks)
    return Parsed(source, raw, "VARCHAR", checks)


def _time(column: Column, source: str, type_: str, raw: str) -> Parsed | None:
    number = (
        f"CASE WHEN abs({{0}}) >= {_MILLISECONDS_FROM} THEN {{0}} ELSE {{0}} * 1000 END + 0.0005"
    )
    if type_ == "DATE" or type_.startswith("TIMESTAMP"):
        # Without a zone or with one in nanoseconds: the cast to UTC is the same instant.
        value = f"epoch_us({raw}::TIMESTAMPTZ) // 1000"
    elif type_ in _WHOLE or type_ in {"DOUBLE", "FLOAT"} or type_.startswith("DECIMAL"):
        value = _milliseconds(f"{raw}::DOUBLE", number)
    elif type_ == "VARCHAR":
        # RFC 3339 allows small letters; the cast does not.
        tries = ", ".join(f"try_cast({text} AS TIMESTAMPTZ)" for text in (raw, f"upper({raw})"))
        seconds = _milliseconds(f"try_cast({raw} AS DOUBLE)", number)
        value = f"coalesce(epoch_us(coalesce({tries})) // 1000, {seconds})"
    else:
        return None
    checks = [
        (f"{raw} IS NOT NULL AND {column.name} IS NULL", Reason.NOT_A_TIME),
        (
            f"{column.name} < {EARLIEST_MS} OR {column.name} >= {LATEST_MS}",
            Reason.TIME_OUT_OF_RANGE,
        ),
    ]
    return Parsed(source, value, "BIGINT", checks)


def _milliseconds(number: str, rule: str) -> str:
    """Return SQL for epoch seconds or milliseconds; what no time can be becomes NULL or huge."""
    bounded = f"least(greatest({number}, -1e15), 1e15)"
    return f"CASE WHEN isfinite({number}) THEN floor({rule.format(bounded)})::BIGINT END"


def _count(column: Column, source: str, type_: str, raw: str) -> Parsed | None:
    if not (
        type_ in _WHOLE or type_ in {"VARCHAR", "DOUBLE", "FLOAT"} or type_.startswith("DECIMAL")
    ):
        return None
    number = f"{raw}::DOUBLE" if type_ != "VARCHAR" else f"try_cast({raw} AS DOUBLE)"
    checks = [
        (
            f"{raw} IS NOT NULL AND ({number} IS NULL OR NOT isfinite({number}))",
            Reason.NOT_A_NUMBER,
        ),
        (f"{number} < 0", Reason.NEGATIVE),
        (f"{number} > {column.most}", Reason.OUT_OF_RANGE),
        (f"{number} <> trunc({number})", Reason.NOT_WHOLE),
    ]
    value = f"CASE WHEN abs({number}) <= {column.most} THEN {number}::BIGINT END"
    return Parsed(source, value, "BIGINT", checks)


def _flag(source: str, type_: str, raw: str) -> Parsed | None:
    if type_ == "BOOLEAN":
        return Parsed(source, f"{raw}::TINYINT", "TINYINT", [])
    if type_ != "VARCHAR" and type_ not in _WHOLE and type_ not in {"DOUBLE", "FLOAT"}:
        return None
    text = f"lower({raw}::VARCHAR)"
    value = (
        f"CASE WHEN {text} IN ('true', 't', 'yes', 'y', '1', '1.0') THEN 1 "
        f"WHEN {text} IN ('false', 'f', 'no', 'n', '0', '0.0') THEN 0 END"
    )
    return Parsed(
        source,
        value,
        "TINYINT",
        [(f"{raw} IS NOT NULL AND email_verified IS NULL", Reason.NOT_A_FLAG)],
    )
