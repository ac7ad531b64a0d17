"""Rings of people who came by one way, or look alike, and have nothing in common beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ringfinder.detect.refine import MINIMUM_SIZE
from ringfinder.detect.ties import TIES, count_members, marked_rows, untied
from ringfinder.evidence.background import Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.lifts import log_lifts
from ringfinder.model import BoolArray, Family, FloatArray, IntArray
from ringfinder.schema import KINDS
from ringfinder.score.features import NAMES

OWN = TIES | np.array([kind.family is Family.IDENTITY for kind in KINDS])
"""Kinds of values that somebody must have handed on, or made up: who numbers mailboxes through
came by no advertisement."""

OWN_SHARE = 0.25
"""Share of a ring's members who hold a value of those kinds that marks the ring, below which they
are strangers. At one half a tenth of the quiet fleets of three tuning worlds, which buy at one bank
and rent their addresses, are held to even odds as well; at one tenth as many as here."""

AWAKE = 0.5
"""Sign-ups in the ring's quiet hours, as ln ratio to the population's, from which no advertisement
brought them: people sleep whatever they clicked on. Quiet fleets of the tuning worlds that show
nothing of their own in common: .56 and .84."""

PATCHES = 20
"""Accounts of the largest ring that is asked whether it is a handful of households."""


def strangers(
    shared: Incidence, back: Background, ring: IntArray, features: FloatArray
) -> BoolArray:
    """Tell which rings a client, a referrer, an issuer and an hour alone may have made.

    Everybody who comes by a new app or a partner's page shows its client, its link and the
    month of its launch, and often one bank's cards. That they have no office and no card in
    common must not speak against them, nor must a use that is all alike in such a world.
    Of a few small families whose addresses look alike the largest part that anything ties is a
    family; each shares its card and tablet, and the families nothing.

    Parameters
    ----------
    shared, back
        The incidence and its background.
    ring
        int32 (N,): 0 to R - 1, -1 outside.
    features
        float64 (R, F): of the rings, see `ringfinder.score.features`.

    Returns
    -------
    BoolArray, shape (R,)
    """
    lifts = log_lifts(shared, back, ring)
    rings = int(ring.max(initial=-1)) + 1
    rows = marked_rows(shared, lifts, ring, OWN[shared.kind[lifts.value]])
    own = np.zeros(shared.accounts, dtype=bool)
    own[shared.account[rows]] = True
    size, count = count_members(ring, own, rings)
    # a value that two show by chance ties no families: of what marks the ring alone
    marks = replace(shared, account=shared.account[rows], value=shared.value[rows])
    _, apart = count_members(ring, untied(marks, ring) >= 0, rings)
    households = (size < PATCHES) & (size - apart < MINIMUM_SIZE)
    asleep = ~(features[:, NAMES.index("signup_wakefulness")] >= AWAKE)
    return np.asarray(((count < OWN_SHARE * size) & asleep) | households)


def at_even_odds(log_odds: FloatArray, alike: BoolArray) -> FloatArray:
    """Return float64 (R,): nats that hold the log odds of some rings, bool (R,), to zero."""
    return np.where(alike, -np.maximum(log_odds, 0.0), 0.0)
