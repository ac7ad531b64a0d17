"""Kinds that repeat another kind for everybody are one witness, and fleets are not hidden by it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import crowd, graph_of, plant

from ringfinder.detect import echoes as module
from ringfinder.detect.echoes import Echo, echoes, without_kinds
from ringfinder.evidence.incidence import shared_values
from ringfinder.pipeline.analyse import detect, learn
from ringfinder.pipeline.record import echo_sentences
from ringfinder.schema import CODE

ACCOUNTS = 3_000
ONE = np.zeros(ACCOUNTS, dtype=np.int32)


def counted(columns, **steps):
    """Columns counted off the number of the account: value n of so many."""
    for name, many in steps.items():
        columns[name] = [f"{name}{number % many}" for number in range(len(columns["device"]))]
    return columns


def told(columns, stratum=None, *, seed=0):
    graph = graph_of(columns, stratum=stratum)
    known = np.zeros(graph.accounts, dtype=np.int32) if stratum is None else stratum
    return echoes(graph, known, seed=seed)


def named(found):
    return [(echo.kind, echo.teller) for echo in found]


class TestWhatIsTold:
    def test_independent_columns_tell_nothing_of_each_other(self):
        assert told(crowd(ACCOUNTS)) == []
        assert told(counted(crowd(ACCOUNTS), user_agent=5, card_bin=7)) == []

    def test_of_two_that_repeat_each_other_one_is_told_and_one_is_left(self):
        (echo,) = told(counted(crowd(ACCOUNTS), user_agent=8, card_bin=8))
        assert {echo.kind, echo.teller} == {"user_agent", "card_bin"}
        assert echo.told == 1.0

    def test_what_has_fewer_values_is_told_by_what_has_more(self):
        assert named(told(counted(crowd(ACCOUNTS), user_agent=4, card_bin=8))) == [
            ("user_agent", "card_bin")
        ]

    def test_a_chain_of_three_leaves_the_finest(self):
        columns = counted(crowd(ACCOUNTS), user_agent=5, card_bin=10, ip_network=50)
        assert named(told(columns)) == [
            ("user_agent", "ip_network"),
            ("card_bin", "ip_network"),
        ]

    @pytest.mark.parametrize(("follow", "expected"), [(0.8, 1), (0.3, 0)])
    def test_it_is_enough_that_most_accounts_go_along(self, follow, expected):
        rng = np.random.default_rng(3)
        columns = counted(crowd(ACCOUNTS), user_agent=8, card_bin=8)
        strays = np.flatnonzero(rng.random(ACCOUNTS) > follow)
        for account in strays.tolist():
            columns["card_bin"][account] = f"card_bin{rng.integers(0, 8)}"
        assert len(told(columns)) == expected

    def test_networks_dealt_out_in_the_order_of_sign_ups_are_told_by_time(self):
        columns = crowd(ACCOUNTS)
        graph = graph_of(columns)
        rank = np.argsort(np.argsort(graph.created_ms, kind="stable"), kind="stable")
        columns["ip_network"] = [f"n{place // 250}" for place in rank.tolist()]
        assert named(told(columns)) == [("ip_network", "created_at")]

    def test_kinds_of_one_observation_are_not_asked(self):
        columns = counted(crowd(ACCOUNTS), ip_network=20, ip_block=5)
        assert told(columns) == []

    def test_what_everybody_has_is_not_told(self):
        columns = counted(crowd(ACCOUNTS), card_bin=8)
        columns["user_agent"] = ["one"] * ACCOUNTS
        assert told(columns) == []

    def test_within_countries_what_the_country_tells_is_known(self):
        stratum = (np.arange(ACCOUNTS) % 8).astype(np.int32)
        columns = counted(crowd(ACCOUNTS), user_agent=8, card_bin=8)
        assert told(columns, stratum) == []
        assert len(told(columns)) == 1

    def test_a_kind_that_a_third_do_not_show_is_no_echo(self):
        columns = counted(crowd(ACCOUNTS), user_agent=8, card_bin=8)
        columns["card_bin"][: int(0.4 * ACCOUNTS)] = [None] * int(0.4 * ACCOUNTS)
        assert told(columns) == []

    @pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
    @pytest.mark.parametrize("shown", [1.0, 0.75, 0.55])
    def test_fleets_that_are_half_of_all_make_no_echo_of_what_they_share(self, share, shown):
        columns, size = crowd(ACCOUNTS), 100
        columns["card_bin"][int(shown * ACCOUNTS) :] = [None] * (ACCOUNTS - int(shown * ACCOUNTS))
        for number in range(int(share * ACCOUNTS / size)):
            members = range(number * size, (number + 1) * size)
            values = {kind: [f"{kind}-{number}"] for kind in ("user_agent", "card_bin", "device")}
            plant(columns, members, values)
        assert told(columns) == []

    @settings(max_examples=20, deadline=None)
    @given(st.permutations(range(400)), st.integers(2, 9))
    def test_it_does_not_matter_who_is_who(self, order, many):
        columns = counted(crowd(400), user_agent=many, card_bin=many)
        for name in ("user_agent", "card_bin"):
            columns[name] = [columns[name][place] for place in order]
        assert len(told(columns)) == 1

    def test_steps_of_the_sample_do_not_fall_in_with_steps_of_a_column(self, monkeypatch):
        monkeypatch.setattr(module, "SAMPLE", 500)
        found = told(counted(crowd(ACCOUNTS), user_agent=6, card_bin=6), seed=5)
        assert len(found) == 1
        assert told(counted(crowd(ACCOUNTS), user_agent=6, card_bin=7), seed=5) == []

    def test_nobody_tells_nothing(self):
        assert told({"device": [], "user_agent": []}) == []


class TestWithoutThem:
    def test_their_sightings_are_gone_and_all_values_keep_their_numbers(self):
        graph = graph_of(counted(crowd(ACCOUNTS), user_agent=8))
        left = without_kinds(graph, ["user_agent"])
        assert left.values == graph.values
        assert CODE["user_agent"] not in shared_values(left).kind
        assert left.holders()[graph.kind != CODE["user_agent"]].sum() == len(left.value)
        assert without_kinds(graph, []) is graph


class TestDetection:
    """Eight classes of strangers, each with its own bank and client: nobody's fleet."""

    FLEET = range(100, 160)

    def columns(self):
        columns = counted(crowd(ACCOUNTS), user_agent=8, card_bin=8)
        own = {"user_agent": ["bot"], "card_bin": ["prepaid"], "device": ["x", "y", "z"]}
        plant(columns, self.FLEET, {**own, "ip_network": ["pool1", "pool2"]})
        return columns

    def communities(self, columns):
        population = learn(graph_of(columns), seed=0)
        return population, detect(population, seed=0).communities.community

    def test_the_classes_are_no_communities_and_the_fleet_is_one(self):
        population, community = self.communities(self.columns())
        assert len(population.echoes) == 1
        (ring,) = np.unique(community[list(self.FLEET)])
        assert ring >= 0
        assert (community == ring).sum() == len(self.FLEET)
        strangers = np.setdiff1d(np.arange(ACCOUNTS), self.FLEET)
        assert (community[strangers] >= 0).mean() < 0.02

    def test_where_nothing_is_told_the_graph_is_heard_whole(self):
        graph = graph_of(crowd(ACCOUNTS))
        population = learn(graph, seed=0)
        assert population.heard is graph
        assert population.echoes == ()


def test_the_reader_is_told_which_kind_is_not_counted_and_why():
    (first, second) = echo_sentences(
        [Echo("user_agent", "card_bin", 0.97), Echo("ip_network", "created_at", 0.6)]
    )
    assert "user agent goes with the card issuer for nearly everybody (97%" in first
    assert "network goes with the time of sign-up" in second
