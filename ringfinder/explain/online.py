"""The answer to one sign-up: evidence from `score.online`, with words.

    answer = Scorer(model, overlay).score(signup)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ringfinder.model import Decision, Family, Reason, Verdict
from ringfinder.normalise.one import NormalisedSignup


@dataclass(frozen=True, slots=True)
class RingAnswer:
    """The ring a sign-up belongs to.

    Attributes
    ----------
    ring_id
        Of the snapshot, or ``new-`` and a number for a ring that was seen since.
    membership
        P(member of it), 0-1.
    verdict
        What it was judged to be; a ring seen since is at most `unclear`.
    size
        Accounts in it.
    provisional
        Seen since the snapshot; no nightly run has judged it.
    """

    ring_id: str
    membership: float
    verdict: Verdict
    size: int
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of one sign-up.

    Attributes
    ----------
    score
        0-1, higher is worse.
    ring
        Its ring, None outside rings.
    families
        Evidence families of which at least one value ties it to the ring.
    reasons
        Strongest first after the ring's verdict; at least one.
    suggested
        What the scoring itself would do; a policy decides. Never `deny`, and never more
        than `review` on one family.
    public_reason
        What may be told to the applicant: no nats, no ring.
    """

    score: float
    ring: RingAnswer | None
    families: frozenset[Family]
    reasons: tuple[Reason, ...]
    suggested: Decision
    public_reason: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values: score, ring, families, reasons, public_reason."""
        raise NotImplementedError


class Scorer:
    """Scores sign-ups against one model and one overlay (`score.online`)."""

    def __init__(self, model: Any, overlay: Any = None) -> None:
        self.model, self.overlay = model, overlay

    def score(self, signup: NormalisedSignup) -> Answer:
        """Return the answer; changes nothing. `Overlay.add` takes the sign-up in."""
        raise NotImplementedError


def public_reason(decision: Decision) -> str:
    """Return what an applicant may be told of a decision."""
    raise NotImplementedError
