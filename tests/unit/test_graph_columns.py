"""The columns that everything passes around."""

import dataclasses
import gc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import graph_of

from ringfinder.errors import InvalidParameter
from ringfinder.graph.columns import NEVER
from ringfinder.schema import (
    FAMILIES,
    FAMILY_OF_KIND,
    KIND,
    KINDS,
    OBSERVATION_OF_KIND,
    OBSERVATIONS,
    fields_of_values,
)

cells = st.lists(st.one_of(st.none(), st.sampled_from("abcd")), min_size=1, max_size=30)


@given(cells.filter(any))
def test_holders_are_the_accounts_that_show_a_value(column):
    graph = graph_of({"device": column})
    names = [name.split(":")[1] for name in graph.pseudonym.to_pylist()]
    assert dict(zip(names, graph.holders().tolist(), strict=True)) == {
        name: column.count(name) for name in set(column) - {None}
    }


def test_values_that_nobody_shows_have_no_holders():
    graph = graph_of({"device": ["a", "b"]})
    more = dataclasses.replace(graph, kind=np.append(graph.kind, graph.kind[0]))
    assert more.holders().tolist() == [1, 1, 0]
    assert (more.accounts, more.values) == (2, 3)


def test_sightings_need_an_account_and_a_value_each():
    graph = graph_of({"device": ["a", "b"]})
    with pytest.raises(InvalidParameter, match="account has 2 rows and value 1; expected one row"):
        dataclasses.replace(graph, value=graph.value[:1])


def test_accounts_need_a_time_of_sign_up_each():
    graph = graph_of({"device": ["a", "b"]})
    with pytest.raises(InvalidParameter, match="created_ms has 3 rows for 2 accounts"):
        dataclasses.replace(graph, created_ms=np.zeros(3, dtype=np.int64))


def test_a_graph_is_one_with_itself_alone_and_can_be_remembered_by():
    graph, twin = graph_of({"device": ["a"]}), graph_of({"device": ["a"]})
    assert graph == graph
    assert graph != twin
    known = weakref.WeakKeyDictionary({graph: 1})
    assert twin not in known
    del graph
    gc.collect()
    assert not known


def test_never_is_before_any_time():
    assert np.datetime64("0001-01-01", "ms").astype(np.int64) > NEVER


class TestKinds:
    def test_names_and_labels_are_unique(self):
        assert len({kind.name for kind in KINDS}) == len({kind.label for kind in KINDS})
        assert len(KIND) == len(KINDS)

    def test_kinds_of_one_observation_are_of_one_family(self):
        for code, observation in enumerate(OBSERVATION_OF_KIND):
            first = OBSERVATION_OF_KIND.index(observation)
            assert FAMILY_OF_KIND[code] == FAMILY_OF_KIND[first], KINDS[code].name
            assert OBSERVATIONS[observation]

    def test_every_family_has_a_kind_that_ties_and_is_a_witness(self):
        for family in FAMILIES:
            assert any(
                kind.family is family and kind.witness and not kind.coarse for kind in KINDS
            ), family

    def test_what_only_describes_the_background_is_coarse(self):
        assert all(kind.coarse for kind in KINDS if not kind.witness)

    def test_every_field_is_named_once(self):
        fields = fields_of_values()
        assert len(fields) == len(set(fields))
        assert set(fields) == {kind.field for kind in KINDS}
