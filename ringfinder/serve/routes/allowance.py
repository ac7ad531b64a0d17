"""How much the accounts of a fleet may still use."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ringfinder.score.policy import Label
from ringfinder.serve import reading
from ringfinder.serve.access import GuardedRoute, needs
from ringfinder.serve.answers import AllowanceAnswer, Reserve, Settle
from ringfinder.serve.keys import KeyScope
from ringfinder.serve.lean import TheService
from ringfinder.serve.service import now_ms

router = APIRouter(route_class=GuardedRoute, tags=["allowance"])


@router.post("/v1/allowance/reserve", response_model=AllowanceAnswer)
@needs(KeyScope.ALLOWANCE)
async def reserve(service: TheService, body: Reserve) -> Any:
    """Reserve exchanges before they are made; a fleet's accounts share a ceiling per UTC day.

    Who signed up since the last snapshot is in the fleet that its answer named; who is labelled
    legitimate is not limited. A reservation that is not settled counts for ten minutes. The same
    event_id again gets the same answer.
    """
    state = service.live.state
    label = service.known_labels.find(body.account_id, is_known=state.has)
    fleet = None
    if label is not Label.LEGITIMATE:
        is_erased = await service.offload(service.erased.hides, body.account_id, state.created_ms)
        fleet = reading.fleet_of(state, body.account_id, is_erased=is_erased)
    found = await service.offload(
        lambda: service.allowance.reserve(
            body.event_id, body.account_id, body.exchanges, fleet=fleet, now_ms=now_ms()
        )
    )
    return {"event_id": body.event_id, "granted": found.granted, "remaining": found.remaining,
            "ring_id": found.ring_id}  # fmt: skip


@router.post("/v1/allowance/settle", response_model=AllowanceAnswer)
@needs(KeyScope.ALLOWANCE)
async def settle(service: TheService, body: Settle) -> Any:
    """Say how many of the reserved exchanges were made; the rest is free again."""
    found = await service.offload(
        lambda: service.allowance.settle(body.event_id, body.exchanges, now_ms=now_ms())
    )
    return {"event_id": body.event_id, "granted": found.granted, "remaining": found.remaining,
            "ring_id": found.ring_id}  # fmt: skip
