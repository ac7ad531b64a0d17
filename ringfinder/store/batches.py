"""What goes into a graph store and comes out of it: columns, in one shape both ways."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.errors import InputError, InvalidParameter
from ringfinder.schema import KINDS
from ringfinder.store.events import check_pseudonyms

ACCOUNTS = pa.schema(
    [
        pa.field("account_id", pa.string(), False),
        pa.field("created_ms", pa.int64()),  # null: only seen, not signed up (yet)
        pa.field("closed_ms", pa.int64()),
        pa.field("country", pa.string()),
        pa.field("plan", pa.string()),
        pa.field("email_verified", pa.bool_()),
        pa.field("outcome", pa.string()),  # null: an attempt whose end is not known
        pa.field("outcome_ms", pa.int64()),
    ]
)
VALUES = pa.schema(
    [
        pa.field("kind", pa.int8(), False),  # index into schema.KINDS
        pa.field("pseudonym", pa.string(), False),
    ]
)
SIGHTINGS = pa.schema(
    [
        pa.field("account", pa.int32(), False),  # row of the accounts table
        pa.field("value", pa.int32(), False),  # row of the values table
        pa.field("first_ms", pa.int64(), False),
        pa.field("last_ms", pa.int64(), False),
        pa.field("count", pa.int64(), False),
    ]
)
PROFILES = pa.schema(
    [
        pa.field("account_id", pa.string(), False),
        pa.field("through", pa.int64(), False),  # newest sequence number it takes in
        pa.field("hours", pa.list_(pa.int32(), 24), False),  # exchanges by UTC hour of day
        pa.field("active_days", pa.int32(), False),
        pa.field("exchanges", pa.int64(), False),
        pa.field("input_tokens", pa.int64(), False),
        pa.field("output_tokens", pa.int64(), False),
        pa.field("first_use_ms", pa.int64()),  # null: tokens, but no exchange
        pa.field("last_use_ms", pa.int64()),
    ]
)
LABELS = pa.schema(
    [
        pa.field("account_id", pa.string(), False),
        pa.field("label", pa.string(), False),
        pa.field("decided_ms", pa.int64(), False),
        pa.field("received_ms", pa.int64(), False),
        pa.field("source", pa.string()),
    ]
)
DECISIONS = pa.schema(
    [
        pa.field("account_id", pa.string(), False),
        pa.field("decision", pa.string(), False),
        pa.field("decided_ms", pa.int64(), False),
        pa.field("score", pa.float64()),
        pa.field("ring_id", pa.string()),
        pa.field("snapshot_id", pa.string()),
    ]
)
RINGS = pa.schema(
    [
        pa.field("ring_id", pa.string(), False),
        pa.field("size", pa.int64(), False),
        pa.field("score", pa.float64(), False),
        pa.field("verdict", pa.string(), False),
        pa.field("lifecycle", pa.string()),
        pa.field("first_seen_ms", pa.int64()),
        pa.field("last_seen_ms", pa.int64()),
        pa.field("exchanges", pa.int64()),
        pa.field("output_tokens", pa.int64()),
        pa.field("false_discovery_rate", pa.float64()),
        pa.field("summary", pa.string()),
    ]
)
MEMBERS = pa.schema(
    [
        pa.field("ring_id", pa.string(), False),
        pa.field("account_id", pa.string(), False),
        pa.field("membership", pa.float64(), False),
    ]
)
EVIDENCE = pa.schema(
    [
        pa.field("ring_id", pa.string(), False),
        pa.field("kind", pa.int8(), False),
        pa.field("pseudonym", pa.string(), False),
        pa.field("accounts_inside", pa.int64(), False),
        pa.field("accounts_total", pa.int64(), False),
        pa.field("nats", pa.float64(), False),
    ]
)
LINEAGE = pa.schema(
    [
        pa.field("run_id", pa.string(), False),
        pa.field("change", pa.string(), False),  # born, grew, shrank, split, merged, died, kept
        pa.field("ring_id", pa.string()),  # null: died
        pa.field("earlier_ring_id", pa.string()),  # null: born
        pa.field("shared", pa.int64(), False),  # accounts in both
    ]
)


@dataclass(frozen=True)
class GraphTables:
    """Accounts, attribute values, and which account was seen with which value.

    Attributes
    ----------
    accounts, values, sightings
        Tables of the schemas `ACCOUNTS`, `VALUES`, `SIGHTINGS`. Read from a store:
        accounts sorted by account_id, values by (kind, pseudonym), sightings by
        (account, value), each key once. To be written: in any order, keys may repeat.
    """

    accounts: pa.Table
    values: pa.Table
    sightings: pa.Table

    @classmethod
    def empty(cls) -> GraphTables:
        """Return tables without rows."""
        return cls(ACCOUNTS.empty_table(), VALUES.empty_table(), SIGHTINGS.empty_table())


@dataclass(frozen=True)
class GraphBatch:
    """What a range of events says, in one piece: it is written whole or not at all.

    Attributes
    ----------
    first, last
        Sequence numbers of the events it stands for, both inclusive.
    graph
        Accounts (also those only referred to, with nulls), values, sightings.
    profiles
        Replace the accounts' earlier profiles (schema `PROFILES`).
    labels, decisions
        Added to those known (schemas `LABELS`, `DECISIONS`).

    Raises
    ------
    InvalidParameter
        If the range is empty or a table does not have its schema; if a sighting refers to
        no row, ends before it begins or was never counted; if a kind is unknown.
    InputError
        If a value is not a pseudonym.
    """

    first: int
    last: int
    graph: GraphTables = field(default_factory=GraphTables.empty)
    profiles: pa.Table = field(default_factory=PROFILES.empty_table)
    labels: pa.Table = field(default_factory=LABELS.empty_table)
    decisions: pa.Table = field(default_factory=DECISIONS.empty_table)

    def __post_init__(self) -> None:
        if not 1 <= self.first <= self.last:
            raise InvalidParameter(
                f"a batch of events {self.first} to {self.last}; expected 1 <= first <= last"
            )
        check_table("accounts", self.graph.accounts, ACCOUNTS)
        check_table("values", self.graph.values, VALUES)
        check_table("sightings", self.graph.sightings, SIGHTINGS)
        check_table("profiles", self.profiles, PROFILES)
        check_table("labels", self.labels, LABELS)
        check_table("decisions", self.decisions, DECISIONS)
        _check_values(self.graph.values)
        _check_sightings(self.graph)


@dataclass(frozen=True)
class RingTables:
    """The rings of one run, to be written whole in place of the run before.

    Attributes
    ----------
    run_id
        Stamp of the run, on every row it writes.
    rings, members, evidence
        Tables of the schemas `RINGS`, `MEMBERS`, `EVIDENCE`.
    lineage
        Table of the schema `LINEAGE`; read from a store: of every run so far.
    """

    run_id: str
    rings: pa.Table
    members: pa.Table
    evidence: pa.Table = field(default_factory=EVIDENCE.empty_table)
    lineage: pa.Table = field(default_factory=LINEAGE.empty_table)

    def __post_init__(self) -> None:
        check_text("run_id", [self.run_id])
        check_table("rings", self.rings, RINGS)
        check_table("members", self.members, MEMBERS)
        check_table("evidence", self.evidence, EVIDENCE)
        check_table("lineage", self.lineage, LINEAGE)
        if len(pc.unique(self.rings["ring_id"])) != len(self.rings):
            raise InvalidParameter("rings: a ring_id occurs twice")
        for name in ("members", "evidence"):
            known = pc.is_in(getattr(self, name)["ring_id"], pc.unique(self.rings["ring_id"]))
            if not pc.all(known, min_count=0).as_py():
                raise InvalidParameter(f"{name}: a row belongs to no ring of the run")


def joined(
    part: tuple[int, int], batches: Sequence[GraphBatch], profiles: pa.Table | None = None
) -> GraphBatch:
    """Return one batch that says what several say.

    Parameters
    ----------
    part
        The sequence numbers that it stands for.
    batches
        At least one; their own ranges and profiles mean nothing here.
    profiles
        The profiles that it carries (`PROFILES`).
    """
    graphs = [batch.graph for batch in batches]
    accounts, values = [0], [0]
    for graph in graphs:
        accounts.append(accounts[-1] + len(graph.accounts))
        values.append(values[-1] + len(graph.values))
    moved = [
        graph.sightings.set_column(0, SIGHTINGS.field(0), _moved(graph.sightings["account"], a))
        .set_column(1, SIGHTINGS.field(1), _moved(graph.sightings["value"], v))
        for graph, a, v in zip(graphs, accounts, values, strict=False)
    ]  # fmt: skip
    return GraphBatch(
        *part,
        GraphTables(
            pa.concat_tables([graph.accounts for graph in graphs]),
            pa.concat_tables([graph.values for graph in graphs]),
            pa.concat_tables(moved),
        ),
        PROFILES.empty_table() if profiles is None else profiles,
        pa.concat_tables([batch.labels for batch in batches]),
        pa.concat_tables([batch.decisions for batch in batches]),
    )


def _moved(rows: pa.ChunkedArray, by: int) -> pa.ChunkedArray:
    return pc.add(rows, pa.scalar(by, pa.int32()))


def check_table(name: str, table: pa.Table, schema: pa.Schema) -> None:
    """Raise an InvalidParameter unless a table has a schema and no null where none may be."""
    if not table.schema.equals(schema):
        raise InvalidParameter(f"{name} has the columns {table.schema}; expected {schema}")
    for column in schema:
        if not column.nullable and table[column.name].null_count:
            raise InvalidParameter(f"{name}: {column.name} is null in a row")


def check_text(name: str, texts: Iterable[str]) -> None:
    """Raise an InputError where a string is no Unicode text: no store could keep it."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InputError(
                f"{name}: half a character (a lone surrogate) in a string; expected Unicode text"
            ) from None


def _check_values(values: pa.Table) -> None:
    kinds = values["kind"].to_numpy()
    if len(kinds) and (kinds.min() < 0 or kinds.max() >= len(KINDS)):
        raise InvalidParameter(f"values: a kind lies outside 0 to {len(KINDS) - 1}")
    check_pseudonyms("values", values["pseudonym"])


def _check_sightings(graph: GraphTables) -> None:
    sightings = graph.sightings
    for name, rows in (("account", len(graph.accounts)), ("value", len(graph.values))):
        index = sightings[name].to_numpy()
        if len(index) and (index.min() < 0 or index.max() >= rows):
            raise InvalidParameter(f"sightings: a row of {name} lies outside 0 to {rows - 1}")
    if np.any(sightings["first_ms"].to_numpy() > sightings["last_ms"].to_numpy()):
        raise InvalidParameter("sightings: a row ends before it begins")
    if np.any(sightings["count"].to_numpy() < 1):
        raise InvalidParameter("sightings: a count is below 1")
