"""From which probability on a newborn ring is looked at."""

from __future__ import annotations

TOO_FEW = 4
"""Accounts from which a newborn ring is told of, as in `detect.refine`."""

REVIEW_NEWBORN = 0.5
CHALLENGE_NEWBORN = 0.9
"""P(member) P(fleet) from which a sign-up is reviewed and challenged; fitted like the weights."""
