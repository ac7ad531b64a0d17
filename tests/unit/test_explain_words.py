"""Sentences about evidence, features and rings."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ringfinder.explain.features import (
    difference,
    feature_phrase,
    feature_sentence,
    feature_views,
    measure,
)
from ringfinder.explain.given import FeatureWords, Judgement
from ringfinder.explain.summary import ORDINARY, finding, why
from ringfinder.explain.view import FeatureView
from ringfinder.explain.words import account_sentence, evidence_sentence, newcomer_sentence
from ringfinder.schema import KIND, KINDS
from ringfinder.score.features import FEATURES, NAMES


class TestEvidence:
    def test_it_says_how_many_share_and_who_else(self):
        text = evidence_sentence(KIND["email_domain"], inside=148, size=150, total=150)
        assert text == "148 of 150 members share an e-mail domain that 2 others use."

    def test_all_and_nobody_else_are_said_so(self):
        text = evidence_sentence(KIND["device"], inside=20, size=20, total=20)
        assert text == "All 20 members share a device that nobody else uses."

    def test_one_other_is_one(self):
        text = evidence_sentence(KIND["ip"], inside=5, size=9, total=6)
        assert text.endswith("an IP address that 1 other uses.")

    def test_what_an_account_did_is_told_as_a_deed(self):
        text = evidence_sentence(KIND["signup_window"], inside=61, size=150, total=65)
        assert text == "61 of 150 members signed up in the same clock hour; 4 others did."

    def test_a_member_is_told_of_the_others_not_of_itself(self):
        text = account_sentence(KIND["payment_fingerprint"], inside=3, total=4)
        assert text == (
            "Has a payment card in common with 2 other members of its ring; 1 account outside does."
        )

    @pytest.mark.parametrize(
        ("total", "rest"),
        [(2, "."), (3, "; 1 of the other new ones does."), (4, "; 2 of the other new ones do.")],
    )
    def test_a_newcomer_is_told_of_the_other_new_ones(self, total, rest):
        text = newcomer_sentence(KIND["payment_fingerprint"], others=2, total=total)
        assert text == f"Has a payment card in common with 2 accounts of its ring{rest}"

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
    @pytest.mark.parametrize("total", [3, 4, 900])
    def test_every_kind_gives_whole_sentences(self, kind, total):
        for text in (
            evidence_sentence(kind, inside=3, size=10, total=total),
            account_sentence(kind, inside=3, total=total),
        ):
            assert not text[0].islower()
            assert text.endswith(".")
            assert "  " not in text
            assert ".." not in text


class TestFeatures:
    @pytest.mark.parametrize(
        ("value", "unit", "text"),
        [
            (0.33, "share", "33%"),
            (0.33, "share 0-1", "33%"),
            (2.4, "ratio", "2.4 ×"),
            (1.3, "population sd", "+1.3 sd"),
            (-0.9, "sd of like accounts", "−0.9 sd"),
            (math.log(0.25), "ln ratio to population", "0.25 ×"),
            (math.log(3.2), "ln", "3.2"),
            (3.0, "families", "3 families"),
            (math.nan, "share", "unknown"),
        ],
    )
    def test_values_are_told_in_their_unit(self, value, unit, text):
        assert measure(value, unit) == text

    @pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
    def test_every_feature_of_the_score_can_be_told(self, feature):
        view = FeatureView(feature.name, feature.words, 0.4, feature.unit, None, 1.0)
        text = feature_sentence(view)
        assert "ln" not in text.split()
        assert text[0].isupper()

    def test_differences_are_in_the_features_unit(self):
        assert difference(0.33, 0.09, "share") == "+24 points"
        assert difference(25, 2.5, "exchanges") == "10 times as much"
        assert difference(1, 10, "days") == "10 times less"
        assert difference(12, 10, "days") == "+2 days"
        assert difference(10, 10.01, "days") == "the same"

    def test_a_sentence_holds_value_population_and_difference(self):
        view = FeatureView("night", "use at night", 0.33, "share", 0.09, 2.0)
        assert feature_sentence(view) == "Use at night: 33%; population 9%, +24 points."

    @pytest.mark.parametrize(
        ("value", "said"),
        [(0.002, "few accounts on one network (0.2%)"), (0.9, "accounts on one network (90%)")],
    )
    def test_a_small_share_of_the_accounts_is_called_few(self, value, said):
        view = FeatureView("network_focus", "accounts on one network", value, "share 0-1", None, 2)
        assert feature_phrase(view) == said

    def test_what_speaks_for_an_operator_for_being_much_is_never_few(self):
        view = FeatureView("client_focus", "accounts with one client", 0.19, "share 0-1", None, 1)
        assert feature_phrase(view) == "accounts with one client (19%)"

    def test_views_add_up_to_the_odds_whatever_their_order(self):
        judgement = judgement_of(
            features={"a": np.array([1.0]), "b": np.array([2.0])},
            contributions={"b": np.array([-2.0]), "a": np.array([0.5]), "group": np.array([1.0])},
            prior_nats=np.array([-1.0]),
        )
        views = feature_views(judgement, 0)
        assert [view.name for view in views] == ["b", "group", "a"]
        assert judgement.prior_of(0) + sum(view.nats for view in views) == pytest.approx(-1.5)

    def test_a_group_without_a_value_is_told_by_its_weight(self):
        judgement = judgement_of(contributions={"clock_group": np.array([1.25])})
        assert feature_sentence(feature_views(judgement, 0)[0]) == "Clock group: +1.2 nats."

    def test_unknown_names_are_made_readable(self):
        judgement = judgement_of(features={"night_use_share": np.array([0.5])})
        (view,) = feature_views(judgement, 0)
        assert (view.words, view.unit) == ("night use", "share")

    def test_given_words_win(self):
        judgement = judgement_of(
            features={"x": np.array([0.5])}, words={"x": FeatureWords("hours of use", "hours")}
        )
        assert feature_views(judgement, 0)[0].words == "hours of use"


class TestFinding:
    def test_fleets_are_told_with_what_they_cost(self):
        text = finding(
            {"fleet": (2, 500, 4000), "unclear": (1, 9, 9)}, accounts=10_000, exchanges=8000
        )
        assert text == (
            "2 fleets hold 500 accounts (5% of all) and made 4,000 exchanges, 50% of all use."
            " 1 more ring needs a person's look."
        )

    def test_without_usage_nothing_is_said_of_it(self):
        text = finding({"fleet": (1, 20, 0)}, accounts=1000, exchanges=0)
        assert text == "1 fleet holds 20 accounts (2% of all) that look run by one operator."

    def test_nothing_found_is_said_plainly(self):
        assert finding({}, accounts=1000, exchanges=5) == "No fleet found among 1,000 accounts."


def judgement_of(**given) -> Judgement:
    return Judgement(
        ring_id=["r"],
        verdict=["fleet"],
        lifecycle=["active"],
        score=np.array([0.9]),
        fdr=np.array([0.01]),
        first_seen_ms=np.array([0]),
        last_seen_ms=np.array([0]),
        exchanges=np.array([0]),
        output_tokens=np.array([0]),
        **given,
    )


class TestWhy:
    """What speaks against one operator is no riddle: who else is like that is said with it."""

    def said(self, **views):
        rows = tuple(
            FeatureView(name, name.replace("_", " "), value, "share", 0.3, nats)
            for name, (value, nats) in views.items()
        )
        return why("fleet", rows, None, None, 0)

    def test_sharing_more_that_speaks_against_a_fleet_says_who_else_does(self):
        told = self.said(card_reuse=(0.9, -1.5), pace=(0.8, 2.0))
        assert "Against it: card reuse (90%, population 30%; companies pay with one, too)." in told

    def test_sharing_less_needs_no_word(self):
        assert "too" not in self.said(card_reuse=(0.1, -1.5))

    def test_what_speaks_for_it_has_no_note(self):
        assert "too" not in self.said(network_focus=(0.9, 1.5))

    def test_every_note_is_of_a_feature(self):
        assert set(ORDINARY) <= set(NAMES)
