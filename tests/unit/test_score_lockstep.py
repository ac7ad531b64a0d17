"""Ranking accounts where one family of evidence is all there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import graph_of

from ringfinder.detect.refine import refine
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import incidence, shared_values
from ringfinder.evidence.pairs import RAREST_PER_FAMILY, pair_counts, pairs_beyond, rarest_sightings
from ringfinder.schema import CODE, FAMILY_OF_KIND, KINDS
from ringfinder.score.assess import assess
from ringfinder.score.lockstep import BELOW, lockstep_score

ACCOUNTS = 2_000
RING = np.arange(100, 112)
PROMPT = CODE["prompt_fingerprint"]
rng_of = np.random.default_rng


def sightings(rows, kinds, accounts=ACCOUNTS):
    """An incidence of (account, value) pairs, in whatever order they are given."""
    pairs = np.array(sorted(set(rows)), dtype=np.int64).reshape(-1, 2)
    return incidence(accounts, pairs[:, 0], pairs[:, 1], np.array(kinds, dtype=np.int8))


def strangers(*, seed=0, accounts=ACCOUNTS, values=300, most=5):
    """Accounts that each show some values, drawn by popularity and independently."""
    rng = rng_of(seed)
    weight = 1.0 / np.arange(1, values + 1)
    rows = []
    for account in range(accounts):
        shown = rng.choice(values, rng.integers(1, most), replace=False, p=weight / weight.sum())
        rows += [(account, int(value)) for value in shown]
    return rows


def with_ring(rows, *, ring=RING, values=(250, 270, 290)):
    kept = [row for row in rows if row[0] not in set(ring.tolist())]
    return kept + [(int(account), value) for account in ring for value in values]


def scores(shared, legitimate=None, label=None):
    label = np.zeros(shared.accounts, dtype=int) if label is None else label
    return lockstep_score(shared, background(shared, label), legitimate)


class TestRank:
    def test_a_planted_lockstep_comes_before_every_stranger(self):
        score = scores(sightings(with_ring(strangers()), [PROMPT] * 300))
        others = np.setdiff1d(np.arange(ACCOUNTS), RING)
        assert score[RING].min() > score[others].max()

    def test_independent_people_hardly_score(self):
        score = scores(sightings(strangers(), [PROMPT] * 300))
        assert np.mean(score > 0.25) < 0.002

    def test_who_shows_much_else_ranks_behind_who_shows_nothing_else(self):
        rows = with_ring(strangers())
        rows += [(int(RING[0]), value) for value in range(5)]
        score = scores(sightings(rows, [PROMPT] * 300))
        assert 0 < score[RING[0]] < score[RING[1:]].min()

    def test_one_value_alone_says_nothing_however_many_hold_it(self):
        rows = with_ring(strangers(), values=(299,))
        assert not scores(sightings(rows, [PROMPT] * 300))[RING].any()

    def test_of_values_equally_popular_those_met_more_often_rank_higher(self):
        def first_of(met):
            elsewhere = np.arange(500, 500 + len(RING) - met)
            rows = [*((int(a), 300) for a in RING)]
            rows += [(int(a), 301) for a in (*RING[:met], *elsewhere)]
            rows += [(a, a % 300) for a in range(ACCOUNTS)]
            return scores(sightings(rows, [PROMPT] * 302))[RING[0]]

        assert first_of(12) > first_of(5) > first_of(3) > 0

    def test_two_are_a_couple(self):
        rows = with_ring(strangers(), ring=RING[:2], values=(298, 299))
        rows = [row for row in rows if row[1] < 298 or row[0] in RING[:2]]
        assert not scores(sightings(rows, [PROMPT] * 300))[RING[:2]].any()

    def test_what_a_class_does_as_a_whole_is_no_lockstep(self):
        label = np.isin(np.arange(ACCOUNTS), np.arange(400)).astype(int)
        rows = [row for row in strangers() if row[0] >= 400]
        rng = rng_of(3)
        for account in range(400):
            rows += [(account, int(v)) for v in (295, 296) if rng.random() < 0.7]
        shared = sightings(rows, [PROMPT] * 300)
        assert scores(shared)[:400].max() > 0.15
        assert scores(shared, label=label)[:400].max() < 0.05


class TestBounds:
    def test_always_below_one_half(self):
        rows = [(account, value) for account in range(60) for value in range(8)]
        rows += [(account, 8) for account in range(60, 100_000)]
        score = scores(sightings(rows, [PROMPT] * 9, accounts=100_000))
        assert score[:60].min() > 0.45
        assert score.max() < BELOW
        assert not score[60:].any()

    @pytest.mark.parametrize("other", ["ip", "card_bin", "email_domain", "device"])
    def test_zero_where_two_families_are_shown(self, other):
        rows = with_ring(strangers())
        kinds = [PROMPT] * 300 + [CODE[other]]
        assert scores(sightings(rows, kinds)).any()
        assert not scores(sightings([*rows, (7, 300), (8, 300)], kinds)).any()

    def test_zero_also_where_nobody_shares_the_second_family(self):
        rows = [*with_ring(strangers()), (7, 300)]
        assert not scores(sightings(rows, [PROMPT] * 300 + [CODE["device"]])).any()

    def test_nobody_labelled_legitimate_scores(self):
        shared = sightings(with_ring(strangers()), [PROMPT] * 300)
        plain, score = scores(shared), scores(shared, RING[:2])
        assert not score[RING[:2]].any()
        rest = np.setdiff1d(np.arange(ACCOUNTS), RING[:2])
        assert np.array_equal(score[rest], plain[rest])

    @pytest.mark.parametrize("rows", [[], [(0, 0)], [(0, 0), (1, 0)], [(0, 0), (0, 1)]])
    def test_too_little_data_scores_nothing(self, rows):
        score = scores(sightings(rows, [PROMPT] * 2, accounts=3))
        assert score.tolist() == [0.0, 0.0, 0.0]

    def test_no_accounts_at_all(self):
        assert len(scores(sightings([], [], accounts=0))) == 0


class TestWhatSpeaks:
    def score_of(self, first, second):
        """Twelve accounts of two thousand that share a value of each kind."""
        rows = [*((a, 0) for a in RING), *((a, 1) for a in RING)]
        rows += [(a, 2 + a % 40) for a in range(ACCOUNTS) if a not in set(RING.tolist())]
        kinds = [CODE[first], CODE[second]] + [CODE[first]] * 40
        return scores(sightings(rows, kinds))[RING].min()

    def test_two_values_of_one_kind_do(self):
        assert self.score_of("prompt_fingerprint", "prompt_fingerprint") > 0.2

    def test_two_observations_do(self):
        assert self.score_of("prompt_fingerprint", "referrer") > 0.2

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("ip", "ip_network"),
            ("email_domain", "email_pattern"),
            ("payment_fingerprint", "card_bin"),
            ("tls_fingerprint", "user_agent"),
        ],
    )
    def test_one_observation_said_twice_does_not(self, first, second):
        assert self.score_of(first, second) == 0

    @pytest.mark.parametrize(
        "time", ["signup_window", "activity_window", "model_adoption", "prompt_band"]
    )
    def test_neither_times_nor_parts_of_one_text_do(self, time):
        assert self.score_of("prompt_fingerprint", time) == 0
        assert self.score_of(time, time) == 0


def by_hand(shared):
    """The score, account by account and pair by pair."""
    back = background(shared, np.zeros(shared.accounts, dtype=int))
    rows = rarest_sightings(shared)
    pairs = pairs_beyond(
        shared, back, counts=pair_counts(shared, rows, within_family=True), within_family=True
    )
    lift = {}
    for u, v, n, e in zip(pairs.u, pairs.v, pairs.together, pairs.expected, strict=True):
        lift[u, v] = max(np.log((n - 1) / e), 0.0)
    out = []
    for account in range(shared.accounts):
        shown = (shared.account == account).sum()
        held = shared.value[rows[shared.account[rows] == account]]
        total = sum(lift.get((u, v), 0.0) for u in held for v in held if u < v)
        strength = total / max(shown, 1)
        out.append(BELOW * strength / (1 + strength))
    return np.array(out)


rows_of = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 11)), max_size=120)


@settings(max_examples=60, deadline=None)
@given(rows_of)
def test_it_equals_summing_pair_by_pair(rows):
    shared = sightings(rows, [PROMPT] * 12, accounts=400)
    assert scores(shared) == pytest.approx(by_hand(shared))


@settings(max_examples=40, deadline=None)
@given(rows_of, st.lists(st.sampled_from(range(len(KINDS))), min_size=12, max_size=12))
def test_whatever_is_shown_it_is_at_least_zero_and_below_one_half(rows, kinds):
    shared = sightings(rows, kinds, accounts=16)
    score = scores(shared)
    assert np.all((score >= 0) & (score < BELOW))
    if len({FAMILY_OF_KIND[kinds[value]] for _, value in rows}) != 1:
        assert not score.any()


def test_an_account_that_shows_many_values_enters_pairs_with_its_rarest():
    wide = range(4 * RAREST_PER_FAMILY)
    rows = [(a, v) for a in range(10) for v in wide]
    shared = sightings(rows, [PROMPT] * len(wide))
    score = scores(shared)
    assert np.ptp(score[:10]) == 0
    assert score[0] == pytest.approx(by_hand(shared)[0])


@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_of_accounts_and_values_changes_nothing(seed):
    rows = with_ring(strangers())
    order, code = rng_of(seed).permutation(ACCOUNTS), rng_of(seed + 9).permutation(300)
    turned = [(int(order[account]), int(code[value])) for account, value in rows]
    # of equally popular values those with the lower number enter pairs; here all do
    straight = scores(sightings(rows, [PROMPT] * 300))
    assert scores(sightings(turned, [PROMPT] * 300))[order] == pytest.approx(straight)


def columns_in_lockstep():
    columns = {name: [f"p{n}" for n in rng_of(s).zipf(1.5, ACCOUNTS) % 900]
               for s, name in enumerate(("prompt_fingerprint", "referrer"))}  # fmt: skip
    for account in RING:
        columns["prompt_fingerprint"][account] = "template"
        columns["referrer"][account] = "forum"
    return columns


class TestInAnAssessment:
    def assessed(self, columns, **labels):
        graph = graph_of(columns)
        shared = shared_values(graph)
        back = background(shared, np.zeros(ACCOUNTS, dtype=int))
        nothing = refine(shared, back, np.full(ACCOUNTS, -1, dtype=np.int32))
        return assess(graph, shared, back, nothing, **labels)

    def test_one_family_ranks_and_makes_no_ring(self):
        judged = self.assessed(columns_in_lockstep())
        others = np.setdiff1d(np.arange(ACCOUNTS), RING)
        assert judged.account_score[RING].min() > judged.account_score[others].max()
        assert judged.account_score.max() < BELOW
        assert judged.verdict == []
        assert np.all(judged.ring == -1)

    def test_a_second_family_leaves_the_scores_as_they_were(self):
        columns = columns_in_lockstep()
        columns["device"] = [f"d{n}" for n in range(ACCOUNTS)]
        assert not self.assessed(columns).account_score.any()

    def test_a_legitimate_label_clears(self):
        judged = self.assessed(columns_in_lockstep(), legitimate=RING[:3])
        assert not judged.account_score[RING[:3]].any()
        assert judged.account_score[RING[3:]].all()
