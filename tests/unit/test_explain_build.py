"""From columns to views: joins and counts against plain loops, and what is shown."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from dataclasses import asdict

import numpy as np
import pytest
from story import FLAT, OFFICE, Plot, run_facts, story

from ringfinder.explain import (
    Joined,
    RunFacts,
    account_reasons,
    build_ring_view,
    build_run_view,
)
from ringfinder.explain import build as build_module
from ringfinder.explain.links import evidence_links
from ringfinder.explain.reasons import label_reason
from ringfinder.schema import FAMILY_OF_KIND, KINDS

PLOTS = [
    Plot("household", 5, {"ip": 0.9, "device": 0.9}, 5, 40, 10, 3, OFFICE),
    Plot("fleet", 40, {"email_domain": 20, "prompt_band": 0.9, "device": 8}, 10, 2, 20, 30, FLAT),
    Plot("fleet", 30, {"email_domain": 0.9, "ip": 10}, 3, 1, 4, 9, FLAT, "silent"),
    Plot("organisation", 80, {"email_domain": 0.95, "ip": 0.8}, 0, 80, 30, 4, OFFICE),
    Plot("unclear", 12, {"ip_network": 0.9, "email_pattern": 0.8}, 0, 60, 5, 2, OFFICE),
]


@pytest.fixture(scope="module")
def run() -> Joined:
    return Joined.of(*story(strangers=600, plots=PLOTS, seed=11))


@pytest.fixture(scope="module")
def view(run):
    return build_run_view(run, run_facts())


class TestJoins:
    def test_links_are_the_members_sightings_of_their_rings_evidence(self, run):
        evidence = {
            (int(ring), int(value)): row
            for row, (ring, value) in enumerate(
                zip(run.rings.evidence_ring, run.rings.evidence_value, strict=True)
            )
        }
        expected = sorted(
            (int(account), evidence[run.rings.ring[account], int(value)])
            for account, value in zip(run.graph.account, run.graph.value, strict=True)
            if (run.rings.ring[account], int(value)) in evidence
        )
        assert (
            list(zip(run.links.account.tolist(), run.links.row.tolist(), strict=True)) == expected
        )

    def test_members_are_sorted_by_ring(self, run):
        for ring in range(len(PLOTS)):
            assert (
                run.links.members_of(ring).tolist()
                == np.flatnonzero(run.rings.ring == ring).tolist()
            )

    def test_pairs_of_some_accounts_are_theirs(self, run):
        accounts = run.links.members_of(3)[[4, 1]]
        position, row = run.links.pairs_of(accounts)
        for place, account in enumerate(accounts):
            assert (
                row[position == place].tolist()
                == run.links.row[run.links.account == account].tolist()
            )

    def test_coverage_counts_members_once_per_kind(self, run):
        graph, rings = run.graph, run.rings
        held: dict[tuple[int, int], set[int]] = {}
        for account, row in zip(run.links.account, run.links.row, strict=True):
            kind = int(graph.kind[rings.evidence_value[row]])
            held.setdefault((int(rings.ring[account]), kind), set()).add(int(account))
        counted = {key: len(accounts) for key, accounts in held.items()}
        found = {
            (int(r), int(k)): int(run.facts.covered[r, k])
            for r, k in np.argwhere(run.facts.covered)
        }
        assert found == counted

    def test_hours_and_rates_are_the_members(self, run):
        for ring in range(len(PLOTS)):
            members = run.rings.ring == ring
            assert (
                run.facts.hours[ring].tolist() == run.graph.profiles.hours[members].sum(0).tolist()
            )
            used = run.graph.profiles.exchanges[members].sum()
            assert run.facts.per_day[ring] == pytest.approx(
                used / run.graph.profiles.active_days[members].sum()
            )

    def test_the_quietest_eight_hours_may_pass_midnight(self, run):
        for ring in range(len(PLOTS)):
            hours = run.facts.hours[ring].tolist() * 2
            quiet = min(sum(hours[start : start + 8]) for start in range(24))
            assert run.facts.quiet_share[ring] == pytest.approx(quiet / sum(hours[:24]))

    def test_a_run_without_rings_joins_to_nothing(self):
        empty = Joined.of(*story(strangers=50, plots=[], seed=1))
        found = build_run_view(empty, RunFacts())
        assert found.finding == "No fleet found among 50 accounts."
        assert (found.fleets, found.unclear, found.benign, found.rest) == ((), (), (), ())


class TestRun:
    def test_totals_add_up_to_the_rings(self, view):
        assert view.total("fleet").accounts == view.flagged == 70
        assert view.total("household").rings == 1
        assert sum(row.accounts for row in view.totals) == sum(plot.size for plot in PLOTS)

    def test_fleets_come_by_harm(self, view):
        harm = [ring.exchanges for ring in view.fleets]
        assert harm == sorted(harm, reverse=True)
        assert len(harm) == 2

    def test_timelines_hold_every_sign_up_and_exchange(self, view, run):
        assert sum(view.all_timeline.signups) == run.graph.accounts
        assert sum(view.all_timeline.exchanges) == run.graph.profiles.exchanges.sum()
        assert sum(view.fleet_timeline.signups) == view.flagged
        assert sum(view.fleet_timeline.exchanges) == view.total("fleet").exchanges

    def test_what_is_not_shown_in_full_is_a_line_and_then_a_number(self, run, monkeypatch):
        monkeypatch.setattr(build_module, "SHOWN_FLEETS", 1)
        monkeypatch.setattr(build_module, "SHOWN_BENIGN", 1)
        monkeypatch.setattr(build_module, "SHOWN_ROWS", 1)
        short = build_run_view(run, RunFacts())
        assert (len(short.fleets), len(short.benign), len(short.rest)) == (1, 1, 1)
        assert short.rest_left_out == 1
        assert short.rest[0].verdict == "fleet"

    def test_the_population_leaves_fleets_out(self, run):
        flat = np.array(build_ring_view(run, 1).hours.population_use)
        assert flat.sum() == pytest.approx(1)
        assert flat[:8].sum() < 0.3


class TestRing:
    def test_the_summary_can_be_acted_on(self, run):
        ring = build_ring_view(run, 1)
        assert ring.summary.startswith("Fleet of 40 accounts opened within ")
        assert "2 e-mail domains" in ring.summary
        assert "round the clock" in ring.summary
        assert ring.summary.endswith("still active.")
        assert "not flagged" in build_ring_view(run, 3).summary
        assert "in a day's hours" in build_ring_view(run, 3).summary
        assert build_ring_view(run, 4).summary.startswith("For review: 12 accounts")

    def test_the_summary_says_since_when_a_ring_is_silent(self, run):
        assert "; silent since " in build_ring_view(run, 2).summary

    def test_without_usage_nobody_is_called_silent(self, run):
        graph = run.graph
        unused = dataclasses.replace(
            graph.profiles, exchanges=np.zeros_like(graph.profiles.exchanges)
        )
        graph = dataclasses.replace(graph, profiles=unused)
        again = Joined.of(graph, run.rings, run.judgement)
        assert "; no sign-up since " in again.summaries[2]
        assert not any("silent" in summary for summary in again.summaries)

    def test_one_exchange_a_day_is_one(self, run):
        days = run.graph.profiles.active_days.astype(np.int64)
        once = dataclasses.replace(run.graph.profiles, exchanges=days)
        again = Joined.of(dataclasses.replace(run.graph, profiles=once), run.rings, run.judgement)
        assert "; 1 exchange per account and day of use" in again.summaries[1]

    def test_why_names_both_sides(self, run):
        assert build_ring_view(run, 1).why.startswith("What speaks for one operator: ")
        assert build_ring_view(run, 3).why.startswith("What speaks against one operator: ")

    def test_every_family_of_evidence_is_shown(self, run):
        for number in range(len(PLOTS)):
            rows = run.links.rows_of(number)
            families = {
                KINDS[code].family for code in run.graph.kind[run.rings.evidence_value[rows]]
            }
            assert {row.family for row in build_ring_view(run, number).evidence} == families

    def test_shown_and_left_out_evidence_is_all_of_it(self, run):
        ring = build_ring_view(run, 1)
        left = sum(int(text.split()[0]) for text in ring.evidence_left_out)
        rows = run.links.rows_of(1)
        assert len(ring.evidence) + left == rows.stop - rows.start

    def test_values_are_pseudonyms_unless_asked(self, run):
        hidden = build_ring_view(run, 1)
        assert all(row.value.startswith("p1_") for row in hidden.evidence)
        clear = build_ring_view(
            Joined.of(run.graph, run.rings, run.judgement, clear_values=True), 1
        )
        assert all(row.value.endswith(".example") for row in clear.evidence)

    def test_no_sentence_holds_a_value(self, run):
        clear = Joined.of(run.graph, run.rings, run.judgement, clear_values=True)
        for number in range(len(PLOTS)):
            ring = build_ring_view(clear, number)
            said = [ring.summary, ring.why, *(row.text for row in (*ring.evidence, *ring.reasons))]
            said += [member.clearing for member in ring.members]
            assert ".example" not in " ".join(said)

    def test_members_are_the_surest_and_the_least_sure(self, run):
        shown = build_ring_view(run, 3).members
        certain = np.sort(run.rings.membership[run.rings.ring == 3])
        assert shown[0].membership == certain[-1]
        assert shown[-1].membership == certain[0]
        assert len(shown) == 8

    def test_the_same_run_gives_the_same_view(self, run):
        again = Joined.of(*story(strangers=600, plots=PLOTS, seed=11))
        for number in range(len(PLOTS)):
            first = json.dumps(asdict(build_ring_view(run, number)), default=str)
            assert first == json.dumps(asdict(build_ring_view(again, number)), default=str)


@pytest.fixture(scope="module")
def reasons(run):
    return account_reasons(run.graph, run.rings, run.judgement, run.links)


class TestAccountReasons:
    def test_every_account_has_one(self, reasons, run):
        assert np.diff(reasons.start).min() >= 1
        assert len(reasons.to_arrow(0, run.graph.accounts)) == run.graph.accounts

    def test_a_members_first_reason_is_its_rings_verdict(self, reasons, run):
        member = int(run.links.members_of(1)[0])
        first = reasons.of(member)[0]
        assert first.code == "ring_fleet"
        assert first.text.startswith("In a ring of 40 accounts that one operator runs (")

    def test_the_others_are_its_strongest_of_each_family(self, reasons, run):
        for account in run.links.members.tolist():
            rows = run.links.row[run.links.account == account]
            best: dict[int, float] = {}
            for row in rows:
                family = FAMILY_OF_KIND[int(run.graph.kind[run.rings.evidence_value[row]])]
                best[family] = max(best.get(family, -1), float(run.rings.evidence_nats[row]))
            shared = reasons.of(account)[1:]
            assert [reason.nats for reason in shared] == sorted(best.values(), reverse=True)[:4]
            assert max(Counter(reason.family for reason in shared).values(), default=0) <= 1

    def test_outside_rings_it_says_so(self, reasons, run):
        stranger = int(np.flatnonzero(run.rings.ring < 0)[0])
        assert [reason.code for reason in reasons.of(stranger)] == ["no_ring"]

    def test_who_comes_near_a_fleet_is_told_by_what(self, reasons, run):
        once = int(run.links.members_of(1)[0])
        ring, near = run.rings.ring.copy(), np.full(run.graph.accounts, -1, dtype=np.int32)
        ring[once], near[once] = -1, 1
        rings = dataclasses.replace(run.rings, ring=ring)
        links = evidence_links(run.graph, rings)
        told = account_reasons(run.graph, rings, run.judgement, links, near=near)
        first, *shared = told.of(once)
        assert (first.code, first.nats) == ("no_ring", 0.0)
        assert "near a fleet of 40 accounts" in first.text
        assert [reason.code for reason in shared] == [r.code for r in reasons.of(once)[1:]]
        assert all(" of that fleet; " in reason.text for reason in shared)
        stranger = int(np.flatnonzero(run.rings.ring < 0)[0])
        assert told.of(stranger) == reasons.of(stranger)

    def test_a_label_is_the_reason_of_those_it_clears(self, run):
        stranger = np.flatnonzero(run.rings.ring < 0)[:2]
        told = account_reasons(
            run.graph, run.rings, run.judgement, run.links, legitimate=stranger[1:]
        )
        assert told.of(int(stranger[0]))[0].code == "no_ring"
        assert told.of(int(stranger[1]))[0].code == "label_legitimate"

    def test_a_fraud_label_stands_before_everything_else(self, reasons, run):
        labelled = np.array([run.links.members_of(1)[0], np.flatnonzero(run.rings.ring < 0)[0]])
        told = account_reasons(run.graph, run.rings, run.judgement, run.links, fraud=labelled)
        for account in labelled.tolist():
            first, *rest = told.of(account)
            assert first == label_reason("fraud")
            assert tuple(rest) == reasons.of(account)
        others = np.setdiff1d(np.arange(run.graph.accounts), labelled)[:50]
        assert [told.of(a) for a in others.tolist()] == [reasons.of(a) for a in others.tolist()]

    def test_a_slice_is_a_part_of_the_whole(self, reasons, run):
        whole = reasons.to_arrow(0, run.graph.accounts).to_pylist()
        assert reasons.to_arrow(100, 230).to_pylist() == whole[100:230]
