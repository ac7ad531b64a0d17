"""Who may call a route: said on every route, refused where nothing is said.

A key goes in ``Authorization: Bearer``. `needs` marks a route with the scope it asks for;
`GuardedRoute` cannot be made of a function without the mark, so nothing is open by mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from ringfinder.errors import InvalidParameter
from ringfinder.serve.bodies import LARGE, SMALL, check_json, drained, has_body, limited
from ringfinder.serve.errors import Forbidden, TooLarge, Unauthorised
from ringfinder.serve.keys import Key, KeyScope

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
_MARK = "ringfinder_scope"


OPEN = "open"
"""No key needed: health, metrics of the process, the API's own description."""
SIGNED = "signed"
"""No key, for the caller signs the body with a secret of its own: hooks of other services.
The route checks the signature itself, before it reads anything into the body."""


def needs(scope: KeyScope | str, *, large: bool = False) -> Callable[[Endpoint], Endpoint]:
    """Mark a route with the scope a caller's key must have (or `OPEN`, `SIGNED`).

    Parameters
    ----------
    scope
        A `KeyScope`, `OPEN` or `SIGNED`. A key with `admin` may call every route.
    large
        Whether a body may have 8 MiB, as batches do, and not 64 KiB.
    """

    def mark(function: Endpoint) -> Endpoint:
        setattr(function, _MARK, (str(scope), large))
        return function

    return mark


class GuardedRoute(APIRoute):
    """A route that asks for a key first: give it to every APIRouter as `route_class`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        marked = getattr(endpoint, _MARK, None)
        if marked is None:
            raise InvalidParameter(f"The route {path} does not say who may call it: use needs().")
        self.scope, self.large = marked
        if self.scope not in {OPEN, SIGNED}:
            extra = dict(options.get("openapi_extra") or {})
            extra.setdefault("security", [{"key": [self.scope]}])
            options["openapi_extra"] = extra
        super().__init__(path, endpoint, **options)
        self._parameters = {one.alias for one in self.dependant.query_params}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the caller in, or raise what is wrong; bodies are limited before they are read."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)  # answers 405
            return
        try:
            receive = limited(scope, receive, most=LARGE if self.large else SMALL)
        except TooLarge:
            await drained(scope, receive)
            raise
        if self.scope in {OPEN, SIGNED}:
            await self.run(scope, receive, send)
            return
        service = scope["app"].state.service
        scope["key"] = service.keyring.find(_bearer(scope))
        key = admitted(scope["key"], self.scope)
        if scope["query_string"]:
            self._check_parameters(scope["query_string"])
        if self._takes_body(scope):
            check_json(scope)
        with service.limits.turn(key):
            await self.run(scope, receive, send)

    def _check_parameters(self, query: bytes) -> None:
        """Refuse what the route does not know: `?acton=payout` must not be the answer to another.

        Routes without a key let it pass: probes and other services add parameters of their own.
        """
        given = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
        unknown = [name for name in given if name not in self._parameters]
        if unknown:
            raise RequestValidationError(
                [{"type": "extra_forbidden", "loc": ("query", name)} for name in unknown]
            )

    def _takes_body(self, scope: Scope) -> bool:
        field = self.body_field
        return field is not None and (field.field_info.is_required() or has_body(scope))

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a caller who was let in."""
        await super().handle(scope, receive, send)


def admitted(key: Key | None, scope: str) -> Key:
    """Return the key if it is in force and has the scope.

    Raises
    ------
    Unauthorised, Forbidden
        If it is not in force, or may not do this.
    """
    if key is None:
        raise Unauthorised(
            "Send a key that is in force as `Authorization: Bearer KEY`; "
            "`ringfinder keys create` makes one.",
            WWW_Authenticate="Bearer",
        )
    if scope not in key.scopes and KeyScope.ADMIN not in key.scopes:
        raise Forbidden(f"This key lacks the scope {scope}.")
    return key


def _bearer(scope: Scope) -> bytes:
    """Return what follows ``Bearer`` in the header; empty where there is none."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, secret = value.partition(b" ")
            return bytes(secret.strip()) if kind.lower() == b"bearer" else b""
    return b""
