"""Where two graphs differ: for the check that a store still holds what its events say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.model import BoolArray, IntArray
from ringfinder.schema import KINDS
from ringfinder.store.batches import SIGHTINGS, GraphTables
from ringfinder.store.protocol import GraphStore

SHOWN = 5


@dataclass(frozen=True)
class Contents:
    """What a store holds that follows from events.

    Attributes
    ----------
    graph
        With uncounted accounts.
    profiles, labels, decisions
        As the store reads them; of profiles without how far they go.
    uncertain
        Pseudonyms of values that may or may not be there.
    """

    graph: GraphTables
    profiles: pa.Table
    labels: pa.Table
    decisions: pa.Table
    uncertain: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))

    @classmethod
    def of(cls, store: GraphStore) -> Contents:
        """Read everything out of a store."""
        return cls(
            store.read_graph(uncounted=True),
            store.read_profiles().drop_columns(["through"]),
            store.read_labels(),
            store.read_decisions(),
        )

    def without(self, account_ids: pa.Array, pseudonyms: pa.Array) -> Contents:
        """Return what there is besides some accounts, and besides some values by themselves."""
        if not len(account_ids):
            return self

        def others(table: pa.Table) -> pa.Table:
            return table.filter(pc.invert(pc.is_in(table["account_id"], account_ids)))

        accounts, values, seen = self.graph.accounts, self.graph.values, self.graph.sightings
        kept = pc.invert(pc.is_in(accounts["account_id"], account_ids)).to_numpy()
        seen = seen.filter(pa.array(kept[seen["account"].to_numpy()]))
        account = (np.cumsum(kept) - 1)[seen["account"].to_numpy()]
        seen = seen.set_column(0, SIGHTINGS.field("account"), pa.array(account.astype(np.int32)))
        # Sightings go on naming the rows of values: their number must stay as it is.
        graph = GraphTables(accounts.filter(pa.array(kept)), values, seen)
        return Contents(
            graph, others(self.profiles), others(self.labels), others(self.decisions), pseudonyms
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of one sort that differ in one way.

    Attributes
    ----------
    what
        accounts, values, sightings, profiles, labels, decisions; all, where the store cannot
        be read any more.
    how
        missing (the events say it, the store does not), extra, changed, unreadable.
    rows
        How many.
    examples
        A few, by account_id and pseudonym; of extra rows only what the events know, too: what
        somebody typed by hand may be anything.
    """

    what: str
    how: str
    rows: int
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"examples": list(self.examples)}


@dataclass(frozen=True)
class Differences:
    """What a check found.

    Attributes
    ----------
    found
        Nothing where the store holds what its events say.
    events
        Newest event that was looked at.
    """

    found: tuple[Difference, ...]
    events: int

    @property
    def words(self) -> str:
        """The differences in a few words: "accounts extra (1), sightings changed (3)"."""
        return ", ".join(f"{one.what} {one.how} ({one.rows:,})" for one in self.found)


_Show: TypeAlias = Callable[[int], str | None]


@dataclass(frozen=True)
class _Side:
    """Rows of one store: a key for each, and what must be equal where keys are."""

    key: IntArray
    body: Sequence[pa.Array | IntArray] = field(default=())


def differences(expected: Contents, found: Contents) -> list[Difference]:
    """Return how what was found differs from what was expected; empty where it does not.

    Parameters
    ----------
    expected
        What the events say.
    found
        What the store holds. A key may occur there more than once: the others are extra.
    """
    names = _Names(expected, found)
    told: list[Difference] = []
    for what, left, right, show in names.sides():
        told += _differ(what, left, right, show)
    return told


