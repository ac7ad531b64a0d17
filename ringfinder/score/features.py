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
from ringfinder.score.accounts import Traits, account_traits, quietest_share

PRIOR_ACCOUNTS = 4.0
"""Accounts of the population mixed into every ring's average: shrinks small rings."""

REUSED = {
    "mailbox_reuse": "mailbox",
    "card_reuse": "payment_fingerprint",
    "device_reuse": "device",
}
FOCUSED = {
    "network_focus": "ip_network",
    "bin_focus": "card_bin",
    "client_focus": "tls_fingerprint",
}


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
    Feature("domain_spread", "own e-mail domains in use", "ln", False),
    Feature("domain_ownership", "accounts on the ring's own domains", "share 0-1", False),
    Feature("network_focus", "accounts on one network", "share 0-1", False),
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
    rings = int(ring.max(initial=-1)) + 1
    columns = {
        **_use(graph, ring, rings, traits),
        **_prompts(graph, ring, rings),
        **_signups(graph, ring, rings),
        **_identity(graph, ring, rings),
        "families": _mean(
            np.minimum(families * _share_of_families(graph), len(FAMILIES)),
            ring,
            rings,
            np.ones(len(ring), bool),
            2.0,
        ),
    }
    out = np.stack([columns[name] for name in NAMES], axis=1)
    out[:, ~measurable(graph, traits)] = np.nan
    return out


def _share_of_families(graph: AttributeGraph) -> float:
    """Return how many families there are for each one the data shows: at least 1.

    Where nobody gives a card, three families that agree are three of four.
    """
    present = {FAMILY_OF_KIND[code] for code in np.unique(graph.kind).tolist()}
    return len(FAMILIES) / max(len(present), 1)


_NEEDS: dict[str, tuple[str, ...]] = {
    "own_prompts": ("prompt_fingerprint", "prompt_band"),
    "template_cover": ("prompt_fingerprint", "prompt_band"),
    "mailbox_reuse": ("mailbox",),
    "card_reuse": ("payment_fingerprint",),
    "device_reuse": ("device",),
    "domain_spread": ("email_domain",),
    "domain_ownership": ("email_domain",),
    "network_focus": ("ip_network",),
    "bin_focus": ("card_bin",),
    "client_focus": ("tls_fingerprint", "user_agent"),
}
"""Kinds a feature is measured on: one of them must occur in the data."""


def measurable(graph: AttributeGraph, traits: Traits) -> BoolArray:
    """Return bool (F,): whether the data holds what each feature is measured on."""
    present = set(np.unique(graph.kind).tolist())
    used = bool(traits.used.any())
    return np.array(
        [
            (used or not feature.needs_usage)
            and any(CODE[kind] in present for kind in _NEEDS[feature.name])
            if feature.name in _NEEDS
            else used or not feature.needs_usage
            for feature in FEATURES
        ]
    )


def _mean(
    x: FloatArray, ring: IntArray, rings: int, rows: BoolArray, population: float
) -> FloatArray:
    """Return each ring's mean of x over `rows`, shrunk towards the population's."""
    rows = rows & (ring >= 0)
    total = np.bincount(ring[rows], weights=x[rows], minlength=rings)
    count = np.bincount(ring[rows], minlength=rings)
    return (total + PRIOR_ACCOUNTS * population) / (count + PRIOR_ACCOUNTS)


def _likeness(x: FloatArray, ring: IntArray, rings: int, rows: BoolArray) -> FloatArray:
    """Return ln of the ring's sd over the population's, shrunk; negative where alike."""
    centre = _mean(x, ring, rings, rows, 0.0)
    inside = rows & (ring >= 0)
    gap = np.zeros(len(x))
    gap[inside] = (x[inside] - centre[ring[inside]]) ** 2
    overall = float(np.var(x[rows])) if rows.any() else 1.0
    overall = max(overall, 1e-6)
    return 0.5 * np.log(_mean(gap, ring, rings, rows, overall) / overall)


