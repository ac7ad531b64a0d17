"""Evidence for the rings of the snapshot: what the batch would say of one account more.

The lifts are the snapshot's, frozen: the score of a sign-up does not depend on which worker
answers or on who came just before, and equals what `evidence.membership`, `score.near` and
`score.assess` give an account left out of the run, held against the same lifts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ringfinder.evidence.incidence import FAMILY_COUNT
from ringfinder.evidence.lifts import MINIMUM_LIFT, THRESHOLD_NATS
from ringfinder.model import IntArray
from ringfinder.schema import FAMILY_OF_KIND, KINDS, OBSERVATION_OF_KIND, OBSERVATIONS
from ringfinder.score.near import ADMIT_NATS, NEAR_NATS, SURE
from ringfinder.score.online.model import Model

_FAMILY_OF_OBSERVATION = [0] * len(OBSERVATIONS)
for _kind, _observation in enumerate(OBSERVATION_OF_KIND):
    _FAMILY_OF_OBSERVATION[_observation] = FAMILY_OF_KIND[_kind]
WITNESS = tuple(kind.witness for kind in KINDS)


@dataclass(frozen=True, slots=True)
class Hit:
    """One value of a sign-up that marks a ring.

    Attributes
    ----------
    kind, nats
        Of the value; its lift.
    inside, total
        Members that hold it; accounts that hold it.
    holder
        The member that alone holds it, else -1.
    """

    kind: int
    nats: float
    inside: int
    total: int
    holder: int = -1


@dataclass(frozen=True, slots=True)
class Tie:
    """What one ring means to a sign-up.

    Attributes
    ----------
    ring
        Index of the ring.
    nats
        Log odds of membership.
    families
        Codes of the families that speak with at least `MINIMUM_LIFT`.
    hits
        Values that mark the ring.
    """

    ring: int
    nats: float
    families: tuple[int, ...]
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a sign-up stands among the rings of the snapshot.

    Attributes
    ----------
    score
        0-1: P(member) P(fleet) of a member; below one half outside.
    tie
        The ring it is a member of, or the fleet it comes nearest to; None: neither.
    member
        Whether it is one.
    """

    score: float
    tie: Tie | None
    member: bool

    @property
    def membership(self) -> float:
        """Return P(member), 0 outside."""
        return expit(self.tie.nats) if self.tie is not None and self.member else 0.0


NOWHERE = Standing(0.0, None, False)


def expit(nats: float) -> float:
    """Return the probability of log odds."""
    if nats >= 0:
        return 1.0 / (1.0 + math.exp(-nats))
    odds = math.exp(nats)
    return odds / (1.0 + odds)


def stand(model: Model, kinds: Sequence[int], values: IntArray) -> Standing:
    """Score one sign-up against the rings of the snapshot.

    Parameters
    ----------
    model
        The snapshot.
    kinds
        Kind code of each value of the sign-up.
    values
        int64 (n,): its values as `Model.find_values` numbers them, -1 unknown.

    Returns
    -------
    Standing
        As the batch decides: a member where two families bring the odds to 20:1, or to 5:1
        where the ring is a fleet beyond doubt; else near a fleet, or nowhere. Where nobody
        shares anything with a ring, a ring is evaluated all the same and forgotten, so that
        the time an answer takes does not tell what is known.
    """
    ties = _ties(model, kinds, values)
    probability, fleet = model.arrays.ring_probability, model.fleet
    best = _best(tie for tie in ties if tie.nats > THRESHOLD_NATS and len(tie.families) >= 2)
    near = [tie for tie in ties if fleet[tie.ring] and tie.nats > NEAR_NATS and tie.families]
    if best is None:
        best = _best(
            tie
            for tie in near
            if tie.nats > ADMIT_NATS and len(tie.families) >= 2 and probability[tie.ring] >= SURE
        )
    if best is not None:
        return Standing(expit(best.nats) * float(probability[best.ring]), best, True)
    nearest = _best(near)
    if nearest is None:
        return NOWHERE
    score = expit(min(nearest.nats, 0.0)) * float(probability[nearest.ring])
    return Standing(score, nearest, False)


