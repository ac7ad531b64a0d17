"""Each account's most popular value of each kind, and how much it votes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import graph_of

from ringfinder.detect import popular as module
from ringfinder.detect.popular import popular_values
from ringfinder.schema import CODE, KINDS, OBSERVATION_OF_KIND

EVERYBODY = np.ones(100, dtype=bool)


class TestPopularValues:
    def test_each_account_has_its_most_popular_value_of_a_kind(self):
        # an account that shows two blocks counts with the one that more accounts show
        graph = graph_of({"ip_block": ["a"] * 60 + ["b"] * 40})
        rows = np.append(graph.account, 99), np.append(graph.value, 0)
        order = np.lexsort(rows[::-1])
        both = type(graph)(
            **{
                **vars(graph),
                "account": rows[0][order],
                "value": rows[1][order],
            }
        )
        found = popular_values(both, EVERYBODY)
        assert found.category[:, 0].tolist() == [1] * 60 + [2] * 39 + [1]
        assert found.named.tolist() == [False, True, True]

    def test_what_is_not_popular_is_one_column_and_what_is_not_shown_none(self):
        graph = graph_of({"ip_block": ["a"] * 80 + [f"x{n}" for n in range(10)] + [None] * 10})
        found = popular_values(graph, EVERYBODY)
        assert found.category[:, 0].tolist() == [1] * 80 + [0] * 10 + [-1] * 10

    def test_popular_is_what_the_known_accounts_hold(self):
        graph = graph_of({"ip_block": ["a"] * 80 + ["b"] * 20})
        known = np.arange(100) < 80
        assert popular_values(graph, known).named.sum() == 1

    @pytest.mark.parametrize("kind", ["signup_window", "activity_window", "model_adoption"])
    def test_times_teach_nothing(self, kind):
        graph = graph_of({kind: ["a"] * 50 + ["b"] * 50})
        assert not popular_values(graph, EVERYBODY).named.any()

    def test_kinds_of_one_observation_vote_once(self):
        graph = graph_of({"ip_network": ["a"] * 50 + ["b"] * 50, "ip_block": ["c"] * 100})
        found = popular_values(graph, EVERYBODY)
        assert len(np.unique(found.group)) == 2
        assert len(np.unique(found.observation)) == 1

    def test_every_kind_but_times_may_teach(self):
        times = {CODE["signup_window"], CODE["activity_window"], CODE["model_adoption"]}
        teaches = {code for code in range(len(KINDS)) if module._TEACHES[code]}
        assert teaches == set(range(len(KINDS))) - times

    def test_of_values_equally_popular_the_lower_is_taken(self):
        both = np.repeat(np.arange(100), 2), np.tile([1, 0], 100)
        graph = graph_of({"ip_block": ["a"] * 50 + ["b"] * 50})
        order = np.lexsort(both[::-1])
        graph = type(graph)(**{**vars(graph), "account": both[0][order], "value": both[1][order]})
        assert set(popular_values(graph, EVERYBODY).category[:, 0].tolist()) == {1}

    @pytest.mark.parametrize(("holders", "found"), [(9, 0), (10, 1)])
    def test_popular_is_what_as_many_hold_as_the_root_of_all(self, holders, found):
        graph = graph_of({"ip_block": ["a"] * holders + [f"x{n}" for n in range(100 - holders)]})
        assert popular_values(graph, EVERYBODY).named.sum() == found

    def test_in_a_handful_of_accounts_two_make_nothing_popular(self):
        graph = graph_of({"ip_block": ["a", "a", "b", "c"]})
        assert not popular_values(graph, np.ones(4, dtype=bool)).named.any()


def some_columns(rng, accounts=60):
    """Columns of several kinds, two of one observation, with gaps."""
    names = ("ip_network", "ip_block", "card_bin", "mail_provider", "user_agent", "tls_fingerprint")
    columns = {}
    for name in names:
        if rng.random() < 0.8:
            cells = rng.integers(0, int(rng.integers(1, 12)), accounts)
            shown = rng.random(accounts) < rng.uniform(0.3, 1.0)
            if shown.any():
                columns[name] = [f"v{c}" if s else None for c, s in zip(cells, shown, strict=True)]
    return columns or {"ip_block": ["a"] * accounts}


class TestTable:
    """The table that classes are learned from, against walking account by account."""

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 10_000))
    def test_it_shows_what_accounts_show_and_an_observation_votes_once(self, seed):
        rng = np.random.default_rng(seed)
        columns = some_columns(rng)
        accounts = len(next(iter(columns.values())))
        found = popular_values(graph_of(columns), np.ones(accounts, dtype=bool))
        wanted = rng.permutation(accounts)[: int(rng.integers(0, accounts + 1))]
        shows, votes = found.table(wanted)
        kinds = [CODE[n] for n in sorted(columns, key=CODE.get)]
        kinds = [kind for kind in kinds if kind in popular_kinds(columns)]
        expected_shows = np.zeros((len(wanted), len(found.group)))
        expected_votes = np.zeros_like(expected_shows)
        for row, account in enumerate(wanted.tolist()):
            shown = [g for g in range(len(kinds)) if found.category[account, g] >= 0]
            for g in shown:
                said = [h for h in shown if same_observation(kinds[g], kinds[h])]
                expected_shows[row, found.category[account, g]] = 1.0
                expected_votes[row, found.category[account, g]] = 1.0 / len(said)
        assert np.array_equal(shows.toarray(), expected_shows)
        assert votes.toarray() == pytest.approx(expected_votes)

    def test_two_kinds_of_one_observation_share_a_vote_and_one_alone_has_it_whole(self):
        graph = graph_of({"ip_network": ["a"] * 100, "ip_block": ["c"] * 50 + [None] * 50})
        shows, votes = popular_values(graph, EVERYBODY).table(np.array([0, 99]))
        assert shows.sum(axis=1).tolist() == [2.0, 1.0]
        assert votes.sum(axis=1).tolist() == [1.0, 1.0]
        assert votes.toarray()[0].max() == 0.5

    def test_rows_come_in_the_order_asked_for(self):
        graph = graph_of({"ip_block": ["a"] * 60 + ["b"] * 40})
        found = popular_values(graph, EVERYBODY)
        shows, _ = found.table(np.array([99, 0, 99]))
        assert shows.toarray().argmax(axis=1).tolist() == [2, 1, 2]

    def test_of_nobody_there_are_no_rows(self):
        found = popular_values(graph_of({"ip_block": ["a"] * 100}), EVERYBODY)
        shows, votes = found.table(np.zeros(0, dtype=int))
        assert shows.shape == votes.shape == (0, 2)

    def test_an_account_that_shows_nothing_has_an_empty_row(self):
        graph = graph_of({"ip_block": ["a"] * 99 + [None]})
        shows, votes = popular_values(graph, EVERYBODY).table(np.array([99]))
        assert shows.nnz == votes.nnz == 0


def same_observation(one, other):
    return OBSERVATION_OF_KIND[one] == OBSERVATION_OF_KIND[other]


def popular_kinds(columns):
    """Kinds with a value that at least the root of all accounts, and three, hold."""
    kinds = set()
    for name, cells in columns.items():
        most = max(cells.count(cell) for cell in set(cells) - {None})
        if most >= max(np.sqrt(len(cells)), 3):
            kinds.add(CODE[name])
    return kinds
