"""What a policy may look at, of an account that a run has judged: for the API and `policy diff`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ringfinder.model import Decision, Family, Verdict
from ringfinder.schema import KIND
from ringfinder.score.policy import Facts
from ringfinder.serve.knownlabels import before_label, label_told


def facts_told(
    *,
    score: float,
    decision: str,
    reasons: Iterable[Mapping[str, Any]],
    verdict: str | None = None,
    membership: float | None = None,
    ring_size: int = 0,
) -> Facts:
    """Return the facts that an account's row of a run tells.

    Parameters
    ----------
    score, decision, reasons
        As the run has them, labels taken in.
    verdict, membership, ring_size
        Of its ring; left out outside rings.
    """
    reasons = list(reasons)
    label = label_told(reasons)
    judged = None if verdict is None else Verdict(verdict)
    # Outside rings they tell what is shared with a fleet that is near: no tie to a ring.
    shared = [one for one in reasons if judged and one["kind"] in KIND and one["nats"] > 0]
    return Facts(
        score=score,
        verdict=judged,
        membership=membership or 0.0,
        ring_size=ring_size,
        families=frozenset(Family(one["family"]) for one in shared),
        label=label,
        suggested=before_label(Decision(decision), judged, label),
    )
