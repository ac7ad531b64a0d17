"""Network lists that the operator supplies: VPN, hosting, carrier NAT, and who routes what."""

from __future__ import annotations

import csv
import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

import numpy as np

from ringfinder.errors import InputError
from ringfinder.model import BoolArray, IntArray

_COMMENT = re.compile(r"\s*(?:#|;|//).*$")
_ASN = re.compile(r"(?i)^(?:AS)?([0-9]{1,10})\b")


class NetworkClass(IntEnum):
    """What kind of network an address belongs to. The codes are stable."""

    UNKNOWN = -1  # no address, or no list to tell
    OTHER = 0  # in no list
    CARRIER = 1
    HOSTING = 2
    VPN = 3


@dataclass(frozen=True)
class Ranges:
    """Disjoint ranges of addresses, each with a label.

    Attributes
    ----------
    starts, ends
        uint64 (R,): first and last address, sorted. IPv4 addresses are their 32-bit
        numbers, IPv6 addresses the upper 64 bits: a /64 is one address here.
    labels
        int64 (R,).
    """

    starts: IntArray
    ends: IntArray
    labels: IntArray

    @classmethod
    def of(cls, networks: Sequence[tuple[int, int, int]], bits: int) -> Ranges:
        """Paint networks (first address, prefix length, label): the longest prefix shows.

        Among equal networks the smallest label shows, so that the order of a file
        changes nothing.
        """
        if not networks:
            return _NONE
        table = np.array(sorted(set(networks)), dtype=np.uint64)
        length = table[:, 1].astype(np.int64)
        start = table[:, 0]
        last = start + (
            np.left_shift(np.uint64(1), (bits - length).astype(np.uint64)) - np.uint64(1)
        )
        if bits == 64:
            last = np.where(length == 0, np.uint64(2**64 - 1), last)
        inner = last[last < np.uint64(2**bits - 1)] + np.uint64(1)
        edges = np.unique(np.concatenate([start, inner]))
        labels = np.full(len(edges), -1, dtype=np.int64)
        first = np.searchsorted(edges, start)
        after = np.searchsorted(edges, last, side="right")
        for bit in np.unique(length):
            rows = np.flatnonzero(length == bit)[::-1]  # the smallest label is painted last
            spans = after[rows] - first[rows]
            offset = np.repeat(np.cumsum(spans) - spans, spans)
            cells = np.repeat(first[rows], spans) + np.arange(spans.sum()) - offset
            labels[cells] = np.repeat(table[rows, 2].astype(np.int64), spans)
        stop = np.append(edges[1:] - np.uint64(1), last.max())
        kept = labels >= 0
        return cls(edges[kept], stop[kept], labels[kept])

    def find(self, addresses: IntArray) -> IntArray:
        """Return the label of each address, int64 (V,), -1 outside all ranges."""
        if not len(self.starts):
            return np.full(len(addresses), -1, dtype=np.int64)
        row = np.searchsorted(self.starts, addresses.astype(np.uint64), side="right") - 1
        inside = (row >= 0) & (addresses.astype(np.uint64) <= self.ends[row])
        return np.where(inside, self.labels[row], -1)


_NONE = Ranges(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.int64))


@dataclass(frozen=True)
class NetworkLists:
    """Which network is of which class, and which autonomous system routes it.

    Attributes
    ----------
    classes_v4, classes_v6
        Ranges labelled with `NetworkClass`.
    class_of_asn
        Class of whole autonomous systems.
    asn_v4, asn_v6
        Ranges labelled with AS numbers.
    """

    classes_v4: Ranges = _NONE
    classes_v6: Ranges = _NONE
    class_of_asn: dict[int, NetworkClass] = field(default_factory=dict)
    asn_v4: Ranges = _NONE
    asn_v6: Ranges = _NONE

    @classmethod
    def from_files(
        cls,
        *,
        vpn: Iterable[str | Path] = (),
        hosting: Iterable[str | Path] = (),
        carrier: Iterable[str | Path] = (),
        asn: Iterable[str | Path] = (),
    ) -> NetworkLists:
        """Read lists; the one place of this package that touches files.

        Parameters
        ----------
        vpn, hosting, carrier
            Text files: a network (``1.2.3.0/24``), an address or an autonomous system
            (``AS123 # name``) per line. Where lists overlap, VPN shows before hosting
            before carrier, since that is what hides the person.
        asn
            CSV files of network and AS number, further columns ignored.

        Raises
        ------
        InputError
            For a file that cannot be read, or a line that is neither; it names file and line.
        """
        named = (
            (NetworkClass.CARRIER, carrier),
            (NetworkClass.HOSTING, hosting),
            (NetworkClass.VPN, vpn),
        )
        networks: dict[int, list[tuple[int, int, int]]] = {4: [], 6: []}
        systems: dict[int, NetworkClass] = {}
        for code, paths in named:
            for path in paths:
                _read_list(Path(path), code, networks, systems)
        routes: dict[int, list[tuple[int, int, int]]] = {4: [], 6: []}
        for path in asn:
            _read_routes(Path(path), routes)
        return cls(
            classes_v4=_by_class(networks[4], 32),
            classes_v6=_by_class(networks[6], 64),
            class_of_asn=systems,
            asn_v4=Ranges.of(routes[4], 32),
            asn_v6=Ranges.of(routes[6], 64),
        )

    def asns(self, is_v6: BoolArray, numbers: IntArray) -> IntArray:
        """Return the AS number of each address, int64 (V,), -1 where none is known.

        Parameters
        ----------
        is_v6
            bool (V,).
        numbers
            uint64 (V,): IPv4 as a number, IPv6 as its upper 64 bits.
        """
        return np.where(is_v6, self.asn_v6.find(numbers), self.asn_v4.find(_low(numbers)))

    def classes(self, is_v6: BoolArray, numbers: IntArray) -> IntArray:
        """Return the class of each address, int8 (V,): codes of `NetworkClass`."""
        found = np.where(is_v6, self.classes_v6.find(numbers), self.classes_v4.find(_low(numbers)))
        if self.class_of_asn:
            known = np.array(sorted(self.class_of_asn), dtype=np.int64)
            codes = np.array([self.class_of_asn[int(number)] for number in known])
            system = self.asns(is_v6, numbers)
            row = np.minimum(np.searchsorted(known, system), len(known) - 1)
            found = np.maximum(found, np.where(known[row] == system, codes[row], -1))
        return np.maximum(found, NetworkClass.OTHER).astype(np.int8)


