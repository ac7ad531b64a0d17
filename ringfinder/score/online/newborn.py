"""A ring that is being born: newcomers whom ties and pairs join, judged as they come.

Sign-ups tell less than weeks of use do, so a newborn ring is judged by features of its own,
with weights of their own (`newborn.json`, fitted by ``python -m tests.bench born --fit``): what
its members share, how much of it, and when they came. It is never called a fleet: that is
for the nightly run to say.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from math import exp, log, log1p, sqrt

from ringfinder.durations import HOUR_MS
from ringfinder.evidence.lifts import CONFIDENCE, MARK_NATS, MINIMUM_HOLDERS, MINIMUM_LIFT
from ringfinder.schema import CODE, FAMILY_OF_KIND, OBSERVATION_OF_KIND, OBSERVATIONS
from ringfinder.score.online.known import WITNESS
from ringfinder.score.online.rates import Rates, Value

MOST_KEPT = 4096
"""Distinct values that a ring counts; further ones stay new to it."""

MOST_OFTEN = 256
"""Values of three members and more that are looked at for what marks the ring."""

ANEW = 16
"""A ring is measured anew when one in so many of its members has left: done for each of them, a
large one would hold up every answer for as long as its members leave."""

LONGEST = 12.0
"""Nats that a rare value is surprising at most."""

KINDS = len(FAMILY_OF_KIND)
_TIME = OBSERVATIONS.index("created_at")
_SURPRISING = ("card_bin", "user_agent", "tls_fingerprint", "email_pattern", "phone_block")
_REPEATED = ("ip", "email_domain", "payment_fingerprint", "device", "mailbox", "phone",
             "prompt_fingerprint")  # fmt: skip
_SHOWN = ("email_domain", "payment_fingerprint", "phone")


@dataclass(eq=False, slots=True)
class Newcomer:
    """One sign-up since the snapshot.

    Attributes
    ----------
    number
        In the order in which they came.
    seen
        Sign-ups since the snapshot before it.
    people
        The class of the population it is most like.
    """

    number: int
    seen: int
    account_id: str
    created_ms: int
    people: int
    values: list[Value]


@dataclass(eq=False, slots=True)
class Newborn:
    """One such ring.

    Attributes
    ----------
    number
        Counted from the first.
    founded_by
        Account id of its first member: with the number it names the ring.
    seen
        Sign-ups since the snapshot before its first member's.
    members
        Newcomers in it that are remembered, by number.
    size
        Newcomers ever counted in it.
    left
        Of them those who were removed since it was measured.
    counts
        Members by value (its key).
    often
        Values held by `MINIMUM_HOLDERS` and more.
    shown, distinct, repeated
        By kind: members that show it, distinct values, sightings of values that two share.
    top
        By kind: members of the value most of them hold, and the value.
    clock
        Sign-ups by UTC hour of day.
    families
        Codes of the families of which some value marks it; times do not count.
    probability
        P(fleet | ring), as far as can be told.
    """

    number: int
    people: int
    founded_by: str
    seen: int
    members: dict[int, Newcomer] = field(default_factory=dict)
    size: int = 0
    left: int = 0
    counts: dict[int, int] = field(default_factory=dict)
    often: dict[int, Value] = field(default_factory=dict)
    shown: list[int] = field(default_factory=lambda: [0] * KINDS)
    distinct: list[int] = field(default_factory=lambda: [0] * KINDS)
    repeated: list[int] = field(default_factory=lambda: [0] * KINDS)
    top: list[tuple[int, Value]] = field(default_factory=lambda: [(0, (0, 0, -1))] * KINDS)
    clock: list[int] = field(default_factory=lambda: [0] * 24)
    first_ms: int = 0
    last_ms: int = 0
    families: frozenset[int] = frozenset()
    probability: float = 0.0

    @property
    def name(self) -> str:
        """What answers call it."""
        said = f"{self.number}:{self.founded_by}".encode()
        return f"new-{hashlib.blake2b(said, digest_size=6).hexdigest()}"

    def add(self, newcomer: Newcomer) -> None:
        """Take a newcomer in with all its values."""
        at = newcomer.created_ms
        self.first_ms = min(self.first_ms, at) if self.size else at
        self.last_ms = max(self.last_ms, at) if self.size else at
        self.seen = min(self.seen, newcomer.seen)
        self.size += 1
        self.members[newcomer.number] = newcomer
        self.clock[at // HOUR_MS % 24] += 1
        self.show(newcomer.values, ())

    def show(self, values: list[Value], before: tuple[int, ...]) -> None:
        """Count values of a member that showed kinds `before` already."""
        for value in values:
            kind, key, _ = value
            count = self.counts.get(key, 0) + 1
            if count == 1 and len(self.counts) >= MOST_KEPT:
                continue
            self.counts[key] = count
            if count == 1:
                self.distinct[kind] += 1
            else:
                self.repeated[kind] += 2 if count == 2 else 1
            if count == MINIMUM_HOLDERS and len(self.often) < MOST_OFTEN:
                self.often[key] = value
            if count > self.top[kind][0]:
                self.top[kind] = (count, value)
        for kind in {value[0] for value in values}.difference(before):
            self.shown[kind] += 1

    def lose_one(self) -> None:
        """Take note that a member was removed: few of many still count for a while."""
        self.left += 1
        if self.left * ANEW > len(self.members):
            self.begin_anew()

    def begin_anew(self) -> None:
        """Measure the ring on the members that are remembered, and no others."""
        members = list(self.members.values())
        fresh = Newborn(self.number, self.people, self.founded_by, self.seen)
        for name in _MEASURED:
            setattr(self, name, getattr(fresh, name))
        for newcomer in members:
            self.add(newcomer)

    def judge(self, rates: Rates) -> None:
        """Measure what marks the ring, and how likely a fleet it is."""
        self.families = self._families(rates)
        weights = shipped_weights()
        nats = weights.intercept
        for name, x in self.features(rates).items():
            centre, scale, weight, limit = weights.features.get(name, _NOTHING)
            nats += max(-limit, min(limit, weight * (x - centre) / scale))
        self.probability = 1.0 / (1.0 + exp(-max(-30.0, min(30.0, nats))))

    def _families(self, rates: Rates) -> frozenset[int]:
        """Return the families of which some value marks the ring (`evidence.lifts`)."""
        found: set[int] = set()
        for key, value in self.often.items():
            kind = value[0]
            family = FAMILY_OF_KIND[kind]
            if family in found or not WITNESS[kind] or OBSERVATION_OF_KIND[kind] == _TIME:
                continue
            if marks(self.counts[key], self.size, rates.rate(value, self.people)):
                found.add(family)
        return frozenset(found)

    def features(self, rates: Rates) -> dict[str, float]:
        """Measure the ring: shares of its members 0-1, surprise in nats per member.

        Neither its size nor how long it took: both grow with the hours since the snapshot.
        """
        size = max(self.size, 1)
        clock = rates.clock[self.people]
        found = {
            "quiet": -sum(n * c for n, c in zip(self.clock, clock, strict=True)) / size,
            "families": float(len(self.families)),
        }
        for name in _SURPRISING:
            count, value = self.top[CODE[name]]
            surprise = min(-log(rates.rate(value, self.people)), LONGEST) if count > 1 else 0.0
            found[f"{name}_surprise"] = count / size * surprise
        for name in _REPEATED:
            kind = CODE[name]
            top, shown, distinct = self.top[kind][0], self.shown[kind], self.distinct[kind]
            found[f"{name}_top"] = top / size if top > 1 else 0.0
            found[f"{name}_each"] = log(max(shown / max(distinct, 1), 1.0))
        for name in _SHOWN:
            found[f"{name}_shown"] = self.shown[CODE[name]] / size
        network, (_, ip) = self.top[CODE["ip_network"]][0] / size, self.top[CODE["ip"]]
        addresses = self.distinct[CODE["ip"]] / max(self.shown[CODE["ip"]], 1)
        domain = found["email_domain_top"]
        found |= {
            "network_top": network,
            "network_known": network * log1p(rates.degree(ip[2])),
            "network_spread": network * addresses,
            "domain_here": domain * network,
            "domain_spread": domain * (1.0 - network),
            "card_here": found["payment_fingerprint_top"] * network,
            "card_each_spread": found["payment_fingerprint_each"] * (1.0 - network),
            "device_each_spread": found["device_each"] * (1.0 - network),
            "client_spread": found["user_agent_surprise"] * (1.0 - network),
            "tls_spread": found["tls_fingerprint_surprise"] * (1.0 - network),
            "bin_spread": found["card_bin_surprise"] * (1.0 - network),
            "free_here": network * (1.0 - found["email_domain_shown"]),
        }
        return found


_MEASURED = (
    "members", "size", "left", "counts", "often", "shown", "distinct", "repeated", "top", "clock",
    "first_ms", "last_ms", "families", "probability",
)  # fmt: skip


def marks(inside: int, size: int, rate: float) -> bool:
    """Say whether a value that `inside` of `size` members hold marks a ring (`evidence.lifts`).

    `rate` is the share of the population that holds it, above 0.
    """
    if inside < MINIMUM_HOLDERS:
        return False
    left = inside - 1.0
    lower = max(left - CONFIDENCE * sqrt(left), 0.25) / size
    chance = rate * size
    excess = inside * log(inside / chance) - (inside - chance)
    return excess > MARK_NATS and log(lower / rate) > MINIMUM_LIFT


@dataclass(frozen=True)
class Weights:
    """A logistic model: contributions are ``weight * (x - centre) / scale``, within +-limit."""

    intercept: float
    features: dict[str, tuple[float, float, float, float]]


_NOTHING = (0.0, 1.0, 0.0, 0.0)


@cache
def shipped_weights() -> Weights:
    """Read the weights that came with this version."""
    data = json.loads((files(__package__) / "newborn.json").read_text())
    return Weights(data["intercept"], {name: tuple(row) for name, row in data["features"].items()})