def _use(
    graph: AttributeGraph, ring: IntArray, rings: int, traits: Traits
) -> dict[str, FloatArray]:
    used = traits.used
    hours = graph.profiles.hours.astype(np.float64)
    share = hours / np.maximum(hours.sum(axis=1, keepdims=True), 1)
    clock = np.zeros((rings, 24))
    members = used & (ring >= 0)
    for hour in range(24):
        clock[:, hour] = np.bincount(ring[members], weights=share[members, hour], minlength=rings)
    count = np.bincount(ring[members], minlength=rings)
    everyone = share[used].mean(axis=0) if used.any() else np.full(24, 1 / 24)
    usual = max(float(quietest_share(everyone[None, :] * 1e6)[0]), 0.02)
    # the population's own clock, turned so that its quiet hours meet the ring's
    quiet = np.where(clock.sum(axis=1) > 0, quietest_share(clock * 1e6), usual)
    quiet = (quiet * count + usual * PRIOR_ACCOUNTS) / (count + PRIOR_ACCOUNTS)
    return {
        "output_size": _mean(traits.output_size, ring, rings, used, 0.0),
        "output_likeness": _likeness(traits.output_size, ring, rings, used),
        "pace": _mean(traits.pace, ring, rings, used, 0.0),
        "pace_likeness": _likeness(traits.pace, ring, rings, used),
        "wakefulness": _mean(traits.wakefulness, ring, rings, used, 0.0),
        "ring_wakefulness": np.log(quiet / usual),
        "persistence": _mean(traits.persistence, ring, rings, used, 0.0),
        "persistence_likeness": _likeness(traits.persistence, ring, rings, used),
    }


def _edges(graph: AttributeGraph, kinds: tuple[str, ...]) -> IntArray:
    codes = [CODE[name] for name in kinds]
    return np.flatnonzero(np.isin(graph.kind[graph.value], codes))


