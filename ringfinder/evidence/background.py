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
from ringfinder.model import FloatArray, IntArray


@dataclass(frozen=True)
class Background:
    """Class of each account and holders of each value by class.

    Attributes
    ----------
    label
        int32 (N,): class of each account, 0 to C - 1.
    size
        float64 (C,): accounts in each class; at least one.
    holders
        Sparse (V, C): accounts of the class holding the value.
    """

    label: IntArray
    size: FloatArray
    holders: sparse.csr_array

    @property
    def classes(self) -> int:
        """Number of classes, C."""
        return len(self.size)

    def expected(self, u: IntArray, v: IntArray, *, block: int = 1 << 20) -> FloatArray:
        """Return float64 (P,): accounts expected to hold both u and v, given the classes.

        ``sum over classes c of d_uc d_vc / N_c``, degree-corrected within each class.
        O(P C'), where C' is the number of classes a value occurs in.
        """
        scaled = sparse.csr_array(self.holders.multiply(1.0 / self.size[None, :]))
        out = np.empty(len(u))
        for start in range(0, len(u), block):
            part = slice(start, start + block)
            out[part] = scaled[u[part]].multiply(self.holders[v[part]]).sum(axis=1)
        return out


def background(shared: Incidence, label: IntArray) -> Background:
    """Count the holders of every value in every class.

    Parameters
    ----------
    shared
        The incidence.
    label
        int32 (N,): class of each account; any integers, -1 included.
    """
    _, code = np.unique(label, return_inverse=True)
    size = np.bincount(code).astype(float)
    holders = sparse.csr_array(
        (np.ones(len(shared.value)), (shared.value, code[shared.account])),
        shape=(shared.values, len(size)),
    )
    holders.sum_duplicates()
    return Background(code.astype(np.int32), size, holders)


def activity_correction(shared: Incidence) -> FloatArray:
    """How much more often two kinds meet because some accounts show more values.

    An account seen with 500 addresses meets everything. With k_fa the values of family f
    that account a shows, ``kappa_fg = (sum_a k_fa k_ga) N / (S_f S_g)``.

    Returns
    -------
    FloatArray, shape (F, F)
        At least one, so that it only ever makes the null more generous.
    """
    table = sparse.csr_array(
        (np.ones(len(shared.value)), (shared.account, shared.family[shared.value])),
        shape=(shared.accounts, FAMILY_COUNT),
    )
    table.sum_duplicates()
    totals = np.asarray(table.sum(axis=0)).ravel()
    meet = (table.T @ table).toarray()
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa = meet * shared.accounts / np.outer(totals, totals)
    return np.maximum(np.nan_to_num(kappa, nan=1.0, posinf=1.0), 1.0)
