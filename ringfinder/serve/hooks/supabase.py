"""Supabase Auth: the before-user-created hook.

https://supabase.com/docs/guides/auth/auth-hooks/before-user-created-hook

Supabase reads our answer only where its status is 200, also a refusal; any other status fails
the registration with an error of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringfinder.model import Decision
from ringfinder.serve.hooks.payloads import name, part, row, text
from ringfinder.serve.hooks.record import Told

REFUSED = 403


def to_signup(payload: Mapping[str, Any], *, now: str) -> dict[str, Any]:
    """Return the row of a user that is about to be created.

    Supabase makes the user with this id as soon as we agree: it is the account's.
    """
    metadata, user = part(payload, "metadata"), part(payload, "user")
    phone = text(user.get("phone"))
    return row(
        event_id=name(metadata.get("uuid")),
        account_id=name(user.get("id")),
        created_at=text(metadata.get("time")) or now,
        email=text(user.get("email")),
        phone=f"+{phone}" if phone and phone.isdecimal() else phone,  # kept without its plus
        ip=text(metadata.get("ip_address")),
    )


def to_answer(told: Told | None) -> dict[str, Any]:
    """Return what Supabase expects: nothing, or an error that refuses the registration.

    The hook knows no challenge: who is to be challenged is let in, and the application asks
    `GET /v1/accounts/{id}` before it grants anything.
    """
    if told is None or told.decision is not Decision.DENY:
        return {}
    return {"error": {"http_code": REFUSED, "message": told.public_reason}}
