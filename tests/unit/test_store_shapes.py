"""Batches, ring tables, conversions and fingerprints: columns and nothing else."""

import numpy as np
import pyarrow as pa
import pytest
from planted import empty_profiles
from stored import START_MS, batch_of, graph_tables, pseudonym, rings_of

from ringfinder.errors import InvalidParameter
from ringfinder.graph.columns import NEVER, AttributeGraph
from ringfinder.store import GraphTables, to_attribute_graph, to_graph_tables
from ringfinder.store.batches import SIGHTINGS, VALUES
from ringfinder.store.fingerprint import fingerprint_of
from ringfinder.store.loading import merged

GRAPH = graph_tables(
    {"ann": {}, "bob": {}}, [("ann", "ip", "x", 0, 1, 1), ("bob", "ip", "y", 0, 1, 1)]
)


def changed(table, name, values):
    """Return a table with one column replaced."""
    index = table.schema.get_field_index(name)
    return table.set_column(
        index, table.schema.field(index), pa.array(values, table.schema.field(index).type)
    )


class TestBatch:
    @pytest.mark.parametrize(("first", "last"), [(0, 3), (5, 4), (-1, -1)])
    def test_an_impossible_range_is_refused(self, first, last):
        with pytest.raises(InvalidParameter, match="expected 1 <= first <= last"):
            batch_of(first, last)

    @pytest.mark.parametrize(
        ("column", "values", "words"),
        [
            ("account", [0, 2], "a row of account lies outside 0 to 1"),
            ("account", [-1, 0], "a row of account lies outside 0 to 1"),
            ("value", [0, 9], "a row of value lies outside 0 to 1"),
            ("count", [1, 0], "a count is below 1"),
            ("first_ms", [START_MS, START_MS + 2], "ends before it begins"),
        ],
    )
    def test_impossible_sightings_are_refused(self, column, values, words):
        sightings = changed(GRAPH.sightings, column, values)
        with pytest.raises(InvalidParameter, match=words):
            batch_of(1, graph=GraphTables(GRAPH.accounts, GRAPH.values, sightings))

    def test_an_unknown_kind_is_refused(self):
        values = changed(GRAPH.values, "kind", [0, 100])
        with pytest.raises(InvalidParameter, match="a kind lies outside"):
            batch_of(1, graph=GraphTables(GRAPH.accounts, values, GRAPH.sightings))

    def test_another_schema_is_refused(self):
        with pytest.raises(InvalidParameter, match="sightings has the columns"):
            batch_of(1, graph=GraphTables(GRAPH.accounts, GRAPH.values, GRAPH.values))

    def test_a_null_in_a_required_column_is_refused(self):
        values = changed(GRAPH.values, "pseudonym", [None, pseudonym("x")])
        with pytest.raises(InvalidParameter, match="values: pseudonym is null"):
            batch_of(1, graph=GraphTables(GRAPH.accounts, values, GRAPH.sightings))


class TestRingTables:
    def test_a_ring_that_occurs_twice_is_refused(self):
        rings = rings_of("r", {"r1": []})
        with pytest.raises(InvalidParameter, match="occurs twice"):
            type(rings)("r", pa.concat_tables([rings.rings, rings.rings]), rings.members)

    def test_a_member_of_no_ring_is_refused(self):
        rings = rings_of("r", {"r1": ["a"]})
        with pytest.raises(InvalidParameter, match="members: a row belongs to no ring"):
            type(rings)("r", rings.rings.slice(1), rings.members)


class TestIntervals:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ([], []),
            ([(1, 2), (3, 4)], [(1, 4)]),
            ([(5, 9), (1, 3)], [(1, 3), (5, 9)]),
            ([(1, 9), (2, 3)], [(1, 9)]),
            ([(4, 4), (1, 1), (2, 3)], [(1, 4)]),
        ],
    )
    def test_neighbours_are_joined(self, given, expected):
        assert merged(given) == expected


