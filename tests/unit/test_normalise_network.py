"""IP addresses, their networks, and what the operator's lists say of them."""

import numpy as np
import pytest
from raw_world import column

from ringfinder.errors import InputError
from ringfinder.normalise import NetworkClass, NetworkLists
from ringfinder.normalise.lists import Ranges
from ringfinder.normalise.network import (
    canonical_asn,
    canonical_ip,
    canonical_ip_block,
    canonical_ip_network,
    network_classes,
    read_addresses,
)


def read(raw):
    row = column(raw)
    return (
        canonical_ip(row)[0].as_py(),
        canonical_ip_network(row)[0].as_py(),
        canonical_ip_block(row)[0].as_py(),
    )


class TestAddresses:
    @pytest.mark.parametrize(
        "raw", ["8.8.4.4", " 8.8.4.4 ", "8.8.4.4:443", "8.8.4.4/32", "::ffff:8.8.4.4",
        "::FFFF:808:404",
                "[::ffff:8.8.4.4]:80", "64:ff9b::8.8.4.4"],
    )  # fmt: skip
    def test_an_ipv4_address_is_one_value_however_it_is_written(self, raw):
        assert read(raw) == ("8.8.4.4", "8.8.4.0/24", "8.8.0.0/16")

    @pytest.mark.parametrize(
        "raw",
        ["2a00:1450:4001:81b::200e", "2A00:1450:4001:081B:0:0:0:1", "[2a00:1450:4001:81b::1]",
         "[2a00:1450:4001:81b::1]:443", "2a00:1450:4001:81b::1%eth0", "2a00:1450:4001:81b::/64",
         "2a00:1450:4001:81b:ffff:ffff:ffff:ffff", "2a00:1450:4001:81b::8.8.8.8"],
    )  # fmt: skip
    def test_an_ipv6_address_counts_by_its_first_64_bits(self, raw):
        assert read(raw) == ("2a00:1450:4001:81b::/64", "2a00:1450:4001::/48", "2a00:1450::/32")

    @pytest.mark.parametrize(
        "raw",
        ["10.1.2.3", "192.168.0.1", "172.16.0.1", "127.0.0.1", "0.0.0.0", "169.254.1.1",
         "100.64.0.1",
         "192.0.2.7", "198.51.100.7", "203.0.113.7", "224.0.0.1", "240.0.0.1", "255.255.255.255",
         "::", "::1",
         "fe80::1%eth0", "fc00::1", "2001:db8::1", "2001::1", "ff02::1", "::ffff:10.0.0.1",
         "::8.8.8.8"],
    )  # fmt: skip
    def test_what_is_not_on_the_public_internet_says_nothing(self, raw):
        assert read(raw) == (None, None, None)

    @pytest.mark.parametrize(
        "raw",
        ["172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "9.255.255.255",
         "11.0.0.1", "223.255.255.255"],
    )  # fmt: skip
    def test_the_neighbours_of_private_ranges_are_public(self, raw):
        assert read(raw)[0] == raw

    @pytest.mark.parametrize(
        "raw",
        ["8.8.8", "8.8.8.8.8", "256.1.1.1", "08.8.8.8", "8.8.8.8:", "8.8.8.8:port", "8.8.8.8/33",
         "8.8.8.8/0",
         "8.8.8.8, 9.9.9.9", "134744072", "0x8.8.8.8", "2a00::1::2", "2a00:12345::1", "[2a00::1",
         "2a00::1]",
         "2a00::/129", "::ffff:8.8.8.8/120", "localhost", "unknown", "1:2", "::ffff:8.8.8.256",
         "８.8.8.8"],
    )  # fmt: skip
    def test_what_is_no_address_says_nothing(self, raw):
        assert read(raw) == (None, None, None)

    def test_truncated_addresses_keep_what_they_hold(self):
        assert read("8.8.4.0/24") == (None, "8.8.4.0/24", "8.8.0.0/16")
        assert read("8.8.4.9/24") == (None, "8.8.4.0/24", "8.8.0.0/16")
        assert read("8.8.0.0/16") == (None, None, "8.8.0.0/16")
        assert read("2a00:1450:4001::/48") == (None, "2a00:1450:4001::/48", "2a00:1450::/32")
        assert read("2a00:1450:4001:8100::/56") == (None, "2a00:1450:4001::/48", "2a00:1450::/32")

    def test_rows_stay_where_they_are(self):
        rows = column("x", "8.8.4.4", None, "2a00:1450::1", "10.0.0.1", "9.9.9.9")
        assert canonical_ip(rows).to_pylist() == [
            None,
            "8.8.4.4",
            None,
            "2a00:1450::/64",
            None,
            "9.9.9.9",
        ]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "vpn.txt").write_text("# paid tunnels\n8.8.8.0/24\n2a00:1450::/32 # v6\n\n")
    (tmp_path / "hosting.txt").write_text("8.8.0.0/16\n9.9.9.9\nAS64500 # A hoster, EU\nas64501\n")
    (tmp_path / "carrier.txt").write_text("\ufeff100.0.0.0/8 ; national carrier\n9.9.9.0/24\n")
    (tmp_path / "asn.csv").write_text(
        'network,asn,name\n8.8.8.0/24,AS15169,"Search, Inc"\n8.0.0.0/8,3356\n'
        "7.7.7.0/24,64500\n2a00:1450::/32,15169\n"
    )
    return tmp_path


