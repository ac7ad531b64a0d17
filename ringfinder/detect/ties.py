"""Kinds of values that tie accounts to each other, and parts of communities that nothing ties.

Two operators who buy cards of one bank and use one client look alike beside the population;
but no address, card, device, domain or prompt of theirs is common to both.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.lifts import Lifts
from ringfinder.evidence.runs import fresh, sort_together
from ringfinder.model import BoolArray, Family, IntArray
from ringfinder.schema import KINDS, OBSERVATION_OF_KIND, OBSERVATIONS

TIES = np.array(
    [
        not kind.coarse and OBSERVATIONS[observation] != "created_at"
        for kind, observation in zip(KINDS, OBSERVATION_OF_KIND, strict=True)
    ]
)
"""Kinds that tie: an issuer, a network, a client or an hour meets strangers by the dozen."""

TIED = 0.25
"""Share of a community's members that must hold one of its values that tie, or they alone are
the community. On ten tuning worlds six of 426 fleets had less where only sign-ups are known,
and one of 1,100 where use is; those who came with one campaign, on the browser of that month,
have nothing that ties at all."""

MEETS = np.array([OBSERVATIONS[observation] != "created_at" for observation in OBSERVATION_OF_KIND])
"""Kinds of which a value ties that hardly anybody else has: at most sqrt(N) accounts, and at
least half of them in the community. A script's own client is such a one, and so is the network
of a small office; a bank's cards are not."""

ALONE = 0.9
"""Share of the holders of a network, client or issuer, however many, that a community must have
for it to tie: a script's own client ties a hundred accounts as it ties ten."""

_MACHINES: BoolArray = MEETS & np.array(
    [kind.family in {Family.NETWORK, Family.DEVICE, Family.PAYMENT} for kind in KINDS]
)

HANDED: BoolArray = TIES & np.array([kind.family is Family.DEVICE for kind in KINDS])
"""Devices: what nobody has in common with a region. Cards are not among them: large companies,
which are part of what there is to learn, pay with one."""

OWNED: BoolArray = TIES & np.array([kind.family is not Family.NETWORK for kind in KINDS])
"""Kinds that tie, but for addresses: of a rented pool's two strangers share dozens."""


def own_values(shared: Incidence, community: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
    """Number the values of each community by themselves.

    Parameters
    ----------
    shared, community
        The incidence; int32 (N,), -1 for none.
    rows
        int (E',): sightings of members.

    Returns
    -------
    distinct
        int64 (U,): community * V + value of each, ascending.
    own
        int64 (E',): which of them each sighting is.
    """
    key, order = sort_together(
        community[shared.account[rows]].astype(np.int64) * shared.values + shared.value[rows],
        np.arange(len(rows)),
        len(rows),
    )
    first = fresh(key)
    own = np.empty(len(key), dtype=np.int64)
    own[order] = np.cumsum(first) - 1
    return key[first], own


def untied(shared: Incidence, community: IntArray, *, rented: bool = True) -> IntArray:
    """Find the parts of communities that share nothing which ties with the largest part.

    Parameters
    ----------
    shared
        The incidence.
    community
        int32 (N,): -1 for none.
    rented
        Whether an address ties of which most holders are in no part of the community; one that
        is mostly its own does in any case.

    Returns
    -------
    IntArray, shape (N,)
        int32: a number for each such part; -1 in the largest part of each community and
        outside. Parts are connected components of accounts and the values of kinds that
        tie, however popular: one prompt that both use keeps two operators together.
    """
    rows = np.flatnonzero(MEETS[shared.kind[shared.value]] & (community[shared.account] >= 0))
    distinct, own = own_values(shared, community, rows)
    value = distinct % shared.values
    inside = np.bincount(own, minlength=len(distinct))
    rare = _rare(shared, shared.degree[value], inside)
    ties = ((TIES if rented else OWNED)[shared.kind[value]] | rare)[own]
    rows, own = rows[ties], own[ties]
    account = shared.account[rows].astype(np.int64)
    nodes = shared.accounts + len(distinct)
    graph = sparse.coo_array(
        (np.ones(len(rows), dtype=bool), (account, shared.accounts + own)), shape=(nodes, nodes)
    )
    _, part = connected_components(graph, directed=False)
    part = np.where(community >= 0, part[: shared.accounts], -1)
    inside = np.flatnonzero(part >= 0)
    size = np.bincount(part[inside], minlength=1)
    largest = np.zeros(int(community.max(initial=0)) + 1, dtype=np.int64)
    order = inside[np.lexsort((-part[inside], size[part[inside]]))]
    largest[community[order]] = part[order]  # the largest is written last, the first of equals
    return np.where((part >= 0) & (part != largest[community]), part, -1).astype(np.int32)


def tying_marks(shared: Incidence, lifts: Lifts) -> BoolArray:
    """Return bool (M,): which of the values that mark communities tie their members."""
    degree, kind = shared.degree[lifts.value], shared.kind[lifts.value]
    rare = MEETS[kind] & _rare(shared, degree, lifts.inside)
    return TIES[kind] | rare | (_MACHINES[kind] & (lifts.inside >= ALONE * degree))


def marked_rows(shared: Incidence, lifts: Lifts, community: IntArray, marks: BoolArray) -> IntArray:
    """Return int64 (E',): sightings by members of values that mark their community.

    Parameters
    ----------
    shared, lifts
        The incidence, and what marks the communities.
    community
        int32 (N,): -1 for none.
    marks
        Bool (M,): the rows of `lifts` that count. With `tying_marks` those are left out whom a
        fashion brought: a campaign's link, this month's browser, the hours of its launch mark
        strangers, who share nothing that somebody must have handed on.
    """
    key = lifts.community[marks].astype(np.int64) * shared.values + lifts.value[marks]  # ascending
    rows = np.flatnonzero(community[shared.account] >= 0)
    own = community[shared.account[rows]].astype(np.int64) * shared.values + shared.value[rows]
    return rows[np.append(key, -1)[np.searchsorted(key, own)] == own]


def marked_members(
    shared: Incidence, lifts: Lifts, community: IntArray, marks: BoolArray
) -> BoolArray:
    """Return bool (N,): members that hold some of the values that mark their community.

    Parameters as of `marked_rows`.
    """
    marked = np.zeros(shared.accounts, dtype=bool)
    marked[shared.account[marked_rows(shared, lifts, community, marks)]] = True
    return marked


def count_members(
    community: IntArray, among: BoolArray, communities: int
) -> tuple[IntArray, IntArray]:
    """Return int64 (R,) twice: members of each community, and those of them in `among`."""
    inside = community >= 0
    size = np.bincount(community[inside], minlength=communities)
    return size, np.bincount(community[inside & among], minlength=communities)


def _rare(shared: Incidence, degree: IntArray, inside: IntArray) -> BoolArray:
    """Tell which values hardly anybody else has: see `MEETS`."""
    return np.asarray((degree <= np.sqrt(shared.accounts)) & (2 * inside >= degree))
