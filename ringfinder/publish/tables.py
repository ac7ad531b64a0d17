"""accounts.parquet, rings.parquet, evidence.parquet: a contract that other programs read.

The same tables give the same bytes: fixed row groups, plain columns, no times in the
metadata. Accounts are written a row group at a time, so their reasons are never all in
memory at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ringfinder.errors import InvalidParameter
from ringfinder.explain.build import Joined
from ringfinder.explain.reasons import REASON_TYPE, AccountReasons
from ringfinder.graph.columns import NEVER
from ringfinder.model import FloatArray, IntArray
from ringfinder.schema import FAMILIES, FAMILY_OF_KIND, KINDS

ROWS_PER_GROUP = 1 << 17
TIME = pa.timestamp("ms", tz="UTC")

ACCOUNTS = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("ring_id", pa.string()),
        pa.field("membership", pa.float64(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("decision", pa.string(), nullable=False),
        pa.field("reasons", pa.list_(REASON_TYPE), nullable=False),
    ]
)
RINGS_FIRST = pa.schema(
    [
        pa.field("ring_id", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("lifecycle", pa.string(), nullable=False),
        pa.field("first_seen", TIME),
        pa.field("last_seen", TIME),
        pa.field("exchanges", pa.int64(), nullable=False),
        pa.field("output_tokens", pa.int64(), nullable=False),
    ]
)
RINGS_LAST = pa.schema(
    [
        pa.field("false_discovery_rate", pa.float64(), nullable=False),
        pa.field("summary", pa.string(), nullable=False),
    ]
)
EVIDENCE = pa.schema(
    [
        pa.field("ring_id", pa.string(), nullable=False),
        pa.field("family", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("accounts_inside", pa.int64(), nullable=False),
        pa.field("accounts_total", pa.int64(), nullable=False),
        pa.field("nats", pa.float64(), nullable=False),
    ]
)

MEANINGS: dict[str, dict[str, str]] = {
    "accounts": {
        "account_id": "The account; every sign-up has a row.",
        "ring_id": "The ring it is a member of; null outside all rings.",
        "membership": "Probability that it belongs to that ring; 0 outside.",
        "score": "A member's membership times its ring's score; outside rings below one half, "
        "higher the more it shares with a fleet.",
        "decision": "`challenge` or `review` for members of fleets, by score; `review` at least "
        "for accounts labelled `fraud`; `allow` for all others, those of `unclear` rings "
        "included. Nothing is ever `deny`.",
        "reasons": "List of code, family, kind, nats, and text: one sentence for people.",
    },
    "rings": {
        "ring_id": "The ring; kept between audits with `--previous`.",
        "size": "Accounts in it.",
        "score": "Probability that one operator runs it.",
        "verdict": "`fleet`, `organisation`, `household`, or `unclear`: for a person to look at.",
        "lifecycle": "`closed` (half of its accounts are), `growing` (a sign-up in the last week "
        "of the data), `active` (use in it, or nobody's use is known) or `silent` (neither).",
        "first_seen": "First sign-up.",
        "last_seen": "Last sign-up or use.",
        "exchanges": "Exchanges of all members.",
        "output_tokens": "Tokens out of all members.",
        "false_discovery_rate": "Share of rings as strong as this one, or stronger, that chance "
        "explains.",
        "summary": "The ring in one sentence.",
    },
    "evidence": {
        "ring_id": "The ring.",
        "family": "Of the kind: network, payment, identity, device or behaviour.",
        "kind": "Kind of the value.",
        "value": "Pseudonym of the value, or the value where `clear_values` is set.",
        "accounts_inside": "Members that have it.",
        "accounts_total": "Accounts that have it, members or not.",
        "nats": "How much likelier members have it than others do, as a natural logarithm.",
    },
}
"""What each column says, for whoever reads the tables; ring features say it themselves."""


def write_accounts(
    path: Path,
    run: Joined,
    *,
    score: FloatArray,
    decision: Sequence[str] | pa.StringArray,
    reasons: AccountReasons,
) -> None:
    """Write accounts.parquet, one row per account, in the order of account_id.

    Parameters
    ----------
    path
        File to write.
    run
        Graph, rings and judgement of the run.
    score
        float (N,), 0-1, higher is worse.
    decision
        N values of `model.Decision`.
    reasons
        `explain.account_reasons` of the run.
    """
    graph, rings = run.graph, run.rings
    ids = pa.array(list(run.judgement.ring_id), pa.string())
    decision = pa.array(decision, pa.string())
    _check_length("accounts", graph.accounts, score=len(score), decision=len(decision))

    def groups() -> Iterator[pa.Table]:
        for begin, end in _groups(graph.accounts):
            ring = rings.ring[begin:end]
            yield pa.table(
                [
                    graph.account_ids[begin:end].cast(pa.string()),
                    ids.take(pa.array(ring, pa.int64(), mask=ring < 0)),
                    pa.array(np.where(ring < 0, 0.0, rings.membership[begin:end]), pa.float64()),
                    pa.array(score[begin:end], pa.float64()),
                    decision[begin:end],
                    reasons.to_arrow(begin, end),
                ],
                schema=ACCOUNTS,
            )

    _write(path, ACCOUNTS, groups())


def write_rings(path: Path, run: Joined) -> None:
    """Write rings.parquet, one row per ring, with a column per feature."""
    judgement, features = run.judgement, run.judgement.features
    fixed = {*RINGS_FIRST.names, *RINGS_LAST.names}
    taken = sorted(fixed & features.keys())
    if taken:
        raise InvalidParameter(f"Features may not be named like columns of rings: {taken}.")
    schema = pa.schema(
        [*RINGS_FIRST, *(pa.field(name, pa.float64()) for name in features), *RINGS_LAST]
    )
    columns = [
        judgement.ring_id,
        run.rings.size,
        judgement.score,
        [str(verdict) for verdict in judgement.verdict],
        [str(lifecycle) for lifecycle in judgement.lifecycle],
        _times(judgement.first_seen_ms),
        _times(judgement.last_seen_ms),
        judgement.exchanges,
        judgement.output_tokens,
        *(_measured(column) for column in features.values()),
        judgement.fdr,
        list(run.summaries),
    ]
    lengths = {name: len(column) for name, column in zip(schema.names, columns, strict=True)}
    _check_length("rings", len(run.rings.size), **lengths)
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    _write(path, schema, _sliced(pa.table(arrays, schema=schema)))


def write_evidence(path: Path, run: Joined) -> None:
    """Write evidence.parquet, by ring, then falling nats."""
    graph, rings = run.graph, run.rings
    ids = pa.array(list(run.judgement.ring_id), pa.string())
    kind = graph.kind[rings.evidence_value].astype(np.int64)
    family = np.asarray(FAMILY_OF_KIND, dtype=np.int64)[kind]
    table = pa.table(
        [
            ids.take(pa.array(rings.evidence_ring, pa.int64())),
            pa.array([str(one) for one in FAMILIES], pa.string()).take(pa.array(family)),
            pa.array([one.name for one in KINDS], pa.string()).take(pa.array(kind)),
            run.values().take(pa.array(rings.evidence_value, pa.int64())).cast(pa.string()),
            pa.array(rings.evidence_inside, pa.int64()),
            pa.array(rings.evidence_total, pa.int64()),
            pa.array(rings.evidence_nats, pa.float64()),
        ],
        schema=EVIDENCE,
    )
    _write(path, EVIDENCE, _sliced(table))


def _times(milliseconds: IntArray) -> pa.Array:
    known = np.asarray(milliseconds, dtype=np.int64)
    return pa.array(known, pa.int64(), mask=known == NEVER).cast(TIME)


def _measured(column: FloatArray) -> pa.Array:
    values = np.asarray(column, dtype=np.float64)
    return pa.array(values, pa.float64(), mask=~np.isfinite(values))


def _check_length(what: str, rows: int, **columns: int) -> None:
    wrong = {name: length for name, length in columns.items() if length != rows}
    if wrong:
        raise InvalidParameter(f"Expected {rows} {what} in every column, got {wrong}.")


def _groups(rows: int) -> Iterator[tuple[int, int]]:
    for begin in range(0, rows, ROWS_PER_GROUP):
        yield begin, min(rows, begin + ROWS_PER_GROUP)


def _sliced(table: pa.Table) -> Iterator[pa.Table]:
    for begin, end in _groups(len(table)):
        yield table.slice(begin, end - begin)


def _write(path: Path, schema: pa.Schema, groups: Iterator[pa.Table]) -> None:
    """Write row groups of equal size, each one chunk: where chunks end, pages would too."""
    with pq.ParquetWriter(
        path, schema, compression="zstd", compression_level=3, version="2.6", write_statistics=True
    ) as writer:
        for group in groups:
            writer.write_table(group.combine_chunks(), row_group_size=ROWS_PER_GROUP)
