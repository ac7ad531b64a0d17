"""The generic hook: any service that signs by the Standard Webhooks specification.

https://www.standardwebhooks.com · body: ``{"type": ..., "timestamp": ..., "data": {...}}``,
data being the row of the input tables that the type names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringfinder.serve.errors import Unprocessable
from ringfinder.serve.hooks.payloads import name, part
from ringfinder.serve.rows import Login, Outcome, Payment, Row, Signup, Usage

TYPES: dict[str, type[Row]] = {
    "signup": Signup,
    "signup.outcome": Outcome,
    "usage": Usage,
    "payment": Payment,
    "login": Login,
}


def to_row(payload: Mapping[str, Any], *, webhook_id: str) -> tuple[str, Row]:
    """Return the event_id and the row of a message.

    `event_id` is the message's own id and the time its own, where the row names none; an
    outcome names the event_id of its sign-up.

    Raises
    ------
    Unprocessable
        If there is no such type, or an outcome names no sign-up.
    ValidationError
        If the row is unusable.
    """
    kind = payload.get("type")
    model = TYPES.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise Unprocessable(f"type is one of {', '.join(TYPES)}.")
    data = dict(part(payload, "data"))
    if model is Outcome:
        event_id = name(data.pop("event_id", None))
        if event_id is None:
            raise Unprocessable("An outcome names the event_id of its sign-up.")
    else:
        event_id = data.setdefault("event_id", webhook_id)
    if "timestamp" in payload:
        data.setdefault("created_at" if model is Signup else "occurred_at", payload["timestamp"])
    row = model.model_validate(data)
    return str(event_id), row
