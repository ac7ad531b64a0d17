"""How much of each ring is in each known one: accounts, evidence, founders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from ringfinder.detect.known import FoundRings, KnownRings, Marks
from ringfinder.detect.lineage import FOUNDERS
from ringfinder.model import BoolArray, IntArray

MAJORITY = 0.5
"""More than this share makes a claim: of two rings that share a few accounts neither does."""

REMNANT = 1 / 3
"""A ring of which no more than this share is left together goes on only where its evidence
does: a handful that was mixed into it is somebody else."""

SURVIVING = 0.1
"""At most this share of an earlier ring's accounts is left where attributes may speak for it."""


@dataclass(frozen=True)
class Overlap:
    """How much of each ring is in each known one.

    Attributes
    ----------
    new, old, common
        int64 (P,): pairs of rings with accounts in both, and how many.
    first
        Pair -> accounts of the ring that first were in a ring under the known one's id.
    remembered
        int64 (K,): accounts still there that first were in a ring under each known id.
    marks
        float64 (R, K) sparse: the smaller share of evidence that two rings have in common.
    shown
        float64 (R, K) sparse: the share of a ring's evidence that was the known one's.
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
    first: dict[tuple[int, int], int]
    remembered: IntArray
    marks: sparse.csr_array
    shown: sparse.csr_array
    size: IntArray
    before: IntArray
    left: IntArray
    founders: dict[tuple[int, int], int]
    names: Sequence[str]

    @classmethod
    def of(cls, found: FoundRings, known: KnownRings) -> Overlap:
        """Count what two runs have in common."""
        many = len(known.names)
        account, old = _there(found, known.account_id, known.ring)
        new, was, common = _pairs(found.ring[account], old)
        person, origin = _there(found, known.first_account_id, known.first_ring)
        first = _pairs(found.ring[person], origin)
        shown, kept = _common_marks(found.marks, known.marks, (found.rings, many))
        return cls(
            new,
            was,
            common,
            {(a, b): n for a, b, n in zip(*(one.tolist() for one in first), strict=True)},
            np.bincount(origin, minlength=many),
            sparse.csr_array(shown.minimum(kept)),
            sparse.csr_array(shown),
            np.bincount(found.ring[found.ring >= 0], minlength=found.rings),
            np.bincount(known.ring, minlength=many),
            np.bincount(old, minlength=many),
            _founders(found, account, old),
            known.names,
        )

    def by_members(self, living: BoolArray) -> dict[int, int]:
        """Return ring -> living ring with which it has most of one in common.

        Every known ring asks for the part that holds most accounts that first were in it;
        of several that ask for one, the one that brings most accounts is answered, and the
        others ask for their next (Gale and Shapley 1962): nothing depends on who asks first.
        """
        least = np.minimum(self.size[self.new], self.left[self.old])
        fit = np.flatnonzero((self.common > MAJORITY * least) & living[self.old])
        fit = fit[[self._goes_on(pair) for pair in fit.tolist()]] if len(fit) else fit
        asks: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for new, old, common in zip(
            self.new[fit].tolist(), self.old[fit].tolist(), self.common[fit].tolist(), strict=True
        ):
            asks[old].append((new, common))
        for old, wanted in asks.items():
            wanted.sort(key=partial(self._part_rank, old), reverse=True)
        answered: dict[int, tuple[tuple[float, ...], str, int]] = {}
        asking = sorted(asks, key=lambda old: self.names[old])
        while asking:
            old = asking.pop()
            if asks[old]:
                new, common = asks[old].pop()
                mine = ((-common, -self.marks[new, old]), self.names[old], old)
                served = min(mine, answered.get(new, mine))
                if new in answered:  # whoever is not served asks for the next
                    asking.append(max(mine, answered[new])[2])
                answered[new] = served
        return {new: old for new, (_, _, old) in answered.items()}

    def _goes_on(self, pair: int) -> bool:
        """Say whether a ring may be the known one: it brought most, and more than a handful."""
        new, old = int(self.new[pair]), int(self.old[pair])
        if self.common[pair] < self.common[self.new == new].max():
            return False  # another ring brought more accounts: it is rather a part of that one
        return bool(
            self.common[pair] > REMNANT * self.left[old]
            or self.first.get((new, old), 0) > MAJORITY * self.remembered[old]
            or self.shown[new, old] > MAJORITY
        )

    def _part_rank(self, old: int, part: tuple[int, int]) -> tuple[float, ...]:
        """Rank the parts of a known ring by the accounts that first were in it.

        Each counts up to twice where the part also shows what marked the ring; common
        accounts and founders decide between equals.
        """
        new, common = part
        marked = self._marked(new, old)
        return (
            -marked * self.first.get((new, old), 0),
            -marked * common,
            -self.founders.get((new, old), 0),
            new,
        )

    def by_marks(self, among: BoolArray) -> Iterator[tuple[int, int]]:
        """Yield (ring, known ring) that evidence alone ties, the strongest first."""
        rows = self.marks.tocoo()
        gone = self.left <= SURVIVING * self.before
        fit = np.flatnonzero((rows.data > MAJORITY) & among[rows.col] & gone[rows.col])
        pairs = [(-float(rows.data[i]), int(rows.row[i]), int(rows.col[i])) for i in fit]
        pairs.sort(key=lambda pair: (pair[0], self.names[pair[2]], pair[1]))
        yield from ((new, old) for _, new, old in pairs)

    def by_history(self, gone: BoolArray) -> Iterator[tuple[int, int]]:
        """Yield (ring, ring that is gone) most of one of which first was in that ring.

        Most of those of the ring who ever were in one must have been in that one first: what
        is left of a ring does not give its name to the others that it is found with. And no
        other ring may be as much of it, where each account counts up to twice that shows what
        marked it: a handful that was mixed into a ring is not it, nor is the half that left
        while the other goes on with its things under a new name.
        """
        known: dict[int, int] = defaultdict(int)
        for (new, _), count in self.first.items():
            known[new] += count
        weight = {
            (new, old): self._marked(new, old) * count
            for (new, old), count in self.first.items()
            if gone[old]
        }
        most: dict[int, float] = defaultdict(float)
        for (_, old), much in weight.items():
            most[old] = max(most[old], much)
        pairs = [
            (-count, self.names[old], new, old)
            for (new, old), count in self.first.items()
            if gone[old]
            and weight[new, old] == most[old]
            and count > MAJORITY * known[new]
            and count > MAJORITY * min(int(self.size[new]), int(self.remembered[old]))
        ]
        yield from ((new, old) for _, _, new, old in sorted(pairs))

    def _marked(self, new: int, old: int) -> float:
        """Return what an account of a ring counts for the known one, from 1 to 2."""
        return 1.0 + float(self.marks[new, old])


def _there(
    found: FoundRings, account_id: pa.StringArray, ring: IntArray
) -> tuple[IntArray, IntArray]:
    """Return the accounts that are still there, as rows of `found`, and their ring."""
    at = pc.index_in(account_id, value_set=found.account_ids)
    there = np.asarray(at.is_valid())
    return np.asarray(at.fill_null(0), dtype=np.int64)[there], ring[there]


def _pairs(new: IntArray, old: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Count pairs of ring and known ring; accounts outside rings are left out."""
    many = int(old.max(initial=0)) + 1
    inside = new >= 0
    key, count = np.unique(new[inside].astype(np.int64) * many + old[inside], return_counts=True)
    return *np.divmod(key, many), count


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


def _common_marks(
    now: Marks, before: Marks, shape: tuple[int, int]
) -> tuple[sparse.sparray, sparse.sparray]:
    """Return float64 (R, K) twice: shares of each ring's evidence, now and before, in common."""
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
    return share_new, share_old
