"""Auth0: what the Actions in `fixtures/examples/auth0` send before and after a registration.

https://auth0.com/docs/customize/actions/explore-triggers/pre-user-registration

Auth0 calls no endpoint: an Action, which is the tenant's own code, sends us parts of its
`event` and does what we answer. Before the registration there is no user id, so the attempt
has the name that the Action gave it; afterwards a second Action says which user it became.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringfinder.serve.hooks.payloads import name, part, row, text
from ringfinder.serve.hooks.record import Told


def to_signup(payload: Mapping[str, Any], *, now: str) -> dict[str, Any]:
    """Return the row of a registration that is about to happen."""
    event = part(payload, "event")
    user, request, seen = (
        part(event, "user"),
        part(event, "request"),
        part(event, "security_context"),
    )
    verified = user.get("email_verified")
    return row(
        event_id=name(payload.get("event_id")),
        attempt_id=name(payload.get("event_id")),
        created_at=now,
        email=text(user.get("email")),
        email_verified=verified if isinstance(verified, bool) else None,
        phone=text(user.get("phone_number")),
        ip=text(request.get("ip")),
        user_agent=text(request.get("user_agent")),
        country=text(part(request, "geoip").get("countryCode")),
        tls_fingerprint=text(seen.get("ja4")) or text(seen.get("ja3")),
    )


def to_outcome(payload: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Return the event_id of a registration that has happened, and its outcome."""
    user = part(payload, "event", "user")
    return name(payload.get("event_id")), row(
        outcome="completed", account_id=name(user.get("user_id"))
    )


def to_answer(told: Told) -> dict[str, Any]:
    """Return what the Action acts on."""
    return {
        "event_id": told.event_id, "decision": told.decision, "message": told.public_reason,
    }  # fmt: skip
