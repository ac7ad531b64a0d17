"""What can be counted of rings, of members and of days, against counting one by one."""

import dataclasses
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import DAY_MS, START_MS, crowd, empty_profiles, graph_of, use_of

from ringfinder.evidence.lifts import LEAST_PRIOR, THRESHOLD_NATS
from ringfinder.explain.facts import COUNTED, MAIN_SHARE, ring_facts
from ringfinder.explain.links import evidence_links, runs_of
from ringfinder.explain.members import SHOWN, member_views
from ringfinder.explain.times import MOST_DAYS, hours_view, population_hours, timeline
from ringfinder.graph.columns import Rings
from ringfinder.schema import CODE

FIRST_DAY = START_MS // DAY_MS


def rings_of(graph, ring, evidence=(), membership=None):
    """Rings with evidence given as (ring, value, nats), as detection would sort it."""
    ring = np.asarray(ring, dtype=np.int32)
    rows = sorted(evidence, key=lambda row: (row[0], -row[2], row[1]))
    of = np.array([row[0] for row in rows], dtype=np.int32)
    value = np.array([row[1] for row in rows], dtype=np.int32)
    holders = [set(graph.account[graph.value == v].tolist()) for v in value]
    inside = [sum(ring[a] == r for a in held) for r, held in zip(of, holders, strict=True)]
    return Rings(
        ring=ring,
        membership=np.where(ring >= 0, 0.9, 0.0) if membership is None else np.array(membership),
        size=np.bincount(ring[ring >= 0], minlength=int(ring.max(initial=-1)) + 1),
        evidence_ring=of,
        evidence_value=value,
        evidence_inside=np.array(inside, dtype=np.int32),
        evidence_total=np.array([len(held) for held in holders], dtype=np.int32),
        evidence_nats=np.array([row[2] for row in rows]),
    )


def facts_of(graph, ring, evidence=()):
    rings = rings_of(graph, ring, evidence)
    return ring_facts(graph, rings, evidence_links(graph, rings))


def plain(accounts, *, days=None, profiles=None):
    """Accounts with a device each, signed up on the given days."""
    created = START_MS + np.array([0] * accounts if days is None else days) * DAY_MS
    columns = {"device": [f"d{n}" for n in range(accounts)]}
    return graph_of(columns, created_ms=created.astype(np.int64), profiles=profiles)


