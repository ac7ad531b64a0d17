"""Look up what an account's values say for a community, and what it lacks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringfinder.evidence.incidence import FAMILY_COUNT, Incidence
from ringfinder.evidence.lifts import Lifts
from ringfinder.evidence.lookup import Lookup
from ringfinder.evidence.runs import spread
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.schema import FAMILY_OF_KIND

_KINDS_OF_FAMILY = [
    np.flatnonzero(np.array(FAMILY_OF_KIND) == family) for family in range(FAMILY_COUNT)
]


class Marks:
    """The lifts as a look-up table from (community, value).

    Parameters
    ----------
    shared, lifts
        The incidence, and what marks the communities.
    """

    def __init__(self, shared: Incidence, lifts: Lifts) -> None:
        self.shared, self.lifts = shared, lifts
        self.pointer = shared.account_pointer
        self.marking = np.zeros(shared.values, dtype=bool)
        self.marking[lifts.value] = True
        self.table = Lookup(lifts.community.astype(np.int64) * shared.values + lifts.value)

    def heard(self, account: IntArray, community: IntArray) -> Heard:
        """Look up what speaks for each candidate.

        Parameters
        ----------
        account, community
            int (Q,): the candidates.
        """
        count = self.pointer[account + 1] - self.pointer[account]
        which, row = spread(self.pointer[account], count)
        value = self.shared.value[row]
        marking = np.flatnonzero(self.marking[value])
        value, which = value[marking], which[marking]
        hit, mark = self.table.find(community[which].astype(np.int64) * self.shared.values + value)
        which = which[hit]
        others = np.flatnonzero(self.lifts.holder[mark] != account[which])
        mark, which = mark[others], which[others]
        said = ~_echoes(which, self.lifts.holder[mark], self.lifts.nats[mark], len(account))
        return Heard(self.shared, self.lifts, account, community, which[said], mark[said])


@dataclass(frozen=True)
class Heard:
    """What speaks for candidates.

    Attributes
    ----------
    shared, lifts
        The incidence, and what marks the communities.
    account, community
        int (Q,): the candidates.
    which, mark
        int64 (H,): the candidate, and the row of the lifts, of everything that is said.
    """

    shared: Incidence
    lifts: Lifts
    account: IntArray
    community: IntArray
    which: IntArray
    mark: IntArray

    @property
    def kind(self) -> IntArray:
        """Return int (H,): the kind of what is said."""
        return self.shared.kind[self.lifts.value[self.mark]]

    def strongest(self, cell_of_kind: IntArray, cells: int) -> FloatArray:
        """Return (cells, Q): the strongest lift of each candidate in each cell of kinds.

        Parameters
        ----------
        cell_of_kind
            int (K,): the cell of each kind: its observation, or the kind itself.
        cells
            Number of cells.

        Returns
        -------
        FloatArray, shape (cells, Q)
            Nats; 0 where the account holds nothing that marks the community.
        """
        out = np.zeros((cells, len(self.account)))
        cell = cell_of_kind[self.kind] * len(self.account) + self.which
        np.maximum.at(out.reshape(-1), cell, self.lifts.nats[self.mark])
        return out

    def missed(self) -> FloatArray:
        """Return float64 (Q,), at most 0: what misses cost, the worst of each family, in nats."""
        miss = self.lifts.miss[self.community]
        miss[~self.shared.shown[self.account]] = 0.0
        miss[self.which, self.kind] = 0.0
        return np.sum([miss[:, kinds].min(axis=1) for kinds in _KINDS_OF_FAMILY], axis=0)


def _echoes(which: IntArray, holder: IntArray, nats: FloatArray, candidates: int) -> BoolArray:
    """Say which marks of a candidate repeat what another of its marks has said.

    Whoever shares an address, a card and a device with one and the same member is linked to
    that member, once: it may be a child whose parent's address a fleet's proxy has used. Of
    the values that one member alone holds, all the same one, the strongest speaks.
    """
    single = np.flatnonzero(holder >= 0)
    least = np.full(candidates, np.iinfo(np.int64).max)
    most = np.full(candidates, -1)
    np.minimum.at(least, which[single], holder[single])
    np.maximum.at(most, which[single], holder[single])
    same = single[least[which[single]] == most[which[single]]]
    order = same[np.lexsort((same, -nats[same], which[same]))]
    echo = np.zeros(len(which), dtype=bool)
    echo[order[1:][which[order][1:] == which[order][:-1]]] = True
    return echo
