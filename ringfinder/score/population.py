"""The population's classes, learned without the fleets in it.

A big fleet shares popular values as a region does: it would make a class of its own and
vanish into its own background. Size does not tell the two apart, behaviour does. So
communities are first found against the known strata, judged, and those that behave like
fleets are left out of what the classes are learned from, as are small ones: a company
is no region. If nothing is left to explain then, the strata stand.
"""

from __future__ import annotations

import numpy as np

from ringfinder.detect.classes import learn_classes, strata
from ringfinder.detect.find import find_against
from ringfinder.evidence.background import Background, background
from ringfinder.evidence.incidence import Incidence
from ringfinder.graph.columns import AttributeGraph
from ringfinder.score.accounts import account_traits
from ringfinder.score.assess import families_per_member
from ringfinder.score.features import ring_features
from ringfinder.score.judge import fleet_probability, shipped_weights

SUSPECT = 0.2
"""P(fleet) from which a community teaches nothing."""

SMALL = 2.0
"""In units of sqrt(N): communities up to that size are no part of the population's
structure, whatever they are."""


def learn_population(graph: AttributeGraph, shared: Incidence, *, seed: int) -> Background:
    """Return the classes and rates of the population.

    Parameters
    ----------
    graph, shared
        All sightings, and those of shared values.
    seed
        Seeds Leiden and the permuted world.
    """
    known = strata(graph)
    back = background(shared, known)
    community = find_against(graph, shared, back, seed=seed).community
    inside = community >= 0
    if not inside.any():
        return background(shared, learn_classes(graph, seed=seed))
    traits = account_traits(graph.profiles, graph.created_ms)
    features = ring_features(
        graph, community, families_per_member(shared, back, community), traits=traits
    )
    weights = shipped_weights(usage=bool(traits.used.any()))
    probability, _ = fleet_probability(features, weights)
    size = np.bincount(community[inside], minlength=len(probability))
    suspect = np.zeros(graph.accounts, dtype=bool)
    suspect[inside] = (probability >= SUSPECT)[community[inside]]
    small = np.zeros(graph.accounts, dtype=bool)
    small[inside] = (size <= SMALL * np.sqrt(graph.accounts))[community[inside]]
    label = learn_classes(graph, seed=seed, exclude=suspect | small)
    return background(shared, label, suspect)
