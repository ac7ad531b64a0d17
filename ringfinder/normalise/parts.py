"""The sightings of each kind, merged, and all kinds put together by account."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ringfinder.model import IntArray
from ringfinder.normalise.pseudonym import Pepper, to_pseudonyms
from ringfinder.normalise.readers import Column
from ringfinder.schema import CODE

WORKERS = 2
_ACCOUNTS = 1 << 15  # at a time: what they were seen with fits the processor's cache


@dataclass(frozen=True)
class Part:
    """The values of one kind and their sightings, sorted by account, then value.

    Attributes
    ----------
    kind
        Index into `schema.KINDS`.
    pseudonym, clear
        String array (V,): distinct values, sorted by pseudonym.
    account, value, count
        int32 (E,): distinct pairs, the value a row of `pseudonym`.
    first_ms, last_ms
        int64 (E,).
    """

    kind: int
    pseudonym: pa.StringArray
    clear: pa.StringArray
    account: IntArray
    value: IntArray
    first_ms: IntArray
    last_ms: IntArray
    count: IntArray


@dataclass(frozen=True)
class Sightings:
    """The sightings of all kinds, sorted by account, then value; as in `AttributeGraph`."""

    account: IntArray
    value: IntArray
    first_ms: IntArray
    last_ms: IntArray
    count: IntArray


def to_part(column: Column, pepper: Pepper) -> Part:
    """Return one kind's distinct values, sorted by pseudonym, and its merged sightings."""
    known = column.code >= 0
    told = slice(None) if known.all() else known
    used, code = _used(column.code[told], len(column.values))
    values = column.values if len(used) == len(column.values) else column.values.take(used)
    digests = pepper.digests(column.kind, values)
    order = _order_of_digests(digests)
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    merged = _merge(
        column.account[told],
        rank[code],
        column.first_ms[told],
        column.last_ms[told],
        column.count[told],
    )
    pseudonyms = to_pseudonyms(pepper.version, digests[order])
    return Part(CODE[column.kind], pseudonyms, values.take(order), *merged)


def _used(code: IntArray, size: int) -> tuple[IntArray, IntArray]:
    """Return the values that somebody holds, and the codes among those."""
    held = np.bincount(code, minlength=size) > 0
    if held.all():
        return np.arange(size), code
    return np.flatnonzero(held), (np.cumsum(held) - 1)[code]


def _order_of_digests(digests: IntArray) -> IntArray:
    """Return the order of uint8 (V, 16) rows, as their hexadecimal texts sort."""
    halves = np.ascontiguousarray(digests).view(">u8").reshape(-1, 2).astype(np.uint64)
    order = np.argsort(halves[:, 0])
    ties = np.diff(halves[order, 0]) == 0
    return np.lexsort((halves[:, 1], halves[:, 0])) if ties.any() else order


def _merge(
    account: IntArray, value: IntArray, first: IntArray, last: IntArray, count: IntArray
) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray]:
    """Return distinct (account, value) pairs, sorted: first seen, last seen, how often."""
    key = account.astype(np.int64) * (int(value.max(initial=0)) + 1) + value
    if not (key[1:] > key[:-1]).all():
        order = np.argsort(key)  # in whatever order equal keys come, their fold is the same
        key = key[order]
        account, value = account[order], value[order]
        first, last, count = first[order], last[order], count[order]
        starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
        if len(starts) < len(key):
            account, value = account[starts], value[starts]
            first, last = np.minimum.reduceat(first, starts), np.maximum.reduceat(last, starts)
            count = np.add.reduceat(count, starts)
    return (
        account.astype(np.int32, copy=False),
        value.astype(np.int32, copy=False),
        first.astype(np.int64, copy=False),
        last.astype(np.int64, copy=False),
        count.astype(np.int32, copy=False),
    )


def join_parts(parts: Sequence[Part], accounts: int) -> Sightings:
    """Return the sightings of all parts, the values of each numbered after the one before.

    Parameters
    ----------
    parts
        In the order of their values.
    accounts
        How many there are, N.
    """
    bounds = np.append(np.arange(0, accounts, _ACCOUNTS), accounts)
    cuts = [np.searchsorted(part.account, bounds) for part in parts]
    begins = sum(cuts, np.zeros(len(bounds), dtype=np.int64))
    offsets = np.cumsum([0] + [len(part.pseudonym) for part in parts])
    rows = int(begins[-1])
    account, value, count = (np.empty(rows, dtype=np.int32) for _ in range(3))
    first, last = (np.empty(rows, dtype=np.int64) for _ in range(2))

    def fill(block: int) -> None:
        """Write the rows of one block of accounts, which no other block writes to."""
        base, size = bounds[block], bounds[block + 1] - bounds[block]
        pieces = [slice(cut[block], cut[block + 1]) for cut in cuts]
        own = [p.account[piece] - base for p, piece in zip(parts, pieces, strict=True)]
        held = [np.bincount(holder, minlength=size) for holder in own]
        total = sum(held, np.zeros(size, dtype=np.int64))
        free = begins[block] + np.cumsum(total) - total  # the next free row of each account
        for i, part in enumerate(parts):
            row = free[own[i]]
            if held[i].max(initial=0) > 1:
                row += np.arange(len(row)) - (np.cumsum(held[i]) - held[i])[own[i]]
            account[row] = part.account[pieces[i]]
            value[row] = part.value[pieces[i]] + np.int32(offsets[i])
            first[row], last[row] = part.first_ms[pieces[i]], part.last_ms[pieces[i]]
            count[row] = part.count[pieces[i]]
            free += held[i]

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        list(pool.map(fill, range(len(bounds) - 1)))
    return Sightings(account, value, first, last, count)
