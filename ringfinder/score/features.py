"""Rings to features: what tells a fleet from a company, a class, a campus.

All of them share things; what differs is how they behave. Every feature is named, has a
unit, and is measured against the population of the same data, so that no window, rate
or clock is built in. Zero means 'as the population'.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.schema import CODE, FAMILIES, FAMILY_OF_KIND
from ringfinder.score.accounts import Traits, account_traits
from ringfinder.score.habits import signup_features, use_features
from ringfinder.score.holdings import held_features
from ringfinder.score.members import Members
from ringfinder.score.usual import Usual, usual


@dataclass(frozen=True, slots=True)
class Feature:
    """One named feature of a ring.

    Attributes
    ----------
    name, words, unit
        Column name; how a sentence names it; its unit.
    needs_usage
        Whether it is measured on usage; without usage it is zero.
    """

    name: str
    words: str
    unit: str
    needs_usage: bool


FEATURES: tuple[Feature, ...] = (
    Feature("output_size", "length of answers", "population sd", True),
    Feature("output_likeness", "likeness of answer length", "ln ratio of sd", True),
    Feature("pace", "exchanges per active day", "population sd", True),
    Feature("pace_likeness", "likeness of pace", "ln ratio of sd", True),
    Feature("wakefulness", "use in each account's quiet hours", "sd of like accounts", True),
    Feature("ring_wakefulness", "use in the ring's quiet hours", "ln ratio to population", True),
    Feature("persistence", "days of use", "sd of like accounts", True),
    Feature("persistence_likeness", "likeness of days of use", "ln ratio of sd", True),
    Feature("own_prompts", "prompts nobody else has", "ln ratio to population", True),
    Feature("template_cover", "use of the ring's own few prompts", "share 0-1", True),
    Feature("signup_span", "time the sign-ups span", "ln ratio to population", False),
    Feature("signup_wakefulness", "sign-ups in quiet hours", "ln ratio to population", False),
    Feature("mailbox_reuse", "accounts per mailbox", "ln", False),
    Feature("card_reuse", "accounts per card", "ln", False),
    Feature("device_reuse", "accounts per device", "ln", False),
    Feature(
        "reused_twice",
        "accounts per card, device or mailbox, of the second-most shared",
        "ln",
        False,
    ),
    Feature("shared_cards", "cards that several accounts share", "ln", False),
    Feature("domain_spread", "own e-mail domains in use", "ln", False),
    Feature("domain_ownership", "accounts on the ring's own domains", "share 0-1", False),
    Feature("network_focus", "accounts on one network", "share 0-1", False),
    Feature("card_focus", "accounts on one card", "share 0-1", False),
    Feature("bin_focus", "cards of one issuer beyond the population's", "share 0-1", False),
    Feature("client_focus", "accounts with one client beyond the population's", "share 0-1", False),
    Feature("families", "families that agree per account, of five", "families", False),
)
NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)


def ring_features(
    graph: AttributeGraph, ring: IntArray, families: FloatArray, *, traits: Traits | None = None
) -> FloatArray:
    """Measure every ring.

    Parameters
    ----------
    graph
        Accounts and values.
    ring
        int32 (N,): 0 to R - 1, -1 outside.
    families
        float64 (N,): families that speak for each member's membership.
    traits
        Of the accounts; measured here where not given.

    Returns
    -------
    FloatArray, shape (R, F)
        In the order of `FEATURES`; NaN in whole columns that the data cannot measure.
    """
    traits = traits or account_traits(graph.profiles, graph.created_ms)
    members, known = Members.of(ring), usual(graph)
    agreeing = np.minimum(families[members.account] * _share_of_families(known), len(FAMILIES))
    columns = {
        **use_features(graph, members, traits),
        **signup_features(graph, members, known),
        **held_features(graph, members, known),
        "families": members.mean(agreeing, np.ones(len(agreeing), dtype=bool), 2.0),
    }
    out = np.stack([columns[name] for name in NAMES], axis=1)
    out[:, ~measurable(graph, traits)] = np.nan
    return out


def _share_of_families(known: Usual) -> float:
    """Return how many families there are for each one the data shows: at least 1.

    Where nobody gives a card, three families that agree are three of four.
    """
    present = {FAMILY_OF_KIND[code] for code in np.flatnonzero(known.present).tolist()}
    return len(FAMILIES) / max(len(present), 1)


_NEEDS: dict[str, tuple[str, ...]] = {
    "own_prompts": ("prompt_fingerprint", "prompt_band"),
    "template_cover": ("prompt_fingerprint", "prompt_band"),
    "mailbox_reuse": ("mailbox",),
    "card_reuse": ("payment_fingerprint",),
    "device_reuse": ("device",),
    "reused_twice": ("mailbox", "payment_fingerprint", "device"),
    "shared_cards": ("payment_fingerprint",),
    "domain_spread": ("email_domain",),
    "domain_ownership": ("email_domain",),
    "network_focus": ("ip_network",),
    "card_focus": ("payment_fingerprint",),
    "bin_focus": ("card_bin",),
    "client_focus": ("tls_fingerprint", "user_agent"),
}
"""Kinds a feature is measured on: one of them must occur in the data, or `_AT_LEAST`."""

_AT_LEAST = {"reused_twice": 2}
"""How many of its kinds must occur where one is not enough: the second-most shared of one kind
is none, which looks like people who share nothing."""


def measurable(graph: AttributeGraph, traits: Traits) -> BoolArray:
    """Return bool (F,): whether the data holds what each feature is measured on."""
    present = usual(graph).present
    used = bool(traits.used.any())
    out = np.array([used or not feature.needs_usage for feature in FEATURES])
    for name, kinds in _NEEDS.items():
        shown = sum(bool(present[CODE[kind]]) for kind in kinds)
        out[NAMES.index(name)] &= shown >= _AT_LEAST.get(name, 1)
    return out
