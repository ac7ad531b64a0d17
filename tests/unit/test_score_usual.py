"""What is usual in a population, counted once a graph."""

import dataclasses
import gc
import weakref

import numpy as np
import pytest
from planted import DAY_MS, START_MS, empty_profiles, graph_of

from ringfinder.schema import CODE
from ringfinder.score import usual as score_usual
from ringfinder.score.usual import HOUR_MS, LEAST_QUIET, usual


def test_a_graph_is_counted_once(monkeypatch):
    graph = graph_of({"device": ["a", "b"]})
    first = usual(graph)
    monkeypatch.setattr(score_usual, "_count", lambda _: pytest.fail("counted again"))
    assert usual(graph) is first


def test_another_graph_is_counted_for_itself():
    one = graph_of({"device": ["a", "a", "b"]})
    two = dataclasses.replace(one, value=one.value[[0, 2, 2]])
    assert usual(one).holders.tolist() == [2, 1]
    assert usual(two).holders.tolist() == [1, 2]


def test_what_was_counted_goes_with_the_graph():
    graph = graph_of({"device": ["a", "b"]})
    counted = weakref.ref(usual(graph))
    del graph
    gc.collect()
    assert counted() is None


def test_an_accounts_sightings_lie_between_its_pointers():
    graph = graph_of({"device": ["a", None, "b"], "card_bin": ["x", None, "x"]})
    assert usual(graph).pointer.tolist() == [0, 2, 2, 4]


def test_prompts_nobody_else_has_are_a_share_of_those_shown():
    columns = {"prompt_fingerprint": ["p", "p", "q", None], "device": ["d", None, None, "d"]}
    known = usual(graph_of(columns))
    assert known.prompts == CODE["prompt_fingerprint"]
    assert known.own[:3].tolist() == [0, 0, 1]
    assert np.isnan(known.own[3])
    assert known.own_mean == pytest.approx(1 / 3)


def test_bands_tell_prompts_where_there_are_no_fingerprints():
    known = usual(graph_of({"prompt_band": ["p", None]}))
    assert known.prompts == CODE["prompt_band"]
    assert known.own[0] == 1
    assert usual(graph_of({"device": ["a"]})).own_mean == 0.5


def test_accounts_showing_a_common_kind_count_once_however_many_values_they_show():
    graph = graph_of({"user_agent": ["a", "b", None, "a"], "card_bin": [None] * 4})
    twice = np.sort(np.append(graph.account, 0))
    graph = dataclasses.replace(graph, account=twice, value=np.array([0, 1, 1, 0]))
    assert usual(graph).shown == {
        CODE["ip_network"]: 0, CODE["payment_fingerprint"]: 0, CODE["card_bin"]: 0,
        CODE["tls_fingerprint"]: 0,
        CODE["user_agent"]: 3,
    }  # fmt: skip


def test_sign_ups_of_one_moment_span_an_hour_and_no_less():
    assert usual(graph_of({"device": ["a"] * 9})).signup_span_ms == HOUR_MS
    created = START_MS + np.arange(11) * DAY_MS
    wide = usual(graph_of({"device": ["a"] * 11}, created_ms=created))
    assert wide.signup_span_ms == pytest.approx(8 * DAY_MS)


def test_quiet_hours_of_sign_ups_are_never_nothing():
    asleep = usual(graph_of({"device": ["a"] * 9}))
    assert asleep.signup_quiet == LEAST_QUIET
    profiles = dataclasses.replace(
        empty_profiles(48), signup_hour=np.arange(48, dtype=np.int8) % 24
    )
    awake = usual(graph_of({"device": ["a"] * 48}, profiles=profiles))
    assert awake.signup_quiet == pytest.approx(1 / 3)