class _Names:
    """Numbers for the accounts and values of both sides, the expected ones first."""

    def __init__(self, expected: Contents, found: Contents) -> None:
        self._both = (expected, found)
        accounts = [side.graph.accounts["account_id"] for side in self._both]
        more = [side.profiles["account_id"] for side in self._both]
        self._accounts = pc.unique(_joined([*accounts, *more]))
        self._pseudonyms = pc.unique(_joined([s.graph.values["pseudonym"] for s in self._both]))
        self._known_accounts = len(pc.unique(accounts[0]))
        self._known_values = len(pc.unique(expected.graph.values["pseudonym"]))

    def sides(self) -> Iterator[tuple[str, _Side, _Side, _Show]]:
        """Yield what is compared: its name, both sides, and how a key is shown."""
        expected, found = self._both
        parts: list[tuple[str, Callable[[Contents], _Side], _Show]] = [
            ("accounts", self._account_side, self._show_account),
            ("values", self._value_side, self._show_value),
            ("sightings", self._sighting_side, self._show_sighting),
            ("profiles", self._profile_side, self._show_account),
        ]
        for what, side, show in parts:
            yield what, side(expected), side(found), show
        for what in ("labels", "decisions"):
            left, right = _lines(getattr(expected, what)), _lines(getattr(found, what))
            known = pc.unique(_joined([left, right]))
            yield what, _Side(_codes(left, known)), _Side(_codes(right, known)), lambda _: None

    def _account_side(self, side: Contents) -> _Side:
        table = side.graph.accounts
        body = [_plain(table[name]) for name in table.column_names[1:]]
        return _Side(_codes(table["account_id"], self._accounts), body)

    def _profile_side(self, side: Contents) -> _Side:
        table = side.profiles
        hours = _plain(table["hours"])
        body = [hours.flatten().to_numpy().reshape(-1, 24)] if len(table) else []
        body += [_plain(table[name]) for name in table.column_names if name not in _NO_BODY]
        return _Side(_codes(table["account_id"], self._accounts), body)

    def _value_keys(self, side: Contents) -> IntArray:
        pseudonym = _codes(side.graph.values["pseudonym"], self._pseudonyms)
        keys: IntArray = pseudonym * len(KINDS) + side.graph.values["kind"].to_numpy()
        return keys

    def _value_side(self, side: Contents) -> _Side:
        certain = ~pc.is_in(side.graph.values["pseudonym"], side.uncertain).to_numpy()
        return _Side(self._value_keys(side)[certain])

    def _sighting_side(self, side: Contents) -> _Side:
        seen = side.graph.sightings
        account = _codes(side.graph.accounts["account_id"], self._accounts)
        holder = account[seen["account"].to_numpy()]
        value = self._value_keys(side)[seen["value"].to_numpy()]
        body = [seen[name].to_numpy() for name in ("first_ms", "last_ms", "count")]
        return _Side(holder * (len(self._pseudonyms) * len(KINDS) + 1) + value, body)

    def _show_account(self, key: int) -> str | None:
        return self._accounts[key].as_py() if key < self._known_accounts else None

    def _show_value(self, key: int) -> str | None:
        pseudonym, kind = divmod(key, len(KINDS))
        if pseudonym >= self._known_values:
            return None
        return f"{KINDS[kind].name} {self._pseudonyms[pseudonym]}"

    def _show_sighting(self, key: int) -> str | None:
        account, value = divmod(key, len(self._pseudonyms) * len(KINDS) + 1)
        shown = self._show_account(account), self._show_value(value)
        return None if None in shown else f"{shown[0]} seen with {shown[1]}"


_NO_BODY = {"account_id", "hours"}


def _differ(what: str, expected: _Side, found: _Side, show: _Show) -> Iterator[Difference]:
    keys, first = np.unique(found.key, return_index=True)
    common, left, right = np.intersect1d(
        expected.key, keys, assume_unique=True, return_indices=True
    )
    changed = np.zeros(len(common), dtype=bool)
    for ours, theirs in zip(expected.body, found.body, strict=False):
        changed |= _unequal(ours, theirs, left, first[right])
    missing = np.setdiff1d(expected.key, common, assume_unique=True)
    extra = np.setdiff1d(keys, common, assume_unique=True)
    doubled = len(found.key) - len(keys)
    for how, rows, number in (
        ("missing", missing, len(missing)),
        ("extra", extra, len(extra) + doubled),
        ("changed", common[changed], int(changed.sum())),
    ):
        if number:
            shown = (show(key) for key in rows[:SHOWN].tolist())
            yield Difference(what, how, number, tuple(text for text in shown if text is not None))


def _unequal(
    ours: pa.Array | IntArray, theirs: pa.Array | IntArray, left: IntArray, right: IntArray
) -> BoolArray:
    """Tell where two columns differ, null equal to null only."""
    if isinstance(ours, np.ndarray) or isinstance(theirs, np.ndarray):
        differ: BoolArray = np.asarray(ours)[left] != np.asarray(theirs)[right]
        return np.asarray(differ.any(axis=1)) if differ.ndim > 1 else differ
    a, b = ours.take(pa.array(left)), theirs.take(pa.array(right))
    same = pc.fill_null(pc.equal(a, b), False).to_numpy(zero_copy_only=False)
    neither = pc.and_(pc.is_null(a), pc.is_null(b)).to_numpy(zero_copy_only=False)
    unequal: BoolArray = ~(same | neither)
    return unequal


def _plain(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _joined(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    return pa.chunked_array([chunk for c in columns for chunk in c.chunks], pa.string())


def _codes(values: pa.ChunkedArray, known: pa.Array) -> IntArray:
    codes: IntArray = pc.index_in(values, known).to_numpy()
    return codes.astype(np.int64)


def _lines(table: pa.Table) -> pa.ChunkedArray:
    """Return each row as one text: the whole row is its key."""
    columns = [pc.fill_null(column.cast(pa.string()), "\0") for column in table.columns]
    joined = pc.binary_join_element_wise(*columns, "\x1f")
    return joined if isinstance(joined, pa.ChunkedArray) else pa.chunked_array([joined])
