"""What providers send, in the shapes that they document, and how they sign it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

STANDARD = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
STRIPE = "whsec_test_5f2c9a7d1e8b4c60a3f7"


def supabase(user="5b0c6f3e-0000-4000-8000-000000000001", uuid="8b34dcdd-0000", **more):
    return {
        "metadata": {
            "uuid": uuid, "time": "2026-03-01T13:13:24.755552-07:00",
            "name": "before-user-created", "ip_address": "192.0.2.44",
        },
        "user": {
            "id": user, "aud": "authenticated", "role": "", "email": "ada.canary@example.org",
            "phone": "", "app_metadata": {"provider": "email", "providers": ["email"]},
            "user_metadata": {}, "identities": [], "created_at": "0001-01-01T00:00:00Z",
            "updated_at": "0001-01-01T00:00:00Z", "is_anonymous": False,
        } | more,
    }  # fmt: skip


def auth0(event_id="3f1e-1", **user):
    return {
        "trigger": "pre-user-registration",
        "event_id": event_id,
        "event": {
            "user": {"email": "grace@example.org", "email_verified": False} | user,
            "request": {
                "ip": "198.51.100.7", "user_agent": "Mozilla/5.0",
                "geoip": {"countryCode": "DE"},
            },
            "security_context": {"ja3": "e7d705a3286e19ea42f587b344ee6865", "ja4": "t13d1516h2"},
        },
    }  # fmt: skip


def stripe(kind, about, event_id="evt_1PqA"):
    return {
        "id": event_id, "object": "event", "api_version": "2024-06-20", "created": 1772360000,
        "data": {"object": about}, "livemode": True, "pending_webhooks": 1,
        "request": {"id": "req_1", "idempotency_key": None}, "type": kind,
    }  # fmt: skip


def customer(name="cus_Q1", **metadata):
    return {
        "id": name, "object": "customer", "created": 1772360000, "email": "ada@example.org",
        "metadata": metadata, "name": None, "phone": None,
    }  # fmt: skip


def payment_method(owner="cus_Q1", fingerprint="Xt5EWLLDS7FJjR1c", **metadata):
    return {
        "id": "pm_1Q", "object": "payment_method", "customer": owner, "type": "card",
        "card": {
            "brand": "visa", "country": "US", "exp_month": 8, "exp_year": 2030,
            "fingerprint": fingerprint, "funding": "credit", "last4": "4242",
        },
        "metadata": metadata,
    }  # fmt: skip


def charge(owner="cus_Q1", fingerprint="Xt5EWLLDS7FJjR1c", **metadata):
    return {
        "id": "ch_3S", "object": "charge", "amount": 2000, "customer": owner, "paid": True,
        "payment_method_details": {
            "card": {"brand": "visa", "fingerprint": fingerprint, "last4": "4242"},
            "type": "card",
        },
        "metadata": metadata,
    }  # fmt: skip


def standard_headers(body, secret=STANDARD, *, message="msg_1", now=None, joiner=" ", extra=()):
    """Sign by the Standard Webhooks specification."""
    stamp = str(int(time.time() if now is None else now))
    signatures = [_standard(one, message, stamp, body) for one in (*extra, secret)]
    return {
        "webhook-id": message, "webhook-timestamp": stamp,
        "webhook-signature": joiner.join(signatures), "content-type": "application/json",
    }  # fmt: skip


def _standard(secret, message, stamp, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{message}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(mac).decode()


def stripe_headers(body, secret=STRIPE, *, now=None):
    """Sign as Stripe does."""
    stamp = str(int(time.time() if now is None else now))
    mac = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={stamp},v1={mac},v0=6ffbb59b2300aae63f27"}


def encoded(payload):
    return json.dumps(payload).encode()