def _low(numbers: IntArray) -> IntArray:
    return numbers & np.uint64(0xFFFFFFFF)


def _by_class(networks: list[tuple[int, int, int]], bits: int) -> Ranges:
    """Return ranges in which the highest class shows, whatever the prefix lengths."""
    return _overlay([Ranges.of([n for n in networks if n[2] == c], bits) for c in NetworkClass])


def _overlay(layers: list[Ranges]) -> Ranges:
    """Return one layer of ranges from several: the later layer shows."""
    layers = [layer for layer in layers if len(layer.starts)]
    if not layers:
        return _NONE
    top = np.uint64(2**64 - 1)
    inner = [layer.ends[layer.ends < top] + np.uint64(1) for layer in layers]
    edges = np.unique(np.concatenate([*(layer.starts for layer in layers), *inner]))
    labels = np.full(len(edges), -1, dtype=np.int64)
    for layer in layers:
        shown = layer.find(edges)
        labels = np.where(shown >= 0, shown, labels)
    ends = np.append(edges[1:] - np.uint64(1), max(layer.ends.max() for layer in layers))
    kept = labels >= 0
    return Ranges(edges[kept], ends[kept], labels[kept])


def _read_list(
    path: Path,
    code: NetworkClass,
    networks: dict[int, list[tuple[int, int, int]]],
    systems: dict[int, NetworkClass],
) -> None:
    """Read one list of networks, addresses and autonomous systems into the two tables."""
    for line, text in _lines(path):
        number = re.fullmatch(r"(?i)AS([0-9]{1,10})", text.split(",")[0].split()[0])
        if number:
            known = systems.get(int(number[1]), NetworkClass.OTHER)
            systems[int(number[1])] = max(known, code)
            continue
        version, start, length = _network(text.split(",")[0].split()[0], path, line)
        networks[version].append((start, length, int(code)))


def _read_routes(path: Path, routes: dict[int, list[tuple[int, int, int]]]) -> None:
    """Read a CSV file of network and AS number; a heading in the first line is left out."""
    for line, text in _lines(path):
        cells = [cell.strip() for cell in next(csv.reader([text]))]
        number = _ASN.match(cells[1]) if len(cells) > 1 else None
        if number is None:
            if line == 1:
                continue
            raise InputError(
                f"{path.name}, line {line}: expected a network and an AS number, "
                "such as 1.2.3.0/24,AS64500"
            )
        version, start, length = _network(cells[0], path, line)
        routes[version].append((start, length, int(number[1])))


def _lines(path: Path) -> Iterable[tuple[int, str]]:
    """Return the lines that say something, with their numbers, comments cut off."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as problem:
        raise InputError(
            f"the network list {path.name} cannot be read ({problem.strerror}); "
            "give the path of a readable text file"
        ) from problem
    stripped = ((i, _COMMENT.sub("", line).strip()) for i, line in enumerate(text.splitlines(), 1))
    return [(i, line) for i, line in stripped if line]


def _network(text: str, path: Path, line: int) -> tuple[int, int, int]:
    """Return version, first address and prefix length; IPv6 cut to its upper 64 bits."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InputError(
            f"{path.name}, line {line}: expected a network such as 1.2.3.0/24 or 2001:db8::/32, "
            "or an autonomous system such as AS64500"
        ) from None
    first = int(network.network_address)
    if network.version == 4:
        return 4, first, network.prefixlen
    return 6, first >> 64, min(network.prefixlen, 64)
