"""The hooks' endpoints: check the signature, read, record, answer in the sender's shape."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError

from ringfinder.errors import NotFound
from ringfinder.serve.access import SIGNED, GuardedRoute, needs
from ringfinder.serve.errors import Unprocessable
from ringfinder.serve.hooks import auth0, stripe, supabase, webhook
from ringfinder.serve.hooks.payloads import read_json
from ringfinder.serve.hooks.record import accept_signup, fitted, record
from ringfinder.serve.hooks.signatures import Verify, verify_standard, verify_stripe
from ringfinder.serve.lean import TheService
from ringfinder.serve.outcomes import record_outcome
from ringfinder.serve.rows import Outcome, Payment, Signup
from ringfinder.serve.service import Service

router = APIRouter(route_class=GuardedRoute, tags=["hooks"])
log = logging.getLogger("ringfinder.serve")


@router.post("/v1/hooks/supabase")
@needs(SIGNED)
async def supabase_hook(request: Request, service: TheService) -> dict[str, Any]:
    """Decide on a Supabase user before it is created (`before-user-created`)."""
    payload = await _signed(request, service, "supabase", verify_standard)
    try:
        row = fitted(Signup, supabase.to_signup(payload, now=_now()))
    except ValidationError:  # not what is documented: no reason to lock everybody out
        log.warning("hook not understood", extra={"hook": "supabase"})
        return supabase.to_answer(None)
    return supabase.to_answer(await accept_signup(service, "supabase", row))


@router.post("/v1/hooks/auth0")
@needs(SIGNED)
async def auth0_hook(request: Request, service: TheService) -> dict[str, Any]:
    """Decide on an Auth0 registration, or learn which user it became."""
    payload = await _signed(request, service, "auth0", verify_standard)
    if payload.get("trigger") == "post-user-registration":
        event_id, fields = auth0.to_outcome(payload)
        if event_id is None:
            raise Unprocessable("event_id is missing: send that of the registration.")
        await record_outcome(service, event_id, Outcome.model_validate(fields))
        return {"event_id": event_id, "accepted": True}
    row = fitted(Signup, auth0.to_signup(payload, now=_now()))
    return auth0.to_answer(await accept_signup(service, "auth0", row))


@router.post("/v1/hooks/stripe")
@needs(SIGNED)
async def stripe_hook(request: Request, service: TheService) -> dict[str, Any]:
    """Learn from Stripe which card an account uses; events that tell of none are taken as read."""
    event = await _signed(request, service, "stripe", partial(verify_stripe, now_s=time.time()))
    link = stripe.to_link(event)
    if link is not None:
        put = partial(service.customers.put, event_id=link.event_id, at_s=link.at_s)
        await asyncio.to_thread(put, link.customer, link.account_id)
    customer, known = stripe.customer_of(event), {}
    if customer is not None:
        account = await asyncio.to_thread(service.customers.find, customer)
        known = {} if account is None else {customer: account}
    fields = stripe.to_payment(event, known=known)
    if fields is not None:
        await record(service, "stripe", fitted(Payment, fields))
    return {"received": True}


@router.post("/v1/hooks/webhook")
@needs(SIGNED)
async def generic_hook(request: Request, service: TheService) -> dict[str, Any]:
    """Take a message of any service that signs by the Standard Webhooks specification."""
    payload = await _signed(request, service, "webhook", verify_standard)
    event_id, row = webhook.to_row(payload, webhook_id=request.headers["webhook-id"])
    if isinstance(row, Signup):
        told = await accept_signup(service, "webhook", row, is_sent_again=True)
        return {
            "event_id": event_id, "decision": told.decision, "public_reason": told.public_reason,
        }  # fmt: skip
    if isinstance(row, Outcome):
        await record_outcome(service, event_id, row)
    else:
        await record(service, "webhook", row)  # type: ignore[arg-type]  # what is left of TYPES
    return {"event_id": event_id, "accepted": True}


async def _signed(
    request: Request, service: Service, hook: str, verify: Verify
) -> Mapping[str, Any]:
    """Return a body whose signature was checked; nobody else's is parsed."""
    secrets = service.hook_secrets.get(hook)
    if not secrets:
        raise NotFound(
            f"This hook is not set up: give it a secret in RINGFINDER_HOOK_{hook.upper()}_SECRET."
        )
    body = await request.body()
    verify(secrets, request.headers, body)
    return read_json(body)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
