"""Features of what a ring shows: prompts, mailboxes, cards, devices, domains, networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringfinder.evidence.runs import spread
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import FloatArray, IntArray
from ringfinder.schema import CODE, KINDS
from ringfinder.score.members import PRIOR_ACCOUNTS, Members
from ringfinder.score.usual import Usual

REUSED = {
    "mailbox_reuse": "mailbox",
    "card_reuse": "payment_fingerprint",
    "device_reuse": "device",
}
FOCUSED = {
    "network_focus": "ip_network",
    "card_focus": "payment_fingerprint",
    "bin_focus": "card_bin",
    "client_focus": "tls_fingerprint",
}
STAND_IN = {"tls_fingerprint": "user_agent"}
"""Kinds of the same observation, taken where nobody shows the first."""


@dataclass(frozen=True)
class Held:
    """What members show of one kind.

    Attributes
    ----------
    member, key
        int64 (S,): sightings, by member: row of `Members`, and ring * V + value.
    accounts
        int64 (R,): members showing the kind.
    distinct
        int64 (C,): the distinct keys, ascending.
    ring, value, inside
        int64 (C,): their ring, their value, and members of the ring holding it.
    """

    member: IntArray
    key: IntArray
    accounts: IntArray
    distinct: IntArray
    ring: IntArray
    value: IntArray
    inside: IntArray


class Holdings:
    """Sightings of members, by kind.

    Parameters
    ----------
    graph, members, usual
        The sightings, those inside rings, and where each account's sightings lie.
    kinds
        Names of the kinds that will be asked for.
    """

    def __init__(
        self, graph: AttributeGraph, members: Members, usual: Usual, kinds: tuple[str, ...]
    ) -> None:
        self.members, self.values = members, max(graph.values, 1)
        first = usual.pointer[members.account]
        count = usual.pointer[members.account + 1] - first
        member, row = spread(first, count)
        value = graph.value[row]
        kind = graph.kind[value]
        wanted = np.zeros(len(KINDS), dtype=bool)
        wanted[[CODE[name] for name in kinds]] = True
        rows = np.flatnonzero(wanted[kind])
        self._member, self._value, self._kind = member[rows], value[rows], kind[rows]

    def of(self, kind: int) -> Held:
        """Return what members show of one kind, by its code."""
        ring, rings = self.members.ring, self.members.rings
        rows = np.flatnonzero(self._kind == kind)
        member = self._member[rows]
        key = ring[member].astype(np.int64) * self.values + self._value[rows]
        fresh = np.ones(len(member), dtype=bool)
        fresh[1:] = member[1:] != member[:-1]
        distinct, inside = np.unique(key, return_counts=True)
        return Held(
            member=member,
            key=key,
            accounts=np.bincount(ring[member[fresh]], minlength=rings),
            distinct=distinct,
            ring=distinct // self.values,
            value=distinct % self.values,
            inside=inside,
        )


def held_features(graph: AttributeGraph, members: Members, usual: Usual) -> dict[str, FloatArray]:
    """Measure what rings show: float64 (R,) each.

    Parameters
    ----------
    graph, members
        The sightings, and those inside rings.
    usual
        Of the graph.
    """
    focused = {
        name: CODE[kind] if usual.present[CODE[kind]] else CODE[STAND_IN.get(kind, kind)]
        for name, kind in FOCUSED.items()
    }
    kinds = {*REUSED.values(), "email_domain", KINDS[usual.prompts].name}
    kinds |= {KINDS[code].name for code in focused.values()}
    holdings = Holdings(graph, members, usual, tuple(sorted(kinds)))
    out = _prompts(holdings.of(usual.prompts), members, usual)
    for name, kind in REUSED.items():
        held = holdings.of(CODE[kind])
        values = np.bincount(held.ring, minlength=members.rings)
        out[name] = np.log((held.accounts + 1.0) / (values + 1.0))
    # a company shares cards, a classroom devices; who shares both shares hands
    out["reused_twice"] = np.sort([out[name] for name in REUSED], axis=0)[-2]
    cards = holdings.of(CODE["payment_fingerprint"])
    several = np.bincount(cards.ring[cards.inside >= 2], minlength=members.rings)
    out["shared_cards"] = np.log(np.maximum(several, 1))  # a company pays with one
    out |= _domains(holdings.of(CODE["email_domain"]), members, usual)
    for name, code in focused.items():
        out[name] = _focus(holdings.of(code), usual.shown[code], members, usual)
    return out


def _prompts(held: Held, members: Members, usual: Usual) -> dict[str, FloatArray]:
    """Measure prompts nobody else has, and use of the ring's own few."""
    size = np.maximum(members.size, 1)
    # a template: at least a twentieth of the ring uses it and the ring is most of its users
    mine = (held.inside >= np.maximum(3, 0.05 * size[held.ring])) & (
        held.inside >= 0.5 * usual.holders[held.value]
    )
    templates = np.append(held.distinct[mine], -1)  # ends in what no key equals
    found = templates[np.searchsorted(templates[:-1], held.key)] == held.key
    covered = np.zeros(len(members.account))
    covered[held.member[found]] = 1.0
    own = usual.own[members.account]
    has = ~np.isnan(own)
    own_mean = members.mean(own, has, usual.own_mean)
    return {
        "own_prompts": np.log((own_mean + 0.02) / (usual.own_mean + 0.02)),
        "template_cover": members.mean(covered, has, 0.0),
    }


def _domains(held: Held, members: Members, usual: Usual) -> dict[str, FloatArray]:
    """Measure the entropy of e-mail domains, and the share of members on the ring's own."""
    inside, rings = held.inside, members.rings
    total = np.bincount(held.ring, weights=inside, minlength=rings)
    share = inside / np.maximum(total[held.ring], 1)
    terms = -share * np.log(np.maximum(share, 1e-12))
    mine = (inside >= 3) & (inside >= 0.5 * usual.holders[held.value])
    owned = np.bincount(held.ring, weights=inside * mine, minlength=rings)
    return {
        "domain_spread": np.bincount(held.ring, weights=terms, minlength=rings),
        "domain_ownership": np.minimum(owned / (np.maximum(members.size, 1) + PRIOR_ACCOUNTS), 1.0),
    }


def _focus(held: Held, shown: int, members: Members, usual: Usual) -> FloatArray:
    """Largest share of members on one value beyond that value's share of the population."""
    rate = usual.holders[held.value] / max(shown, 1)
    beyond = held.inside / (held.accounts[held.ring] + PRIOR_ACCOUNTS) - rate
    out = np.zeros(members.rings)
    np.maximum.at(out, held.ring, beyond)
    return out
