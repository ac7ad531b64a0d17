"""Sign-ups, one at a time, and how they ended."""

from __future__ import annotations

from fastapi import APIRouter

from ringfinder.serve import signups
from ringfinder.serve.access import GuardedRoute, needs
from ringfinder.serve.answers import OutcomeAnswer, SignupAnswer
from ringfinder.serve.keys import KeyScope
from ringfinder.serve.lean import LeanRoute, TheKey, TheService
from ringfinder.serve.outcomes import record_outcome
from ringfinder.serve.rows import Outcome, Signup

lean = APIRouter(route_class=LeanRoute, tags=["sign-ups"])
router = APIRouter(route_class=GuardedRoute, tags=["sign-ups"])


@lean.post("/v1/signups", response_model=SignupAnswer)
@needs(KeyScope.SIGNUPS)
async def post_signup(service: TheService, key: TheKey, body: Signup) -> bytes:
    """Score and durably accept one sign-up.

    Always answered within the deadline. `accepted: false` means that it is not known whether
    it was recorded: act on the decision, and send the same body again until it is accepted.
    """
    return await signups.accept(service, key, body)


@router.post("/v1/signups/{event_id:path}/outcome", response_model=OutcomeAnswer)
@needs(KeyScope.SIGNUPS)
async def post_outcome(event_id: str, body: Outcome, service: TheService) -> OutcomeAnswer:
    """Say how a sign-up ended: only completed ones are counted as accounts.

    An attempt that completed names the account it became, and is known by it from then on.
    """
    return await record_outcome(service, event_id, body)