def _best(ties: object) -> Tie | None:
    """Return the tie with the best odds; of equal ones, the lower ring."""
    return min(ties, key=lambda tie: (-tie.nats, tie.ring), default=None)  # type: ignore[call-overload]


def _ties(model: Model, kinds: Sequence[int], values: IntArray) -> list[Tie]:
    """Return the odds of every ring of which the sign-up holds an anchor."""
    arrays, rings = model.arrays, len(model.ring_ids)
    if not len(arrays.marked) or not len(values):
        return []
    place = np.minimum(np.searchsorted(arrays.marked, values), len(arrays.marked) - 1)
    place = np.where(arrays.marked[place] == values, place, -1)
    first = arrays.anchor_start[place].tolist()
    last = arrays.anchor_start[place + 1].tolist()
    candidates: set[int] = set()
    for known, begin, end in zip((place >= 0).tolist(), first, last, strict=True):
        if known and end > begin:
            candidates.update(arrays.anchor_ring[begin:end].tolist())
    ordered = sorted(candidates) or [0]
    key = (place[:, None] * rings + np.array(ordered)).ravel()
    at = np.minimum(np.searchsorted(arrays.mark_key, key), len(arrays.mark_key) - 1)
    hit = np.flatnonzero(arrays.mark_key[at] == key)
    row = at[hit]
    found: list[list[Hit]] = [[] for _ in ordered]
    for number, nats, inside, holder, degree in zip(
        hit.tolist(),
        arrays.mark_nats[row].tolist(),
        arrays.mark_inside[row].tolist(),
        arrays.mark_holder[row].tolist(),
        arrays.value_degree[values[hit // len(ordered)]].tolist(),
        strict=True,
    ):
        value, candidate = divmod(number, len(ordered))
        found[candidate].append(Hit(kinds[value], nats, inside, degree, holder))
    shown = sorted({kind for kind in kinds if WITNESS[kind]})
    ties = [
        _tie(model, ring, _heard(hits), shown) for ring, hits in zip(ordered, found, strict=True)
    ]
    return ties if candidates else []


def _heard(hits: list[Hit]) -> list[Hit]:
    """Leave out what repeats: whoever is linked to one and the same member is linked once."""
    single = [hit for hit in hits if hit.holder >= 0]
    if len(single) < 2 or len({hit.holder for hit in single}) > 1:
        return hits
    strongest = max(single, key=lambda hit: hit.nats)
    return [hit for hit in hits if hit.holder < 0 or hit is strongest]


def _tie(model: Model, ring: int, hits: list[Hit], shown: list[int]) -> Tie:
    """Return the odds of one ring: see `evidence.membership.odds_of`."""
    best = [0.0] * len(OBSERVATIONS)
    kinds = set()
    for hit in hits:
        kinds.add(hit.kind)
        observation = OBSERVATION_OF_KIND[hit.kind]
        best[observation] = max(best[observation], hit.nats)
    speaks = [0.0] * FAMILY_COUNT
    for observation, nats in enumerate(best):
        speaks[_FAMILY_OF_OBSERVATION[observation]] += nats
    arrays = model.arrays
    cap = float(arrays.ring_cap[ring])
    held = sum(min(nats, cap) for nats in speaks)
    missed = [0.0] * FAMILY_COUNT
    miss = arrays.ring_miss[ring].tolist()
    for kind in shown:
        if kind not in kinds:
            family = FAMILY_OF_KIND[kind]
            missed[family] = min(missed[family], miss[kind])
    nats = held - float(arrays.ring_prior[ring])
    nats += min(sum(missed) + sum(speaks) - held, 0.0)
    families = tuple(code for code, said in enumerate(speaks) if said >= MINIMUM_LIFT)
    return Tie(ring, nats, families, tuple(hits))
