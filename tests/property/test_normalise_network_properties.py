"""Addresses are read as `ipaddress` reads them, lists are searched as a person would."""

import ipaddress

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ringfinder.normalise.lists import NetworkClass, NetworkLists, Ranges, _by_class
from ringfinder.normalise.network import canonical_ip, canonical_ip_block, canonical_ip_network

v4 = st.builds(lambda n: str(ipaddress.IPv4Address(n)), st.integers(0, 2**32 - 1))
v6 = st.builds(ipaddress.IPv6Address, st.integers(0, 2**128 - 1))
public_v6 = st.builds(lambda n: ipaddress.IPv6Address((1 << 125) | n), st.integers(0, 2**125 - 1))
written_v6 = st.one_of(v6, public_v6).flatmap(
    lambda a: st.sampled_from(
        [str(a), a.exploded, str(a).upper(), f"[{a}]", f"[{a}]:443", f"{a}%eth0"]
    )
)
mapped = v4.map(lambda a: f"::ffff:{a}")
broken = st.text("0123456789abcf:.[]%/", max_size=20)


def is_public(address):
    if address.version == 6:
        quiet = ("2001::/23", "2001:db8::/32", "3fff::/20")
        return address in ipaddress.ip_network("2000::/3") and not any(
            address in ipaddress.ip_network(net) for net in quiet
        )
    # `is_global` of this Python, less what it counts as global though nobody connects from there.
    relay = ipaddress.ip_network("192.88.99.0/24")
    anycast = ipaddress.ip_network("192.0.0.0/24")
    return (
        address.is_global
        and not address.is_multicast
        and address not in relay
        and address not in anycast
    )


def by_library(text, v4_bits, v6_bits):
    bare = text.strip().removeprefix("[").split("]")[0].split("%")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    if address.version == 6:
        address = address.ipv4_mapped or address
        if address in ipaddress.ip_network("64:ff9b::/96"):
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if not is_public(address):
        return None
    bits = v4_bits if address.version == 4 else v6_bits
    network = ipaddress.ip_network((address, bits), strict=False)
    return str(address) if bits == 32 and address.version == 4 else str(network)


@settings(max_examples=120, deadline=None)
@given(values=st.lists(st.one_of(v4, written_v6, mapped), min_size=1, max_size=8))
@example(
    values=["0.0.0.0", "100.64.0.1", "192.0.2.1", "255.255.255.255", "224.0.0.1", "9.255.255.255"]
)
@example(
    values=["::", "::1", "fe80::1%eth0", "2001::1", "2001:200::1", "2002:808:808::1", "fc00::1"]
)
@example(
    values=["64:ff9b::8.8.8.8", "::ffff:10.0.0.1", "::8.8.8.8", "2a00:0:0:1::", "2a00::1:0:0:1"]
)
def test_whole_addresses_are_read_as_the_standard_library_reads_them(values):
    rows = pa.array(values, pa.string())
    assert canonical_ip(rows).to_pylist() == [by_library(v, 32, 64) for v in values]
    assert canonical_ip_network(rows).to_pylist() == [by_library(v, 24, 48) for v in values]
    assert canonical_ip_block(rows).to_pylist() == [by_library(v, 16, 32) for v in values]


@settings(max_examples=120, deadline=None)
@given(values=st.lists(broken, min_size=1, max_size=8))
def test_what_is_read_is_an_address_and_nothing_else(values):
    for text, found in zip(
        values, canonical_ip(pa.array(values, pa.string())).to_pylist(), strict=True
    ):
        if found is not None:
            bare = text.removeprefix("[").split("]")[0].split("%")[0].split("/")[0]
            if bare.count(":") == 1:
                bare = bare.split(":")[0]
            assert by_library(bare, 32, 64) == found


small = st.tuples(st.integers(0, 255), st.integers(24, 32))
networks = st.lists(st.tuples(small, st.integers(0, 3)), max_size=12).map(
    lambda rows: [
        ((0x08080800 | low) >> (32 - bits) << (32 - bits), bits, label)
        for (low, bits), label in rows
    ]
)


def longest(nets, address):
    holding = [
        (bits, -label)
        for start, bits, label in nets
        if start <= address < start + (1 << (32 - bits))
    ]
    return -max(holding)[1] if holding else -1


@settings(max_examples=200, deadline=None)
@given(nets=networks)
def test_the_longest_prefix_shows(nets):
    probes = np.arange(0x080807F8, 0x08080908, dtype=np.uint64)
    found = Ranges.of(nets, 32).find(probes).tolist()
    assert found == [longest(nets, int(probe)) for probe in probes]


@settings(max_examples=100, deadline=None)
@given(nets=networks)
def test_of_classes_the_one_that_hides_the_person_shows(nets):
    probes = np.arange(0x080807F8, 0x08080908, dtype=np.uint64)
    lists = NetworkLists(classes_v4=_by_class(nets, 32))
    found = lists.classes(np.zeros(len(probes), dtype=bool), probes)
    for probe, code in zip(probes.tolist(), found.tolist(), strict=True):
        covering = [
            label for start, bits, label in nets if start <= probe < start + (1 << (32 - bits))
        ]
        assert code == max([NetworkClass.OTHER, *covering])


@settings(max_examples=100, deadline=None)
@given(bits=st.integers(0, 64), start=st.integers(0, 2**64 - 1))
def test_ranges_reach_both_ends_of_the_number_line(bits, start):
    first = start >> (64 - bits) << (64 - bits) if bits else 0
    last = first + (1 << (64 - bits)) - 1
    ranges = Ranges.of([(first, bits, 7)], 64)
    around = {first, last, (first + last) // 2, max(first - 1, 0), min(last + 1, 2**64 - 1)}
    probes = np.array(sorted(around), dtype=np.uint64)
    expected = [7 if first <= probe <= last else -1 for probe in sorted(around)]
    assert ranges.find(probes).tolist() == expected
