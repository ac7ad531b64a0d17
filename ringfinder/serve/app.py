"""The application: routes, errors, limits and description, put together from settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import Receive, Scope, Send

from ringfinder.config import Settings
from ringfinder.errors import InvalidParameter
from ringfinder.serve import problems
from ringfinder.serve.access import GuardedRoute
from ringfinder.serve.describe import complete
from ringfinder.serve.guard import Guard
from ringfinder.serve.hooks import routes as hooks
from ringfinder.serve.lean import LeanRoute
from ringfinder.serve.routes import (
    accounts,
    allowance,
    batches,
    description,
    health,
    labels,
    rings,
    signups,
)
from ringfinder.serve.service import Service
from ringfinder.versions import own_version

SUMMARY = "Scores sign-ups against rings of accounts that are run as one machine, and says why."


class Application(FastAPI):
    """FastAPI, but for POST requests to the routes in `lean`: what lies between costs as much.

    Attributes
    ----------
    lean
        The routes, by path.
    direct
        What answers them, in the place of all middleware.
    """

    lean: Mapping[str, LeanRoute] = MappingProxyType({})
    direct: Guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        route = self.lean.get(scope["path"]) if scope.get("method") == "POST" else None
        if route is None:
            await super().__call__(scope, receive, send)
        else:
            scope["app"], scope["route"] = self, route
            await self.direct(scope, receive, send)


async def directly(scope: Scope, receive: Receive, send: Send) -> None:
    """Have the route answer that is found already."""
    await scope["route"].handle(scope, receive, send)


def create_app(settings: Settings, *, worker: int = 0, service: Service | None = None) -> FastAPI:
    """Make the application of one worker.

    Parameters
    ----------
    settings
        As `config.load` returns them; the part `serve` and the data directory.
    worker
        Which of `settings.workers` this is, from 0.
    service
        What the routes ask; assembled from the settings if not given.

    Raises
    ------
    InputError, StoreError
        If the pepper, a list or the policy is unusable.
    """
    made = service or Service.assemble(settings, worker=worker)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await made.start()
        try:
            yield
        finally:
            await made.close()

    app = Application(
        title="ringfinder", version=own_version(), summary=SUMMARY, lifespan=lifespan,
        docs_url=None, redoc_url=None, openapi_url=None,
    )  # fmt: skip
    app.state.service = made
    app.router.redirect_slashes = False
    for router in (*_routers(), *_others()):
        add(app, router)
    problems.install(app)
    app.add_middleware(Guard, log_all=settings.log_requests)
    app.direct = Guard(directly, log_all=settings.log_requests)
    app.lean = {route.path: route for route in signups.lean.routes if isinstance(route, LeanRoute)}
    _describe(app)
    return app


def add(app: FastAPI, router: APIRouter) -> None:
    """Add routes to the application as they are: an included router would match them twice.

    Raises
    ------
    InvalidParameter
        If a route does not say who may call it.
    """
    for route in router.routes:
        if not isinstance(route, GuardedRoute):
            raise InvalidParameter(f"{route} is open: make its router with GuardedRoute.")
        app.router.routes.append(route)


def _routers() -> list[APIRouter]:
    """Return our routers, the busiest first: routes are tried in order."""
    return [
        signups.lean, batches.router, health.router, signups.router, accounts.router,
        rings.router, allowance.router, description.router,
    ]  # fmt: skip


def _others() -> list[APIRouter]:
    """Return the routers of labels and hooks."""
    return [labels.router, hooks.router]


def _describe(app: FastAPI) -> None:
    """Serve the API's description, made once, at ``/openapi.json``."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = complete(
                get_openapi(
                    title=app.title, version=app.version, summary=SUMMARY, routes=app.routes
                )
            )
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
