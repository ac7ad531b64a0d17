"""The bipartite graph cut down to what can be evidence, in compressed columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import BoolArray, IntArray
from ringfinder.schema import FAMILIES, FAMILY_OF_KIND, KINDS

_FAMILY = np.array(FAMILY_OF_KIND, dtype=np.int8)
FAMILY_COUNT = len(FAMILIES)
_WITNESS = np.array([kind.witness for kind in KINDS], dtype=bool)


@dataclass(frozen=True)
class Incidence:
    """Accounts x values that at least two accounts share.

    Attributes
    ----------
    accounts
        Number of accounts, N.
    account, value
        int32 (E,): distinct pairs, sorted by account, then value. `value` indexes the
        columns below, not the graph's own.
    kind, family
        int8 (V,).
    degree
        int64 (V,): holders of each value; at least two. Of an incidence that was cut down to
        some accounts (`among`) still the holders among all.
    source
        int32 (V,): the value's index in the graph it was cut from.
    shown
        Bool (N, K): whether the account shows any value of the kind, shared or not.
    activity
        int32 (N, F): values of each family that the account shows, shared or not. Of an
        incidence that was cut down to some accounts nothing for the others.
    """

    accounts: int
    account: IntArray
    value: IntArray
    kind: IntArray
    family: IntArray
    degree: IntArray
    source: IntArray
    shown: BoolArray
    activity: IntArray

    @property
    def values(self) -> int:
        """Number of shared values, V."""
        return len(self.kind)

    def among(self, accounts: BoolArray) -> Incidence:
        """Return the sightings of some accounts, bool (N,); numbers and degrees stay."""
        rows = accounts[self.account]
        return replace(
            self,
            account=self.account[rows],
            value=self.value[rows],
            activity=self.activity * accounts[:, None],
        )

    @cached_property
    def account_pointer(self) -> IntArray:
        """Return int64 (N + 1,): account a's sightings are rows ptr[a] to ptr[a + 1]."""
        counts = np.bincount(self.account, minlength=self.accounts)
        return np.concatenate(([0], np.cumsum(counts)))

    @cached_property
    def by_family(self) -> tuple[IntArray, IntArray]:
        """Return (pointer, values): account a's values of family f, as a run.

        int64 (N * F + 1,), int32 (E,): the run begins at ``pointer[a * F + f]``. O(E) where
        values are numbered by family, as those of a graph are.
        """
        group = self.account.astype(np.int64) * FAMILY_COUNT + self.family[self.value]
        held = np.bincount(group, minlength=self.accounts * FAMILY_COUNT)
        value = self.value
        if np.any(np.diff(self.family) < 0):
            value = value[np.argsort(group, kind="stable")]
        return np.concatenate(([0], np.cumsum(held))), value

    @cached_property
    def by_value(self) -> tuple[IntArray, IntArray]:
        """Return (pointer, accounts): the holders of each value, ascending. O(E + V)."""
        shape = (self.accounts, self.values)
        seen = np.zeros(len(self.value), dtype=np.int8)
        table = sparse.csr_array((seen, self.value, self.account_pointer), shape=shape).tocsc()
        return table.indptr.astype(np.int64), table.indices.astype(np.int32)


def shared_values(graph: AttributeGraph, *, exclude: BoolArray | None = None) -> Incidence:
    """Cut a graph down to values that at least two accounts share.

    Parameters
    ----------
    graph
        All accounts and values.
    exclude
        Bool (N,): accounts whose sightings are not evidence about others, such as
        those a person has labelled legitimate.

    Returns
    -------
    Incidence
        Kinds that only describe the background are left out. O(E).
    """
    keep = _WITNESS[graph.kind[graph.value]]
    if exclude is not None:
        keep &= ~exclude[graph.account]
    return incidence(graph.accounts, graph.account[keep], graph.value[keep], np.asarray(graph.kind))


def incidence(accounts: int, account: IntArray, value: IntArray, kind: IntArray) -> Incidence:
    """Build an `Incidence` from sightings sorted by account; values of one holder are dropped."""
    shown = np.zeros(accounts * len(KINDS), dtype=bool)
    shown[account.astype(np.int64) * len(KINDS) + kind[value]] = True
    family = account.astype(np.int64) * FAMILY_COUNT + _FAMILY[kind[value]]
    activity = np.bincount(family, minlength=accounts * FAMILY_COUNT).astype(np.int32)
    degree = np.bincount(value, minlength=len(kind))
    shared = degree >= 2
    code = np.cumsum(shared) - 1
    keep = shared[value]
    kinds = kind[shared].astype(np.int8)
    return Incidence(
        accounts=accounts,
        account=account[keep].astype(np.int32),
        value=code[value[keep]].astype(np.int32),
        kind=kinds,
        family=_FAMILY[kinds] if len(kinds) else np.zeros(0, dtype=np.int8),
        degree=degree[shared],
        source=np.flatnonzero(shared).astype(np.int32),
        shown=shown.reshape(accounts, len(KINDS)),
        activity=activity.reshape(accounts, FAMILY_COUNT),
    )
