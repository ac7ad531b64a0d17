"""The graph cut down to what can be evidence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import graph_of

from ringfinder.evidence.incidence import incidence, shared_values
from ringfinder.schema import CODE, FAMILIES, KINDS

cells = st.sets(st.tuples(st.integers(0, 9), st.integers(0, 6)), min_size=1)


def small():
    return graph_of(
        {
            "device": ["d1", "d1", "d2", "d1"],
            "ip": ["i1", "i2", "i2", None],
            "ip_block": ["b", "b", "b", "b"],
        }
    )


def names_of(graph, shared):
    return [graph.pseudonym[int(value)].as_py() for value in shared.source]


def test_only_values_of_two_accounts_and_more_are_kept():
    graph = small()
    shared = shared_values(graph)
    assert names_of(graph, shared) == ["ip:i2", "device:d1"]
    assert shared.degree.tolist() == [2, 3]
    assert shared.accounts == 4


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS if not kind.witness])
def test_kinds_that_only_describe_the_background_are_no_evidence(kind):
    shared = shared_values(graph_of({kind: ["x"] * 5, "device": ["d"] * 5}))
    assert CODE[kind] not in shared.kind.tolist()
    assert not shared.shown[:, CODE[kind]].any()


def test_accounts_left_out_say_nothing_about_others():
    graph = small()
    shared = shared_values(graph, exclude=np.array([False, False, True, False]))
    assert names_of(graph, shared) == ["device:d1"]
    assert 2 not in shared.account.tolist()


def test_what_is_shown_counts_though_nobody_shares_it():
    shared = shared_values(small())
    assert shared.shown[:, CODE["ip"]].tolist() == [True, True, True, False]
    assert shared.shown[:, CODE["device"]].all()


@settings(max_examples=50, deadline=None)
@given(cells, st.lists(st.integers(0, len(KINDS) - 1), min_size=7, max_size=7))
def test_rows_and_columns_tell_the_same(found, kinds):
    table = np.array(sorted(found))
    shared = incidence(10, table[:, 0], table[:, 1], np.array(kinds, dtype=np.int8))
    rows = set(zip(shared.account.tolist(), shared.source[shared.value].tolist(), strict=True))
    often = {v for v in range(7) if sum(cell[1] == v for cell in found) >= 2}
    assert rows == {cell for cell in found if cell[1] in often}
    pointer, holders = shared.by_value
    own = shared.account_pointer
    for value in range(shared.values):
        inside = holders[pointer[value] : pointer[value + 1]].tolist()
        assert inside == sorted(shared.account[shared.value == value].tolist())
        assert len(inside) == shared.degree[value]
        kind = KINDS[shared.kind[value]]
        assert FAMILIES[shared.family[value]] == kind.family
    for account in range(10):
        mine = shared.value[own[account] : own[account + 1]]
        assert np.array_equal(mine, shared.value[shared.account == account])
        assert np.all(np.diff(mine) > 0)


def test_a_graph_without_shared_values_is_empty():
    shared = shared_values(graph_of({"device": ["a", "b", "c"]}))
    assert shared.values == len(shared.account) == 0
    assert shared.account_pointer.tolist() == [0, 0, 0, 0]


@settings(max_examples=50, deadline=None)
@given(cells, st.lists(st.integers(0, len(KINDS) - 1), min_size=7, max_size=7))
def test_the_values_of_each_family_of_an_account_are_a_run(found, kinds):
    table = np.array(sorted(found))
    shared = incidence(10, table[:, 0], table[:, 1], np.array(kinds, dtype=np.int8))
    pointer, value = shared.by_family
    for account in range(10):
        own = shared.value[shared.account == account]
        for family in range(len(FAMILIES)):
            cell = account * len(FAMILIES) + family
            run = value[pointer[cell] : pointer[cell + 1]].tolist()
            assert run == sorted(own[shared.family[own] == family].tolist())
