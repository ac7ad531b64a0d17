"""The nodes of accounts and values: found, or made where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ringfinder.model import BoolArray, IntArray
from ringfinder.store.neo4j.columns import LABELS
from ringfinder.store.neo4j.keys import keys_of
from ringfinder.store.neo4j.server import Work


@dataclass(frozen=True, slots=True)
class Nodes:
    """Nodes in the order of what was asked for.

    Attributes
    ----------
    number
        Shape (n,): what Neo4j numbers them by; int64.
    new
        Shape (n,): whether this transaction made them.
    """

    number: IntArray
    new: BoolArray


def find_accounts(work: Work, ids: pa.Array, *, outside: bool = False) -> Nodes:
    """Return the nodes of accounts.

    Parameters
    ----------
    work
        The transaction.
    ids
        Account ids, distinct (n).
    outside
        True: those that are missing are made as known to rings only. False: those that
        rings alone knew are taken in.
    """
    keys, whole = keys_of(ids)
    found = work.columns("find_accounts", {"id": keys})
    number = np.array(found.get("node", []), np.int64)
    missing = number < 0
    if not outside:
        _adopt(work, number, found)
    rows = np.flatnonzero(missing).tolist()
    if rows:
        columns = _taken(rows, id=keys, full_id=whole)
        number[rows] = work.columns("create_accounts", columns, outside=outside)["node"]
    return Nodes(number, missing)


def find_values(
    work: Work,
    kind: IntArray,
    pseudonyms: list[str],
    *,
    has_twins: bool,
    outside: bool = False,
) -> tuple[Nodes, bool]:
    """Return the nodes of values, and whether two kinds share a pseudonym by now.

    A pseudonym is an id of its own: it is keyed with its kind. Should two kinds share one
    all the same (made by another tool, or by hand), the later one's id names its kind.

    Parameters
    ----------
    work
        The transaction.
    kind, pseudonyms
        Distinct (n).
    has_twins
        Whether the store has such values.
    outside
        See `find_accounts`.
    """
    number, occupied = _seek(work, kind, pseudonyms, pseudonyms, outside=outside)
    order = np.argsort(np.array(pseudonyms, dtype=str), kind="stable")
    repeated = np.zeros(len(pseudonyms), bool)
    words = np.array(pseudonyms, dtype=str)[order]
    repeated[order[1:]] = words[1:] == words[:-1]
    full_id: list[str | None] = [None] * len(pseudonyms)
    keys = list(pseudonyms)
    apart = np.flatnonzero((number < 0) & (has_twins | occupied | repeated))
    if len(apart):
        names = [f"{LABELS[kind[row]]}:{pseudonyms[row]}" for row in apart.tolist()]
        some = [pseudonyms[row] for row in apart.tolist()]
        number[apart], _ = _seek(work, kind[apart], some, names, outside=outside)
        for row, name in zip(apart.tolist(), names, strict=True):
            if occupied[row] or repeated[row]:
                keys[row], full_id[row] = name, pseudonyms[row]
    missing = number < 0
    for code in np.unique(kind[missing]).tolist():
        rows = np.flatnonzero(missing & (kind == code)).tolist()
        columns = _taken(rows, id=keys, full_id=full_id)
        made = work.columns("create_values", columns, label=LABELS[code], outside=outside)
        number[rows] = made["node"]
    return Nodes(number, missing), has_twins or any(full_id)


def _seek(
    work: Work, kind: IntArray, pseudonyms: list[str], keys: list[str], *, outside: bool
) -> tuple[IntArray, BoolArray]:
    """Return the node under each key, -1 for none, and where another kind's stands there."""
    found = work.columns("find_values", {"id": keys})
    number = np.array(found.get("node", []), np.int64)
    wanted = np.array(LABELS, dtype=str)[kind]
    occupied = (number >= 0) & (np.array(found.get("label", []), dtype=str) != wanted)
    if not outside:
        found["outside"] = (np.array(found["outside"], bool) & ~occupied).tolist()
        _adopt(work, number, found)
    number[occupied] = -1
    return number, occupied


def _adopt(work: Work, number: IntArray, found: dict[str, list[Any]]) -> None:
    """Take in the nodes that only rings knew."""
    outside = np.flatnonzero(np.array(found.get("outside", []), bool))
    if len(outside):
        work.run("adopt", node=number[outside].tolist())


def _taken(rows: list[int], **columns: Sequence[Any]) -> dict[str, list[Any]]:
    """Return some rows of columns."""
    return {name: [column[row] for row in rows] for name, column in columns.items()}
