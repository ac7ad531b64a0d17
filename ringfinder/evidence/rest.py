"""What accounts hold of the values that are no anchors, family by family.

Such values are popular: looking at all of an account's is looking at a dozen rows for each
candidate. They are looked at one family at a time, and a candidate who cannot pass any more is
not looked at again (`ringfinder.evidence.membership`).
"""

from __future__ import annotations

import numpy as np

from ringfinder.evidence.incidence import FAMILY_COUNT, Incidence
from ringfinder.evidence.lifts import Lifts
from ringfinder.evidence.runs import rows_of_runs, spread
from ringfinder.model import BoolArray, FloatArray, IntArray


class Rest:
    """Values that mark communities and are no anchors, by account and family.

    Parameters
    ----------
    shared, lifts
        The incidence, and what marks the communities.
    rows
        Bool (M,): the rows of the lifts that are no anchors.
    accounts
        Bool (N,): the accounts that will be asked about.
    """

    def __init__(
        self, shared: Incidence, lifts: Lifts, rows: BoolArray, accounts: BoolArray
    ) -> None:
        self._lifts, self._rows = lifts, rows
        values = np.unique(lifts.value[rows])
        self._width = len(values)
        self._column = np.full(shared.values, -1, dtype=np.int32)
        self._column[values] = np.arange(self._width)
        pointer, value = shared.by_family
        asked = np.flatnonzero(accounts)
        self._place: IntArray | None = None
        if 2 * len(asked) < shared.accounts:  # else to pick is dearer than to keep all
            self._place = np.full(shared.accounts, -1)
            self._place[asked] = np.arange(len(asked))
            begin = pointer[asked * FAMILY_COUNT]
            value = value[rows_of_runs(begin, pointer[(asked + 1) * FAMILY_COUNT] - begin)]
            held = np.diff(pointer).reshape(-1, FAMILY_COUNT)[asked]
            pointer = np.concatenate(([0], np.cumsum(held)))
        column = self._column[value]
        rest = column >= 0
        self._held = column[rest]
        self._kind = shared.kind[values]
        before = np.zeros(len(rest) + 1, dtype=np.min_scalar_type(-len(rest) - 1))
        np.cumsum(rest, out=before[1:])
        self._pointer = before[pointer]
        holds = np.diff(self._pointer).reshape(-1, FAMILY_COUNT) > 0
        self._holds = np.ascontiguousarray(holds.T)

    def holds(self, family: int, account: IntArray) -> BoolArray:
        """Return bool (Q,): which accounts hold any such value of a family."""
        held: BoolArray = self._holds[family, self._at(account)]
        return held

    def _at(self, account: IntArray) -> IntArray:
        return account if self._place is None else self._place[account]

    def runs(self, family: int, account: IntArray) -> tuple[IntArray, IntArray]:
        """Return where the rows of some accounts and a family begin, and how many they are."""
        cell = self._at(account) * FAMILY_COUNT + family
        begin = self._pointer[cell]
        return begin, self._pointer[cell + 1] - begin

    def table(self, lo: int, hi: int, begin: IntArray) -> FloatArray:
        """Return float32 (hi - lo, W): what each value says for the communities lo to hi.

        Parameters
        ----------
        lo, hi
            The communities, hi not included.
        begin
            int (R + 1,): where in the lifts each community begins.
        """
        row = begin[lo] + np.flatnonzero(self._rows[begin[lo] : begin[hi]])
        table = np.zeros((hi - lo, self._width), dtype=np.float32)
        column = self._column[self._lifts.value[row]]
        table[self._lifts.community[row] - lo, column] = self._lifts.nats[row]
        return table

    def raise_to(
        self,
        best: FloatArray,
        runs: tuple[IntArray, IntArray],
        table: FloatArray,
        community: IntArray,
        row_of_kind: IntArray,
    ) -> None:
        """Raise each candidate's strongest lifts to those of the values of one family.

        Parameters
        ----------
        best
            float (O', Q): the strongest lift of each observation; changed in place.
        runs
            See `runs`, of the candidates' accounts.
        table, community
            See `table`; int (Q,), counted from the table's first.
        row_of_kind
            int (K,): the row of `best` that a kind speaks in.
        """
        which, row = spread(*runs)
        column = self._held[row]
        nats = table.reshape(-1)[community[which].astype(np.int64) * self._width + column]
        hit = np.flatnonzero(nats)
        cell = row_of_kind[self._kind[column[hit]]] * best.shape[1] + which[hit]
        np.maximum.at(best.reshape(-1), cell, nats[hit])
