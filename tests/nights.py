"""Data directories filled from simulated worlds, as `load` fills them, and nights run on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ringfinder.config import Settings
from ringfinder.normalise import NORMALISER, Pepper, Rows, Rules, event_columns
from ringfinder.pipeline.home import Home
from ringfinder.pipeline.recompute import recompute
from ringfinder.runs import RecomputeSummary
from ringfinder.simulate import World
from ringfinder.store import EmbeddedStore, EventType
from ringfinder.store.segments import EventLog

PEPPER = Pepper(1, b"0123456789abcdef0123456789abcdef")
DAY_MS = 86_400_000
START_S = 1_780_000_000.0
FIELDS = {
    "signups": ("email", "ip", "device_id", "payment_fingerprint", "card_bin", "phone",
                "user_agent", "tls_fingerprint", "referrer"),
    "usage": ("ip", "device_id", "model", "prompt_fingerprint"),
    "payments": ("payment_fingerprint", "card_bin"),
    "logins": ("ip", "device_id", "user_agent", "tls_fingerprint"),
}  # fmt: skip


def open_home(directory: Path, store=None) -> Home:
    """A data directory with the test's own pepper; embedded unless a store is given."""
    directory.mkdir(parents=True, exist_ok=True)
    store = store or EmbeddedStore(directory / "graph.duckdb", wait_s=5)
    return Home(directory, EventLog(directory / "events"), store, PEPPER)


def events_of(table: str, rows: pa.Table, *, first: int = 0) -> tuple[EventType, pa.Table]:
    """Events of one input table, row by row; `first` numbers their ids."""
    at = rows["created_at" if table == "signups" else "occurred_at"].cast(pa.int64())
    when = at.to_numpy()
    raw = {
        name: rows[name].cast(pa.string()).combine_chunks()
        for name in FIELDS[table]
        if name in rows.column_names
    }
    country = None
    if table == "signups" and "country" in rows.column_names:
        country = rows["country"].cast(pa.string()).combine_chunks()
    used = rows["exchanges"].to_numpy() > 0 if table == "usage" else None
    made = event_columns(Rows(table, when, raw, country, used), Rules(PEPPER))
    columns = {
        "event_id": pa.array([f"{table}-{first + i}" for i in range(len(rows))]),
        "received_ms": at,
        "normaliser": pa.array([NORMALISER] * len(rows)),
        "account_id": rows["account_id"].cast(pa.string()),
        "occurred_ms": at,
        **made,
    }
    if table == "signups":
        columns["outcome"] = pa.array(["completed"] * len(rows))
        if "closed_at" in rows.column_names:
            columns["closed_ms"] = rows["closed_at"].cast(pa.int64())
        if country is not None:
            columns["country"] = country
    if table == "usage":
        for name in ("exchanges", "input_tokens", "output_tokens"):
            columns[name] = rows[name].cast(pa.int64())
    return EventType(table), pa.table(columns)


def fill(home: Home, world: World, *, after_ms: int = 0, until_ms: int = 1 << 62) -> None:
    """Append what happened in the world in a span of time, of accounts that had signed up."""
    tables = []
    for name in FIELDS:
        rows = world[name]
        column = rows["created_at" if name == "signups" else "occurred_at"].cast(pa.int64())
        inside = pc.and_(pc.greater_equal(column, after_ms), pc.less(column, until_ms))
        row = np.flatnonzero(np.asarray(inside))
        if len(row):
            tables.append(events_of(name, rows.take(pa.array(row)), first=int(row[0])))
    home.log.append(_distinct(tables, after_ms))


def _distinct(tables, stamp: int):
    """Ids that tell the spans apart."""
    for kind, table in tables:
        ids = pa.array([f"{stamp}-{one}" for one in table["event_id"].to_pylist()])
        yield kind, table.set_column(0, "event_id", ids)


def night(home: Home, number: int = 0, *, check: bool = False, **given) -> RecomputeSummary:
    """Recompute at a given night; settings by name, what `recompute` takes too."""
    names = ("notices", "progress", "touched", "repair")
    passed = {name: given.pop(name) for name in names if name in given}
    settings = Settings(data_dir=home.directory, **given)
    clock = lambda: START_S + 86_400.0 * number  # noqa: E731
    return recompute(settings, home, check=check, clock=clock, **passed)


def rows_of(path: Path, name: str) -> list[dict]:
    """One table of a snapshot as rows."""
    return pq.read_table(path / f"{name}.parquet").to_pylist()


def ring_of(path: Path) -> dict[str, str | None]:
    """The ring of every account of a snapshot."""
    return {row["account_id"]: row["ring_id"] for row in rows_of(path, "accounts")}


def snapshot(home: Home, one: RecomputeSummary) -> Path:
    """The directory of a run's snapshot."""
    return home.directory / "snapshots" / one.snapshot_id