class TestSpans:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.integers(0, 400), min_size=1, max_size=40))
    def test_the_main_span_is_the_shortest_that_holds_most(self, days):
        facts = facts_of(plain(len(days), days=days), [0] * len(days))
        times = sorted(days)
        most = math.ceil(MAIN_SHARE * len(times))
        shortest = min(times[at + most - 1] - times[at] for at in range(len(times) - most + 1))
        assert facts.span_ms[0] == (times[-1] - times[0]) * DAY_MS
        assert facts.main_span_ms[0] == shortest * DAY_MS

    def test_one_straggler_stretches_the_span_and_not_the_main_one(self):
        facts = facts_of(plain(20, days=[3] * 19 + [60]), [0] * 20)
        assert (facts.span_ms[0], facts.main_span_ms[0]) == (57 * DAY_MS, 0)

    def test_rings_do_not_mix(self):
        facts = facts_of(plain(6, days=[0, 1, 50, 52, 9, 9]), [0, 0, 1, 1, -1, -1])
        assert (facts.span_ms // DAY_MS).tolist() == [1, 2]


class TestUse:
    def test_without_use_rates_and_hours_are_unknown(self):
        facts = facts_of(plain(4), [0] * 4)
        assert math.isnan(facts.per_day[0])
        assert math.isnan(facts.quiet_share[0])

    def test_even_use_is_a_third_quiet_and_one_hour_leaves_the_rest_so(self):
        hours = np.zeros((2, 24), dtype=np.int32)
        hours[0], hours[1, 13] = 5, 9
        facts = facts_of(
            plain(2, profiles=dataclasses.replace(empty_profiles(2), hours=hours)), [0, 1]
        )
        assert facts.quiet_share.tolist() == [pytest.approx(1 / 3), 0.0]

    def test_sign_ups_are_counted_by_hour(self):
        profiles = dataclasses.replace(
            empty_profiles(5), signup_hour=np.array([3, 3, 23, 0, 3], dtype=np.int8)
        )
        facts = facts_of(plain(5, profiles=profiles), [0, 0, 0, 1, -1])
        assert facts.signup_hours[0, [3, 23]].tolist() == [2, 1]
        assert facts.signup_hours.sum(axis=1).tolist() == [3, 1]


class TestValues:
    def test_values_far_rarer_than_the_commonest_are_not_counted(self):
        columns = {"email_domain": ["a"] * 40 + ["b"] * 5 + ["c"] * 3}
        graph = graph_of(columns)
        facts = facts_of(graph, [0] * 48, [(0, value, 3.0) for value in range(3)])
        assert 3 < COUNTED * 40 < 5
        assert facts.values[0, CODE["email_domain"]] == 2
        assert facts.covered[0, CODE["email_domain"]] == 48

    def test_a_value_of_one_member_never_counts(self):
        graph = graph_of({"device": ["a", "a", "b"]})
        facts = facts_of(graph, [0, 0, 0], [(0, 0, 3.0), (0, 1, 3.0)])
        assert facts.values[0, CODE["device"]] == 1


class TestLinks:
    @given(
        st.lists(st.integers(0, 12), max_size=40).map(sorted),
        st.lists(st.integers(0, 14), max_size=10),
    )
    def test_runs_are_found_in_the_order_wanted(self, column, wanted):
        position, row = runs_of(np.array(column, dtype=np.int32), np.array(wanted, dtype=np.int64))
        expected = [
            (place, at)
            for place, one in enumerate(wanted)
            for at, other in enumerate(column)
            if one == other
        ]
        assert list(zip(position.tolist(), row.tolist(), strict=True)) == expected

    def test_what_another_ring_is_marked_by_links_nobody_here(self):
        graph = graph_of({"device": ["a"] * 4})
        rings = rings_of(graph, [0, 0, 1, 1], [(0, 0, 3.0)])
        links = evidence_links(graph, rings)
        assert links.account.tolist() == [0, 1]
        assert links.rows_of(1) == slice(1, 1)

    def test_an_account_s_first_row_is_its_strongest(self):
        graph = graph_of({"device": ["a"] * 3, "email_domain": ["x"] * 3})
        names = graph.pseudonym.to_pylist()
        weak, strong = names.index("email_domain:x"), names.index("device:a")
        rings = rings_of(graph, [0] * 3, [(0, weak, 2.0), (0, strong, 5.0)])
        links = evidence_links(graph, rings)
        _, row = links.pairs_of(np.array([1]))
        assert rings.evidence_value[row].tolist() == [strong, weak]


def used_on(days, exchanges, accounts=3):
    """Profiles in which account n was used on days[n], so many times each day."""
    who = np.repeat(np.arange(accounts), [len(one) for one in days])
    return dataclasses.replace(
        empty_profiles(accounts),
        day_account=who.astype(np.int32),
        day=np.concatenate([np.array(one, dtype=np.int64) for one in days]) + FIRST_DAY,
        day_exchanges=np.concatenate([np.array(one, dtype=np.int64) for one in exchanges]),
    )


class TestTimeline:
    graph = plain(
        3, days=[0, 2, 2], profiles=used_on([[1, 4], [], [3]], [[7, 1], [], [2]])
    )  # fmt: skip

    def test_it_runs_from_the_first_to_the_last_day_of_anything(self):
        found = timeline(self.graph, None)
        assert [day - FIRST_DAY for day in found.days] == [0, 1, 2, 3, 4]
        assert found.signups == (1, 0, 2, 0, 0)
        assert found.exchanges == (0, 7, 0, 2, 1)

    def test_of_some_accounts_only_theirs_are_counted(self):
        found = timeline(self.graph, np.array([1, 2]))
        assert [day - FIRST_DAY for day in found.days] == [2, 3]
        assert (found.signups, found.exchanges) == ((2, 0), (0, 2))

    def test_of_nobody_there_is_none(self):
        assert timeline(self.graph, np.zeros(0, dtype=np.int64)).days == ()

    def test_a_date_far_off_does_not_stretch_it(self):
        graph = plain(2, days=[0, 3 * MOST_DAYS], profiles=used_on([[0], [1]], [[5], [6]], 2))
        found = timeline(graph, None)
        assert len(found.days) == MOST_DAYS
        assert found.days[-1] == FIRST_DAY + 3 * MOST_DAYS
        assert (sum(found.signups), sum(found.exchanges)) == (1, 0)

    def test_use_before_the_sign_up_counts_too(self):
        found = timeline(plain(1, days=[5], profiles=used_on([[2]], [[4]], 1)), None)
        assert [day - FIRST_DAY for day in found.days] == [2, 3, 4, 5]
        assert (found.signups, found.exchanges) == ((0, 0, 0, 1), (4, 0, 0, 0))


class TestHours:
    def test_the_population_is_everybody_who_is_not_flagged(self):
        machine = np.arange(200) < 80
        graph = graph_of(crowd(200), profiles=use_of(machine))
        found = population_hours(graph, machine)
        hours = graph.profiles.hours[~machine].sum(axis=0)
        signups = Counter(graph.profiles.signup_hour[~machine].tolist())
        assert found[0] == pytest.approx(hours / hours.sum())
        assert found[1] == pytest.approx([signups[hour] / 120 for hour in range(24)])

    def test_where_all_are_flagged_nothing_is_divided_by_nothing(self):
        graph = graph_of(crowd(10), profiles=use_of(np.ones(10, dtype=bool)))
        assert population_hours(graph, np.ones(10, dtype=bool)).tolist() == [[0.0] * 24] * 2

    def test_a_ring_stands_beside_it(self):
        graph = graph_of(crowd(50), profiles=use_of(np.arange(50) < 20))
        facts = facts_of(graph, np.where(np.arange(50) < 20, 0, -1))
        view = hours_view(facts, population_hours(graph, np.arange(50) < 20), 0)
        assert sum(view.use) == graph.profiles.exchanges[:20].sum()
        assert sum(view.signups) == 20
        assert sum(view.population_use) == pytest.approx(1.0)


class TestMembers:
    def views(self, accounts=30, certain=None):
        """A ring of ten on one device and one domain, the domain on nine of them."""
        columns = {
            "device": ["kit"] * 10 + [f"d{n}" for n in range(accounts - 10)],
            "email_domain": ["x"] * 9 + [None] * (accounts - 9),
        }
        graph = graph_of(columns)
        names = graph.pseudonym.to_pylist()
        nats = LEAST_PRIOR + THRESHOLD_NATS
        evidence = [(0, names.index("device:kit"), nats), (0, names.index("email_domain:x"), 1.0)]
        ring = [0] * 10 + [-1] * (accounts - 10)
        certain = np.linspace(0.99, 0.9, 10) if certain is None else certain
        membership = np.r_[certain, np.zeros(accounts - 10)]
        rings = rings_of(graph, ring, evidence, membership)
        return member_views(graph, rings, evidence_links(graph, rings), 0)

    def test_the_surest_and_the_least_sure_are_shown_in_that_order(self):
        views = self.views()
        shown = [int(view.account_id[1:]) for view in views]
        assert shown == [*range(SHOWN // 2), *range(10 - SHOWN // 2, 10)]
        assert [view.membership for view in views] == sorted(
            (view.membership for view in views), reverse=True
        )

    def test_equally_sure_members_come_in_their_own_order(self):
        shown = [view.account_id for view in self.views(certain=np.full(10, 0.9))]
        assert shown == sorted(shown)

    def test_shared_values_are_the_member_s_own(self):
        assert [view.shared for view in self.views()] == [2] * (SHOWN - 1) + [1]

    def test_what_would_clear_a_member_is_told_by_what_it_holds(self):
        first, *_, last = self.views()
        assert first.clearing == "not sharing its device"
        assert last.clearing == "nothing single: its own shared values do not carry it"
