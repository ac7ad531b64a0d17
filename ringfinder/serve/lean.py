"""A route that reads and writes JSON once: for those that must be fast.

FastAPI describes it like any other, from its signature. What is left out is what it does
between: parsing to Python before validating, validating what we built ourselves, and two
exit stacks a request.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from ringfinder.errors import InvalidParameter
from ringfinder.serve.access import GuardedRoute
from ringfinder.serve.cutting import batch_of
from ringfinder.serve.keys import Key
from ringfinder.serve.service import Service


async def service_of(request: Request) -> Service:
    """Return what routes ask."""
    service: Service = request.app.state.service
    return service


async def key_of(request: Request) -> Key:
    """Return the caller's key, which `GuardedRoute` has found."""
    key: Key = request.scope["key"]
    return key


TheService = Annotated[Service, Depends(service_of)]
TheKey = Annotated[Key, Depends(key_of)]


class LeanRoute(GuardedRoute):
    """For functions ``(service: TheService, key: TheKey, body: Model) -> bytes``, JSON."""

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        field = self.body_field
        model = None if field is None else field.field_info.annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise InvalidParameter(f"The lean route {path} has no body of one model.")
        self._validate = model.__pydantic_validator__.validate_json

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Validate the body from its bytes, call the function, and send what it returns."""
        service = scope["app"].state.service
        answer = await self.answer(service, scope["key"], await read(receive))
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(answer)).encode()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": answer})

    async def answer(self, service: Service, key: Key, raw: bytes) -> bytes:
        """Return the answer to a body."""
        answer: bytes = await self.endpoint(service=service, key=key, body=self._validate(raw))
        return answer


class BatchRoute(LeanRoute):
    """For a `Batch`: waits for its turn before it is parsed, and is parsed by and by."""

    async def answer(self, service: Service, key: Key, raw: bytes) -> bytes:
        """Return the answer to a body."""
        async with service.limits.batches:
            body = await batch_of(raw)
            answer: bytes = await self.endpoint(service=service, key=key, body=body)
        return answer


async def read(receive: Receive) -> bytes:
    """Return the whole body."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    if not message.get("more_body"):
        return bytes(message.get("body", b""))
    parts = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
    return b"".join(parts)
