"""What was true and what was said, side by side, one row per account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from ringfinder.errors import InvalidParameter
from ringfinder.model import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Groups:
    """To which group of one kind each account belongs.

    Attributes
    ----------
    code
        int (N,): index into `names`; -1 in none.
    names
        Sorted, unique.
    """

    code: IntArray
    names: tuple[str, ...]

    def __iter__(self) -> Iterator[tuple[str, BoolArray]]:
        """Yield each group's name and its accounts, bool (N,)."""
        for code, name in enumerate(self.names):
            yield name, self.code == code


@dataclass(frozen=True)
class Outcomes:
    """Truth and audit, aligned.

    Attributes
    ----------
    fraud
        bool (N,): the truth.
    score
        float64 (N,): the audit's score, 0-1, higher is worse.
    past_allow
        bool (N,): whether the decision was harder than `allow`.
    ring
        int (N,): index of the account's ring; -1 outside rings.
    ring_is_fleet
        bool (R,): whether the verdict was `fleet`; its accounts are flagged.
    ring_fdr
        float64 (R,): the published false discovery rate; NaN where none is.
    fleet
        int (N,): index of the account's true fleet, each of which has an account; -1
        for benign accounts and where the truth does not name fleets.
    groups
        Further properties of accounts: `style`, `cohort`, `group_id` (which company,
        which lecture), `network_class`, `region`; only those that the truth has.
    established
        bool (N,) or None: old accounts that an attacker may try to frame.
    """

    fraud: BoolArray
    score: FloatArray
    past_allow: BoolArray
    ring: IntArray
    ring_is_fleet: BoolArray
    ring_fdr: FloatArray
    fleet: IntArray
    groups: Mapping[str, Groups] = field(default_factory=dict)
    established: BoolArray | None = None

    def __post_init__(self) -> None:
        columns = (self.score, self.past_allow, self.ring, self.fleet)
        if any(len(column) != len(self.fraud) for column in columns):
            raise InvalidParameter("the columns of Outcomes differ in length")

    @property
    def flagged(self) -> BoolArray:
        """Whether each account is in a ring whose verdict is `fleet`, bool (N,)."""
        verdict = np.append(self.ring_is_fleet, False)  # the last one is for ring -1
        return verdict[self.ring]

    @property
    def fleets(self) -> int:
        """Number of true fleets."""
        return int(self.fleet.max(initial=-1)) + 1
