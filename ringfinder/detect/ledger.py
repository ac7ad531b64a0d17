"""What was measured of communities, kept for as long as their members hardly change.

A round of refinement moves few accounts, and a community's lifts and odds depend on its own
members alone: only the communities that changed are measured again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ringfinder.evidence.background import Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.lifts import THRESHOLD_NATS, Lifts, log_lifts
from ringfinder.evidence.membership import Odds, membership_odds
from ringfinder.model import FloatArray, IntArray

SETTLED = 0.002
"""Share of the members that may still move when refinement ends, and in one community
before it is measured again; what moves then goes to and fro at the threshold."""


class Ledger:
    """Lifts and odds of communities, measured again only where members moved.

    Parameters
    ----------
    shared, back
        Incidence and background.
    threshold
        Log odds that admit an account.
    """

    def __init__(
        self, shared: Incidence, back: Background, threshold: float = THRESHOLD_NATS
    ) -> None:
        self.threshold = threshold
        self._shared, self._back = shared, back
        self._community: IntArray = np.full(shared.accounts, -1, dtype=np.int32)
        self._moved = np.zeros(0)
        self._lifts = log_lifts(shared, back, self._community)
        self._odds = Odds.gathered([])

    def measure(self, community: IntArray) -> tuple[Lifts, Odds]:
        """Return the lifts and odds of communities, int32 (N,), -1 for none.

        Those of which at most `SETTLED` of the members moved since they were measured
        stand as they are.
        """
        size = np.bincount(community[community >= 0]).astype(float)
        before, moved = self._matched(community, size)
        fresh = moved > SETTLED * size
        changed = np.where(np.append(fresh, False)[community], community, -1)
        lifts = log_lifts(self._shared, self._back, changed)
        odds = membership_odds(self._shared, lifts, threshold=self.threshold)
        kept = np.full(len(self._moved) + 1, -1, dtype=np.int32)
        kept[before[~fresh]] = np.flatnonzero(~fresh)
        self._lifts = _merged(lifts, self._lifts, kept[:-1], size, self._shared.accounts)
        self._odds = Odds.gathered([odds, _relabelled(self._odds, kept)])
        self._moved = np.where(fresh, 0.0, moved)
        self._community = community
        return self._lifts, self._odds

    def _matched(self, community: IntArray, size: FloatArray) -> tuple[IntArray, FloatArray]:
        """Return, of each community, the one it was, and how many moved since measured."""
        before = np.full(len(size), -1)
        moved = np.full(len(size), np.inf)
        both = (community >= 0) & (self._community >= 0)
        key = community[both].astype(np.int64) * max(len(self._moved), 1) + self._community[both]
        key, common = np.unique(key, return_counts=True)
        now, was = np.divmod(key, max(len(self._moved), 1))
        old = np.bincount(self._community[self._community >= 0], minlength=len(self._moved)).astype(
            float
        )
        apart = size[now] + old[was] - 2.0 * common + self._moved[was]
        order = np.argsort(-apart, kind="stable")  # the nearest is written last
        before[now[order]], moved[now[order]] = was[order], apart[order]
        return before, moved


def _relabelled(odds: Odds, kept: IntArray) -> Odds:
    """Return the odds of the communities that stand, under their new numbers."""
    label = kept[odds.community]
    rows = label >= 0
    return Odds(odds.account[rows], label[rows], odds.nats[rows], odds.families[rows])


def _merged(fresh: Lifts, old: Lifts, kept: IntArray, size: FloatArray, accounts: int) -> Lifts:
    """Return the fresh lifts with those of the communities that stand."""
    rows = np.flatnonzero(kept[old.community] >= 0)
    community = np.concatenate((fresh.community, kept[old.community[rows]]))
    value = np.concatenate((fresh.value, old.value[rows]))
    order = np.lexsort((value, community))
    stands = np.flatnonzero(kept >= 0)
    columns = {}
    for name in ("prior", "cap", "miss"):
        was = getattr(fresh, name)
        column = np.zeros((len(size), *was.shape[1:]))
        column[: len(was)] = was
        column[kept[stands]] = getattr(old, name)[stands]
        columns[name] = column
    return replace(
        fresh,
        communities=len(size),
        size=size,
        community=community[order],
        value=value[order],
        inside=np.concatenate((fresh.inside, old.inside[rows]))[order],
        nats=np.concatenate((fresh.nats, old.nats[rows]))[order],
        holder=np.concatenate((fresh.holder, old.holder[rows]))[order],
        **columns,
    )
