"""What a person's label does, when it needs a second person, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import numpy as np

from ringfinder.detect.ties import TIES
from ringfinder.durations import DAY_MS
from ringfinder.model import BoolArray, IntArray, Standing
from ringfinder.schema import KINDS

ALONE = 20
"""Labels that one key may give, or that one ring may get, in a day without a second person."""

ATTESTED_TIES: BoolArray = TIES & np.array([kind.standing is Standing.ATTESTED for kind in KINDS])
"""Kinds of values that tie accounts and that nobody can simply claim: by kind code."""


class LabelState(StrEnum):
    """What became of a label that somebody gave."""

    EFFECTIVE = "effective"
    PENDING = "pending"
    REFUSED = "refused"


def needs_second_person(
    now_ms: int, by_key_ms: Iterable[int], for_ring_ms: Iterable[int] = ()
) -> bool:
    """Tell whether one more label has to wait for a second person.

    Parameters
    ----------
    now_ms
        When it is given, milliseconds since 1970 UTC.
    by_key_ms, for_ring_ms
        When labels were given earlier, by the same key; for accounts of the same ring. What was
        given at a later time than now counts as well: clocks differ, and may be set back. The
        second are not asked for where the first are enough.
    """
    return any(
        sum(given_ms > now_ms - DAY_MS for given_ms in earlier) >= ALONE
        for earlier in (by_key_ms, for_ring_ms)
    )


def contradicted(
    cleared: IntArray,
    decided_ms: IntArray,
    *,
    account: IntArray,
    value: IntArray,
    first_ms: IntArray,
    kind: IntArray,
    marks_fleet: BoolArray,
) -> BoolArray:
    """Find `legitimate` labels that new attested evidence contradicts.

    Such evidence is a value of an attested kind (a card, an address) that marks a fleet, and
    that the account was seen with for the first time after a person had cleared it. What the
    account held before was there to be seen when it was cleared, and what it merely claims
    (a device id, a domain) may be anybody's.

    Parameters
    ----------
    cleared, decided_ms
        Shape (L,): accounts that a label clears, and when it was given.
    account, value, first_ms
        Shape (E,): sightings, and when each was first made.
    kind, marks_fleet
        Shape (V,): kind code of each value, and whether it marks a ring judged to be a fleet.

    Returns
    -------
    BoolArray, shape (L,)
        True: a person should look again.
    """
    if not len(cleared):
        return np.zeros(0, dtype=bool)
    telling = (ATTESTED_TIES[kind] & marks_fleet)[value]
    accounts = int(max(account.max(initial=-1), cleared.max())) + 1
    newest = np.full(accounts, np.iinfo(np.int64).min)
    np.maximum.at(newest, account[telling], first_ms[telling])
    found: BoolArray = newest[cleared] > decided_ms
    return found
