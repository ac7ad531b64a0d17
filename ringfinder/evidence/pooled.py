"""Values that each tie two or three members: what they say taken together.

An operator who deals fifty cards, fifty devices and fifty addresses at random to a hundred
accounts leaves no value that three members hold, so no single one tells much. Together they
do: nearly every member shares *some* card with another member, and nobody else does. Of
each kind that is a person's own, the values of a community are therefore pooled, and the
pool has one lift: how much more often members are linked to another member through the kind
than outsiders are linked to any. Links add up where holders of one value do not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from ringfinder.evidence.background import SHRINKAGE, Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.runs import fresh, sort_together, spread
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.schema import KINDS

POOLED = np.array([kind.name in {"ip", "payment_fingerprint", "device", "phone"} for kind in KINDS])
"""Kinds of which one shared value links two accounts. What an account may claim (a mailbox, a
domain) or copy (a prompt) is left out: a link needs one other holder only, and nobody may be
linked to a fleet by what its accounts type."""

SPARE_HOLDERS = 2
"""A value is pooled while its holders are at most twice its members and this many more: what
many others hold as well links nobody."""

ISLAND = 8
"""Members of a part that is never an island: more than a household or a small team."""


@dataclass(frozen=True)
class Held:
    """Which values the members of each community hold, and how many of them.

    Attributes
    ----------
    community, value, inside
        int64 (P,): sorted by community, then value.
    begin
        int64 (P,): where in `member` those that hold it begin.
    member
        int64 (E',): the members that hold each value, ascending, one value after another.
    """

    community: IntArray
    value: IntArray
    inside: IntArray
    begin: IntArray
    member: IntArray

    @property
    def holder(self) -> IntArray:
        """Return int32 (P,): the member that holds it, where only one does; else -1."""
        if not len(self.begin):
            return np.zeros(0, dtype=np.int32)
        return np.where(self.inside == 1, self.member[self.begin], -1).astype(np.int32)

    def only(self, rows: IntArray) -> Held:
        """Return some of the rows."""
        return replace(
            self,
            community=self.community[rows],
            value=self.value[rows],
            inside=self.inside[rows],
            begin=self.begin[rows],
        )


def held_values(shared: Incidence, community: IntArray) -> Held:
    """Count the members of each community that hold each value. O(E log E).

    Parameters
    ----------
    shared
        The incidence.
    community
        int32 (N,): -1 for accounts in none.
    """
    members = np.flatnonzero(community >= 0)
    pointer = shared.account_pointer
    which, row = spread(pointer[members], pointer[members + 1] - pointer[members])
    key, account = sort_together(
        community[members[which]].astype(np.int64) * shared.values + shared.value[row],
        members[which],
        shared.accounts,
    )
    starts = np.flatnonzero(fresh(key))
    inside = np.diff(starts, append=len(key))
    group, value = np.divmod(key[starts], max(shared.values, 1))
    return Held(group, value, inside, starts, account)


@dataclass(frozen=True)
class Links:
    """Which accounts the pooled values of each community link to it.

    Attributes
    ----------
    rows
        int64 (P,): the rows of `Held` that are pooled.
    row, account
        int64 (L,): each holder of each of them.
    member
        Bool (L,): whether the holder belongs to the community.
    """

    rows: IntArray
    row: IntArray
    account: IntArray
    member: BoolArray


def pooled_links(shared: Incidence, community: IntArray, held: Held) -> Links:
    """Find the values to pool, and everybody whom they link.

    Members that share their address and their card with one another only, and nothing with
    the rest, are an island: a household that some common trait brought in would hold its
    own members there for ever. Islands are left out.

    Parameters
    ----------
    shared, community, held
        The incidence, int32 (N,), and what the communities' members hold.
    """
    spare = shared.degree[held.value] <= 2 * held.inside + SPARE_HOLDERS
    rows = np.flatnonzero(POOLED[shared.kind[held.value]] & spare)
    pointer, holders = shared.by_value
    value = held.value[rows]
    which, at = spread(pointer[value], pointer[value + 1] - pointer[value])
    account = holders[at].astype(np.int64)
    member = community[account] == held.community[rows][which]
    mainland = _mainland(community, held.community[rows], which[member], account[member])
    keep = mainland[which]
    code = np.cumsum(mainland) - 1
    return Links(rows[mainland], code[which[keep]], account[keep], member[keep])


def _mainland(community: IntArray, of: IntArray, which: IntArray, account: IntArray) -> BoolArray:
    """Return bool (P,): whether a value lies in no island of its community.

    Parameters
    ----------
    community
        int32 (N,).
    of
        int64 (P,): community of each value.
    which, account
        int64 (M,): value and member of each link inside.
    """
    accounts = len(community)
    nodes = accounts + len(of)
    graph = sparse.coo_array(
        (np.ones(len(which), dtype=bool), (account, accounts + which)), shape=(nodes, nodes)
    )
    _, part = connected_components(graph, directed=False)
    size = np.bincount(part[:accounts], minlength=1)[part[accounts:]]
    largest = np.zeros(int(community.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(largest, of, size)
    enough: BoolArray = size >= np.minimum(largest[of], ISLAND)
    return enough


def pool_rates(
    shared: Incidence, back: Background, held: Held, links: Links, *, weight: sparse.csr_array
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Count the members and the outsiders that each pool links.

    Parameters
    ----------
    shared, back, held, links
        Incidence, background, what members hold, and whom it links.
    weight
        Sparse (R, C): share of each class among a community's members, over its size.

    Returns
    -------
    pool
        int64 (P,): which pool each pooled value belongs to.
    of
        int64 (Q,): community * K + kind of each pool.
    linked
        float64 (Q,): members that share a value of the pool with another member.
    outside
        float64 (Q,): rate of the outsiders of the members' classes that hold one.
    """
    rows = links.rows
    of, pool = np.unique(
        held.community[rows] * len(KINDS) + shared.kind[held.value[rows]], return_inverse=True
    )
    members = links.member & (held.inside[rows][links.row] >= 2)
    linked, _ = _distinct(pool[links.row[members]], links.account[members], shared.accounts)
    strangers = ~links.member & back.innocent[links.account]
    linking, who = _distinct(pool[links.row[strangers]], links.account[strangers], shared.accounts)
    by_class = sparse.csr_array(
        (np.ones(len(who)), (linking, back.label[who])), shape=(len(of), back.classes)
    )
    mix = weight[of // len(KINDS)]
    outside = np.asarray(mix.multiply(by_class).sum(axis=1)).ravel()
    overall = (np.bincount(linking, minlength=len(of)) + 1.0) / (back.size.sum() + 1.0)
    outside += SHRINKAGE * np.asarray(mix.sum(axis=1)).ravel() * overall
    return pool, of, np.bincount(linked, minlength=len(of)).astype(float), outside


def _distinct(pool: IntArray, account: IntArray, accounts: int) -> tuple[IntArray, IntArray]:
    """Return each pair of pool and account once."""
    pool, account = sort_together(pool, account, accounts)
    once = fresh(pool, account)
    return pool[once], account[once]
