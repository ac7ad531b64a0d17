"""The common shapes of raw values, read in plain Python: one value, a few microseconds.

Every reader returns what the columnar path makes of the same value, or `ASK` where the
shape is not one it knows: then the columnar path is asked. Only tidy ASCII is read here;
a property test holds both paths against each other.
"""

from __future__ import annotations

import re
import socket  # for inet_pton and inet_ntop, pure functions in C; no socket is opened
from collections.abc import Callable
from typing import Final

from ringfinder.normalise import email, network, payment, providers, text

Canonical = dict[str, str]
"""Kind -> canonical value; kinds about which the raw value says nothing are left out."""

ASK: Final = None
"""The columnar path must be asked."""

_TIDY = re.compile(r"[!-~]+(?: [!-~]+)*\Z")
_SENTINEL = re.compile(text._SENTINEL)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_HEX = re.compile(r"[0-9a-fA-F]{16,}\Z")
_CARD = re.compile(r"[0-9][0-9 -]{11,30}\Z")
_BIN = re.compile(r"[0-9]{6}[0-9xX*.#]{0,13}\Z")
_SIMPLE_EMAIL = re.compile(email._SIMPLE)
_ODD_DOMAIN = re.compile(email._NOT_SIMPLE_DOMAIN)
_NOBODY = re.compile(email._NOBODY)
_V4 = re.compile(network._V4)
_QUERY = re.compile(r"[?#]")
_SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.-]*://|www\.)+")
_NOWHERE = re.compile(text._NOWHERE)
_SHAPE = str.maketrans(
    {**{chr(c): "a" for c in range(ord("a"), ord("z") + 1)}, **dict.fromkeys("0123456789", "0")}
)


def tidy(value: str, most: int = text.MAX_CHARS) -> str | None:
    """Return a value as `text.clean` does: "" where it says nothing, `ASK` unless tidy ASCII."""
    if len(value) > most or not _TIDY.match(value):
        return ASK
    return "" if _SENTINEL.match(value) else value


def read_identifier(kind: str) -> Callable[[str], Canonical | None]:
    """Return a reader of opaque identifiers of a kind."""

    def read(value: str) -> Canonical | None:
        clean = tidy(value)
        return ASK if clean is None else {kind: clean} if clean else {}

    return read


def read_card(value: str) -> Canonical | None:
    """Read a card's fingerprint; what may be a card number is not plain."""
    clean = tidy(value)
    if clean is None or _CARD.match(clean):
        return ASK
    return {"payment_fingerprint": clean} if clean else {}


def read_bin(value: str) -> Canonical | None:
    """Read the first digits of a card."""
    clean = tidy(value, 32)
    if clean is None:
        return ASK
    compact = clean.replace(" ", "").replace("-", "")
    first = compact[: payment.BIN_DIGITS]
    shaped = _BIN.match(compact) and first != "0" * payment.BIN_DIGITS
    return {"card_bin": first} if shaped else {}


def read_device(value: str) -> Canonical | None:
    """Read a device identifier, UUIDs as the standard writes them."""
    clean = tidy(value)
    if clean is None or "{" in clean or "}" in clean or clean[:4].lower() == "urn:":
        return ASK
    if not clean:
        return {}
    if _UUID.match(clean):
        return {"device": clean.replace("-", "").lower()}
    return {"device": clean.lower() if _HEX.match(clean) else clean}


def read_tls(value: str) -> Canonical | None:
    """Read a TLS fingerprint."""
    clean = tidy(value)
    return ASK if clean is None else {"tls_fingerprint": clean.lower()} if clean else {}


def read_user_agent(value: str) -> Canonical | None:
    """Read a user agent."""
    clean = tidy(value, text.MAX_USER_AGENT)
    return ASK if clean is None else {"user_agent": clean} if clean else {}


def read_referrer(value: str) -> Canonical | None:
    """Read where a sign-up came from: see `text.canonical_referrer`."""
    clean = tidy(value, text.MAX_REFERRER)
    if clean is None:
        return ASK
    page = _QUERY.split(clean.lower(), maxsplit=1)[0]
    bare = _SCHEME.sub("", page, count=1).rstrip("/ ")
    again = tidy(bare, text.MAX_REFERRER) if bare else ""
    if again is None:
        return ASK
    return {"referrer": again} if again and not _NOWHERE.match(again) else {}


