"""Stripe: whose card is it? Customers, payment methods and charges.

https://docs.stripe.com/webhooks · https://docs.stripe.com/api/events/types

Stripe tells of cards by customer. Which account a customer is, is told by `account_id` in the
metadata of the object or of the customer, or by `client_reference_id` of a Checkout session;
a customer that nobody named counts as an account of that name. Events come in any order: what
came before its customer was named stays with the customer's own name.

Only what the merchant's server wrote is read. Whoever pays could name somebody else's account,
and have their card tied to it: in a payment method's metadata, which Stripe.js takes from the
browser, and in the address of a Payment Link, from which `client_reference_id` comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringfinder.serve.hooks.payloads import name, part, row, text

ACCOUNT = "account_id"
"""The metadata key that names the account."""
MOST_SECONDS = 1 << 53
"""No time is so late, and a larger whole number may be none that a float can hold."""


@dataclass(frozen=True, slots=True)
class Link:
    """A customer of Stripe's, and the account it is; None: it was deleted.

    Attributes
    ----------
    event_id, at_s
        The event that says so, and its time in seconds since 1970.
    """

    customer: str
    account_id: str | None
    event_id: str
    at_s: int


def to_link(event: Mapping[str, Any]) -> Link | None:
    """Return what an event says about whose customer it is; None where it says nothing."""
    what, about = str(event.get("type")), part(event, "data", "object")
    if what == "checkout.session.completed":
        customer = name(about.get("customer"))
        said = None if about.get("payment_link") else about.get("client_reference_id")
        account = name(said) or _named(about)
    elif what in {"customer.created", "customer.updated", "customer.deleted"}:
        customer, account = name(about.get("id")), _named(about)
    else:
        return None
    gone, event_id = what == "customer.deleted", name(event.get("id"))
    if not customer or not event_id or not (account or gone):
        return None
    at_s = int(_time(event.get("created")) or 0)
    return Link(customer, None if gone else account, event_id, at_s)


def to_payment(event: Mapping[str, Any], *, known: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the row of an event that shows a card; None where it shows none.

    Parameters
    ----------
    event
        The event.
    known
        Customer -> account.
    """
    what, about = str(event.get("type")), part(event, "data", "object")
    card = _card(what, about)
    customer = customer_of(event)
    named = None if what.startswith("payment_method.") else _named(about)
    account = named or (known.get(customer, customer) if customer else None)
    fingerprint = text(card.get("fingerprint"))
    if not fingerprint or not account:
        return None
    return row(
        event_id=name(event.get("id")),
        account_id=account,
        occurred_at=_time(event.get("created")),
        payment_fingerprint=fingerprint,
        card_bin=text(card.get("iin")),
    )


def customer_of(event: Mapping[str, Any]) -> str | None:
    """Return the customer an event is about."""
    customer = part(event, "data", "object").get("customer")
    return name(customer.get("id") if isinstance(customer, dict) else customer)


def _card(what: str, about: Mapping[str, Any]) -> Mapping[str, Any]:
    if what.startswith("payment_method."):
        return part(about, "card")
    if what.startswith("charge."):
        return part(about, "payment_method_details", "card")
    if what.startswith("customer.source.") and about.get("object") == "card":
        return about
    return {}


def _named(about: Mapping[str, Any]) -> str | None:
    return name(part(about, "metadata").get(ACCOUNT))


def _time(created: Any) -> float | None:
    if not isinstance(created, int) or isinstance(created, bool):
        return None
    return float(created) if 0 <= created < MOST_SECONDS else None
