"""What an innocent population shares: classes of accounts and rates within them.

People of one country share carriers, banks, mail providers, languages and hours, and
none of that is evidence. Expectations are therefore taken within *classes*: known ones
(the country, where the data names it) and learned ones (`ringfinder.detect.classes`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ringfinder.evidence.incidence import FAMILY_COUNT, Incidence
from ringfinder.evidence.runs import fresh
from ringfinder.model import BoolArray, FloatArray, IntArray

LEEWAY = 1.25
"""How much more often kinds may meet for what accounts share alone: at most 1.18 on simulated
worlds and those of the other generator, where people who share one thing share others."""

SHRINKAGE = 10.0
"""Accounts of prior weight with which a class's rate leans on the population's."""


@dataclass(frozen=True)
class Background:
    """Class of each account and holders of each value by class.

    Attributes
    ----------
    label
        int32 (N,): class of each account, 0 to C - 1.
    innocent
        Bool (N,): accounts that the rates are measured on. Suspects belong to a class
        but say nothing about it.
    everyone, size
        float64 (C,): accounts in each class; innocent ones among them.
    holders
        Sparse (V, C): innocent accounts of the class holding the value.
    """

    label: IntArray
    innocent: BoolArray
    everyone: FloatArray
    size: FloatArray
    holders: sparse.csr_array

    @property
    def classes(self) -> int:
        """Number of classes, C."""
        return len(self.size)

    def expected(self, u: IntArray, v: IntArray, *, block: int = 1 << 20) -> FloatArray:
        """Return float64 (P,): accounts expected to hold both u and v, given the classes.

        ``sum over classes c of n_c (d_uc / N_c) (d_vc / N_c)``, degree-corrected within
        each class; d and N count innocents, n everybody. O(P C'), where C' is the
        number of classes a value occurs in.
        """
        weight = self.everyone / np.maximum(self.size, 1.0) ** 2
        scaled = sparse.csr_array(self.holders.multiply(weight[None, :]))
        out = np.empty(len(u))
        for start in range(0, len(u), block):
            part = slice(start, start + block)
            out[part] = scaled[u[part]].multiply(self.holders[v[part]]).sum(axis=1)
        return out

    def least_expected(self, u: IntArray, v: IntArray, degree: IntArray) -> FloatArray:
        """Return float64 (P,): the least that is expected of each pair; `degree`, (V,), is all's.

        One account in all: a pair nobody could be expected to show still has a prior. Where
        suspects alone hold one value and everybody the other, those suspects hold the other
        as often as anybody: no innocent shows the two together, and it says nothing. Without
        that every browser and hour would go with a ring's cards, and the ring with everybody.
        """
        accounts = len(self.label)
        suspects = 2 * np.asarray(self.holders.sum(axis=1)).ravel() < degree
        together = degree[u] * (degree[v] / accounts)
        return np.where(suspects[u] ^ suspects[v], together, 1.0 / accounts)


def background(shared: Incidence, label: IntArray, suspect: BoolArray | None = None) -> Background:
    """Count the holders of every value in every class.

    Parameters
    ----------
    shared
        The incidence.
    label
        int32 (N,): class of each account; any integers, -1 included.
    suspect
        Bool (N,): accounts that no rate is measured on; none if not given.
    """
    _, code = np.unique(label, return_inverse=True)
    innocent = np.ones(len(code), dtype=bool) if suspect is None else ~suspect
    classes = int(code.max(initial=-1)) + 1
    bits = classes.bit_length()
    key = (shared.value.astype(np.int64) << bits) | code[shared.account]
    key = np.sort(key if innocent.all() else key[innocent[shared.account]])
    starts = np.flatnonzero(fresh(key))
    value = key[starts] >> bits
    pointer = np.searchsorted(value, np.arange(shared.values + 1))
    holders = sparse.csr_array(
        (np.diff(starts, append=len(key)).astype(float), key[starts] & ((1 << bits) - 1), pointer),
        shape=(shared.values, classes),
    )
    return Background(
        label=code.astype(np.int32),
        innocent=innocent,
        everyone=np.bincount(code, minlength=classes).astype(float),
        size=np.bincount(code[innocent], minlength=classes).astype(float),
        holders=holders,
    )


def activity_correction(shared: Incidence, back: Background) -> FloatArray:
    """How much more often two kinds meet because some accounts show more values.

    An account seen with 500 addresses meets everything. With k_fa the values of family f
    that account a shows and S_fc their sum over class c,
    ``kappa_fg = sum_a k_fa k_ga / sum_c (S_fc S_gc / N_c)``.

    Counted are shared values. Of these alone a ring would be its own excuse: where nobody
    else shares a card or a device, its accounts alone show both. Beyond `LEEWAY` the
    correction is therefore no larger than with all values counted, shared or not.

    Returns
    -------
    FloatArray, shape (F, F)
        At least one, so that it only ever makes the null more generous.
    """
    family = shared.account.astype(np.int64) * FAMILY_COUNT + shared.family[shared.value]
    counted = np.bincount(family, minlength=shared.accounts * FAMILY_COUNT)
    among_shared = _meetings(counted.reshape(-1, FAMILY_COUNT), back)
    among_all = _meetings(shared.activity, back)
    return np.minimum(among_shared, np.maximum(among_all, LEEWAY))


def _meetings(shown: IntArray, back: Background) -> FloatArray:
    """Return kappa (F, F) of the values (N, F) that accounts show."""
    counts = shown.astype(np.float64)
    meet = counts.T @ counts
    totals = np.stack(
        [np.bincount(back.label, weights=column, minlength=back.classes) for column in counts.T]
    )
    expected = (totals / back.everyone) @ totals.T
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa = np.where(expected > 0, meet / expected, 1.0)
    return np.maximum(kappa, 1.0)