def attribute_graph():
    """A normalised graph with everything that can be missing."""
    return AttributeGraph(
        account_ids=pa.array(["a", "b", "c"]),
        created_ms=np.array([START_MS, START_MS + 1, START_MS + 2]),
        closed_ms=np.array([NEVER, START_MS + 9, NEVER]),
        stratum=np.array([1, -1, 0], np.int32),
        account=np.array([0, 0, 2], np.int32),
        value=np.array([0, 1, 1], np.int32),
        first_ms=np.array([1, 2, 3]),
        last_ms=np.array([4, 5, 6]),
        count=np.array([7, 8, 9], np.int32),
        kind=np.array([0, 3], np.int8),
        pseudonym=pa.array([pseudonym("x"), pseudonym("y")]),
        clear=pa.array(["10.0.0.1", "secret"]),
        profiles=empty_profiles(3),
    )


class TestConversion:
    def test_clear_values_are_left_behind(self):
        tables = to_graph_tables(attribute_graph())
        assert tables.values.schema == VALUES
        assert "secret" not in str(tables)

    def test_there_and_back_is_the_same_graph(self):
        graph = attribute_graph()
        back = to_attribute_graph(to_graph_tables(graph), graph.profiles)
        for name in ("created_ms", "closed_ms", "stratum", "account", "value", "count", "kind"):
            assert getattr(back, name).tolist() == getattr(graph, name).tolist()
            assert getattr(back, name).dtype == getattr(graph, name).dtype
        assert back.pseudonym.equals(graph.pseudonym)
        assert back.clear is None

    def test_strata_get_their_names(self):
        accounts = to_graph_tables(attribute_graph(), ["DE", "FR"]).accounts
        assert accounts["country"].to_pylist() == ["FR", None, "DE"]

    def test_counts_beyond_int32_stop_at_its_end(self):
        sightings = changed(GRAPH.sightings, "count", [2**40, 1])
        tables = GraphTables(GRAPH.accounts, GRAPH.values, sightings)
        assert to_attribute_graph(tables, empty_profiles(2)).count.tolist() == [2**31 - 1, 1]

    def test_profiles_of_other_accounts_are_refused(self):
        with pytest.raises(InvalidParameter, match="3 rows for 2 accounts"):
            to_attribute_graph(GRAPH, empty_profiles(3))

    def test_an_account_without_sign_up_is_refused(self):
        with pytest.raises(InvalidParameter, match="without sign-up"):
            to_attribute_graph(graph_tables({"ann": None}), empty_profiles(1))


class TestFingerprint:
    TABLE = pa.table(
        {"name": ["a", None, "bc"], "number": [1, None, 3], "flag": [True, None, False]}
    )

    def test_chunks_slices_and_the_order_of_columns_change_nothing(self):
        table = self.TABLE
        pieces = pa.concat_tables([table.slice(0, 1), table.slice(1)])
        padded = pa.concat_tables([table, table]).slice(3)
        turned = table.select(["flag", "number", "name"])
        prints = {fingerprint_of({"t": t}) for t in (table, pieces, padded, turned)}
        assert len(prints) == 1

    @pytest.mark.parametrize(
        "other",
        [
            {"name": ["a", "", "bc"]},
            {"name": ["ab", None, "c"]},
            {"name": ["a", "bc", None]},
            {"number": [1, 0, 3]},
            {"number": [1, None, 4]},
            {"flag": [True, False, False]},
        ],
    )
    def test_any_other_content_changes_it(self, other):
        columns = self.TABLE.to_pydict() | other
        assert fingerprint_of({"t": pa.table(columns)}) != fingerprint_of({"t": self.TABLE})

    def test_a_row_belongs_to_its_table(self):
        rows, none = self.TABLE, self.TABLE.slice(3)
        assert fingerprint_of({"a": rows, "b": none}) != fingerprint_of({"a": none, "b": rows})

    def test_empty_tables_of_other_types_are_alike(self):
        empty = SIGHTINGS.empty_table()
        assert fingerprint_of({"t": empty}) == fingerprint_of({"t": empty.slice(0)})