def read_ip(value: str) -> Canonical | None:
    """Read a whole address, IPv4 in dots or IPv6."""
    clean = tidy(value, network.MAX_IP)
    if clean is None:
        return ASK
    if _V4.match(clean):
        return _v4(clean)
    if network._PLAIN_V6.match(clean) and clean.count(":") >= 2:
        return _v6(clean)
    return ASK


def _v4(address: str) -> Canonical:
    number = int.from_bytes(socket.inet_pton(socket.AF_INET, address), "big")
    if any(number >> shift == head for head, shift in _SILENT_V4):
        return {}
    a, b, c, _ = address.split(".")
    return {"ip": address, "ip_network": f"{a}.{b}.{c}.0/24", "ip_block": f"{a}.{b}.0.0/16"}


def _v6(address: str) -> Canonical | None:
    try:
        number = int.from_bytes(socket.inet_pton(socket.AF_INET6, address)[:8], "big")
    except OSError:
        return {}
    if number in (0, _NAT64):
        return ASK  # IPv4 may be inside
    silent = number >> 61 != network._PUBLIC_V6
    if silent or any(number >> shift == head for head, shift in _SILENT_V6):
        return {}
    return {
        kind: f"{_v6_text(number >> shift << shift)}/{64 - shift}"
        for kind, shift in (("ip", 0), ("ip_network", 16), ("ip_block", 32))
    }


def number_of(ip: str) -> int:
    """Return IPv4 as a number, the /64 of an IPv6 address as its upper 64 bits."""
    if ":" in ip:
        return int.from_bytes(socket.inet_pton(socket.AF_INET6, ip[:-3])[:8], "big")
    return int.from_bytes(socket.inet_pton(socket.AF_INET, ip), "big")


def _v6_text(number: int) -> str:
    return socket.inet_ntop(socket.AF_INET6, number.to_bytes(8, "big") + bytes(8))


def _heads(family: int, table: tuple[tuple[str, int], ...], bits: int) -> list[tuple[int, int]]:
    heads = []
    for first, length in table:
        number = int.from_bytes(socket.inet_pton(family, first)[: bits // 8], "big")
        heads.append((number >> (bits - length), bits - length))
    return heads


_SILENT_V4 = _heads(socket.AF_INET, network._SILENT_V4, 32)
_SILENT_V6 = _heads(socket.AF_INET6, network._SILENT_V6, 64)
_NAT64 = int(network._NAT64)


def split_email(value: str) -> tuple[str, str] | tuple[()] | None:
    """Return local part and host of a plain address, () where it is nobody's, else `ASK`."""
    clean = tidy(value, email.MAX_ADDRESS)
    if clean is None:
        return ASK
    lower = clean.lower()
    if not lower or _NOBODY.match(lower):
        return ()
    if len(lower) > 254 or not _SIMPLE_EMAIL.match(lower) or _ODD_DOMAIN.search(lower):
        return ASK
    local, _, host = lower.partition("@")
    return local, host


def email_stem(local: str, home: str, owner: str | None) -> str:
    """Return the mailbox's own local part: see `email._stems`."""
    if owner is not None:
        return owner
    stem = local
    if "+" in stem:
        stem = _cut(stem, _PLUS_TAG)
    if home in providers.HYPHEN_TAGS:
        stem = _cut(stem, _HYPHEN_TAG)
    ignored = providers.IGNORED_CHARACTERS.get(home)
    if ignored is not None:
        stem = re.sub(ignored, "", stem) or stem
    return stem.replace(".", "-") if home in providers.DOT_IS_HYPHEN else stem


_PLUS_TAG = re.compile(r"^([^+]+)\+.*$")
_HYPHEN_TAG = re.compile(r"^([^-]+)-.*$")


def _cut(stem: str, shape: re.Pattern[str]) -> str:
    return shape.sub(r"\1", stem).rstrip(".")


def email_shape(local: str) -> str:
    """Return the coarse shape of an ASCII local part."""
    return email._shape(local.translate(_SHAPE))
