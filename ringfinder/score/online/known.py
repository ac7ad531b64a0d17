"""Evidence for the rings of the snapshot: what the batch would say of one account more.

The lifts are the snapshot's, frozen: the score of a sign-up does not depend on which worker
answers or on who came just before, and equals what `evidence.membership`, `score.near` and
`score.assess` give an account left out of the run, held against the same lifts.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ringfinder.evidence.incidence import FAMILY_COUNT
from ringfinder.evidence.lifts import THRESHOLD_NATS
from ringfinder.model import IntArray
from ringfinder.schema import FAMILY_OF_KIND, KINDS
from ringfinder.score.near import ADMIT_NATS, NEAR_NATS, SURE
from ringfinder.score.online.families import nats_of_families, speaking
from ringfinder.score.online.model import Model

WITNESS = tuple(kind.witness for kind in KINDS)


class Hit(NamedTuple):
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


class Tie(NamedTuple):
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


class Standing(NamedTuple):
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
    probability, fleet = model.views.ring_probability, model.fleet
    best = _best(tie for tie in ties if tie.nats > THRESHOLD_NATS and len(tie.families) >= 2)
    near = [tie for tie in ties if fleet[tie.ring] and tie.families]
    if best is None:
        best = _best(
            tie
            for tie in near
            if tie.nats > ADMIT_NATS and len(tie.families) >= 2 and probability[tie.ring] >= SURE
        )
    if best is not None:
        return Standing(expit(best.nats) * probability[best.ring], best, True)
    nearest = _best(near)
    if nearest is None:
        return NOWHERE
    score = expit(min(nearest.nats, 0.0)) * probability[nearest.ring]
    return Standing(score, nearest, False)


def _best(ties: Iterable[Tie]) -> Tie | None:
    """Return the tie with the best odds; of equal ones, the lower ring."""
    return min(ties, key=lambda tie: (-tie.nats, tie.ring), default=None)


def _ties(model: Model, kinds: Sequence[int], values: IntArray) -> list[Tie]:
    """Return the odds of every ring of which the sign-up holds an anchor."""
    views, rings = model.views, len(model.ring_ids)
    if not len(views.marked) or not len(values):
        return []
    marked = model.arrays.marked
    # numpy would make all of `marked` as wide as the values first, for every sign-up
    places = marked.searchsorted(values.astype(marked.dtype))
    marking = (marked.take(places, mode="clip") == values).nonzero()[0]
    held = list(zip(marking.tolist(), places[marking].tolist(), strict=True))
    candidates: set[int] = set()
    for _, place in held:
        begin, end = views.anchor_start[place], views.anchor_start[place + 1]
        if end > begin:
            candidates.update(views.anchor_ring[begin:end])
    shown = sorted({kind for kind in kinds if WITNESS[kind]})
    ties = []
    for ring in sorted(candidates) or [0]:
        hits = []
        for value, place in held:
            key = place * rings + ring
            row = bisect_left(views.mark_key, key)
            if row < len(views.mark_key) and views.mark_key[row] == key:
                degree = views.value_degree[values[value]]
                hits.append(
                    Hit(kinds[value], views.mark_nats[row], views.mark_inside[row], degree,
                        views.mark_holder[row])
                )  # fmt: skip
        tie = _tie(model, ring, _heard(hits), shown, decoy=not candidates)
        if tie is not None:
            ties.append(tie)
    return ties if candidates else []


def _heard(hits: list[Hit]) -> list[Hit]:
    """Leave out what repeats: whoever is linked to one and the same member is linked once."""
    single = [hit for hit in hits if hit.holder >= 0]
    if len(single) < 2 or len({hit.holder for hit in single}) > 1:
        return hits
    strongest = max(single, key=lambda hit: hit.nats)
    return [hit for hit in hits if hit.holder < 0 or hit is strongest]


def _tie(model: Model, ring: int, hits: list[Hit], shown: list[int], *, decoy: bool) -> Tie | None:
    """Return the odds of one ring: see `evidence.membership.odds_of`.

    None where what is shared is not even near, as `score.near.near_fleets` has it; a decoy is
    weighed to the end all the same.
    """
    speaks = nats_of_families(hits)
    cap = model.views.ring_cap[ring]
    held = sum([min(nats, cap) for nats in speaks])
    if not decoy and held - model.views.ring_prior[ring] <= NEAR_NATS:
        return None
    kinds = {hit.kind for hit in hits}
    missed = [0.0] * FAMILY_COUNT
    miss = model.arrays.ring_miss[ring].tolist()
    for kind in shown:
        if kind not in kinds:
            family = FAMILY_OF_KIND[kind]
            missed[family] = min(missed[family], miss[kind])
    nats = held - model.views.ring_prior[ring]
    nats += min(sum(missed) + sum(speaks) - held, 0.0)
    return Tie(ring, nats, speaking(speaks), tuple(hits))
