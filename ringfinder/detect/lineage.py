"""Rings keep their names: ids from founding members, carried over between audits.

What `recompute` asks of an identity is more: see `ringfinder.detect.identity`. Two seeds
of Leiden agree on few raw labels, so identity never rests on a label. A new ring is named
after its founders, the first accounts that signed up; a ring that shares most of its
members with one of the previous run takes over that ring's id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.model import IntArray

FOUNDERS = 5
CARRY_SHARE = 0.5
"""Share of the smaller ring's members that must be common for an id to live on."""


def ring_ids(
    account_ids: pa.StringArray,
    created_ms: IntArray,
    ring: IntArray,
    *,
    previous: tuple[pa.StringArray, pa.StringArray] | None = None,
) -> list[str]:
    """Name every ring.

    Parameters
    ----------
    account_ids, created_ms
        Of all accounts.
    ring
        int32 (N,): 0 to R - 1, -1 outside.
    previous
        Account ids and ring ids (nulls allowed) of the previous run.

    Returns
    -------
    list of str, length R
        Unique. A function of the members and the previous run alone.
    """
    names = _founded(account_ids, created_ms, ring)
    if previous is None or not names:
        return names
    carried = _carried(account_ids, ring, previous, len(names))
    taken = set(carried.values())
    for number, name in enumerate(names):
        if number in carried:
            names[number] = carried[number]
        else:  # where the old id lives on in another ring, this one is new
            names[number] = fresh_name(name, taken)
    return names


def fresh_name(name: str, used: Collection[str]) -> str:
    """Return a name that is not in use: the given one, or one made of it."""
    while name in used:
        name = _hashed([name, "split"])
    return name


def _hashed(parts: list[str]) -> str:
    digest = hashlib.sha256("\0".join(parts).encode())
    return f"ring-{digest.hexdigest()[:16]}"


def _founded(account_ids: pa.StringArray, created_ms: IntArray, ring: IntArray) -> list[str]:
    members = np.flatnonzero(ring >= 0)
    order = members[np.lexsort((members, created_ms[members], ring[members]))]
    bounds = np.searchsorted(ring[order], np.arange(int(ring.max(initial=-1)) + 2))
    return [
        _hashed(account_ids.take(pa.array(order[lo : min(hi, lo + FOUNDERS)])).to_pylist())
        for lo, hi in pairwise(bounds)
    ]


def _carried(
    account_ids: pa.StringArray,
    ring: IntArray,
    previous: tuple[pa.StringArray, pa.StringArray],
    rings: int,
) -> dict[int, str]:
    """Match rings with the previous run's, one to one, the largest overlap first."""
    old_accounts, old_rings = previous
    inside = old_rings.is_valid()
    old_accounts, old_rings = old_accounts.filter(inside), old_rings.filter(inside)
    coded = old_rings.dictionary_encode()
    old_code = np.asarray(coded.indices)
    old_size = np.bincount(old_code, minlength=len(coded.dictionary))
    at = pc.index_in(old_accounts, value_set=account_ids)
    known = np.asarray(at.is_valid())
    now = ring[np.asarray(at.fill_null(0))]
    both = known & (now >= 0)
    key = now[both].astype(np.int64) * max(len(old_size), 1) + old_code[both]
    key, common = np.unique(key, return_counts=True)
    new, old = np.divmod(key, max(len(old_size), 1))
    size = np.bincount(ring[ring >= 0], minlength=rings)
    enough = common >= CARRY_SHARE * np.minimum(size[new], old_size[old])
    out: dict[int, str] = {}
    used: set[int] = set()
    for i in np.lexsort((old, new, -common)):
        if enough[i] and int(new[i]) not in out and int(old[i]) not in used:
            out[int(new[i])] = coded.dictionary[int(old[i])].as_py()
            used.add(int(old[i]))
    return out
