"""Codes to tables: the columns that an audit reads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.graph.columns import NEVER
from ringfinder.model import BoolArray, IntArray
from ringfinder.simulate.block import Block
from ringfinder.simulate.chance import salt_of, scramble, stream
from ringfinder.simulate.clients import STACKS_OF_BROWSER
from ringfinder.simulate.countries import MODELS, PLANS, REFERRERS
from ringfinder.simulate.ground import Ground
from ringfinder.simulate.spec import ALL_STYLES, COHORTS, NETWORK_CLASSES, WorldSpec
from ringfinder.simulate.text import (
    addresses,
    alphanumeric,
    hexadecimal,
    join,
    numbers,
    pick,
    uuids,
)  # fmt: skip
from ringfinder.simulate.typing_habits import as_typed_email, as_typed_phone
from ringfinder.simulate.usage import Rows, Visits, host_bits
from ringfinder.simulate.write_mail import local_parts

_TLS_HEADS = tuple(
    f"{head}_" for head in (
        "t13d1516h2", "t13d1517h2", "t13d1715h2", "t13d2014h2", "t13d3112h2", "t12d1209h1",
    )
)  # fmt: skip
_TIME = pa.timestamp("ms", tz="UTC")


class Writer:
    """Turns codes of one world into strings; equal codes give equal strings."""

    def __init__(self, ground: Ground) -> None:
        self.spec: WorldSpec = ground.spec
        self.ground = ground

    def bits(self, codes: IntArray, name: str) -> np.ndarray:
        """Return 64 random-looking bits per code."""
        return scramble(codes, salt_of(self.spec.seed, name))

    def accounts(self, codes: IntArray) -> pa.StringArray:
        """Account ids: opaque, in no order."""
        tail = hexadecimal(self.bits(codes, "account+"), 6)
        return join("acc_", alphanumeric(self.bits(codes, "account"), 10), tail)

    def ips(self, codes: IntArray) -> pa.DictionaryArray:
        """Addresses; null where the code is -1."""
        return coded(
            codes, lambda distinct: addresses(distinct, host_bits(distinct, self.spec.seed))
        )

    def devices(self, codes: IntArray) -> pa.DictionaryArray:
        """Device identifiers."""
        return coded(codes, lambda d: uuids(self.bits(d, "device"), self.bits(d, "device+")))

    def cards(self, codes: IntArray) -> pa.DictionaryArray:
        """Card fingerprints."""

        def text(distinct: IntArray) -> pa.StringArray:
            a, b = self.bits(distinct, "card"), self.bits(distinct, "card+")
            return join(alphanumeric(a, 9), alphanumeric(b, 7))

        return coded(codes, text)

    def bins(self, codes: IntArray) -> pa.DictionaryArray:
        """The first six digits of the cards."""
        bins = np.where(codes >= 0, self.ground.mint.bins[codes], -1)
        return coded(bins, lambda distinct: numbers(distinct, 6))

    def prompts(self, codes: IntArray) -> pa.DictionaryArray:
        """Prompt fingerprints."""
        return coded(codes, lambda distinct: hexadecimal(self.bits(distinct, "prompt")))

    def tls(self, codes: IntArray) -> pa.DictionaryArray:
        """TLS fingerprints, in the shape of JA4."""

        def text(distinct: IntArray) -> pa.StringArray:
            a, b = self.bits(distinct, "tls"), self.bits(distinct, "tls+")
            head = pick(_TLS_HEADS, (distinct // STACKS_OF_BROWSER) % len(_TLS_HEADS))
            return join(head, hexadecimal(a, 12), "_", hexadecimal(b, 12))

        return coded(codes, text)


def coded(codes: IntArray, text: Callable[[IntArray], pa.StringArray]) -> pa.DictionaryArray:
    """Turn codes into a dictionary column, null where negative."""
    encoded = pc.dictionary_encode(pa.array(codes, mask=codes < 0))
    return pa.DictionaryArray.from_arrays(encoded.indices, text(encoded.dictionary.to_numpy()))


def table_codes(table: tuple[str, ...], codes: IntArray) -> pa.DictionaryArray:
    """Turn indices of a fixed table into a dictionary column; null where negative or empty."""
    blank = np.isin(codes, [i for i, text in enumerate(table) if not text]) | (codes < 0)
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=blank), list(table))


def emails(ground: Ground, block: Block) -> pa.StringArray:
    """Return the addresses before anybody mistypes them; no two are equal."""
    names, known = ground.mint.domain_names()
    lost = block.domain < -known
    domain = names.take(pa.array(block.domain + known, mask=lost))
    local = local_parts(block, ground.spec.seed, [r.country.sounds for r in ground.regions])
    text = join(local, "@", domain)
    for attempt in range(6):
        codes = pc.dictionary_encode(text.fill_null("")).indices.to_numpy()
        order = np.argsort(codes, kind="stable")
        repeated = np.zeros(len(codes), bool)
        repeated[order[1:]] = codes[order[1:]] == codes[order[:-1]]
        repeated &= ~lost
        if not repeated.any():
            break
        extra = numbers(stream(ground.spec.seed, "again", attempt).integers(1, 9999, len(codes)))
        local = pc.if_else(pa.array(repeated), join(local, extra), local)
        text = join(local, "@", domain)
    return text


def signups(ground: Ground, block: Block, ids: pa.StringArray) -> pa.Table:
    """Return the sign-ups, in order of time."""
    spec, writer, rng = ground.spec, Writer(ground), stream(ground.spec.seed, "typed")
    country = tuple(region.country.code for region in ground.regions)
    closed = pa.array(block.closed, mask=block.closed == NEVER)
    card = block.cards.first()
    columns: dict[str, pa.Array] = {
        "account_id": ids,
        "created_at": pa.array(block.created).cast(_TIME),
        "email": as_typed_email(emails(ground, block), rng),
        "email_verified": pa.array(block.verified),
        "ip": writer.ips(block.ips.first()),
        "device_id": writer.devices(block.devices.first()),
        "payment_fingerprint": writer.cards(card),
        "card_bin": writer.bins(card),
        "phone": as_typed_phone(block.phone, block.region, ground.regions, rng),
        "user_agent": table_codes(tuple(ground.clients.user_agents), block.agent),
        "tls_fingerprint": writer.tls(block.tls),
        "country": table_codes(country, block.region),
        "plan": table_codes(PLANS, block.plan),
        "referrer": table_codes(REFERRERS, block.referrer),
        "closed_at": closed.cast(_TIME),
    }
    if not spec.country_given:
        del columns["country"]
    table = pa.table(columns)
    return table.take(pa.array(np.argsort(block.created, kind="stable")))


def usage_table(ground: Ground, rows: Rows, ids: pa.StringArray) -> pa.Table:
    """Return the usage rows as a table."""
    writer = Writer(ground)
    return pa.table({
        "account_id": ids_of(ids, rows.account),
        "occurred_at": pa.array(rows.occurred).cast(_TIME),
        "ip": writer.ips(rows.ip),
        "device_id": writer.devices(rows.device),
        "model": table_codes(MODELS, rows.model),
        "input_tokens": pa.array(rows.input_tokens),
        "output_tokens": pa.array(rows.output_tokens),
        "prompt_fingerprint": writer.prompts(rows.prompt),
        "exchanges": pa.array(rows.exchanges),
    })  # fmt: skip


def payments_table(ground: Ground, visits: Visits, ids: pa.StringArray) -> pa.Table:
    """Return the charges as a table."""
    writer = Writer(ground)
    return pa.table({
        "account_id": ids_of(ids, visits.account),
        "occurred_at": pa.array(visits.occurred).cast(_TIME),
        "payment_fingerprint": writer.cards(visits.card),
        "card_bin": writer.bins(visits.card),
    })  # fmt: skip


def logins_table(ground: Ground, visits: Visits, ids: pa.StringArray, block: Block) -> pa.Table:
    """Return the logins as a table."""
    writer = Writer(ground)
    return pa.table({
        "account_id": ids_of(ids, visits.account),
        "occurred_at": pa.array(visits.occurred).cast(_TIME),
        "ip": writer.ips(visits.ip),
        "device_id": writer.devices(visits.device),
        "user_agent": table_codes(tuple(ground.clients.user_agents), block.agent[visits.account]),
        "tls_fingerprint": writer.tls(block.tls[visits.account]),
    })  # fmt: skip


def truth_table(ground: Ground, block: Block, ids: pa.StringArray) -> pa.Table:
    """Return who is who, sorted by account_id."""
    fleet = block.fleet
    names = numbers(np.maximum(fleet, 0), 4)
    country = tuple(region.country.code for region in ground.regions)
    benign: BoolArray = fleet < 0
    table = pa.table({
        "account_id": ids,
        "group_id": pc.if_else(
            pa.array(block.group < 0), pa.scalar(None, pa.string()),
            join("group-", numbers(np.maximum(block.group, 0), 5)),
        ),
        "fleet_id": pc.if_else(
            pa.array(benign), pa.scalar(None, pa.string()), join("fleet-", names)
        ),
        "style": table_codes(ALL_STYLES, block.style).cast(pa.string()),
        "cohort": table_codes(COHORTS, block.cohort).cast(pa.string()),
        "network_class": table_codes(NETWORK_CLASSES, block.network).cast(pa.string()),
        "established": pa.array(block.established),
        "region": table_codes(country, block.region).cast(pa.string()),
    })  # fmt: skip
    return table.sort_by("account_id")


def ids_of(ids: pa.StringArray, account: IntArray) -> pa.DictionaryArray:
    """Return the account ids of rows."""
    return pa.DictionaryArray.from_arrays(pa.array(account.astype(np.int32)), ids)
