"""One sign-up, fast: the same values as the columnar path gives a column of them.

Plain shapes are read by `plain`, everything else by the columnar readers on a column of one
row. What is remembered between calls (mail hosts, countries) is bounded and technical: no
address, number or card of anybody stays in memory.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import pyarrow as pa
from phonenumbers import SUPPORTED_REGIONS

from ringfinder.durations import HOUR_MS
from ringfinder.normalise import email, phone, plain, text
from ringfinder.normalise.domains import DomainClass, read_domains
from ringfinder.normalise.events import BLANKS, Rules, _one_row_each
from ringfinder.normalise.phone import check_region
from ringfinder.normalise.plain import Canonical
from ringfinder.normalise.pseudonym import DIGEST_BYTES, Pepper
from ringfinder.normalise.readers import Context, read_field
from ringfinder.schema import CODE, KINDS

REMEMBERED = 1 << 13
"""Mail hosts and countries whose reading is remembered."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BLOCK = 64  # bytes of a SHA-256 block
_PREFIX, _DIALLED = re.compile(phone._PREFIX), re.compile(phone._DIALLED)

FIELDS: tuple[str, ...] = (
    "email", "ip", "device_id", "payment_fingerprint", "card_bin", "phone", "user_agent",
    "tls_fingerprint", "organisation_id", "referrer", "prompt_fingerprint", "prompt",
)  # fmt: skip
"""Input fields of one row that hold attribute values."""


@dataclass(frozen=True, slots=True)
class NormalisedSignup:
    """One sign-up as scoring, overlay and journal see it: no clear value.

    Attributes
    ----------
    account_id
        The account, or the attempt where the account does not exist yet.
    created_ms
        Milliseconds since 1970 UTC.
    country
        ISO 3166 two-letter code, None unknown.
    values
        (kind code, pseudonym) of every value, by kind; the hour of sign-up included.
    """

    account_id: str
    created_ms: int
    country: str | None
    values: tuple[tuple[int, str], ...]


