"""The population's classes, learned without the fleets in it.

A big fleet shares popular values as a region does: it would make a class of its own and
vanish into its own background. Size does not tell the two apart, behaviour does. So
communities are first found against the known strata, judged, and those that behave like
fleets are left out of what the classes are learned from, as are small ones: a company
is no region. A fleet that the strata hid may still make a class: classes that behave like
fleets are struck off and learned again without. If nothing is left to explain then, the
strata stand.
"""

from __future__ import annotations

import numpy as np

from ringfinder.detect.classes import learn_classes, strata
from ringfinder.detect.find import find_against
from ringfinder.detect.refine import Communities
from ringfinder.detect.ties import HANDED, count_members, marked_members
from ringfinder.evidence.background import Background, background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.pairs import Counts
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.score.accounts import Traits, account_traits
from ringfinder.score.assess import families_per_member
from ringfinder.score.features import ring_features
from ringfinder.score.judge import fleet_probability, shipped_weights

SUSPECT = 0.2
"""P(fleet) from which a community teaches nothing."""

SMALL = 2.0
"""In units of sqrt(N): communities up to that size are no part of the population's
structure, whatever they are."""


def learn_population(
    graph: AttributeGraph,
    shared: Incidence,
    *,
    seed: int,
    counts: Counts | None = None,
    heard: AttributeGraph | None = None,
) -> Background:
    """Learn the classes and rates of the population.

    Parameters
    ----------
    graph, shared
        All sightings, and those of shared values.
    seed
        Seeds Leiden.
    counts
        What `pair_counts` says of `shared`, where it has been asked before.
    heard
        The sightings that are evidence, where `shared` was cut from less than all.

    Returns
    -------
    Background
        Suspects belong to classes and say nothing about any. Deterministic for a seed.
    """
    heard = graph if heard is None else heard
    known = strata(graph)
    back = background(shared, known)
    found = find_against(shared, back, seed=seed, counts=counts)
    community = found.community
    traits = account_traits(graph.profiles, graph.created_ms)
    families = families_per_member(shared, found)
    suspect = _like_fleets(graph, community, families, traits)
    apart = _no_regions(shared, found)
    label = learn_classes(heard, seed=seed, exclude=suspect | apart)
    struck = _like_fleets(graph, _all_but_largest(label), np.full(graph.accounts, 2.0), traits)
    if (struck & ~suspect).any():
        suspect |= struck
        label = learn_classes(heard, seed=seed, exclude=suspect | apart)
    return background(shared, label, suspect)


def _no_regions(shared: Incidence, found: Communities) -> BoolArray:
    """Return bool (N,): members of communities too small for a region, or tied as none is.

    People of one region have banks and carriers in common, and no devices: where half of
    the members share some, the community is no part of the population's structure
    however large it is.
    """
    lifts, community = found.lifts, found.community
    handed = marked_members(shared, lifts, community, HANDED[shared.kind[lifts.value]])
    size, count = count_members(community, handed, lifts.communities)
    apart = (size <= SMALL * np.sqrt(shared.accounts)) | (2 * count >= size)
    return np.append(apart, False)[community]  # nobody outside


def _like_fleets(
    graph: AttributeGraph, ring: IntArray, families: FloatArray, traits: Traits
) -> BoolArray:
    """Return bool (N,): members of groups that may be fleets by their behaviour.

    Groups are int32 (N,), -1 for none; `families` is float64 (N,), as `ring_features` asks.
    """
    features = ring_features(graph, ring, families, traits=traits)
    usage = bool(traits.used.any())
    inside = ring >= 0
    size = np.bincount(ring[inside], minlength=len(features))
    region = size > SMALL * np.sqrt(graph.accounts)
    probability = np.where(
        region,
        fleet_probability(features, shipped_weights(usage=usage, regions=True))[0],
        fleet_probability(features, shipped_weights(usage=usage))[0],
    )
    out = np.zeros(graph.accounts, dtype=bool)
    out[inside] = (probability >= SUSPECT)[ring[inside]]  # nobody where there is no group
    return out


def _all_but_largest(label: IntArray) -> IntArray:
    """Return the classes with the largest, which is taken for the population, as -1."""
    largest = int(np.bincount(label).argmax())
    return np.where(label == largest, -1, label).astype(np.int32)