@pytest.fixture
def lists(folder):
    return NetworkLists.from_files(
        vpn=[folder / "vpn.txt"],
        hosting=[str(folder / "hosting.txt")],
        carrier=[folder / "carrier.txt"],
        asn=[folder / "asn.csv"],
    )


class TestLists:
    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            ("8.8.8.8", "VPN"),  # in a hoster's network, too
            ("8.8.9.1", "HOSTING"),
            ("9.9.9.9", "HOSTING"),
            ("9.9.9.8", "CARRIER"),
            ("100.1.1.1", "CARRIER"),
            ("7.7.7.7", "HOSTING"),  # by its autonomous system
            ("1.1.1.1", "OTHER"),
            ("2a00:1450:4001::1", "VPN"),
            ("2a01::1", "OTHER"),
            ("10.0.0.1", "UNKNOWN"),
        ],
    )
    def test_an_address_has_the_class_of_its_list(self, lists, address, expected):
        found = network_classes(read_addresses(column(address)), lists)
        assert NetworkClass(found[0]).name == expected

    @pytest.mark.parametrize(
        ("address", "system"),
        [
            ("8.8.8.8", "AS15169"),
            ("8.8.9.1", "AS3356"),
            ("9.9.9.9", None),
            ("2a00:1450:4001::1", "AS15169"),
            ("10.0.0.1", None),
            ("nothing", None),
        ],
    )
    def test_the_longest_prefix_names_the_autonomous_system(self, lists, address, system):
        assert canonical_asn(read_addresses(column(address)), lists).to_pylist() == [system]

    def test_without_lists_nothing_is_known(self):
        seen = read_addresses(column("8.8.8.8"))
        assert canonical_asn(seen, None).to_pylist() == [None]
        assert network_classes(seen, None).tolist() == [NetworkClass.UNKNOWN]

    def test_empty_lists_know_that_nothing_is_listed(self):
        seen = read_addresses(column("8.8.8.8", "2a00::1"))
        assert network_classes(seen, NetworkLists()).tolist() == [NetworkClass.OTHER] * 2

    def test_ranges_that_touch_and_repeat_are_no_trouble(self):
        ranges = Ranges.of([(256, 24, 1), (512, 24, 1), (256, 24, 1), (256, 24, 3)], 32)
        assert ranges.find(np.array([255, 256, 511, 512, 767, 768])).tolist() == [
            -1,
            1,
            1,
            1,
            1,
            -1,
        ]

    def test_the_whole_internet_may_be_a_range(self):
        assert Ranges.of([(0, 0, 5)], 32).find(np.array([0, 2**32 - 1])).tolist() == [5, 5]
        assert Ranges.of([(0, 0, 5)], 64).find(np.array([2**64 - 1], dtype=np.uint64)).tolist() == [
            5
        ]


class TestUnusableLists:
    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(InputError, match=r"missing\.txt cannot be read"):
            NetworkLists.from_files(vpn=[tmp_path / "missing.txt"])

    @pytest.mark.parametrize("line", ["8.8.8.8.8", "hello", "8.8.8.0/40", "AS", "ASX1"])
    def test_a_line_that_is_no_network_is_named(self, tmp_path, line):
        (tmp_path / "list.txt").write_text(f"# heading\n8.8.8.0/24\n{line}\n")
        with pytest.raises(InputError, match=r"list\.txt, line 3: expected a network"):
            NetworkLists.from_files(carrier=[tmp_path / "list.txt"])

    @pytest.mark.parametrize("line", ["8.8.8.0/24", "8.8.8.0/24,", "8.8.8.0/24,name"])
    def test_a_route_without_a_number_is_named(self, tmp_path, line):
        (tmp_path / "asn.csv").write_text(f"8.8.4.0/24,1\n{line}\n")
        with pytest.raises(
            InputError, match=r"asn\.csv, line 2: expected a network and an AS number"
        ):
            NetworkLists.from_files(asn=[tmp_path / "asn.csv"])

    def test_a_binary_file_is_refused_in_one_sentence(self, tmp_path):
        (tmp_path / "list.txt").write_bytes(bytes(range(256)))
        with pytest.raises(InputError, match=r"list\.txt, line"):
            NetworkLists.from_files(vpn=[tmp_path / "list.txt"])
