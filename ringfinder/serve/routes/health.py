"""Whether the service lives, whether it can take sign-ups, and what it measures."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Response

from ringfinder.errors import RingfinderError
from ringfinder.journal import JournalUnavailable
from ringfinder.serve import metrics
from ringfinder.serve.access import OPEN, GuardedRoute, needs
from ringfinder.serve.answers import Health, Readiness
from ringfinder.serve.lean import TheService
from ringfinder.serve.service import Service, now_ms

router = APIRouter(route_class=GuardedRoute, tags=["operation"])
PATIENCE_S = 1.0
POLICY_REFUSED = (
    "The policy file is bad, and the policy before it stays in force; the log says why."
)
"""And no more: anybody may ask, and what is wrong with it tells what is in it."""


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", response_model=Health)
@needs(OPEN)
async def healthz() -> Any:
    """Say that this process answers."""
    return {"status": "ok"}


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
@needs(OPEN)
async def readyz(service: TheService, response: Response) -> Any:
    """Say whether this worker can take sign-ups: 503 while the journal refuses or is silent."""
    found = await readiness(service)
    response.status_code = 200 if found["journal"] else 503
    return found


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
@needs(OPEN)
async def get_metrics() -> Response:
    """Show what is measured, for Prometheus."""
    return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)


async def readiness(service: Service) -> dict[str, Any]:
    """Return the state of a worker as plain values."""
    state, now = service.live.state, now_ms()
    events = seconds = problem = refused = None
    journal = False
    try:
        async with asyncio.timeout(PATIENCE_S):
            await service.journal.reach(PATIENCE_S / 2)  # and leave time for the rest
            refused = service.journal.why_refused()
            journal = refused is None
            lag = await service.journal.lag()
        events, seconds, problem = lag.events, lag.seconds, lag.problem
        metrics.JOURNAL_LAG.set(lag.events)
    except JournalUnavailable as error:
        refused = service.journal.why_refused() or str(error)
    except (TimeoutError, RingfinderError):
        pass
    return {
        "status": "ready" if journal else "not ready",
        "snapshot": state.named(now),
        "snapshot_held": service.snapshot_held,
        "snapshot_refused": _without_place(service, service.live.why_refused),
        "policy_refused": POLICY_REFUSED if service.policy.problem else None,
        "degraded": service.is_degraded(state, now),
        "journal": journal,
        "overlay": state.known_since,
        "projector_lag_events": events,
        "projector_lag_s": seconds,
        "problem": _without_place(service, refused or problem),
    }


def _without_place(service: Service, why: str | None) -> str | None:
    """Return an explanation that does not tell where things are: anybody may ask."""
    if why is None:
        return None
    store = (service.settings.store or "").removeprefix("embedded").removeprefix(":")
    for place, shown in ((store, "(store)"), (f"{service.settings.data_dir}", "(data)")):
        why = why.replace(place, shown) if place else why
    return why
