"""A world cut at a moment: a snapshot of what was before, and the events after it, in order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ringfinder.graph.columns import AttributeGraph
from ringfinder.normalise import Pepper, normalise, prompt_bands
from ringfinder.normalise.events import Rules
from ringfinder.normalise.one import FIELDS, Normaliser
from ringfinder.score.online.model import Model
from ringfinder.sources import Inputs, read_telemetry
from tests.bench.worlds import Files
from tests.models import Snapshot, snapshot_of

PEPPER = Pepper.derived([b"bench"])
SEEN = ("usage", "payments", "logins")
TIME = {
    "signups": "created_at",
    "usage": "occurred_at",
    "payments": "occurred_at",
    "logins": "occurred_at",
}


@dataclass(frozen=True)
class Event:
    """A sign-up, or what an account was seen with."""

    at_ms: int
    account_id: str
    signup: bool
    values: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Cut:
    """A world cut at a moment."""

    snapshot: Snapshot
    events: list[Event]
    truth: dict[str, dict[str, Any]]
    founded: dict[str, int]  # first sign-up of each fleet, ms

    @property
    def model(self) -> Model:
        return self.snapshot.model


def cut(files: Files, at_ms: int, days: float, directory: Path) -> Cut:
    """Make a snapshot of everything before `at_ms`, and list the newcomers' events after it."""
    tables = {name: pq.read_table(files.folder / f"{name}.parquet") for name in TIME}
    truth = {row["account_id"]: row for row in pq.read_table(files.truth).to_pylist()}
    with tempfile.TemporaryDirectory() as scratch:
        graph = _graph(tables, at_ms, Path(scratch))
    snapshot = snapshot_of(graph, directory, verify=False)
    founded: dict[str, int] = {}
    ids, times = _column(tables["signups"], "account_id"), _times(tables["signups"], "signups")
    for account, at in zip(ids, times, strict=True):
        fleet = truth[account]["fleet_id"]
        if fleet is not None:
            founded[fleet] = min(founded.get(fleet, at), at)
    events = sorted(_events(tables, at_ms, at_ms + int(days * 86_400_000)), key=_order)
    return Cut(snapshot, events, truth, founded)


def _order(event: Event) -> tuple[int, bool, str]:
    return event.at_ms, not event.signup, event.account_id


def _graph(tables: dict[str, pa.Table], at_ms: int, scratch: Path) -> AttributeGraph:
    known = None
    paths: dict[str, tuple[str, ...]] = {}
    for name, table in tables.items():
        before = table.filter(pa.array(np.array(_times(table, name)) < at_ms))
        if name == "signups":
            known = before["account_id"].combine_chunks()
            closed = before["closed_at"].cast(pa.int64())
            open_ = pc.fill_null(pc.less(closed, at_ms), False)
            column = pc.if_else(open_, before["closed_at"], None)
            before = before.set_column(before.column_names.index("closed_at"), "closed_at", column)
        else:
            before = before.filter(pc.is_in(before["account_id"].cast(pa.string()), known))
        paths[name] = (str(scratch / f"{name}.parquet"),)
        pq.write_table(before, paths[name][0])
    telemetry = read_telemetry(Inputs(**paths), prompt_bands=prompt_bands)
    return normalise(telemetry, pepper=PEPPER)


def _events(tables: dict[str, pa.Table], begin: int, end: int) -> Iterator[Event]:
    normaliser = Normaliser(Rules(PEPPER))
    fresh: set[str] = set()
    for name, table in tables.items():
        when = np.array(_times(table, name))
        rows = table.filter(pa.array((when >= begin) & (when < end)))
        columns = [c for c in rows.column_names if c in FIELDS or c in ("account_id", "country")]
        for at, row in zip(_times(rows, name), rows.select(columns).to_pylist(), strict=True):
            account = row["account_id"]
            if name == "signups":
                fresh.add(account)
                found = normaliser.signup(
                    row, account_id=account, created_ms=at, country=row.get("country")
                )
                yield Event(at, account, True, found.values)
            elif account in fresh:
                yield Event(at, account, False, tuple(normaliser.values(row)))


def _column(table: pa.Table, name: str) -> list[Any]:
    return table[name].cast(pa.string()).to_pylist()


def _times(table: pa.Table, name: str) -> list[int]:
    return table[TIME[name]].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).to_pylist()
