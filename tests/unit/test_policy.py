"""What a policy decides, and the promises that no policy can break."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfinder.model import Decision, Family, Verdict
from ringfinder.pipeline.judgement import CHALLENGE
from ringfinder.score.policy import (
    Action,
    Facts,
    Label,
    Mode,
    Policy,
    Rule,
    When,
    decide,
    public_reason,
)
from ringfinder.serve.policy import default_policy

TWO = frozenset({Family.NETWORK, Family.DEVICE})
SEVERITY = list(Decision)

shares = st.floats(0, 1)
facts = st.builds(
    Facts,
    score=shares,
    verdict=st.none() | st.sampled_from(Verdict),
    membership=shares,
    ring_size=st.integers(0, 10_000),
    families=st.frozensets(st.sampled_from(Family)),
    provisional=st.booleans(),
    degraded=st.booleans(),
    label=st.none() | st.sampled_from(Label),
    suggested=st.sampled_from(Decision),
)
conditions = st.builds(
    When,
    score_at_least=st.none() | shares,
    score_below=st.none() | shares,
    verdict=st.none() | st.frozensets(st.none() | st.sampled_from(Verdict), min_size=1),
    families_at_least=st.none() | st.integers(1, 5),
    provisional=st.none() | st.booleans(),
    degraded=st.none() | st.booleans(),
)
rules = st.builds(
    Rule,
    name=st.sampled_from(["a", "b", "c"]),
    when=conditions,
    then=st.sampled_from(Decision),
    actions=st.frozensets(st.sampled_from(Action), max_size=2),
    shadow=st.booleans(),
)
policies = st.builds(
    Policy,
    name=st.just("any"),
    rules=st.lists(rules, max_size=5).map(tuple),
    otherwise=st.sampled_from(Decision),
    mode=st.sampled_from(Mode),
)


def policy(*rules, **options):
    return Policy("test", tuple(rules), **options)


def fleet(score=0.95, **known):
    return Facts(score, Verdict.FLEET, families=known.pop("families", TWO), **known)


class TestFirstMatch:
    def test_the_first_rule_that_matches_decides(self):
        found = decide(
            policy(
                Rule("mild", When(score_at_least=0.5), Decision.REVIEW),
                Rule("hard", When(score_at_least=0.4), Decision.DENY),
            ),
            fleet(0.6),
        )
        assert (found.decision, found.rule) == (Decision.REVIEW, "mild")

    def test_where_no_rule_matches_the_policy_says_what_happens(self):
        rule = Rule("hard", When(score_at_least=0.99), Decision.DENY)
        found = decide(policy(rule, otherwise=Decision.REVIEW), fleet(0.6))
        assert (found.decision, found.rule) == (Decision.REVIEW, "")

    def test_a_rule_speaks_only_about_its_actions(self):
        rule = Rule("payouts", When(verdict=frozenset({Verdict.FLEET})), Decision.DENY,
                    actions=frozenset({Action.PAYOUT}))  # fmt: skip
        assert decide(policy(rule), fleet(), Action.SIGNUP).decision is Decision.ALLOW
        assert decide(policy(rule), fleet(), Action.PAYOUT).decision is Decision.DENY

    @pytest.mark.parametrize(
        ("when", "holds", "fails"),
        [
            (When(score_at_least=0.5), Facts(0.5), Facts(0.4999)),
            (When(score_below=0.5), Facts(0.4999), Facts(0.5)),
            (When(verdict=frozenset({None})), Facts(0.1), fleet()),
            (When(verdict=frozenset({Verdict.FLEET})), fleet(), Facts(1.0)),
            (When(membership_at_least=0.7), Facts(0, membership=0.7), Facts(0, membership=0.6)),
            (When(ring_size_at_least=9), Facts(0, ring_size=9), Facts(0, ring_size=8)),
            (When(families_at_least=2), Facts(0, families=TWO), Facts(0)),
            (
                When(families_include=frozenset({Family.DEVICE})),
                Facts(0, families=TWO),
                Facts(0, families=frozenset({Family.PAYMENT})),
            ),
            (When(provisional=True), Facts(0, provisional=True), Facts(0)),
            (When(degraded=True), Facts(0, degraded=True), Facts(0)),
            (When(label=Label.FRAUD), Facts(0, label=Label.FRAUD), Facts(0)),
            (
                When(suggested=frozenset({Decision.REVIEW})),
                Facts(0, suggested=Decision.REVIEW),
                Facts(0),
            ),
        ],
    )
    def test_a_condition_holds_or_does_not(self, when, holds, fails):
        assert when.holds(holds)
        assert not when.holds(fails)

    def test_a_rule_without_conditions_matches_everybody(self):
        assert decide(policy(Rule("all", When(), Decision.REVIEW)), Facts(0)).rule == "all"


class TestPromises:
    @given(policies, facts, st.sampled_from(Action))
    def test_one_family_never_gets_an_account_past_review(self, any_policy, known, action):
        asked = [rule for rule in any_policy.rules if rule.applies(action) and not rule.shadow]
        weak = len(known.families) < 2 and known.label is not Label.FRAUD
        if weak and asked and asked[0].when.looks_at_evidence:
            found = decide(any_policy, known, action).decision
            assert SEVERITY.index(found) <= SEVERITY.index(Decision.REVIEW)

    @given(policies, facts, st.sampled_from(Action))
    def test_on_one_family_evidence_makes_no_difference_beyond_review(
        self, any_policy, known, action
    ):
        weak = replace(known, families=frozenset(list(known.families)[:1]), label=None)
        nothing = Facts(0.0, degraded=known.degraded)
        found = decide(any_policy, weak, action).decision
        if SEVERITY.index(found) > SEVERITY.index(Decision.REVIEW):
            assert decide(any_policy, nothing, action).decision is found

    @pytest.mark.parametrize("families", [frozenset(), frozenset({Family.PAYMENT})])
    @pytest.mark.parametrize("asked", [Decision.CHALLENGE, Decision.DENY])
    def test_a_rule_that_asks_for_more_on_one_family_is_held_at_review(self, families, asked):
        rule = Rule("harsh", When(score_at_least=0.1), asked)
        found = decide(policy(rule), fleet(1.0, families=families))
        assert (found.decision, found.capped) == (Decision.REVIEW, True)

    def test_a_rule_that_is_reached_because_an_evidence_rule_failed_is_held_as_well(self):
        found = decide(
            policy(
                Rule("clean", When(score_below=0.2), Decision.ALLOW),
                Rule("rest", When(), Decision.DENY),
            ),
            fleet(0.9, families=frozenset({Family.NETWORK})),
        )
        assert found.decision is Decision.REVIEW

    def test_so_is_what_happens_where_no_rule_matches(self):
        clean = Rule("clean", When(score_below=0.2), Decision.ALLOW)
        found = decide(policy(clean, otherwise=Decision.DENY), Facts(0.9))
        assert found.decision is Decision.REVIEW

    def test_a_person_may_close_an_action_for_everybody_without_any_evidence(self):
        closed = Rule("payouts stop", When(), Decision.DENY, actions=frozenset({Action.PAYOUT}))
        assert decide(policy(closed), Facts(0), Action.PAYOUT).decision is Decision.DENY

    def test_two_families_carry_a_denial_that_a_person_wrote(self):
        rule = Rule("harsh", When(score_at_least=0.9), Decision.DENY)
        assert decide(policy(rule), fleet(0.95)).decision is Decision.DENY

    def test_a_persons_fraud_label_on_the_account_itself_carries_it_too(self):
        rule = Rule("named", When(label=Label.FRAUD), Decision.DENY)
        known = Facts(0.1, label=Label.FRAUD)
        assert decide(policy(rule), known).decision is Decision.DENY

    @given(policies, facts, st.sampled_from(Action))
    def test_a_legitimate_label_clears_whatever_the_policy_says(self, any_policy, known, action):
        if known.label is not Label.LEGITIMATE:
            return
        found = decide(any_policy, known, action)
        assert found.decision is Decision.ALLOW

    @given(facts, st.sampled_from(Action))
    def test_the_default_denies_nobody(self, known, action):
        assert decide(default_policy(), known, action).decision is not Decision.DENY

    @given(facts)
    def test_the_default_asks_nothing_of_those_outside_fleets(self, known):
        if known.verdict is not Verdict.FLEET and known.label is None and not known.provisional:
            assert decide(default_policy(), known).decision is Decision.ALLOW


class TestNewbornRings:
    """Of a ring that no nightly run has judged, the default does what the scoring suggests."""

    @pytest.mark.parametrize("suggested", [Decision.ALLOW, Decision.REVIEW, Decision.CHALLENGE])
    def test_it_follows_the_suggestion(self, suggested):
        known = Facts(0.6, Verdict.UNCLEAR, families=TWO, provisional=True, suggested=suggested)
        assert decide(default_policy(), known).decision is suggested

    def test_but_not_past_review_on_one_family(self):
        known = Facts(
            0.99, Verdict.UNCLEAR, families=frozenset({Family.DEVICE}), provisional=True,
            suggested=Decision.CHALLENGE,
        )  # fmt: skip
        assert decide(default_policy(), known).decision is Decision.REVIEW


class TestShadow:
    def test_a_policy_in_shadow_mode_records_and_lets_pass(self):
        rule = Rule("harsh", When(score_at_least=0.5), Decision.DENY)
        found = decide(policy(rule, mode=Mode.SHADOW), fleet())
        assert (found.decision, found.would_be) == (Decision.ALLOW, Decision.DENY)
        assert found.would_be_rule == "harsh"

    def test_a_shadow_rule_is_recorded_while_the_next_rules_act(self):
        found = decide(
            policy(
                Rule("tried", When(score_at_least=0.5), Decision.DENY, shadow=True),
                Rule("real", When(score_at_least=0.5), Decision.REVIEW),
            ),
            fleet(),
        )
        assert (found.decision, found.rule) == (Decision.REVIEW, "real")
        assert (found.would_be, found.would_be_rule) == (Decision.DENY, "tried")

    def test_what_shadow_would_have_done_is_held_by_the_same_promises(self):
        tried = Rule("tried", When(score_at_least=0.5), Decision.DENY, shadow=True)
        found = decide(policy(tried), fleet(families=frozenset()))
        assert found.would_be is Decision.REVIEW

    @given(policies, facts, st.sampled_from(Action))
    def test_shadow_mode_holds_nobody_up(self, any_policy, known, action):
        if any_policy.mode is Mode.SHADOW:
            assert decide(any_policy, known, action).decision is Decision.ALLOW

    @given(policies, facts, st.sampled_from(Action))
    def test_shadow_rules_change_nothing_that_is_acted_on(self, any_policy, known, action):
        without = Policy(
            "any",
            tuple(rule for rule in any_policy.rules if not rule.shadow),
            any_policy.otherwise,
            any_policy.mode,
        )
        assert decide(any_policy, known, action).decision is decide(without, known, action).decision


class TestVersion:
    def test_the_same_content_has_the_same_version_wherever_it_stands(self):
        rule = Rule("a", When(score_at_least=0.5), Decision.DENY, line=3)
        moved = Rule("a", When(score_at_least=0.5), Decision.DENY, line=30)
        assert policy(rule).version == policy(moved).version

    @pytest.mark.parametrize(
        "other",
        [
            Rule("b", When(score_at_least=0.5), Decision.DENY),
            Rule("a", When(score_at_least=0.6), Decision.DENY),
            Rule("a", When(score_at_least=0.5), Decision.REVIEW),
            Rule("a", When(score_at_least=0.5), Decision.DENY, shadow=True),
            Rule("a", When(score_at_least=0.5), Decision.DENY, frozenset({Action.USAGE})),
            Rule("a", When(verdict=frozenset({None})), Decision.DENY),
        ],
    )
    def test_any_other_content_has_another(self, other):
        rule = Rule("a", When(score_at_least=0.5), Decision.DENY)
        assert policy(rule).version != policy(other).version

    def test_mode_and_the_last_word_are_part_of_it(self):
        versions = {
            policy().version,
            policy(mode=Mode.SHADOW).version,
            policy(otherwise=Decision.REVIEW).version,
        }
        assert len(versions) == 3


class TestFacts:
    @given(facts)
    def test_facts_survive_being_recorded(self, known):
        import json

        assert Facts.from_record(json.loads(json.dumps(known.to_record()))) == known

    @pytest.mark.parametrize("record", [{}, {"score": "high"}, {"score": 1, "verdict": "x"}])
    def test_what_is_no_facts_is_refused(self, record):
        with pytest.raises(ValueError, match="no facts"):
            Facts.from_record(record)

    def test_what_a_later_version_adds_is_left_out(self):
        assert Facts.from_record({"score": 0.5, "mood": "good"}) == Facts(0.5)


class TestBatchAgreement:
    """`pipeline.judgement.decisions` and the default policy say the same."""

    @given(
        st.lists(st.tuples(st.floats(0, 1), st.integers(-1, 3)), min_size=1, max_size=30),
        st.lists(st.sampled_from(Verdict), min_size=4, max_size=4),
    )
    def test_of_every_account(self, accounts, verdicts):
        from types import SimpleNamespace

        from ringfinder.pipeline.judgement import decisions

        judged = SimpleNamespace(
            verdict=verdicts,
            ring=np.array([ring for _, ring in accounts]),
            account_score=np.array([score for score, _ in accounts]),
        )
        online = [
            decide(
                default_policy(),
                Facts(score, verdicts[ring] if ring >= 0 else None, families=TWO),
            ).decision
            for score, ring in accounts
        ]
        assert decisions(judged) == online

    def test_on_both_sides_of_the_threshold(self):
        below = np.nextafter(CHALLENGE, 0)
        assert decide(default_policy(), fleet(CHALLENGE)).decision is Decision.CHALLENGE
        assert decide(default_policy(), fleet(below)).decision is Decision.REVIEW


class TestPublicReason:
    @pytest.mark.parametrize("decision", list(Decision))
    def test_it_names_no_evidence_and_no_ring(self, decision):
        text = public_reason(decision).lower()
        words = ("ring", "fleet", "score", "evidence", "nats", "fraud", *Family)
        assert not [word for word in words if word in text.split()]

    @pytest.mark.parametrize("decision", [d for d in Decision if d is not Decision.ALLOW])
    def test_whoever_is_held_up_learns_how_to_appeal(self, decision):
        assert "contact appeals@example.com" in public_reason(decision, "appeals@example.com")
