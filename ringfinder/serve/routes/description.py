"""The API's own description."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from ringfinder.serve.access import OPEN, GuardedRoute, needs

router = APIRouter(route_class=GuardedRoute, tags=["operation"])


@router.get("/openapi.json", include_in_schema=False)
@needs(OPEN)
async def get_openapi(request: Request) -> Any:
    """Describe the API as OpenAPI."""
    return request.app.openapi()
