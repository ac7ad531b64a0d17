"""Rings, as the snapshot in force has them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from ringfinder.model import Lifecycle, Verdict
from ringfinder.serve import reading
from ringfinder.serve.access import GuardedRoute, needs
from ringfinder.serve.answers import EvidencePage, MemberPage, RingGraph, RingPage, RingView
from ringfinder.serve.erasure import Hides, shown_graph, shown_members
from ringfinder.serve.keys import KeyScope
from ringfinder.serve.lean import TheService
from ringfinder.serve.live import State
from ringfinder.serve.reading import CURSOR
from ringfinder.serve.service import Service, now_ms

router = APIRouter(route_class=GuardedRoute, tags=["rings"])
Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many.")]
After = Annotated[str | None, Query(pattern=CURSOR, description="The `next` of the page before.")]


@router.get("/v1/rings", response_model=RingPage)
@needs(KeyScope.RINGS)
async def list_rings(
    service: TheService,
    verdict: Verdict | None = None,
    lifecycle: Lifecycle | None = None,
    min_size: Annotated[int, Query(ge=0, le=10**9)] = 0,
    min_score: Annotated[float, Query(ge=0, le=1)] = 0.0,
    limit: Limit = 100,
    after: After = None,
) -> Any:
    """List rings, the surest fleets first."""
    state = service.live.state
    wanted = reading.Wanted(verdict, lifecycle, min_size, min_score)
    found, following = await service.read(
        lambda: reading.rings(state, wanted, limit=limit, after=after)
    )
    return {"snapshot": state.named(now_ms()), "rings": found, "next": following}


@router.get("/v1/rings/{ring_id}", response_model=RingView)
@needs(KeyScope.RINGS)
async def get_ring(service: TheService, ring_id: str) -> Any:
    """Show one ring."""
    state = service.live.state
    found = await service.read(reading.ring, state.model, ring_id)
    return found | {"snapshot": state.named(now_ms())}


@router.get("/v1/rings/{ring_id}/members", response_model=MemberPage)
@needs(KeyScope.RINGS)
async def list_members(
    service: TheService, ring_id: str, limit: Limit = 100, after: After = None
) -> Any:
    """List the accounts of a ring."""
    state = service.live.state

    def read() -> tuple[list[dict[str, Any]], str | None]:
        found, following = reading.members(state, ring_id, limit=limit, after=after)
        return shown_members(found, _hides(service, state)), following

    members, following = await service.read(read)
    return {"snapshot": state.named(now_ms()), "members": members, "next": following}


@router.get("/v1/rings/{ring_id}/evidence", response_model=EvidencePage)
@needs(KeyScope.RINGS)
async def list_evidence(
    service: TheService, ring_id: str, limit: Limit = 100, after: After = None
) -> Any:
    """List the values that mark a ring, strongest first."""
    state = service.live.state
    found, following = await service.read(
        lambda: reading.evidence(state, ring_id, limit=limit, after=after)
    )
    return {"snapshot": state.named(now_ms()), "evidence": found, "next": following}


@router.get("/v1/rings/{ring_id}/graph", response_model=RingGraph)
@needs(KeyScope.RINGS)
async def get_graph(service: TheService, ring_id: str) -> Any:
    """Show a ring as nodes and edges."""
    state = service.live.state
    shown = await service.read(
        lambda: shown_graph(reading.graph(state.model, ring_id), _hides(service, state))
    )
    return shown | {"snapshot": state.named(now_ms())}


def _hides(service: Service, state: State) -> Hides:
    """Return what tells which accounts were erased since the snapshot; it looks at a file."""
    return lambda account_id: service.erased.hides(account_id, state.created_ms)
