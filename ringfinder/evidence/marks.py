"""Look up what an account's values say for a community, and what it lacks."""

from __future__ import annotations

import numpy as np

from ringfinder.evidence.incidence import FAMILY_COUNT, Incidence
from ringfinder.evidence.lifts import Lifts
from ringfinder.evidence.runs import spread
from ringfinder.model import FloatArray, IntArray
from ringfinder.schema import FAMILY_OF_KIND, KINDS

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
        self.table = lifts.community.astype(np.int64) * shared.values + lifts.value

    def strongest(
        self, account: IntArray, community: IntArray, cell_of_kind: IntArray, cells: int
    ) -> FloatArray:
        """Return (cells, Q): the strongest lift of each candidate in each cell of kinds.

        Parameters
        ----------
        account, community
            int (Q,): the candidates.
        cell_of_kind
            int (K,): the cell of each kind: its observation, or the kind itself.
        cells
            Number of cells.

        Returns
        -------
        FloatArray, shape (cells, Q)
            Nats; 0 where the account holds nothing that marks the community.
        """
        out = np.zeros((cells, len(account)))
        count = self.pointer[account + 1] - self.pointer[account]
        which, row = spread(self.pointer[account], count)
        value = self.shared.value[row]
        marking = np.flatnonzero(self.marking[value])
        value, which = value[marking], which[marking]
        key = community[which].astype(np.int64) * self.shared.values + value
        at = np.minimum(np.searchsorted(self.table, key), max(len(self.table) - 1, 0))
        hit = (self.table[at] == key) if len(self.table) else np.zeros(len(key), dtype=bool)
        cell = cell_of_kind[self.shared.kind[value[hit]]] * len(account) + which[hit]
        np.maximum.at(out.reshape(-1), cell, self.lifts.nats[at[hit]])
        return out

    def missed(self, account: IntArray, community: IntArray) -> FloatArray:
        """Return float64 (Q,), at most 0: what misses cost, the worst of each family, in nats."""
        hit = self.strongest(account, community, np.arange(len(KINDS)), len(KINDS)) > 0
        missed = self.shared.shown[account].T & ~hit
        miss = np.where(missed, self.lifts.miss[community].T, 0.0)
        return np.sum([miss[kinds].min(axis=0) for kinds in _KINDS_OF_FAMILY], axis=0)
