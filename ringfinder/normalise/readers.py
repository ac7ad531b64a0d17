"""Which kinds of values each input field gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.graph.telemetry import RawSightings
from ringfinder.model import BoolArray, IntArray
from ringfinder.normalise import text
from ringfinder.normalise.domains import DomainLists
from ringfinder.normalise.email import Emails, read_emails
from ringfinder.normalise.lists import NetworkLists
from ringfinder.normalise.network import canonical_asn, network_classes, read_addresses
from ringfinder.normalise.payment import canonical_card_bin, canonical_payment_fingerprint
from ringfinder.normalise.phone import (
    canonical_phone,
    is_international,
    phone_blocks,
    phone_prefixes,
)
from ringfinder.normalise.prompt import BANDS, are_bands, distinct_bands
from ringfinder.normalise.windows import day_windows


@dataclass(frozen=True)
class Context:
    """What reading a field may depend on besides the values.

    Attributes
    ----------
    country
        String array (N,): canonical country of each account, null where unknown.
    networks, default_region, domains
        As in `normalise.normalise`.
    """

    country: pa.StringArray
    networks: NetworkLists | None = None
    default_region: str | None = None
    domains: DomainLists | None = None


@dataclass(frozen=True)
class Column:
    """Sightings of one kind, before merging.

    Attributes
    ----------
    kind
        Name of the attribute kind.
    values
        String array (D,): distinct canonical values.
    code
        int64 (E,): row of `values`, -1 where the raw value says nothing.
    account, count
        int32 (E,).
    first_ms, last_ms
        int64 (E,).
    """

    kind: str
    values: pa.StringArray
    code: IntArray
    account: IntArray
    first_ms: IntArray
    last_ms: IntArray
    count: IntArray

    @classmethod
    def joined(cls, columns: list[Column]) -> Column:
        """Return one column of several of one kind; equal values become one."""
        sizes = np.cumsum([0] + [len(column.values) for column in columns])
        codes, values = text.codes_of(pa.concat_arrays([c.values for c in columns]))
        moved = [
            np.where(c.code >= 0, codes[np.maximum(c.code, 0) + s] if len(codes) else -1, -1)
            for c, s in zip(columns, sizes, strict=False)
        ]
        return cls(
            columns[0].kind,
            values,
            np.concatenate(moved),
            *(
                np.concatenate([getattr(column, name) for column in columns])
                for name in ("account", "first_ms", "last_ms", "count")
            ),
        )


@dataclass(frozen=True)
class FieldRead:
    """What one field gave: columns by kind, and details that traits are made of.

    Attributes
    ----------
    sightings
        The raw values.
    said
        Bool (V,): raw values that say something.
    columns
        The canonical values, by kind.
    emails
        Of mail addresses, value by value.
    network_class
        Of addresses, int8 (V,).
    needs_country
        Of phone numbers, bool (E,): sightings that could be read in no country, for none is
        known.
    """

    sightings: RawSightings
    said: BoolArray
    columns: list[Column]
    emails: Emails | None = None
    network_class: IntArray | None = None
    needs_country: BoolArray | None = None


def read_field(sightings: RawSightings, context: Context) -> FieldRead:
    """Return the canonical values of one input field, per kind.

    Unknown fields give nothing: the schema decides what is an attribute.
    """
    simple = _SIMPLE.get(sightings.field)
    if simple is not None:
        kind, canonical = simple
        values = canonical(sightings.values)
        return FieldRead(sightings, _told(values), [_column(kind, sightings, values)])
    special = _SPECIAL.get(sightings.field)
    if special is None:
        return FieldRead(sightings, np.ones(len(sightings.values), dtype=bool), [])
    return special(sightings, context)


def _told(*canonical: pa.StringArray) -> BoolArray:
    """Return for which raw values any of their canonical values is known."""
    known = [values.is_valid().to_numpy(zero_copy_only=False) for values in canonical]
    told: BoolArray = np.logical_or.reduce(known)
    return told


def _column(kind: str, seen: RawSightings, canonical: pa.StringArray) -> Column:
    """Return the column of a kind with one canonical value per raw value."""
    if canonical is seen.values and not canonical.null_count:
        # Nothing to fold: the raw values are distinct already.
        code, values = seen.value, canonical
    else:
        codes, values = text.codes_of(canonical)
        code = codes[seen.value]
    return Column(kind, values, code, seen.account, seen.first_ms, seen.last_ms, seen.count)


def _read_ip(seen: RawSightings, context: Context) -> FieldRead:
    found = read_addresses(seen.values)
    texts = {
        "ip": found.prefixes(32, 64),
        "ip_network": found.prefixes(24, 48),
        "ip_block": found.prefixes(16, 32),
    }
    if context.networks is not None:
        texts["asn"] = canonical_asn(found, context.networks)
    columns = [_column(kind, seen, values) for kind, values in texts.items()]
    classes = network_classes(found, context.networks)
    return FieldRead(seen, _told(texts["ip"]), columns, network_class=classes)


def _read_email(seen: RawSightings, context: Context) -> FieldRead:
    found = read_emails(seen.values, context.domains)
    texts = {
        "mailbox": found.mailbox,
        "email_domain": found.domain,
        "mail_provider": found.provider,
        "email_pattern": found.pattern,
    }
    columns = [_column(kind, seen, values) for kind, values in texts.items()]
    return FieldRead(seen, _told(*texts.values()), columns, emails=found)


def _read_phone(seen: RawSightings, context: Context) -> FieldRead:
    """Read numbers by the country of each account that gave them."""
    home, regions = text.codes_of(context.country)
    width = len(regions) + 1
    pairs, inverse = np.unique(
        seen.value.astype(np.int64) * width + home[seen.account] + 1, return_inverse=True
    )
    raw = seen.values.take(pa.array(pairs // width))
    region = pairs % width - 1
    where = regions.take(pa.array(region, mask=region < 0))
    if context.default_region is not None:
        where = pc.fill_null(where, context.default_region)
    needs_country = text.flags(pc.is_null(where)) & ~is_international(raw)
    phones = canonical_phone(raw, where)
    by_pair = RawSightings(
        seen.field, raw, seen.account, inverse, seen.first_ms, seen.last_ms, seen.count
    )
    texts = {
        "phone": phones,
        "phone_block": phone_blocks(phones),
        "phone_prefix": phone_prefixes(phones),
    }
    said = np.zeros(len(seen.values), dtype=bool)
    said[pairs[_told(phones)] // width] = True
    columns = [_column(kind, by_pair, values) for kind, values in texts.items()]
    return FieldRead(seen, said, columns, needs_country=needs_country[inverse])


def _read_prompt(seen: RawSightings, context: Context) -> FieldRead:
    """Read texts, or the bands that were made of them on entry."""
    del context
    if are_bands(seen.values):
        every = np.ones(len(seen.values), dtype=bool)
        return FieldRead(seen, every, [_column("prompt_band", seen, seen.values)])
    code, texts = distinct_bands(seen.values)
    band, bands = text.codes_of(texts)
    told = np.flatnonzero(code[seen.value] >= 0)
    edge = np.repeat(told, BANDS)
    row = (code[seen.value[told], None] * BANDS + np.arange(BANDS)).ravel()
    column = Column(
        "prompt_band", bands, band[row], seen.account[edge], seen.first_ms[edge],
        seen.last_ms[edge], seen.count[edge],
    )  # fmt: skip
    return FieldRead(seen, code >= 0, [column])


def _read_model(seen: RawSightings, context: Context) -> FieldRead:
    """Read the day on which each account first used each model."""
    del context
    code, names = text.codes_of(text.canonical_model(seen.values))
    model = code[seen.value]
    known = np.flatnonzero(model >= 0)
    width = len(names) + 1
    pair, at = np.unique(
        seen.account[known].astype(np.int64) * width + model[known], return_inverse=True
    )
    first = np.full(len(pair), np.iinfo(np.int64).max)
    last = np.full(len(pair), np.iinfo(np.int64).min)
    count = np.zeros(len(pair), dtype=np.int64)
    np.minimum.at(first, at, seen.first_ms[known])
    np.maximum.at(last, at, seen.last_ms[known])
    np.add.at(count, at, seen.count[known])
    day, days = day_windows(first)
    adopted, row = np.unique(pair % width * (len(days) + 1) + day, return_inverse=True)
    values = pc.binary_join_element_wise(
        names.take(pa.array(adopted // (len(days) + 1))),
        days.take(pa.array(adopted % (len(days) + 1))),
        "@",
    )
    account = (pair // width).astype(np.int32)
    column = Column("model_adoption", values, row, account, first, last, count)
    return FieldRead(seen, code >= 0, [column])


_SIMPLE: dict[str, tuple[str, Callable[[pa.StringArray], pa.StringArray]]] = {
    "payment_fingerprint": ("payment_fingerprint", canonical_payment_fingerprint),
    "card_bin": ("card_bin", canonical_card_bin),
    "organisation_id": ("organisation", text.canonical_identifier),
    "device_id": ("device", text.canonical_device),
    "tls_fingerprint": ("tls_fingerprint", text.canonical_tls_fingerprint),
    "user_agent": ("user_agent", text.canonical_user_agent),
    "prompt_fingerprint": ("prompt_fingerprint", text.canonical_identifier),
    "referrer": ("referrer", text.canonical_referrer),
}
_SPECIAL: dict[str, Callable[[RawSightings, Context], FieldRead]] = {
    "ip": _read_ip,
    "email": _read_email,
    "phone": _read_phone,
    "prompt": _read_prompt,
    "model": _read_model,
}
