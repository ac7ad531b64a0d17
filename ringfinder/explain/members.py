"""The members of a ring that a person would look at first, and what would clear each."""

from __future__ import annotations

import math

import numpy as np

from ringfinder.evidence.lifts import LEAST_CAP, LEAST_PRIOR
from ringfinder.explain.clear import Change, clearing_change
from ringfinder.explain.links import EvidenceLinks
from ringfinder.explain.numbers import listing, plural_of
from ringfinder.explain.view import MemberView
from ringfinder.graph.columns import AttributeGraph, Rings
from ringfinder.model import IntArray
from ringfinder.schema import FAMILY_OF_KIND, KINDS

SHOWN = 8
"""Members shown: the surest half, and the least sure half, where mistakes would be."""


def member_views(
    graph: AttributeGraph, rings: Rings, links: EvidenceLinks, ring: int
) -> tuple[MemberView, ...]:
    """Show the surest and the least sure members of a ring.

    Parameters
    ----------
    graph, rings, links
        Of one run.
    ring
        Index of the ring.

    Returns
    -------
    tuple of MemberView
        Falling membership; at most `SHOWN`.
    """
    members = links.members_of(ring)
    order = members[np.lexsort((members, -rings.membership[members]))]
    if len(order) > SHOWN:
        order = np.concatenate([order[: SHOWN // 2], order[-(SHOWN - SHOWN // 2) :]])
    odds = math.log(max(graph.accounts / max(1, len(members)), 1.0))
    position, row = links.pairs_of(order)
    return tuple(
        MemberView(
            account_id=graph.account_ids[int(account)].as_py(),
            created_ms=int(graph.created_ms[account]),
            membership=float(rings.membership[account]),
            shared=int((position == place).sum()),
            exchanges=int(graph.profiles.exchanges[account]),
            clearing=_clearing(graph, rings, row[position == place], odds),
        )
        for place, account in enumerate(order.tolist())
    )


def _clearing(graph: AttributeGraph, rings: Rings, rows: IntArray, odds: float) -> str:
    kind = graph.kind[rings.evidence_value[rows]]
    prior = max(odds, LEAST_PRIOR)
    change = clearing_change(
        rings.evidence_nats[rows],
        np.asarray(FAMILY_OF_KIND)[kind],
        cap=max(prior, LEAST_CAP),
        prior=prior,
    )
    return clearing_words(change, [int(kind[row]) for row in change.removed])


def clearing_words(change: Change, kinds: list[int]) -> str:
    """Say what would clear an account: ``not sharing its e-mail domain and 2 payment cards``."""
    if not change.removed:
        return "nothing single: its own shared values do not carry it"
    counted = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    parts = [
        f"its {KINDS[kind].words}" if number == 1 else f"{number} {plural_of(KINDS[kind].words)}"
        for kind, number in counted.items()
    ]
    return f"not sharing {listing(parts)}"