class Normaliser:
    """Reads one row at a time by the rules of a data directory.

    Parameters
    ----------
    rules
        How raw values are read, as for `normalise.events.event_columns`.
    unread
        Told the field of every value that was given and says nothing.
    """

    def __init__(
        self, rules: Rules, *, unread: Callable[[str], object] = lambda field: None
    ) -> None:
        self.rules, self._unread = rules, unread
        self.region = check_region(rules.default_region)
        self._pseudonym = _hasher(rules.pepper)
        self._country = lru_cache(REMEMBERED)(_canonical_country)
        self._host = lru_cache(REMEMBERED)(self._read_host)
        self._fast: dict[str, Callable[[str], Canonical | None]] = {
            "email": self._email,
            "ip": self._ip,
            "device_id": plain.read_device,
            "payment_fingerprint": plain.read_card,
            "card_bin": plain.read_bin,
            "user_agent": plain.read_user_agent,
            "tls_fingerprint": plain.read_tls,
            "referrer": plain.read_referrer,
            "organisation_id": plain.read_identifier("organisation"),
            "prompt_fingerprint": plain.read_identifier("prompt_fingerprint"),
        }

    def signup(
        self,
        raw: Mapping[str, str | None],
        *,
        account_id: str,
        created_ms: int,
        country: str | None = None,
    ) -> NormalisedSignup:
        """Normalise one sign-up.

        Parameters
        ----------
        raw
            Input field (`FIELDS`) -> value as found; others are left aside.
        account_id, created_ms
            See `NormalisedSignup`.
        country
            As found.

        Returns
        -------
        NormalisedSignup
            The values that `normalise.events.event_columns` gives the same row.
        """
        where = self.country(country)
        if country and where is None:
            self._unread("country")
        found = self.values(raw, country=where)
        hour = _EPOCH + timedelta(hours=created_ms // HOUR_MS)
        window = f"{hour.isoformat()[:13]}Z"
        found.append((CODE["signup_window"], self._pseudonym("signup_window", window)))
        found.sort(key=lambda one: one[0])
        return NormalisedSignup(account_id, created_ms, where, tuple(found))

    def values(
        self, raw: Mapping[str, str | None], *, country: str | None = None
    ) -> list[tuple[int, str]]:
        """Return (kind code, pseudonym) of each value of a row of any table, by kind.

        Parameters
        ----------
        raw
            Input field -> value as found.
        country
            Canonical (`country`); how a phone number is read depends on it.
        """
        found: list[tuple[int, str]] = []
        for name in FIELDS:
            given = raw.get(name)
            value = given.strip(BLANKS) if given else ""
            if value:
                read = self._read(name, value, country)
                for kind, canonical in read:
                    found.append((CODE[kind], self._pseudonym(kind, canonical)))
                if not read:
                    self._unread(name)
        found.sort(key=lambda one: one[0])
        return found

    def country(self, given: str | None) -> str | None:
        """Return the canonical country, None where it says nothing."""
        if not given or len(given) > text.MAX_CHARS or not _is_text(given):
            return None
        return self._country(given)

    def _read(self, name: str, value: str, country: str | None) -> list[tuple[str, str]]:
        if name == "phone":
            return list(_phones(value, country or self.region).items())
        fast = self._fast.get(name)
        found = fast(value) if fast is not None else plain.ASK
        if found is not None:
            return list(found.items())
        return list(self._ask(name, value))

    def _ask(self, name: str, value: str) -> tuple[tuple[str, str], ...]:
        """Read a value by the columnar path, as a column of one row."""
        if not _is_text(value):
            return ()
        seen = _one_row_each(name, pa.array([value], pa.string()), np.zeros(1, dtype=np.int64))
        nowhere = pa.nulls(1, pa.string())
        context = Context(nowhere, self.rules.networks, self.region, self.rules.domains)
        told = []
        for column in read_field(seen, context).columns:
            values = column.values.to_pylist()
            told += [(column.kind, values[code]) for code in column.code.tolist() if code >= 0]
        return tuple(told)

    def _ip(self, value: str) -> Canonical | None:
        found = plain.read_ip(value)
        networks = self.rules.networks
        if not found or networks is None:
            return found
        address = found["ip"]
        v6 = ":" in address
        number = plain.number_of(address)
        system = networks.asns(np.array([v6]), np.array([number], dtype=np.uint64))[0]
        return {**found, "asn": f"AS{system}"} if system >= 0 else found

    def _email(self, value: str) -> Canonical | None:
        parts = plain.split_email(value)
        if not parts:
            return plain.ASK if parts is None else {}
        local, host = parts
        home, owner, registrable, shown, after = self._host(host)
        found = {"mailbox": f"{plain.email_stem(local, home, owner)}@{home}"}
        if shown:
            found["email_domain"] = registrable
        found["mail_provider"] = registrable
        if after is not None:
            found["email_pattern"] = f"{plain.email_shape(local)}@{after}"
        return found

    def _read_host(self, host: str) -> tuple[str, str | None, str, bool, str | None]:
        """Return what a mail host says: see `email.read_emails`.

        Its canonical domain, whose mailbox the whole host is, the registrable part, whether
        that is shown as a domain, and what stands after the @ of a pattern.
        """
        homes, owners = email._mail_homes(pa.array([host], pa.string()))
        found = read_domains(homes, self.rules.domains)
        after = email._pattern_homes(homes, found.classes)[0].as_py()
        shown = int(found.classes[0]) in (
            DomainClass.DISPOSABLE, DomainClass.EDUCATION, DomainClass.CUSTOM,
        )  # fmt: skip
        return homes[0].as_py(), owners[0].as_py(), found.registrable[0].as_py(), shown, after


def _is_text(value: str) -> bool:
    """Tell whether a string is text: half of a surrogate pair cannot be written."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _canonical_country(given: str) -> str | None:
    found: str | None = text.canonical_country(pa.array([given], pa.string()))[0].as_py()
    return found


def _phones(value: str, region: str | None) -> Canonical:
    """Return number, block and prefix of a phone number.

    By the library alone: on one number it is faster than columns, and the same.
    """
    clean = plain.tidy(value, phone.MAX_PHONE)
    if clean is None and _is_text(value):
        clean = text.clean(pa.array([value], pa.string()), max_chars=phone.MAX_PHONE)[0].as_py()
    found = _phone(clean, region) if clean else None
    if found is None:
        return {}
    texts = {"phone": found}
    if found[:-3]:
        texts["phone_block"] = found[:-3]
    prefix = _PREFIX.match(found)
    if prefix:
        texts["phone_prefix"] = prefix["prefix"]
    return texts


def _phone(clean: str, region: str | None) -> str | None:
    found = phone.phone_with_library(clean, region if region in SUPPORTED_REGIONS else None)
    if found is None and _DIALLED.match(clean):
        plus = _DIALLED.sub(r"+\1", clean, count=1)
        found = phone.phone_with_library(plus, None)
    return found


def _hasher(pepper: Pepper) -> Callable[[str, str], str]:
    """Return a function of kind and canonical value that gives `Pepper.pseudonym`.

    The hash states of key and kind are prepared once and copied.
    """
    if pepper.previous is not None:
        before = _hasher(pepper.previous)
        wrap = _keyed(pepper, b"\x00wrap\x00")
        return lambda kind, value: wrap(before(kind, value))
    by_kind = {kind.name: _keyed(pepper, kind.name.encode() + b"\x00") for kind in KINDS}
    return lambda kind, value: by_kind[kind](value)


def _keyed(pepper: Pepper, prefix: bytes) -> Callable[[str], str]:
    key = hashlib.sha256(pepper.key).digest() if len(pepper.key) > _BLOCK else pepper.key
    padded = key.ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + prefix)
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))
    head = f"p{pepper.version}_"

    def pseudonym(value: str) -> str:
        message, answer = inner.copy(), outer.copy()
        message.update(value.encode())
        answer.update(message.digest())
        return head + answer.hexdigest()[: 2 * DIGEST_BYTES]

    return pseudonym
