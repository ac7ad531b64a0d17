"""One sign-up against a snapshot: what the batch would have said of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from models import NOBODY, analysis_of, signups_of, small_graph
from scipy.special import expit

from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import Incidence, shared_values
from ringfinder.evidence.lifts import log_lifts
from ringfinder.evidence.membership import best_community, membership_odds
from ringfinder.explain.online import Scorer
from ringfinder.explain.reasons import account_reasons
from ringfinder.model import Decision, Family, Verdict
from ringfinder.normalise.one import NormalisedSignup
from ringfinder.pipeline.judgement import decisions
from ringfinder.publish.model import open_model, write_model
from ringfinder.publish.staging import staged
from ringfinder.schema import CODE, FAMILIES, FAMILY_OF_KIND, KINDS
from ringfinder.score.near import NEAR_NATS, admit, near_score
from ringfinder.score.online.build import with_own_values
from ringfinder.score.online.known import NOWHERE, stand
from ringfinder.score.online.model import Model, account_digest, digests, find


@pytest.fixture(scope="module")
def analysis():
    return analysis_of(small_graph())


@pytest.fixture(scope="module")
def model(analysis, tmp_path_factory) -> Model:
    return model_of(analysis, tmp_path_factory.mktemp("model"))


def model_of(analysis, directory, *, shared=None, back=None, judged=None) -> Model:
    run, judged = analysis.run, judged or analysis.judged
    with staged(directory) as stage:
        write_model(
            stage,
            shared=shared or analysis.population.shared,
            back=back or analysis.population.back,
            judged=judged,
            run=run,
            reasons=account_reasons(
                run.graph, run.rings, run.judgement, run.links, legitimate=NOBODY
            ),
            decision=decisions(analysis.judged),
        )
        stage.write_run({})
    return open_model(directory)


@dataclass(frozen=True)
class LeftOut:
    """A run in which one account was left out of everything that is measured."""

    shared: Incidence
    back: object
    judged: object


def leave_out(analysis, account: int) -> LeftOut:
    graph, back = analysis.run.graph, analysis.population.back
    absent = np.zeros(graph.accounts, dtype=bool)
    absent[account] = True
    shared = shared_values(graph, exclude=absent)
    ring = analysis.judged.ring.copy()
    ring[account] = -1
    innocent = back.innocent & ~absent
    return LeftOut(
        shared, background(shared, back.label, ~innocent), replace(analysis.judged, ring=ring)
    )


def batch_score(analysis, left: LeftOut, account: int) -> tuple[float, int]:
    """What the batch's functions say of an account held against lifts measured without it."""
    graph, judged = analysis.run.graph, left.judged
    shared, back = with_own_values(graph, left.shared, left.back, judged.ring)
    lifts = log_lifts(shared, back, judged.ring)
    present = with_account(graph, shared, account)
    only = np.zeros(graph.accounts, dtype=bool)
    only[account] = True
    fleet = np.array([verdict is Verdict.FLEET for verdict in judged.verdict])
    outside = np.full(graph.accounts, -1, dtype=np.int32)
    ring, nats = best_community(membership_odds(present, lifts, among=only), graph.accounts)
    odds = membership_odds(
        present, lifts, threshold=NEAR_NATS, minimum_families=1, among=only, forgive_misses=True
    )
    near = odds.only(fleet[odds.community])
    if ring[account] < 0:
        ring, nats = admit(outside, nats, near, judged.probability)
    if ring[account] >= 0:
        return float(expit(nats[account]) * judged.probability[ring[account]]), int(ring[account])
    return float(near_score(outside, near, judged.probability, NOBODY)[account]), -1


def with_account(graph, shared: Incidence, account: int) -> Incidence:
    """The incidence with the sightings of one account, on the values it has."""
    place = np.full(graph.values, -1)
    place[shared.source] = np.arange(shared.values)
    own = graph.value[graph.account == account]
    value = place[own][place[own] >= 0]
    rows = np.lexsort(
        (
            np.concatenate((shared.value, value)),
            np.concatenate((shared.account, np.full(len(value), account))),
        )
    )
    shown = shared.shown.copy()
    witness = np.array([kind.witness for kind in KINDS])
    shown[account, np.unique(graph.kind[own])] = True
    shown &= witness
    everything = np.concatenate((shared.value, value))[rows].astype(np.int32)
    return replace(
        shared,
        account=np.concatenate((shared.account, np.full(len(value), account)))[rows].astype(
            np.int32
        ),
        value=everything,
        degree=np.bincount(everything, minlength=shared.values),
        shown=shown,
    )


