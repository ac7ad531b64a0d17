"""The popular values of each account, one of a kind: what regions are told apart by.

At least sqrt(N) accounts hold a popular value: a few thousand columns whatever N.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import BoolArray, IntArray
from ringfinder.schema import KINDS, OBSERVATION_OF_KIND, OBSERVATIONS

_OBSERVATION = np.array(OBSERVATION_OF_KIND)
_TIMES = OBSERVATIONS.index("created_at")
_TEACHES = _OBSERVATION != _TIMES
"""Times are no part of what people of one region share beyond the stratum."""


@dataclass(frozen=True)
class Popular:
    """One popular value per account and kind.

    Attributes
    ----------
    category
        int32 (N, G): column index, -1 where the account shows nothing of that kind.
        Every kind has one column for 'something unpopular'.
    group
        int32 (Q,): kind group of each column.
    observation
        int32 (Q,): observation of each column; kinds of one observation vote once.
    named
        Bool (Q,): False for the 'something unpopular' columns.
    """

    category: IntArray
    group: IntArray
    observation: IntArray
    named: BoolArray

    def table(self, accounts: IntArray) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Return (n, Q) twice: what each account shows, and how much it votes.

        An account shows a column or does not; kinds of one observation share one vote: an
        account that shows k kinds of an observation gives each of them 1 / k.

        Parameters
        ----------
        accounts
            int (n,): the accounts, one row each, in that order.
        """
        data = self.category[accounts]
        row, kind = np.nonzero(data >= 0)
        column = data[row, kind]
        ballot = row * len(OBSERVATIONS) + self.observation[column]
        shown = np.bincount(ballot, minlength=len(data) * len(OBSERVATIONS))
        pointer = np.concatenate(([0], np.cumsum((data >= 0).sum(axis=1))))
        shape = (len(data), len(self.group))
        return (
            sparse.csr_array((np.ones(len(row)), column, pointer), shape=shape),
            sparse.csr_array((1.0 / shown[ballot], column, pointer), shape=shape),
        )


def popular_values(graph: AttributeGraph, known: BoolArray) -> Popular:
    """Cut the graph down to each account's most popular value of each kind.

    Popular is what at least sqrt(N), and three, of the accounts in `known`, bool (N,), hold.
    Of values equally popular the lower index is taken. Kinds without a popular value, and
    times, are left out. O(E).
    """
    accounts = graph.accounts
    degree = np.bincount(graph.value[known[graph.account]], minlength=graph.values)
    popular = degree >= max(np.sqrt(accounts), 3)
    popular &= _TEACHES[graph.kind]
    kinds = [code for code in range(len(KINDS)) if np.any(popular & (graph.kind == code))]
    # columns: of each kind one for 'something unpopular', then its popular values
    chosen = np.flatnonzero(popular)
    chosen = chosen[np.argsort(graph.kind[chosen], kind="stable")]
    of = np.searchsorted(kinds, graph.kind[chosen])
    number = np.full(graph.values, -1, dtype=np.int64)
    number[chosen] = np.arange(len(chosen)) + of + 1
    unpopular = np.searchsorted(of, np.arange(len(kinds))) + np.arange(len(kinds))
    group = np.sort(np.concatenate((of, np.arange(len(kinds)))))
    named = np.ones(len(group), dtype=bool)
    named[unpopular] = False
    column = np.full(len(KINDS), -1, dtype=np.int64)
    column[kinds] = np.arange(len(kinds))
    column = column[graph.kind[graph.value]]
    rows = np.flatnonzero(column >= 0)
    cell = graph.account[rows].astype(np.int64) * len(kinds) + column[rows]
    category = np.full(accounts * len(kinds), -1, dtype=np.int32)
    category[cell] = unpopular[column[rows]]
    rank = np.empty(graph.values, dtype=np.int64)
    ranked = np.argsort(-degree, kind="stable")  # ties go to the lower value
    rank[ranked] = np.arange(graph.values)
    hit = np.flatnonzero(popular[graph.value[rows]])
    best = np.full(len(category), graph.values, dtype=np.int64)
    np.minimum.at(best, cell[hit], rank[graph.value[rows[hit]]])
    found = np.flatnonzero(best < graph.values)
    category[found] = number[ranked[best[found]]]
    return Popular(category.reshape(accounts, len(kinds)), group, _OBSERVATION[kinds][group], named)
