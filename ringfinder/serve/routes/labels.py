"""Labels and appeals: what people decide about accounts."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ringfinder.serve import labelling
from ringfinder.serve.access import GuardedRoute, needs
from ringfinder.serve.keys import KeyScope
from ringfinder.serve.labelrows import LabelAnswer, LabelRow, PendingLabels, Why
from ringfinder.serve.lean import TheKey, TheService

router = APIRouter(route_class=GuardedRoute, tags=["labels"])


@router.post("/v1/labels", response_model=LabelAnswer)
@needs(KeyScope.LABELS)
async def post_label(service: TheService, key: TheKey, body: LabelRow) -> Any:
    """Say that an account is `fraud` or `legitimate`.

    `legitimate` clears the account at once, and never its ring. More than twenty labels by
    one key, or for one ring, in a day wait (`state: pending`) until another key approves.
    """
    return await labelling.give(service, key, body)


@router.get("/v1/labels/pending", response_model=PendingLabels)
@needs(KeyScope.LABELS)
async def get_pending(service: TheService) -> Any:
    """List the labels that wait for a second person, oldest first.

    With them those that are `effective` and not recorded yet: they are within seconds of the
    journal's being back.
    """
    return await labelling.pending(service)


@router.post("/v1/labels/{event_id:path}/approve", response_model=LabelAnswer)
@needs(KeyScope.LABELS)
async def approve_label(
    service: TheService, key: TheKey, event_id: str, body: Why | None = None
) -> Any:
    """Approve a waiting label, as another key than the one that gave it."""
    return await labelling.decide(service, key, event_id, approve=True, why=_why(body))


@router.post("/v1/labels/{event_id:path}/refuse", response_model=LabelAnswer)
@needs(KeyScope.LABELS)
async def refuse_label(
    service: TheService, key: TheKey, event_id: str, body: Why | None = None
) -> Any:
    """Refuse a waiting label, as another key than the one that gave it."""
    return await labelling.decide(service, key, event_id, approve=False, why=_why(body))


def _why(body: Why | None) -> str:
    return "" if body is None else body.why
