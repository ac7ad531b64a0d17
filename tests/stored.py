"""Events, batches and graphs for the tests of the stores: small, hand-made, pseudonyms only."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa

from ringfinder.schema import CODE
from ringfinder.store import EVENT_SCHEMAS, EventType, GraphBatch, GraphTables, RingTables
from ringfinder.store.batches import (
    ACCOUNTS,
    DECISIONS,
    EVIDENCE,
    LABELS,
    LINEAGE,
    MEMBERS,
    PROFILES,
    RINGS,
    SIGHTINGS,
    VALUES,
)

START_MS = 1_767_225_600_000  # 2026-01-01
HOUR_MS = 3_600_000


def pseudonym(text: str) -> str:
    """What a normaliser would call a value."""
    return "p1_" + hashlib.sha256(text.encode()).hexdigest()[:32]


def rows_of(schema: pa.Schema, *rows: dict[str, Any]) -> pa.Table:
    """Build a table of a schema; what a row leaves out is null."""
    return pa.Table.from_pylist(list(rows), schema=schema)


def graph_tables(
    accounts: dict[str, dict[str, Any] | None],
    sightings: list[tuple[str, str, str, int, int, int]] = (),
) -> GraphTables:
    """Build a graph: account -> facts (None: only named), and sightings."""
    facts = []
    for account_id, said in accounts.items():
        row: dict[str, Any] = {"account_id": account_id}
        if said is not None:
            row |= {"created_ms": START_MS, "outcome": "completed"} | said
            row["outcome_ms"] = said.get("outcome_ms", row["created_ms"])
        facts.append(row)
    keys = dict.fromkeys((kind, value) for _, kind, value, *_ in sightings)
    values = {key: row for row, key in enumerate(keys)}
    names = {name: row for row, name in enumerate(accounts)}
    return GraphTables(
        rows_of(ACCOUNTS, *facts),
        rows_of(VALUES, *({"kind": CODE[k], "pseudonym": pseudonym(v)} for k, v in values)),
        rows_of(
            SIGHTINGS,
            *(
                {
                    "account": names[account],
                    "value": values[kind, value],
                    "first_ms": START_MS + first,
                    "last_ms": START_MS + last,
                    "count": count,
                }
                for account, kind, value, first, last, count in sightings
            ),
        ),
    )


def batch_of(first: int, last: int | None = None, **parts: Any) -> GraphBatch:
    """Build a batch; `labels`, `decisions`, `profiles` as lists of rows."""
    schemas = {"labels": LABELS, "decisions": DECISIONS, "profiles": PROFILES}
    tables = {
        name: rows_of(schemas[name], *part) if name in schemas else part
        for name, part in parts.items()
    }
    return GraphBatch(first, first if last is None else last, **tables)


def large_batch(number: int) -> GraphBatch:
    """A batch that takes a moment to write; the batches overlap in accounts and values."""
    names = [f"account {(number * 1_000 + row) % 5_000}" for row in range(3_000)]
    rows = [(name, "ip", f"{row % 700}", number, number, 1) for row, name in enumerate(names)]
    return batch_of(number, graph=graph_tables({name: {} for name in names}, rows))


def label(account_id: str, word: str = "fraud", **more: Any) -> dict[str, Any]:
    """One row of labels."""
    return {
        "account_id": account_id,
        "label": word,
        "decided_ms": START_MS,
        "received_ms": START_MS,
    } | more


def profile(account_id: str, through: int, exchanges: int) -> dict[str, Any]:
    """One row of profiles, all use in the first hour of the day."""
    return {
        "account_id": account_id,
        "through": through,
        "hours": [exchanges] + [0] * 23,
        "active_days": 1,
        "exchanges": exchanges,
        "input_tokens": 10 * exchanges,
        "output_tokens": 20 * exchanges,
        "first_use_ms": START_MS,
        "last_use_ms": START_MS + exchanges,
    }


def rings_of(
    run_id: str, members: dict[str, list[str]], **tables: list[dict[str, Any]]
) -> RingTables:
    """Build the rings of a run from ring -> accounts."""
    rings = [
        {"ring_id": ring, "size": len(ids), "score": 0.9, "verdict": "fleet"}
        for ring, ids in members.items()
    ]
    rows = [
        {"ring_id": ring, "account_id": account_id, "membership": 0.99}
        for ring, ids in members.items()
        for account_id in ids
    ]
    return RingTables(
        run_id,
        rows_of(RINGS, *rings),
        rows_of(MEMBERS, *rows),
        rows_of(EVIDENCE, *tables.get("evidence", [])),
        rows_of(LINEAGE, *tables.get("lineage", [])),
    )


def events_of(kind: EventType, *rows: dict[str, Any]) -> tuple[EventType, pa.Table]:
    """Build events; ids and times are filled in, `values` is a dict of kind -> clear value."""
    whole = []
    for number, row in enumerate(rows):
        values = [
            {"kind": name, "pseudonym": pseudonym(value)}
            for name, value in row.get("values", {}).items()
        ]
        header = {
            "event_id": f"{kind}-{number}-{row.get('account_id')}",
            "received_ms": row.get("occurred_ms", START_MS),
            "normaliser": "1",
            "occurred_ms": START_MS,
        }
        usage = {"exchanges": 1, "input_tokens": 0, "output_tokens": 0}
        signup = {"outcome": "completed"}
        extra = {EventType.USAGE: usage, EventType.SIGNUPS: signup}.get(kind, {})
        whole.append(header | extra | row | {"values": values})
    return kind, pa.Table.from_pylist(whole, schema=EVENT_SCHEMAS[kind])


def signups(*account_ids: str, **more: Any) -> tuple[EventType, pa.Table]:
    """Build one completed sign-up each, all with the same facts."""
    return events_of(EventType.SIGNUPS, *({"account_id": name} | more for name in account_ids))


def usage(*rows: tuple[Any, ...]) -> tuple[EventType, pa.Table]:
    """Build usage events: (account, hours since the start, exchanges, values)."""
    return events_of(
        EventType.USAGE,
        *(
            {
                "account_id": account,
                "event_id": f"use {account} {hours} {exchanges}",
                "occurred_ms": START_MS + int(hours * HOUR_MS),
                "received_ms": START_MS + int(hours * HOUR_MS),
                "exchanges": exchanges,
                "input_tokens": 100 * exchanges,
                "output_tokens": 7,
                "values": dict(more),
            }
            for account, hours, exchanges, *more in (
                (row[0], row[1], row[2], *(row[3] if len(row) > 3 else {}).items()) for row in rows
            )
        ),
    )


def files_of(directory: Path) -> set[str]:
    """Return the names of the data files in a directory."""
    return {path.name for path in directory.glob("*.parquet")}
