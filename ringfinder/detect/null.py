"""The null world: what the same pipeline finds where nobody acts together.

Within each kind and class the values are dealt out anew among the accounts that show
one. Degrees, activity and the population's structure stay, but for the few values dealt
twice to one account, which count once; only the company a value keeps is destroyed. The
whole search is run on it, and the rings found there tell how many of the real ones chance
explains. No labels are needed, so it holds on any operator's data.

References
----------
G. Strona et al., "A fast and unbiased procedure to randomize ecological binary matrices
with fixed row and column totals" (curveball), Nature Communications 5 (2014), keeps every
degree to the last; one shuffle is near enough where values are thousands, and is O(E).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ringfinder.evidence.incidence import Incidence, incidence
from ringfinder.evidence.runs import fresh, sort_together
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import FloatArray, IntArray
from ringfinder.schema import KINDS


def null_world(graph: AttributeGraph, label: IntArray, *, seed: int) -> Incidence:
    """Deal the values out anew within kind and class.

    Parameters
    ----------
    graph
        All sightings, values with a single holder included: a device that 300 accounts
        show must be dealt to any 300 that show a device.
    label
        int32 (N,): class of each account.
    seed
        Seeds the permutation.

    Returns
    -------
    Incidence
        The same accounts, and kinds that are witnesses; a value dealt twice to one account
        counts once, one left with a single holder is no longer shared. O(E log E).
    """
    witness = np.array([kind.witness for kind in KINDS])[graph.kind[graph.value]]
    account, old = graph.account[witness], graph.value[witness]
    rng = np.random.default_rng(seed)
    group = label[account].astype(np.int64) * len(KINDS) + graph.kind[old]
    if group.max(initial=0) < 1 << 16:
        group = group.astype(np.uint16)  # sorted by radix
    order = np.argsort(group, kind="stable")
    value = old[order]
    edges = np.concatenate(([0], np.cumsum(np.bincount(group))))
    for lo, hi in pairwise(edges[fresh(edges)].tolist()):
        rng.shuffle(value[lo:hi])
    account, value = sort_together(account[order], value, graph.values)
    once = fresh(account, value)
    account, value = account[once].astype(np.int32), value[once].astype(np.int32)
    return incidence(graph.accounts, account, value, np.asarray(graph.kind))


def false_discovery_rate(strength: FloatArray, null: FloatArray) -> FloatArray:
    """Estimate, for each ring, the share of false ones among those at least as strong.

    Parameters
    ----------
    strength
        float64 (R,): strength of the real rings.
    null
        float64 (R0,): strength of the rings of the null world.

    Returns
    -------
    FloatArray, shape (R,)
        q-values in 0-1, monotone in strength (Benjamini and Hochberg 1995; Storey 2002,
        with the null counted instead of assumed).
    """
    order = np.argsort(-strength, kind="stable")
    at_least = len(null) - np.searchsorted(np.sort(null), strength[order], side="left")
    rate = np.minimum(at_least / np.arange(1, len(order) + 1), 1.0)
    rate = np.minimum.accumulate(rate[::-1])[::-1]
    out = np.empty(len(order))
    out[order] = rate
    return out
