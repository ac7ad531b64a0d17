"""Reads an audit's tables and a truth file, and aligns them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, json, parquet

from ringfinder.errors import InputError
from ringfinder.evaluate.compare import Evaluation, compare
from ringfinder.evaluate.outcomes import Groups, Outcomes
from ringfinder.model import BoolArray, Decision, IntArray, Verdict

GROUPS = ("style", "cohort", "group_id", "network_class", "region")
TRUTH_COLUMNS = ("account_id", "fleet_id", "label", "established", *GROUPS)
_FRAUD, _LEGITIMATE = "fraud", "legitimate"


def evaluate(directory: Path, truth: Path) -> tuple[Evaluation, list[str]]:
    """Compare an audit with the truth.

    Parameters
    ----------
    directory
        Where the audit wrote accounts.parquet and rings.parquet.
    truth
        .parquet, .csv or .jsonl with `account_id` and either `fleet_id` (empty for
        benign accounts) or `label` (`fraud` or `legitimate`).

    Returns
    -------
    Evaluation, list of str
        The figures, and a sentence for each thing that could not be compared.

    Raises
    ------
    InputError
        If a file or column is missing or unusable, or the two have no account in common.
    """
    outcomes, notices = read_outcomes(directory, truth)
    return compare(outcomes), notices


def read_outcomes(directory: Path, truth: Path) -> tuple[Outcomes, list[str]]:
    """Read both sides and return them aligned, with what could not be compared."""
    accounts = _columns(
        directory / "accounts.parquet", ("account_id", "ring_id", "score", "decision")
    )
    rings = _columns(directory / "rings.parquet", ("ring_id", "verdict", "false_discovery_rate"))
    for table, path, needed in (
        (accounts, "accounts.parquet", ("account_id", "ring_id", "score", "decision")),
        (rings, "rings.parquet", ("ring_id", "verdict")),
    ):
        _check_columns(table, directory / path, needed)
    true = _one_row_each(_tidy(_truth(truth), truth), truth)

    where = pc.index_in(true["account_id"], value_set=_text(accounts["account_id"]))
    known = pc.is_valid(where)
    found = int(pc.sum(known).as_py() or 0)
    if not found:
        raise InputError(f"No account of {truth} is in {directory}; are they of the same world?")
    notices = _left_out(found, true.num_rows, accounts.num_rows, truth)
    true, accounts = true.filter(known), accounts.take(where.filter(known))
    return _align(accounts, rings, true, directory), notices


def _left_out(found: int, in_truth: int, in_audit: int, truth: Path) -> list[str]:
    notices = []
    if in_truth > found:
        notices.append(f"{in_truth - found:,} accounts of {truth} are not in the audit: left out.")
    if in_audit > found:
        notices.append(f"{in_audit - found:,} accounts of the audit are not in {truth}: left out.")
    return notices


def _align(accounts: pa.Table, rings: pa.Table, true: pa.Table, directory: Path) -> Outcomes:
    score = accounts["score"].to_numpy()
    if not ((score >= 0) & (score <= 1)).all():
        raise InputError(
            f"{directory / 'accounts.parquet'} has scores that are not within 0 and 1."
        )
    ring = _code(pc.index_in(accounts["ring_id"], value_set=rings["ring_id"]))
    if ((ring < 0) & _bools(pc.is_valid(accounts["ring_id"]))).any():
        raise InputError(f"{directory / 'accounts.parquet'} names rings that rings.parquet lacks.")
    fleet, _ = _encode(true["fleet_id"])
    groups = {name: Groups(*_encode(true[name])) for name in GROUPS if name in true.column_names}
    fdr = (
        rings["false_discovery_rate"].cast(pa.float64()).fill_null(np.nan).to_numpy()
        if "false_discovery_rate" in rings.column_names
        else np.full(rings.num_rows, np.nan)
    )
    return Outcomes(
        fraud=_bools(true["fraud"]),
        score=score.astype(np.float64),
        past_allow=_bools(pc.not_equal(accounts["decision"], Decision.ALLOW.value)),
        ring=ring,
        ring_is_fleet=_bools(pc.equal(rings["verdict"], Verdict.FLEET.value)),
        ring_fdr=fdr,
        fleet=fleet,
        groups=groups,
        established=_established(true),
    )


def _established(true: pa.Table) -> BoolArray | None:
    if "established" not in true.column_names:
        return None
    return _bools(pc.is_in(pc.utf8_lower(true["established"]), value_set=pa.array(["true", "1"])))


def _truth(path: Path) -> pa.Table:
    """Read a truth file's known columns, all as text."""
    name = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    if name.endswith(".parquet"):
        return _columns(path, TRUTH_COLUMNS)
    as_text = {column: pa.string() for column in TRUTH_COLUMNS}
    try:
        if name.endswith(".csv"):
            return csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=as_text))
        if name.endswith((".jsonl", ".ndjson")):
            return json.read_json(path)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from None
    raise InputError(f"{path} is no truth file; expected .parquet, .csv or .jsonl.")


