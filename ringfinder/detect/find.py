"""The steps of detection, in reading order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringfinder.detect.candidates import first_members, value_communities
from ringfinder.detect.divide import divide
from ringfinder.detect.null import false_discovery_rate, null_world
from ringfinder.detect.refine import Communities, refine
from ringfinder.evidence.background import Background, background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.pairs import significant_pairs
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import FloatArray, IntArray


@dataclass(frozen=True)
class Detection:
    """Rings of one run with their false discovery rates.

    Attributes
    ----------
    communities
        The rings' members and what marks them.
    false_discovery_rate
        float64 (R,): q-value of each ring.
    null_rings
        Rings found in the null world.
    """

    communities: Communities
    false_discovery_rate: FloatArray
    null_rings: int


def find_communities(shared: Incidence, back: Background, *, seed: int) -> Communities:
    """Find communities against a background: pairs, Leiden, refinement, division."""
    pairs = significant_pairs(shared, back)
    label = value_communities(pairs, shared.values, seed=seed)
    whole = refine(shared, back, first_members(shared, label))
    parts = divide(shared, whole.community, seed=seed)
    if np.array_equal(parts, whole.community):
        return whole
    return refine(shared, back, parts)


def find_rings(
    graph: AttributeGraph,
    shared: Incidence,
    label: IntArray,
    *,
    seed: int,
    null_worlds: int = 1,
) -> Detection:
    """Find rings and estimate how many of them chance explains.

    Parameters
    ----------
    graph, shared
        All sightings, and those of shared values.
    label
        int32 (N,): class of each account.
    seed
        Seeds Leiden and the null worlds.
    null_worlds
        How many permuted worlds to run.
    """
    back = background(shared, label)
    found = find_communities(shared, back, seed=seed)
    null: list[FloatArray] = []
    for number in range(null_worlds):
        world = null_world(graph, label, seed=seed + 1 + number)
        chance = find_communities(world, background(world, label), seed=seed)
        null.append(strength(chance))
    rate = false_discovery_rate(strength(found), np.concatenate(null or [np.zeros(0)]))
    return Detection(found, rate, sum(map(len, null)))


def strength(communities: Communities) -> FloatArray:
    """Return float64 (R,): summed log odds of each community's members, in nats."""
    members = communities.community >= 0
    return np.bincount(
        communities.community[members],
        weights=communities.nats[members],
        minlength=communities.lifts.communities,
    )