def _prompts(graph: AttributeGraph, ring: IntArray, rings: int) -> dict[str, FloatArray]:
    rows = _edges(graph, ("prompt_fingerprint",))
    if not len(rows):
        rows = _edges(graph, ("prompt_band",))
    account, value = graph.account[rows], graph.value[rows]
    degree = graph.holders()[value]
    single = (degree == 1).astype(float)
    shown = np.bincount(account, minlength=graph.accounts).astype(float)
    own = np.bincount(account, weights=single, minlength=graph.accounts) / np.maximum(shown, 1)
    has = shown > 0
    usual = float(own[has].mean()) if has.any() else 0.5
    member = ring[account] >= 0
    key = ring[account[member]].astype(np.int64) * graph.values + value[member]
    unique, back, inside = np.unique(key, return_inverse=True, return_counts=True)
    size = np.maximum(np.bincount(ring[ring >= 0], minlength=rings), 1)
    # a template: at least a twentieth of the ring uses it and the ring is most of its users
    mine = (inside >= np.maximum(3, 0.05 * size[unique // graph.values])) & (
        inside >= 0.5 * graph.holders()[unique % graph.values]
    )
    covered = np.zeros(graph.accounts)
    covered[account[member][mine[back]]] = 1.0
    return {
        "own_prompts": np.log((_mean(own, ring, rings, has, usual) + 0.02) / (usual + 0.02)),
        "template_cover": _mean(covered, ring, rings, has, 0.0),
    }


def _signups(graph: AttributeGraph, ring: IntArray, rings: int) -> dict[str, FloatArray]:
    created = graph.created_ms.astype(float)
    members = np.flatnonzero(ring >= 0)
    order = members[np.lexsort((created[members], ring[members]))]
    bounds = np.searchsorted(ring[order], np.arange(rings + 1))
    everyone = np.subtract(*np.quantile(created, [0.9, 0.1])) if len(created) else 1.0
    everyone = max(everyone, 3_600_000.0)
    count = np.diff(bounds)
    at = bounds[:-1] + (0.1 * (count - 1)).astype(np.int64)
    end = bounds[:-1] + np.ceil(0.9 * (count - 1)).astype(np.int64)
    span = np.full(rings, everyone)
    some = count > 0
    span[some] = created[order[end[some]]] - created[order[at[some]]]
    clock = np.zeros((rings, 24))
    np.add.at(clock, (ring[members], graph.profiles.signup_hour[members]), 1.0)
    everyone_clock = np.bincount(graph.profiles.signup_hour, minlength=24).astype(float)
    usual = max(float(quietest_share(everyone_clock[None, :])[0]), 0.02)
    quiet = quietest_share(clock)
    prior = 3 * PRIOR_ACCOUNTS  # a minimum over windows is biased low on few accounts
    quiet = (quiet * count + usual * prior) / (count + prior)
    return {
        "signup_span": np.log((span + 3_600_000.0) / everyone),
        "signup_wakefulness": np.log(quiet / usual),
    }


def _identity(graph: AttributeGraph, ring: IntArray, rings: int) -> dict[str, FloatArray]:
    out: dict[str, FloatArray] = {}
    for name, kind in REUSED.items():
        accounts, values, _, _ = _shown(graph, ring, rings, kind)
        out[name] = np.log((accounts + 1.0) / (values + 1.0))
    _, _, entropy, owned = _shown(graph, ring, rings, "email_domain")
    out["domain_spread"] = entropy
    out["domain_ownership"] = owned
    for name, kind in FOCUSED.items():
        shown = np.any(graph.kind == CODE[kind])
        stand_in = "user_agent" if kind == "tls_fingerprint" else kind  # of the same observation
        out[name] = _focus(graph, ring, rings, kind if shown else stand_in)
    return out


def _shown(
    graph: AttributeGraph, ring: IntArray, rings: int, kind: str
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Accounts showing the kind, distinct values, entropy of values, share on own values."""
    rows = _edges(graph, (kind,))
    rows = rows[ring[graph.account[rows]] >= 0]
    of, value = ring[graph.account[rows]], graph.value[rows]
    key, inside = np.unique(of.astype(np.int64) * graph.values + value, return_counts=True)
    group = key // max(graph.values, 1)
    total = np.bincount(group, weights=inside, minlength=rings)
    accounts = np.bincount(ring[np.unique(graph.account[rows])], minlength=rings).astype(float)
    share = inside / np.maximum(total[group], 1)
    terms = -share * np.log(np.maximum(share, 1e-12))
    entropy = np.bincount(group, weights=terms, minlength=rings).astype(float)
    size = np.maximum(np.bincount(ring[ring >= 0], minlength=rings), 1)
    mine = (inside >= 3) & (inside >= 0.5 * graph.holders()[key % max(graph.values, 1)])
    owned = np.bincount(group, weights=inside * mine, minlength=rings) / (size + PRIOR_ACCOUNTS)
    values = np.bincount(group, minlength=rings).astype(float)
    return accounts, values, entropy, np.minimum(owned, 1.0)


def _focus(graph: AttributeGraph, ring: IntArray, rings: int, kind: str) -> FloatArray:
    """Largest share of members on one value beyond that value's share of the population."""
    rows = _edges(graph, (kind,))
    if not len(rows):
        return np.zeros(rings)
    shown = max(len(np.unique(graph.account[rows])), 1)
    rate = graph.holders() / shown
    rows = rows[ring[graph.account[rows]] >= 0]
    of, value = ring[graph.account[rows]], graph.value[rows]
    key, inside = np.unique(of.astype(np.int64) * graph.values + value, return_counts=True)
    group = key // graph.values
    has = np.bincount(ring[np.unique(graph.account[rows])], minlength=rings)
    beyond = inside / (has[group] + PRIOR_ACCOUNTS) - rate[key % graph.values]
    out = np.zeros(rings)
    np.maximum.at(out, group, beyond)
    return out
