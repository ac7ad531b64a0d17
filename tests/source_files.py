"""Files of every format, written from rows, for tests of the sources."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ringfinder.sources import Inputs, RejectsWriter, read_telemetry

FORMATS = ("csv", "csv.gz", "csv.zst", "jsonl", "ndjson.gz", "jsonl.zst", "parquet")
DAY_MS = 86_400_000
NEW_YEAR_MS = 1_767_225_600_000  # 2026-01-01


def packed(text: bytes, ending: str) -> bytes:
    """Return bytes as a file with that ending holds them."""
    if ending.endswith(".gz"):
        return gzip.compress(text)
    if ending.endswith(".zst"):
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as out:
            out.write(text)
        return sink.getvalue().to_pybytes()
    return text


def write(path: Path, rows: list[dict], columns: list[str] | None = None) -> str:
    """Write rows in the format of the path's ending; a column not in a row stays empty."""
    columns = columns or list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".parquet":
        pq.write_table(pa.table({n: [row.get(n) for row in rows] for n in columns}), path)
        return str(path)
    if ".csv" in path.suffixes:
        buffer = io.StringIO(newline="")
        writer = csv.DictWriter(buffer, columns)
        writer.writeheader()
        writer.writerows(rows)
        text = buffer.getvalue()
    else:
        text = "".join(
            json.dumps({n: row[n] for n in columns if row.get(n) is not None}) + "\n"
            for row in rows
        )
    path.write_bytes(packed(text.encode(), path.name))
    return str(path)


class Reading:
    """What came of reading files: telemetry, rejects as written, notices as told."""

    def __init__(self, place: Path, **settings):
        self.notices: list[str] = []
        path = place / "rejects.jsonl"
        tables = {
            t: settings.pop(t, ()) for t in ("signups", "usage", "payments", "logins", "labels")
        }
        tables = {t: [str(f)] if isinstance(f, (str, Path)) else f for t, f in tables.items()}
        with RejectsWriter(path) as rejects:
            self.telemetry = read_telemetry(
                Inputs(**tables), rejects=rejects, notices=self.notices.append, **settings
            )
        self.text = path.read_text(encoding="utf-8")
        self.rejects = [json.loads(line) for line in self.text.splitlines()]

    @property
    def accounts(self) -> list[str]:
        return self.telemetry.account_ids.to_pylist()

    @property
    def faults(self) -> list[tuple]:
        """Rejects as (line, field, reason)."""
        return [(r["line"], r["field"], r["reason"]) for r in self.rejects]

    def seen(self, field: str) -> list[tuple]:
        """Return sightings of a field as (account, value, first, last, count)."""
        s = self.telemetry.sightings[field]
        values, names = s.values.to_pylist(), self.accounts
        return [
            (names[a], values[v], int(f), int(last), int(n))
            for a, v, f, last, n in zip(
                s.account, s.value, s.first_ms, s.last_ms, s.count, strict=True
            )
        ]


def text_file(path: Path, *lines: str, end: str = "\n") -> str:
    """Write lines of text as they stand."""
    path.write_bytes("".join(line + end for line in lines).encode())
    return str(path)


def same(left, right) -> bool:
    """Return whether two readings gave the same telemetry, to the bit."""
    return snapshot(left) == snapshot(right)


def snapshot(telemetry) -> dict:
    """Return telemetry as plain comparable values."""
    plain = {}
    for name in ("account_ids", "country", "plan"):
        plain[name] = getattr(telemetry, name).to_pylist()
    for name in ("created_ms", "closed_ms", "email_verified"):
        plain[name] = (getattr(telemetry, name).dtype.str, getattr(telemetry, name).tolist())
    for name, column in vars(telemetry.profiles).items():
        plain[name] = (column.dtype.str, column.tolist())
    for field, s in telemetry.sightings.items():
        plain["of " + field] = (
            s.values.to_pylist(),
            [
                (c.dtype.str, c.tolist())
                for c in (s.account, s.value, s.first_ms, s.last_ms, s.count)
            ],
        )
    plain["labels"] = None if telemetry.labels is None else telemetry.labels.to_pylist()
    plain["has_usage"] = telemetry.has_usage
    return plain