def interesting(analysis, number: int = 24) -> list[int]:
    """Members of rings of every verdict, accounts near fleets, and others."""
    judged = analysis.judged
    rng = np.random.default_rng(7)
    members = np.flatnonzero(judged.ring >= 0)
    near = np.flatnonzero((judged.ring < 0) & (judged.account_score > 0))
    far = np.flatnonzero((judged.ring < 0) & (judged.account_score == 0))
    return [
        int(account)
        for pool in (members, near, far)
        for account in rng.choice(pool, min(number, len(pool)), replace=False)
    ]


def test_who_has_a_score_outside_rings_comes_near_a_fleet(analysis):
    judged = analysis.judged
    near = judged.near >= 0
    assert near.any()
    assert np.array_equal(near, (judged.ring < 0) & (judged.account_score > 0))
    assert {judged.verdict[ring] for ring in judged.near[near]} == {Verdict.FLEET}


def test_the_score_of_an_account_left_out_equals_its_batch_score(analysis, tmp_path):
    scores = []
    for account in interesting(analysis):
        left = leave_out(analysis, account)
        model = model_of(analysis, tmp_path, shared=left.shared, back=left.back, judged=left.judged)
        ((kinds, names),) = signups_of(analysis.run.graph, np.array([account]))
        standing = stand(model, kinds, model.find_values(names))
        score, ring = batch_score(analysis, left, account)
        assert standing.score == pytest.approx(score, abs=1e-9)
        assert (standing.tie.ring if standing.member else -1) == ring
        scores.append(score)
    assert sum(score > 0.5 for score in scores) >= 10
    assert sum(0 < score < 0.5 for score in scores) >= 10
    assert sum(score == 0 for score in scores) >= 10


def test_members_of_the_run_score_about_as_in_the_run(analysis, model):
    """The batch measures a member's odds on a round before the last, and with itself left out."""
    judged = analysis.judged
    accounts = np.array(interesting(analysis, 60))
    found = [
        stand(model, kinds, model.find_values(names)).score
        for kinds, names in signups_of(analysis.run.graph, accounts)
    ]
    gap = np.abs(np.array(found) - judged.account_score[accounts])
    assert np.quantile(gap, 0.9) < 0.02


class TestStanding:
    def test_values_that_nobody_knows_stand_nowhere(self, model):
        names = [f"p1_{number:032x}" for number in range(12)]
        found = stand(model, [0, 1, 4, 5, 6, 7, 9, 14, 15, 16, 19, 20], model.find_values(names))
        assert found == NOWHERE

    def test_no_value_at_all_stands_nowhere(self, model):
        assert stand(model, [], model.find_values([])) == NOWHERE

    def test_one_family_alone_never_makes_a_member(self, analysis, model):
        members = np.flatnonzero(analysis.judged.ring >= 0)[::5]
        for kinds, names in signups_of(analysis.run.graph, members):
            for family in {KINDS[kind].family for kind in kinds}:
                rows = [row for row, kind in enumerate(kinds) if KINDS[kind].family == family]
                values = model.find_values([names[row] for row in rows])
                found = stand(model, [kinds[row] for row in rows], values)
                assert not found.member
                assert found.score <= 0.5

    def test_what_one_shares_with_one_member_alone_counts_once(self, model):
        single = np.flatnonzero(model.arrays.mark_holder >= 0)
        assert len(single)
        row = single[0]
        assert model.arrays.mark_inside[row] == 1


class TestFind:
    def test_every_key_is_found_at_its_place_and_no_other_key_is(self):
        rng = np.random.default_rng(1)
        keys = np.unique(rng.integers(0, 1 << 63, size=(500, 2)).astype(np.uint64), axis=0)
        keys = keys[np.lexsort((keys[:, 1], keys[:, 0]))]
        assert find(keys[:, 0], keys[:, 1], keys).tolist() == list(range(len(keys)))
        other = keys.copy()
        other[:, 1] += np.uint64(1)
        assert (find(keys[:, 0], keys[:, 1], other) == -1).all()

    def test_nothing_is_found_among_nothing(self):
        none = np.zeros(0, dtype=np.uint64)
        assert find(none, none, digests(["p1_" + "a" * 32])).tolist() == [-1]

    def test_accounts_are_found_by_their_id(self, analysis, model):
        judged, ids = analysis.judged, analysis.run.graph.account_ids
        for account in (0, 17, len(ids) - 1):
            row = model.find_account(ids[account].as_py())
            assert model.arrays.account_score[row] == judged.account_score[account]
            assert model.arrays.account_ring[row] == judged.ring[account]
        assert model.find_account("nobody") == -1
        assert account_digest("a") != account_digest("b")


