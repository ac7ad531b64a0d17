"""What reading an account's values told about it, besides the values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringfinder.graph.telemetry import RawSightings, Telemetry
from ringfinder.model import IntArray
from ringfinder.normalise.domains import DomainClass, DomainLists
from ringfinder.normalise.email import read_emails
from ringfinder.normalise.lists import NetworkClass
from ringfinder.normalise.readers import FieldRead
from ringfinder.normalise.text import codes_of


@dataclass(frozen=True)
class AccountTraits:
    """Per-account facts for judging rings; all of them survive without the clear values.

    Attributes
    ----------
    email_class
        int8 (N,): `DomainClass` of the first address seen, -1 without one.
    email_digits
        int16 (N,): digits in its local part, -1 without one.
    mailbox_addresses
        int32 (N,): distinct addresses, by any account, that reach the mailbox of the
        first address (tags, dots); 0 without one.
    email_variant
        int8 (N,): 1 where its local part is not the mailbox's own (a tag, ignored dots), else 0.
    network_class
        int8 (N,): `NetworkClass` of the first address seen, -1 without one or without lists.
    networks_seen
        uint8 (N,): bit c is set where the account was seen from class c.
    """

    email_class: IntArray
    email_digits: IntArray
    mailbox_addresses: IntArray
    email_variant: IntArray
    network_class: IntArray
    networks_seen: IntArray


def to_traits(telemetry: Telemetry, read: dict[str, FieldRead]) -> AccountTraits:
    """Return traits from what `readers.read_field` gave for each field."""
    accounts = len(telemetry.account_ids)
    email, address = read.get("email"), read.get("ip")
    return AccountTraits(**_email_traits(accounts, email), **_network_traits(accounts, address))


def email_classes(telemetry: Telemetry, domains: DomainLists | None = None) -> IntArray:
    """Return the `DomainClass` of each account's first address, int8 (N,), -1 without one.

    For callers that need nothing else; `assemble.normalise_with_traits` gives it for free.
    """
    accounts = len(telemetry.account_ids)
    seen = telemetry.sightings.get("email")
    if seen is None:
        return np.full(accounts, DomainClass.UNKNOWN, dtype=np.int8)
    classes = read_emails(seen.values, domains).classes
    return np.append(classes, np.int8(DomainClass.UNKNOWN))[first_values(seen, accounts)]


def first_values(seen: RawSightings, accounts: int) -> IntArray:
    """Return each account's first value, int64 (N,), -1 without any.

    Of values first seen at the same time, the first in sorted order.
    """
    first = np.full(accounts, -1, dtype=np.int64)
    if (np.diff(seen.account) > 0).all():  # one value each, and nothing to choose
        first[seen.account] = seen.value
        return first
    order = np.lexsort((seen.value, seen.first_ms, seen.account))
    holder = seen.account[order]
    leads = np.flatnonzero(np.diff(holder, prepend=-1))
    first[holder[leads]] = seen.value[order][leads]
    return first


def _email_traits(accounts: int, read: FieldRead | None) -> dict[str, IntArray]:
    if read is None or read.emails is None:
        return {
            "email_class": np.full(accounts, DomainClass.UNKNOWN, dtype=np.int8),
            "email_digits": np.full(accounts, -1, dtype=np.int16),
            "mailbox_addresses": np.zeros(accounts, dtype=np.int32),
            "email_variant": np.zeros(accounts, dtype=np.int8),
        }
    emails = read.emails
    box, boxes = codes_of(emails.mailbox)
    address, _ = codes_of(emails.address)
    _, leads = np.unique(address, return_index=True)  # each address once: it has one mailbox
    leads = leads[address[leads] >= 0]
    per_box = np.bincount(box[leads], minlength=len(boxes) + 1)
    first = first_values(read.sightings, accounts)
    return {
        "email_class": np.append(emails.classes, np.int8(-1))[first],
        "email_digits": np.append(emails.digits, np.int16(-1))[first],
        "mailbox_addresses": np.append(np.where(box >= 0, per_box[box], 0), 0)[first].astype(
            np.int32
        ),
        "email_variant": np.append(emails.variant, False)[first].astype(np.int8),
    }


def _network_traits(accounts: int, read: FieldRead | None) -> dict[str, IntArray]:
    seen = np.zeros(accounts, dtype=np.uint8)
    if read is None or read.network_class is None:
        unknown = np.full(accounts, NetworkClass.UNKNOWN, dtype=np.int8)
        return {"network_class": unknown, "networks_seen": seen}
    classes = read.network_class
    first = first_values(read.sightings, accounts)
    held = classes[read.sightings.value]
    for code in NetworkClass:
        if code >= 0:
            seen[read.sightings.account[held == code]] |= np.uint8(1 << code)
    return {"network_class": np.append(classes, np.int8(-1))[first], "networks_seen": seen}
