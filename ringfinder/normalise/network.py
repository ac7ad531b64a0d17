"""IP addresses: who is connected, and through which network.

An IPv4 address is one value; of an IPv6 address the first 64 bits are, because a household
or a host gets at least a /64 and changes the rest at will. IPv4 inside IPv6 (mapped, and
NAT64) is IPv4. Addresses that are not on the public internet say nothing: private,
loopback, link-local, carrier-internal (100.64.0.0/10), documentation, multicast, Teredo.
Truncated addresses, as privacy exports write them (``1.2.3.0/24``), keep what they hold.
"""

from __future__ import annotations

import re
import socket  # for inet_pton and inet_ntop, pure functions in C; no socket is opened
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.model import BoolArray, IntArray
from ringfinder.normalise.lists import NetworkLists
from ringfinder.normalise.text import clean, flags

MAX_IP = 96
"""Characters of an address as typed: port, brackets, zone and prefix length included."""

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_V4 = rf"^{_OCTET}(?:\.{_OCTET}){{3}}$"
_PLAIN_V6 = re.compile(r"[0-9a-fA-F]*:[0-9a-fA-F:.]*\Z")
_DECORATED_V4 = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3}){3})(?::[0-9]{1,5}|/([0-9]{1,2}))?\Z", re.A)
_DECORATED_V6 = re.compile(
    r"(?:\[([0-9a-f:.]+)(?:%[\w.~-]+)?\](?::[0-9]{1,5})?"
    r"|([0-9a-f:.]+)(?:%[\w.~-]+)?(?:/([0-9]{1,3}))?)\Z",
    re.ASCII | re.IGNORECASE,
)

# Not on the public internet (IANA special-purpose registries): first address, prefix length.
_SILENT_V4 = (
    ("0.0.0.0", 8),  # noqa: S104 - a prefix, nothing is bound
    ("10.0.0.0", 8), ("100.64.0.0", 10), ("127.0.0.0", 8), ("169.254.0.0", 16),
    ("172.16.0.0", 12), ("192.0.0.0", 24), ("192.0.2.0", 24), ("192.88.99.0", 24),
    ("192.168.0.0", 16), ("198.18.0.0", 15), ("198.51.100.0", 24), ("203.0.113.0", 24),
    ("224.0.0.0", 3),
)  # fmt: skip
_PUBLIC_V6 = 0b001  # 2000::/3 is all that was ever given out
_SILENT_V6 = (("2001::", 23), ("2001:db8::", 32), ("3fff::", 20))
_NAT64 = np.uint64(0x0064FF9B << 32)  # upper half of 64:ff9b::/96
_NOTHING = (0, bytes(16), 0)


@dataclass(frozen=True)
class Addresses:
    """Addresses as columns, one row per raw value.

    Attributes
    ----------
    version
        int8 (V,): 4, 6, or 0 where the value says nothing.
    number
        uint64 (V,): IPv4 as a number, IPv6 as its upper 64 bits.
    length
        int16 (V,): bits known of `number`: 32 and 64 for whole addresses.
    """

    version: IntArray
    number: IntArray
    length: IntArray

    @property
    def is_v6(self) -> BoolArray:
        """Tell which rows are IPv6."""
        answer: BoolArray = self.version == 6
        return answer

    def prefixes(self, v4_bits: int, v6_bits: int) -> pa.StringArray:
        """Write the network of each row; null where fewer bits are known.

        Whole IPv4 addresses are written without a length.
        """
        v4 = (self.version == 4) & (self.length >= v4_bits)
        v6 = (self.version == 6) & (self.length >= v6_bits)
        numbers = np.where(v6, _cut(self.number, 64 - v6_bits), _cut(self.number, 32 - v4_bits))
        key = numbers[v4 | v6]
        kinds = v6[v4 | v6]
        four, four_codes = np.unique(key[~kinds], return_inverse=True)
        six, six_codes = np.unique(key[kinds], return_inverse=True)
        texts = pa.concat_arrays([_v4_texts(four, v4_bits), _v6_texts(six, v6_bits)])
        place = np.full(len(self.version), -1, dtype=np.int64)
        place[v4] = four_codes
        place[v6] = len(four) + six_codes
        return texts.take(pa.array(place, mask=place < 0))


def read_addresses(values: pa.StringArray) -> Addresses:
    """Read addresses as exports write them: with port, brackets, zone or prefix length.

    Parameters
    ----------
    values
        String array (V,) of raw values.

    Notes
    -----
    Lists of several addresses (``X-Forwarded-For``) say nothing: their first entry is what
    the client claims, and whoever sent it chose it.
    """
    values = clean(values, max_chars=MAX_IP)
    rows = len(values)
    version = np.zeros(rows, dtype=np.int8)
    number = np.zeros(rows, dtype=np.uint64)
    length = np.zeros(rows, dtype=np.int16)
    plain = flags(pc.match_substring_regex(values, _V4))
    octets = pc.split_pattern(values.filter(pa.array(plain)), ".").flatten()
    quads = octets.cast(pa.uint8()).to_numpy(zero_copy_only=False).reshape(-1, 4)
    version[plain] = 4
    number[plain] = np.ascontiguousarray(quads).view(">u4").ravel()
    length[plain] = 32
    rest = flags(pc.match_substring_regex(values, "[:.].*[:.]")) & ~plain
    parsed = [_parse(text) for text in values.filter(pa.array(rest)).to_pylist()]
    if parsed:
        version[rest], number[rest], length[rest] = _columns(parsed)
    silent = _is_silent(version, number)
    version[silent], number[silent], length[silent] = 0, 0, 0
    return Addresses(version, number, length)


