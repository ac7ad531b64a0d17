"""Whether a sign-up belongs to a newborn ring: the batch's odds, on the members so far.

As in `evidence.lifts`: of one observation the strongest lift speaks, a family brings at most
what the prior odds cost, and two must carry them over. The prior is the ring's share of those
who came since it began, for rings are born in bursts. Values that are a person's own are
also pooled by kind, as in `evidence.pooled`: where cards are dealt at random, what tells is to
share *some* card with *some* member.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log, sqrt
from typing import NamedTuple

from ringfinder.evidence.lifts import (
    CONFIDENCE,
    LEAST_CAP,
    LEAST_PRIOR,
    MINIMUM_HOLDERS,
    MINIMUM_LIFT,
    THRESHOLD_NATS,
)
from ringfinder.evidence.pooled import POOLED
from ringfinder.schema import FAMILY_OF_KIND
from ringfinder.score.online.families import nats_of_families, speaking
from ringfinder.score.online.holders import Holders, Table
from ringfinder.score.online.known import expit
from ringfinder.score.online.newborn import Newborn
from ringfinder.score.online.rates import HELD, Rates, Value


class Shown(NamedTuple):
    """A value of a sign-up that marks a newborn ring."""

    kind: int
    nats: float
    inside: int
    total: int


class Belonging(NamedTuple):
    """What ties a sign-up to a newborn ring.

    Attributes
    ----------
    ring
        The ring, as it was before the sign-up.
    nats
        Log odds of membership.
    families
        Codes of the families that speak.
    shown
        Values that mark the ring.
    core
        P(fleet) of the ring's core around the sign-up (`score.online.core`) by itself; 0 where
        the whole ring does not have it challenged.
    """

    ring: Newborn
    nats: float
    families: tuple[int, ...]
    shown: tuple[Shown, ...]
    core: float = 0.0

    @property
    def membership(self) -> float:
        """P(member)."""
        return expit(self.nats)

    @property
    def is_held(self) -> bool:
        """Whether something is shared that one must hold, and not only what can be copied."""
        return any(HELD[one.kind] for one in self.shown)


def belonging(
    joining: Iterable[Value],
    ring: Newborn,
    table: Table,
    rates: Rates,
    *,
    itself: int | None = None,
) -> Belonging | None:
    """Return what ties somebody to a ring, if the odds make them a member.

    Parameters
    ----------
    joining
        Values that may join, of somebody (`Rates.joining`).
    itself
        Its number where it is a member: then it is held against the others.

    Returns
    -------
    Belonging
        None where two families do not speak, or do not carry the odds over the batch's
        threshold.
    """
    own = 0 if itself is None else 1
    size = ring.size - own
    held = [(one, inside) for one in joining if (inside := ring.counts.get(one[1], 0) - own) > 0]
    if size < 1 or len(held) < 2 or len({FAMILY_OF_KIND[value[0]] for value, _ in held}) < 2:
        return None
    everybody = float(max(table.seen, 1))
    since = max(table.seen - ring.seen + 1, size)
    prior = max(log(since / size), LEAST_PRIOR)
    cap = max(prior, LEAST_CAP)
    shown: list[Shown] = []
    single: list[tuple[int, Shown]] = []  # values of one member, and which
    for value, inside in held:
        kind = value[0]
        holders = table.holders.get(value[1])
        total = holders.count if holders is not None else inside
        common = max(rates.rate(value, ring.people), (total - inside - 1.0) / everybody)
        rate = _lower(inside, size) if inside > 1 else 0.0
        nats = log(rate / common) if rate else 0.0
        if _POOLED[kind] and ring.repeated[kind] >= MINIMUM_HOLDERS:
            outside = max(common, ring.distinct[kind] / rates.accounts)
            nats = max(nats, log(_lower(ring.repeated[kind], size) / outside))
        nats = min(nats, cap)
        if nats > MINIMUM_LIFT:
            shown.append(Shown(kind, nats, inside, total - own))
            if inside == 1:
                single.append((_holder(holders, ring, itself), shown[-1]))
    if len(single) > 1 and len({number for number, _ in single}) == 1:
        echoes = sorted((one for _, one in single), key=lambda one: -one.nats)[1:]
        shown = [one for one in shown if one not in echoes]
    if sum([one.nats for one in shown]) - prior <= THRESHOLD_NATS:  # most end here
        return None
    return _member(ring, shown, prior, cap)


def _member(ring: Newborn, shown: list[Shown], prior: float, cap: float) -> Belonging | None:
    """Add up what values say: see `evidence.membership`."""
    speaks = nats_of_families(shown)
    odds = sum([min(nats, cap) for nats in speaks]) - prior
    families = speaking(speaks)
    if odds <= THRESHOLD_NATS or len(families) < 2:
        return None
    return Belonging(ring, odds, families, tuple(shown))


def _lower(inside: int, size: int) -> float:
    """Return the share of a ring's members that show something, at its lower bound."""
    return max(min(inside - CONFIDENCE * sqrt(inside), float(size)), 0.25) / size


def _holder(holders: Holders | None, ring: Newborn, itself: int | None) -> int:
    """Return the other member that holds a value, -1 where it was forgotten."""
    recent = holders.recent if holders is not None else ()
    return next((one for one in recent if one in ring.members and one != itself), -1)


_POOLED = tuple(POOLED.tolist())
