"""Many rows at once."""

from __future__ import annotations

from fastapi import APIRouter

from ringfinder.serve import batches
from ringfinder.serve.access import needs
from ringfinder.serve.answers import BatchAnswer
from ringfinder.serve.keys import KeyScope
from ringfinder.serve.lean import BatchRoute, TheKey, TheService
from ringfinder.serve.rows import Batch
from ringfinder.store.events import EventType

router = APIRouter(route_class=BatchRoute, tags=["batches"])


@router.post("/v1/signups/batch", response_model=BatchAnswer)
@needs(KeyScope.SIGNUPS, large=True)
async def post_signups(service: TheService, key: TheKey, body: Batch) -> bytes:
    """Score and accept sign-ups (rows as of `POST /v1/signups`), each answered for itself."""
    return await batches.accept(service, key, EventType.SIGNUPS, body)


@router.post("/v1/usage/batch", response_model=BatchAnswer)
@needs(KeyScope.USAGE, large=True)
async def post_usage(service: TheService, key: TheKey, body: Batch) -> bytes:
    """Accept rows of usage."""
    return await batches.accept(service, key, EventType.USAGE, body)


@router.post("/v1/payments/batch", response_model=BatchAnswer)
@needs(KeyScope.USAGE, large=True)
async def post_payments(service: TheService, key: TheKey, body: Batch) -> bytes:
    """Accept rows of payments."""
    return await batches.accept(service, key, EventType.PAYMENTS, body)


@router.post("/v1/logins/batch", response_model=BatchAnswer)
@needs(KeyScope.USAGE, large=True)
async def post_logins(service: TheService, key: TheKey, body: Batch) -> bytes:
    """Accept rows of log-ins."""
    return await batches.accept(service, key, EventType.LOGINS, body)
