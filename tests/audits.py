"""Runs the audit on small worlds, and reads what it wrote."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from ringfinder.config import Settings
from ringfinder.pipeline import audit
from ringfinder.runs import AuditInputs, AuditSummary
from ringfinder.simulate import WorldSpec, simulate, write_world

TABLES = ("accounts.parquet", "rings.parquet", "evidence.parquet")
FILES = {*TABLES, "report.html", "run.json", "rejects.jsonl"}
PEPPER = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Audited:
    """One audit: its summary and its directory."""

    summary: AuditSummary
    out: Path

    def rows(self, name: str) -> list[dict]:
        """One table as rows."""
        return pq.read_table(self.out / f"{name}.parquet").to_pylist()

    @property
    def run(self) -> dict:
        """The contents of run.json."""
        return json.loads((self.out / "run.json").read_text("utf-8"))

    def tables(self) -> dict[str, bytes]:
        """The bytes of every table."""
        return {name: (self.out / name).read_bytes() for name in TABLES}

    def ring_of(self) -> dict[str, str | None]:
        """The ring of every account."""
        return {row["account_id"]: row["ring_id"] for row in self.rows("accounts")}


def make_world(directory: Path, **spec) -> dict[str, Path]:
    """Write a simulated world; return its files by table."""
    return write_world(simulate(WorldSpec(**spec)), directory)


def audited(files: dict[str, Path], out: Path, *, previous=None, labels=(), **settings) -> Audited:
    """Audit files by table; `truth` and `world` are never shown to it."""
    inputs = AuditInputs(
        signups=(str(files["signups"]),),
        labels=tuple(str(path) for path in labels),
        previous=previous,
        **{
            table: (str(files[table]),)
            for table in ("usage", "payments", "logins")
            if table in files
        },
    )
    return Audited(audit(inputs, Settings(**settings), out), out)


def write_rows(path: Path, rows: list[dict]) -> Path:
    """Write rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def shuffled(files: dict[str, Path], directory: Path, seed: int = 1) -> dict[str, Path]:
    """The same rows in another order, the columns too."""
    directory.mkdir()
    out = {}
    for name in ("signups", "usage", "payments", "logins"):
        table = pq.read_table(files[name])
        order = list(range(len(table)))
        random.Random(seed).shuffle(order)
        out[name] = directory / f"{name}.parquet"
        pq.write_table(table.take(order).select(table.column_names[::-1]), out[name])
    return out


def as_csv(files: dict[str, Path], directory: Path) -> dict[str, Path]:
    """The same rows as text."""
    directory.mkdir()
    out = {}
    for name in ("signups", "usage", "payments", "logins"):
        table = pq.read_table(files[name])
        plain = [
            column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
            for column in table.columns
        ]
        out[name] = directory / f"{name}.csv"
        pc.write_csv(pa.table(plain, names=table.column_names), out[name])
    return out
