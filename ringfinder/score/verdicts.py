"""What a ring is called: a fleet from some probability on, else what its features say."""

from __future__ import annotations

import numpy as np

from ringfinder.model import BoolArray, FloatArray, IntArray, Verdict
from ringfinder.score.features import NAMES

FLEET = 2 / 3
"""P(fleet | ring) from which a ring is called a fleet: odds of two to one. On 22 tuning worlds
even odds flag 217 of 200,000 accounts where there is no fleet and miss 447 of 27,550 in
fleets; two to one 87 and 571. Just below even odds lie crowds of strangers who use one
extension or one VPN service, five times as many."""

FEW = 20
FLEET_OF_FEW = 0.8
"""The same for rings of fewer than `FEW` accounts, whose features rest on little: on 13
tuning worlds, those of 4 to 11 with P from .5 to .8 were 57 benign accounts and 107 of
fleets; above it none and 970."""

FLEET_WITHOUT_USE = 0.7
"""The same where nobody's use is known: what is left to judge by tells hundreds of strangers
behind one VPN service from a fleet by the absence of a company's marks alone. Ten tuning
worlds: between one half and this 548 accounts of fleets and 2,746 benign ones, above it
21,160 and 211."""

CHALLENGE = 0.9
"""Score from which a member of a fleet is challenged; below, a person reviews."""

EVEN = 0.5
"""P(fleet | ring) from which a ring is no more called an organisation or a household."""

SHARED_TWICE = float(np.log(2.0))
"""Accounts per card, device or mailbox, of the second-most shared: from two on a ring without a
domain of its own is not called an organisation."""

HOUSEHOLD_SIZE = 8
"""Accounts of the largest ring that is called a household: a flat, a family, a small team."""


def called_fleet(ring: IntArray, probability: FloatArray, *, usage: bool) -> BoolArray:
    """Return bool (R,): rings probable enough, for what is known of them, to be called fleets."""
    size = np.bincount(ring[ring >= 0], minlength=len(probability))
    asked = np.where(size < FEW, FLEET_OF_FEW, FLEET)
    return probability >= (asked if usage else FLEET_WITHOUT_USE)


def verdicts(
    ring: IntArray,
    features: FloatArray,
    probability: FloatArray,
    *,
    usage: bool = True,
) -> list[Verdict]:
    """Name what each ring is: a fleet, a household, an organisation, or unclear.

    Parameters
    ----------
    ring, features, probability
        int32 (N,), -1 outside; float64 (R, F); float64 (R,): P(fleet | ring).
    usage
        Whether anybody's use is known: what is asked of a fleet depends on it.

    Returns
    -------
    list of Verdict, length R
    """
    size = np.bincount(ring[ring >= 0], minlength=len(probability))
    known = np.nan_to_num(features)
    owned = known[:, NAMES.index("domain_ownership")]
    network = known[:, NAMES.index("network_focus")]
    card = known[:, NAMES.index("card_reuse")]
    both = known[:, NAMES.index("reused_twice")]
    out: list[Verdict] = []
    fleet = called_fleet(ring, probability, usage=usage)
    for number in range(len(probability)):
        if fleet[number]:
            out.append(Verdict.FLEET)
        elif probability[number] >= EVEN:
            out.append(Verdict.UNCLEAR)  # sooner a fleet than not, whatever else it looks like
        elif size[number] <= HOUSEHOLD_SIZE and max(network[number], card[number]) > 0.2:
            out.append(Verdict.HOUSEHOLD)
        elif both[number] >= SHARED_TWICE and owned[number] <= 0.3:
            out.append(Verdict.UNCLEAR)  # firms share cards, and no devices with them
        elif max(owned[number], network[number]) > 0.3:
            out.append(Verdict.ORGANISATION)
        else:
            out.append(Verdict.UNCLEAR)
    return out