def _columns(path: Path, names: tuple[str, ...]) -> pa.Table:
    """Read those of the columns that a Parquet file has."""
    try:
        there = parquet.read_schema(path).names
        return parquet.read_table(path, columns=[name for name in names if name in there])
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(f"There is no file {path}.")
    return InputError(f"Cannot read {path}: it is damaged, or not what its name says.")


def _check_columns(table: pa.Table, path: Path, needed: tuple[str, ...]) -> None:
    for name in needed:
        if name not in table.column_names:
            raise InputError(f"{path} has no column {name}; is it the output of an audit?")


def _tidy(table: pa.Table, path: Path) -> pa.Table:
    """Return the truth's columns as trimmed text, empty as null, with `fraud` (bool)."""
    columns = {}
    for name in TRUTH_COLUMNS:
        if name in table.column_names:
            text = pc.utf8_trim_whitespace(_text(table[name]))
            columns[name] = pc.if_else(pc.equal(text, ""), None, text)
    if "account_id" not in columns or not {"fleet_id", "label"} & columns.keys():
        raise InputError(f"{path} needs the columns account_id, and fleet_id or label.")
    if "fleet_id" in columns:
        columns["fraud"] = pc.is_valid(columns["fleet_id"])
    else:
        label = pc.utf8_lower(columns["label"])
        usable = pc.is_in(label, value_set=pa.array([_FRAUD, _LEGITIMATE]))
        if not pc.all(usable).as_py():
            raise InputError(
                f"{path} has labels other than {_FRAUD} and {_LEGITIMATE}, or rows without one."
            )
        columns["fraud"] = pc.equal(label, _FRAUD)
        columns["fleet_id"] = pa.nulls(table.num_rows, pa.string())
    return pa.table(columns).filter(pc.is_valid(columns["account_id"]))


def _one_row_each(table: pa.Table, path: Path) -> pa.Table:
    """Return one row per account, the first; refuse rows that contradict each other."""
    if len(pc.unique(table["account_id"])) == table.num_rows:
        return table
    kept = table.append_column("row", pa.array(np.arange(table.num_rows)))
    judged = kept.group_by("account_id").aggregate(
        [("row", "min"), ("fraud", "min"), ("fraud", "max"), ("fleet_id", "count_distinct")]
    )
    differs = pc.or_(
        pc.not_equal(judged["fraud_min"], judged["fraud_max"]),
        pc.greater(judged["fleet_id_count_distinct"], 1),
    )
    if pc.any(differs).as_py():
        raise InputError(f"{path} has accounts with two rows that contradict each other.")
    return table.take(judged["row_min"])


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def _bools(column: pa.ChunkedArray) -> BoolArray:
    values: BoolArray = column.fill_null(False).to_numpy(zero_copy_only=False)
    return values


def _code(column: pa.ChunkedArray) -> IntArray:
    values: IntArray = column.fill_null(-1).to_numpy()
    return values


def _encode(column: pa.ChunkedArray) -> tuple[IntArray, tuple[str, ...]]:
    """Return codes (-1 for null) and the sorted names they stand for."""
    names = sorted(pc.unique(column).drop_null().to_pylist())
    value_set = pa.array(names, pa.string())
    return _code(pc.index_in(column, value_set=value_set)), tuple(names)
