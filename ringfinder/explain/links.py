"""Which account holds which of its own ring's evidence: the join all explanations need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringfinder.graph.columns import AttributeGraph, Rings
from ringfinder.model import IntArray


@dataclass(frozen=True)
class EvidenceLinks:
    """Members and the evidence of their ring, as pairs and as rows by ring.

    Attributes
    ----------
    account, row
        int64 (L,): distinct pairs, sorted by account, then evidence row. A ring's rows
        fall in nats, so an account's first row is its strongest.
    members
        int64 (n,): accounts in rings, sorted by ring, then account.
    member_start
        int64 (R + 1,): the members of ring r are ``members[start[r]:start[r + 1]]``.
    row_start
        int64 (R + 1,): the same for rows of evidence.
    """

    account: IntArray
    row: IntArray
    members: IntArray
    member_start: IntArray
    row_start: IntArray

    def members_of(self, ring: int) -> IntArray:
        """Return the accounts of one ring, sorted."""
        return self.members[self.member_start[ring] : self.member_start[ring + 1]]

    def rows_of(self, ring: int) -> slice:
        """Return the rows of evidence of one ring, strongest first."""
        return slice(int(self.row_start[ring]), int(self.row_start[ring + 1]))

    def pairs_of(self, accounts: IntArray) -> tuple[IntArray, IntArray]:
        """Return the pairs of some accounts: position in `accounts` and evidence row."""
        position, rows = runs_of(self.account, accounts)
        return position, self.row[rows]


def evidence_links(graph: AttributeGraph, rings: Rings) -> EvidenceLinks:
    """Join the sightings of members with the evidence of their rings.

    Parameters
    ----------
    graph, rings
        Of one run; `rings.evidence_ring` sorted.

    Returns
    -------
    EvidenceLinks
        One pair per member and value that is evidence for the member's ring.
    """
    number = len(rings.size)
    ring_of = rings.ring.astype(np.int64)
    inside = np.flatnonzero(ring_of >= 0)
    members = inside[np.argsort(ring_of[inside], kind="stable")]
    sighting = runs_of(graph.account, inside)[1]
    account = graph.account[sighting].astype(np.int64)
    key = ring_of[account] * graph.values + graph.value[sighting]
    wanted = rings.evidence_ring.astype(np.int64) * graph.values + rings.evidence_value
    order = np.argsort(wanted, kind="stable")
    place = np.searchsorted(wanted[order], key)
    place[place == len(wanted)] = 0
    found = wanted[order][place] == key if len(wanted) else np.zeros(len(key), dtype=np.bool_)
    account = account[found]
    row = order[place[found]] if len(wanted) else np.zeros(0, dtype=np.int64)
    sort = np.lexsort((row, account))
    return EvidenceLinks(
        account=account[sort],
        row=row[sort],
        members=members,
        member_start=_starts(ring_of[members], number),
        row_start=_starts(rings.evidence_ring, number),
    )


def runs_of(column: IntArray, wanted: IntArray) -> tuple[IntArray, IntArray]:
    """Find where each wanted number stands in a sorted column.

    Returns
    -------
    position, row
        int64: which of `wanted`, and a row of `column` that holds it; in the order wanted.
    """
    wanted = wanted.astype(column.dtype)  # or all of the long column would be cast
    begin = np.searchsorted(column, wanted, side="left")
    length = np.searchsorted(column, wanted, side="right") - begin
    position = np.repeat(np.arange(len(wanted)), length)
    within = np.arange(len(position)) - np.repeat(np.cumsum(length) - length, length)
    return position, np.repeat(begin, length) + within


def _starts(sorted_ring: IntArray, number: int) -> IntArray:
    starts: IntArray = np.searchsorted(sorted_ring, np.arange(number + 1))
    return starts
