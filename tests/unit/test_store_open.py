"""The address of a store: what it means, and what is said of one that means nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringfinder.errors import InputError
from ringfinder.store import EmbeddedStore
from ringfinder.store.address import is_plain_remote
from ringfinder.store.open import StoreAddress, open_store, parse_address

DATA = Path("data")


def refused(address, **more):
    with pytest.raises(InputError) as caught:
        open_store(address, data_dir=DATA, **more)
    return str(caught.value)


class TestAddresses:
    def test_without_one_the_graph_is_in_the_data_directory(self):
        assert parse_address(None, data_dir=DATA) == StoreAddress(path=DATA / "graph.duckdb")

    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            ("embedded:/a/b c.duckdb", StoreAddress(path=Path("/a/b c.duckdb"))),
            (" embedded:x:y ", StoreAddress(path=Path("x:y"))),
            ("neo4j://localhost", StoreAddress(uri="neo4j://localhost")),
            ("bolt://127.0.0.1:7687/", StoreAddress(uri="bolt://127.0.0.1:7687")),
            ("neo4j+s://db.example:7687/graph",
             StoreAddress(uri="neo4j+s://db.example:7687", database="graph")),
            ("bolt+ssc://[::1]:7687", StoreAddress(uri="bolt+ssc://[::1]:7687")),
        ],
    )  # fmt: skip
    def test_of_every_sort(self, address, expected):
        found = parse_address(address, data_dir=DATA)
        assert found == expected
        assert parse_address(str(found), data_dir=DATA) == found

    @pytest.mark.parametrize(
        ("address", "remote"),
        [
            ("bolt://localhost", False), ("neo4j://127.0.0.9:1", False),
            ("bolt://[::1]:7687", False), ("neo4j+s://db.example", False),
            ("neo4j+ssc://db.example", False), ("neo4j://db.example", True),
            ("bolt://10.0.0.3:7687", True), ("bolt://localhost.example", True),
        ],
    )  # fmt: skip
    def test_which_of_them_cross_a_network_unencrypted(self, address, remote):
        assert is_plain_remote(address) is remote

    @pytest.mark.parametrize(
        "address",
        [
            "", "embedded:", "graph.duckdb", "neo4j:localhost", "http://localhost:7474", "neo4j://",
            "neo4j://h/a/b", "neo4j://h?policy=x", "bolt://h:port", "bolt://h:99999", "bolt://[::1",
            "hunter22-secret",
        ],
    )  # fmt: skip
    def test_what_is_none_is_refused_and_not_repeated(self, address):
        sentence = refused(address)
        assert "Expected: embedded:PATH or neo4j://HOST" in sentence
        assert "hunter22" not in sentence

    @pytest.mark.parametrize("address", ["neo4j://ann:hunter22@h", "bolt://hunter22@h:7687/db"])
    def test_credentials_in_it_are_refused_and_not_repeated(self, address):
        sentence = refused(address)
        assert "holds credentials" in sentence
        assert "RINGFINDER_NEO4J_PASSWORD" in sentence
        assert "hunter22" not in sentence
        assert "ann" not in sentence


class TestOpening:
    def test_an_embedded_store_is_made_where_it_is_named(self, tmp_path):
        store = open_store(f"embedded:{tmp_path / 'deep' / 'g.duckdb'}", data_dir=DATA)
        assert isinstance(store, EmbeddedStore)
        assert (tmp_path / "deep" / "g.duckdb").exists()

    def test_a_neo4j_without_a_password_says_where_to_put_it(self):
        assert "set RINGFINDER_NEO4J_PASSWORD or --neo4j-password-file" in refused("bolt://h:1")

    def test_a_password_does_not_cross_a_network_unencrypted_unless_told_to(self):
        sentence = refused("bolt://db.example:7687", password="hunter22")
        assert "is on another host and not encrypted" in sentence
        assert "hunter22" not in sentence
