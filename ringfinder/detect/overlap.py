"""How much of each ring is in each known one: accounts, evidence, founders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from ringfinder.detect.known import FoundRings, KnownRings, Marks
from ringfinder.detect.lineage import FOUNDERS
from ringfinder.model import BoolArray, IntArray

MAJORITY = 0.5
"""More than this share makes a claim: of two rings that share a few accounts neither does."""

SURVIVING = 0.1
"""At most this share of an earlier ring's accounts is left where attributes may speak for it."""


@dataclass(frozen=True)
class Overlap:
    """How much of each ring is in each known one.

    Attributes
    ----------
    new, old, common
        int64 (P,): pairs of rings with accounts in both, and how many.
    marks
        float64 (R, K) sparse: the smaller share of evidence that two rings have in common.
    size
        int64 (R,): members.
    before
        int64 (K,): members of each known ring.
    left
        int64 (K,): of these, accounts that are still there, in rings or not.
    founders
        Pair -> how many of the known ring's founders are in the ring.
    names
        Of the known rings: what decides where nothing else does.
    """

    new: IntArray
    old: IntArray
    common: IntArray
    marks: sparse.csr_array
    size: IntArray
    before: IntArray
    left: IntArray
    founders: dict[tuple[int, int], int]
    names: Sequence[str]

    @classmethod
    def of(cls, found: FoundRings, known: KnownRings) -> Overlap:
        """Count what two runs have in common."""
        at = pc.index_in(known.account_id, value_set=found.account_ids)
        there = np.asarray(at.is_valid())
        account = np.asarray(at.fill_null(0), dtype=np.int64)[there]
        old = known.ring[there]
        many = max(len(known.names), 1)
        ring = found.ring[account].astype(np.int64)
        key, common = np.unique(
            (ring * many + old)[ring >= 0] if len(ring) else ring, return_counts=True
        )
        return cls(
            *np.divmod(key, many),
            common,
            _common_marks(found.marks, known.marks, (found.rings, len(known.names))),
            np.bincount(found.ring[found.ring >= 0], minlength=found.rings),
            np.bincount(known.ring, minlength=len(known.names)),
            np.bincount(old, minlength=len(known.names)),
            _founders(found, account, old),
            known.names,
        )

    def by_members(self, among: BoolArray) -> Iterator[tuple[int, int]]:
        """Yield (ring, known ring) that have most of one in common, the strongest first."""
        least = np.minimum(self.size[self.new], self.left[self.old])
        fit = np.flatnonzero((self.common > MAJORITY * least) & among[self.old])
        pairs = [(int(self.new[i]), int(self.old[i]), int(self.common[i])) for i in fit]

        def rank(pair: tuple[int, int, int]) -> tuple[float, float, int, str, int]:
            new, old, common = pair
            founders = self.founders.get((new, old), 0)
            return -common, -self.marks[new, old], -founders, self.names[old], new

        yield from ((new, old) for new, old, _ in sorted(pairs, key=rank))

    def by_marks(self, among: BoolArray) -> Iterator[tuple[int, int]]:
        """Yield (ring, known ring) that evidence alone ties, the strongest first."""
        rows = self.marks.tocoo()
        gone = self.left <= SURVIVING * self.before
        fit = np.flatnonzero((rows.data > MAJORITY) & among[rows.col] & gone[rows.col])
        pairs = [(-float(rows.data[i]), int(rows.row[i]), int(rows.col[i])) for i in fit]
        pairs.sort(key=lambda pair: (pair[0], self.names[pair[2]], pair[1]))
        yield from ((new, old) for _, new, old in pairs)


def _founders(found: FoundRings, account: IntArray, old: IntArray) -> dict[tuple[int, int], int]:
    """Count, for each pair of rings, the known one's founders that are in the other.

    `account` and `old` are the known rings' members that are still there: row of `found`,
    and known ring.
    """
    order = np.lexsort((account, found.created_ms[account], old))
    account, old = account[order], old[order]
    first = np.arange(len(old)) - np.searchsorted(old, old) < FOUNDERS
    out: dict[tuple[int, int], int] = defaultdict(int)
    for ring, known in zip(found.ring[account[first]].tolist(), old[first].tolist(), strict=True):
        if ring >= 0:
            out[ring, known] += 1
    return out


def _common_marks(now: Marks, before: Marks, shape: tuple[int, int]) -> sparse.csr_array:
    """Return float64 (R, K): for every two rings the smaller share of common evidence."""
    values = pc.unique(pa.concat_arrays([now.value, before.value]))
    tables = []
    for marks, rings in ((now, shape[0]), (before, shape[1])):
        code = np.asarray(pc.index_in(marks.value, value_set=values), dtype=np.int64)
        table = sparse.csr_array((marks.weight, (marks.ring, code)), shape=(rings, len(values)))
        table.sum_duplicates()
        total = np.maximum(np.asarray(table.sum(axis=1)).ravel(), 1e-12)
        tables.append((table, (table != 0).astype(float), total))
    (new, has_new, all_new), (old, has_old, all_old) = tables
    share_new = sparse.diags_array(1 / all_new) @ (new @ has_old.T)
    share_old = (has_new @ old.T) @ sparse.diags_array(1 / all_old)
    return sparse.csr_array(share_new.minimum(share_old))
