"""Who sent a hook: signatures over the body, checked before anything is read into it."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence

from standardwebhooks.webhooks import Webhook

from ringfinder.serve.errors import Unauthorised

TOLERANCE_S = 300
"""Replay window: how far a signature's time may be from ours, either way."""

_ONE_SIGNATURE = re.compile(r"v1,[A-Za-z0-9+/]+={0,2}")
_STRIPE_TIME = re.compile(r"[0-9]{1,12}")
_REFUSED = "The body is not signed with a secret of this hook, or too long ago."

Verify = Callable[[Sequence[str], Mapping[str, str], bytes], None]
"""Takes the hook's secrets, the headers (names in lower case) and the body; raises
`Unauthorised` unless one of the secrets signed the body within the replay window."""


def verify_standard(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> None:
    """Check a signature of the Standard Webhooks specification: see `Verify`.

    Senders that rotate their secret list several signatures, parted by spaces, or by a comma
    and a space (Supabase); what is no signature is left out.
    """
    signatures = _ONE_SIGNATURE.findall(headers.get("webhook-signature", ""))
    given = {
        "webhook-id": headers.get("webhook-id", ""),
        "webhook-timestamp": headers.get("webhook-timestamp", ""),
        "webhook-signature": " ".join(signatures[:16]),
    }
    # Every secret is tried, so that the time it takes does not tell which one fitted.
    fits = [_signed(Webhook(secret), given, body) for secret in secrets]
    if not any(fits):
        raise Unauthorised(_REFUSED)


def _signed(webhook: Webhook, headers: dict[str, str], body: bytes) -> bool:
    try:
        webhook.verify(body, headers, json_parse=False)
    except Exception:  # the library raises all kinds on what is no header of the specification
        return False
    return True


def verify_stripe(
    secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now_s: float
) -> None:
    """Check a ``Stripe-Signature``: ``t=TIME,v1=HEX[,v1=HEX...]``; see `Verify`."""
    parts = [part.partition("=") for part in headers.get("stripe-signature", "").split(",")]
    times = [value for name, _, value in parts if name.strip() == "t"]
    given = [value for name, _, value in parts if name.strip() == "v1"][:16]
    if len(times) != 1 or not _STRIPE_TIME.fullmatch(times[0]):
        raise Unauthorised(_REFUSED)
    expected = [
        hmac.new(secret.encode(), times[0].encode() + b"." + body, hashlib.sha256).hexdigest()
        for secret in secrets
    ]
    # Every pair is compared, so that the time it takes does not tell which secret came near.
    fits = [
        hmac.compare_digest(one.encode(), other.encode()) for one in given for other in expected
    ]
    if not any(fits) or abs(now_s - int(times[0])) > TOLERANCE_S:
        raise Unauthorised(_REFUSED)