def canonical_ip(values: pa.StringArray) -> pa.StringArray:
    """Return IPv4 addresses and the /64 of IPv6 addresses; null where not public."""
    return read_addresses(values).prefixes(32, 64)


def canonical_ip_network(values: pa.StringArray) -> pa.StringArray:
    """Return the /24 of IPv4 and the /48 of IPv6 addresses; null where not public."""
    return read_addresses(values).prefixes(24, 48)


def canonical_ip_block(values: pa.StringArray) -> pa.StringArray:
    """Return the /16 of IPv4 and the /32 of IPv6 addresses; null where not public."""
    return read_addresses(values).prefixes(16, 32)


def canonical_asn(addresses: Addresses, networks: NetworkLists | None) -> pa.StringArray:
    """Return the autonomous system of each address, ``AS64500``; null where not known."""
    if networks is None:
        return pa.nulls(len(addresses.version), pa.string())
    found = networks.asns(addresses.is_v6, addresses.number)
    found[addresses.version == 0] = -1
    systems, codes = np.unique(found, return_inverse=True)
    names = pa.array([f"AS{n}" if n >= 0 else None for n in systems.tolist()], pa.string())
    return names.take(pa.array(codes))


def network_classes(addresses: Addresses, networks: NetworkLists | None) -> IntArray:
    """Return the class of each address, int8 (V,): codes of `lists.NetworkClass`."""
    if networks is None:
        return np.full(len(addresses.version), -1, dtype=np.int8)
    found = networks.classes(addresses.is_v6, addresses.number)
    found[addresses.version == 0] = -1
    return found


def _parse(text: str) -> tuple[int, bytes, int]:
    """Return version, 16 or 4 bytes and known bits of one address; zeros where it is none."""
    prefix = None
    family = socket.AF_INET6
    if not _PLAIN_V6.match(text):
        four, six = _DECORATED_V4.match(text), _DECORATED_V6.match(text)
        if four:
            family, text, prefix = socket.AF_INET, four[1], four[2]
        elif six:
            text, prefix = six[1] or six[2], six[3]
        else:
            return _NOTHING
    try:
        packed = socket.inet_pton(family, text)
    except OSError:
        return _NOTHING
    whole = 8 * len(packed)
    known = whole if prefix is None else int(prefix)
    return (4 if whole == 32 else 6, packed, known) if 0 < known <= whole else _NOTHING


def _columns(parsed: list[tuple[int, bytes, int]]) -> tuple[IntArray, IntArray, IntArray]:
    """Return version, number and known bits as columns; IPv4 inside IPv6 taken out."""
    version = np.array([row[0] for row in parsed], dtype=np.int8)
    known = np.array([row[2] for row in parsed], dtype=np.int16)
    packed = b"".join([row[1].rjust(16, b"\0") for row in parsed])
    upper, lower = np.frombuffer(packed, dtype=">u8").reshape(-1, 2).astype(np.uint64).T
    head = lower >> np.uint64(32)
    inside = ((upper == 0) & (head == 0xFFFF)) | ((upper == _NAT64) & (head == 0))
    inside &= version == 6
    version[inside & (known == 128)] = 4
    version[inside & (known < 128)] = 0  # a prefix of the wrapping says nothing
    known[inside] = 32
    four = version == 4
    known = np.where(four, known, np.minimum(known, 64)).astype(np.int16)
    missing = (np.where(four, 32, 64) - known).astype(np.uint64)
    number = np.where(four, lower & np.uint64(0xFFFFFFFF), upper)
    number = np.where(version == 0, np.uint64(0), number >> missing << missing)
    return version, number, np.where(version == 0, 0, known).astype(np.int16)


def _is_silent(version: IntArray, number: IntArray) -> BoolArray:
    """Tell which addresses are not on the public internet."""
    silent = np.zeros(len(version), dtype=bool)
    for text, bits in _SILENT_V4:
        first = int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")
        silent |= (version == 4) & (_cut(number, 32 - bits) == np.uint64(first))
    silent |= (version == 6) & (number >> np.uint64(61) != np.uint64(_PUBLIC_V6))
    for text, bits in _SILENT_V6:
        first = int.from_bytes(socket.inet_pton(socket.AF_INET6, text)[:8], "big")
        silent |= (version == 6) & (_cut(number, 64 - bits) == np.uint64(first))
    return silent


def _cut(numbers: IntArray, low_bits: int) -> IntArray:
    """Return numbers with their lowest bits zero."""
    return numbers >> np.uint64(low_bits) << np.uint64(low_bits)


def _v4_texts(numbers: IntArray, bits: int) -> pa.StringArray:
    octets = np.ascontiguousarray(numbers.astype(">u4")).view(np.uint8).reshape(-1, 4)
    words = pa.array([str(i) for i in range(256)], pa.string())
    columns = [words.take(pa.array(octets[:, i].astype(np.int64))) for i in range(4)]
    texts = pc.binary_join_element_wise(*columns, ".")
    return texts if bits == 32 else pc.binary_join_element_wise(texts, str(bits), "/")


def _v6_texts(numbers: IntArray, bits: int) -> pa.StringArray:
    packed = numbers.astype(">u8").tobytes()
    tail, family, ntop = bytes(8), socket.AF_INET6, socket.inet_ntop
    texts = [f"{ntop(family, packed[i : i + 8] + tail)}/{bits}" for i in range(0, len(packed), 8)]
    return pa.array(texts, pa.string())