class TestAnswer:
    def signup(self, analysis, account: int) -> NormalisedSignup:
        ((kinds, names),) = signups_of(analysis.run.graph, np.array([account]))
        return NormalisedSignup("new", 0, None, tuple(zip(kinds, names, strict=True)))

    def test_a_member_of_a_fleet_is_told_its_ring_and_why(self, analysis, model):
        judged = analysis.judged
        member = int(np.argmax(judged.account_score))
        answer = Scorer(model).score(self.signup(analysis, member))
        assert answer.ring.verdict is Verdict.FLEET
        assert answer.ring.ring_id == analysis.run.judgement.ring_id[judged.ring[member]]
        assert answer.suggested is Decision.CHALLENGE
        assert answer.reasons[0].code == "ring_fleet"
        assert len(answer.reasons) >= 3
        assert len({reason.family for reason in answer.reasons[1:]}) == len(answer.reasons) - 1
        assert len(answer.families) >= 2

    def test_a_stranger_is_allowed_with_a_reason(self, model):
        answer = Scorer(model).score(NormalisedSignup("new", 0, None, ((14, "p1_" + "0" * 32),)))
        assert answer.score == 0
        assert answer.ring is None
        assert answer.suggested is Decision.ALLOW
        assert [reason.code for reason in answer.reasons] == ["no_ring"]

    def test_who_comes_near_a_fleet_is_told_by_what(self, analysis, model):
        judged = analysis.judged
        member = int(np.argmax(judged.account_score))
        whole = self.signup(analysis, member)
        devices = tuple(
            one for one in whole.values if FAMILIES[FAMILY_OF_KIND[one[0]]] is Family.DEVICE
        )
        answer = Scorer(model).score(NormalisedSignup("near", 0, None, devices))
        assert (answer.ring, answer.suggested) == (None, Decision.ALLOW)
        assert 0 < answer.score < 0.5
        assert answer.families == frozenset()
        told = [(reason.code, reason.family) for reason in answer.reasons]
        assert told[0] == ("no_ring", "ring")
        assert "near a fleet of" in answer.reasons[0].text
        assert {family for _, family in told[1:]} == {"device"}
        assert "of that fleet" in answer.reasons[1].text

    def test_devices_that_nobody_has_seen_do_not_hide_the_fleets_card(self, analysis, model):
        judged = analysis.judged
        fleets = [n for n, verdict in enumerate(judged.verdict) if verdict is Verdict.FLEET]
        hidden = []
        for account in np.flatnonzero(np.isin(judged.ring, fleets)).tolist():
            whole = self.signup(analysis, account)
            one = [v for v in whole.values if FAMILIES[FAMILY_OF_KIND[v[0]]] is Family.PAYMENT]
            plain = Scorer(model).score(NormalisedSignup("near", 0, None, tuple(one)))
            if plain.score == 0 or plain.ring is not None:
                continue
            fresh = tuple(
                (CODE[kind], "p1_" + "0" * 32) for kind in ("device", "mailbox", "ip_network")
            )
            answer = Scorer(model).score(NormalisedSignup("near", 0, None, (*one, *fresh)))
            assert 0 < answer.score <= plain.score
            assert {reason.family for reason in answer.reasons[1:]} == {"payment"}
            assert answer.suggested is Decision.ALLOW
            hidden.append(answer.score < plain.score)
        assert any(hidden)

    def test_an_employee_of_a_company_belongs_to_it_and_is_allowed(self, analysis, model):
        judged = analysis.judged
        company = [n for n, v in enumerate(judged.verdict) if v is Verdict.ORGANISATION]
        member = int(np.flatnonzero(np.isin(judged.ring, company))[0])
        answer = Scorer(model).score(self.signup(analysis, member))
        if answer.ring is not None:
            assert answer.ring.verdict is Verdict.ORGANISATION
        assert answer.suggested is Decision.ALLOW
