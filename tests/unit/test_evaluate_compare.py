"""From outcomes to figures: what is counted where."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from outcome_builder import outcomes

from ringfinder.errors import InvalidParameter
from ringfinder.evaluate import Outcomes, Rate, compare, to_text
from ringfinder.evaluate.compare import Benign

ACCOUNTS = st.lists(
    st.tuples(st.integers(-1, 3), st.integers(-1, 3), st.sampled_from(["a", "b", None])),
    min_size=1,
    max_size=50,
)


def columns(accounts):
    """Three columns; fleets numbered without gaps, as those of a truth file are."""
    fleet, ring, group = (list(column) for column in zip(*accounts, strict=True))
    known = sorted({code for code in fleet if code >= 0})
    return [known.index(code) if code >= 0 else -1 for code in fleet], ring, group


def small():
    """Four accounts of a fleet (three caught), one company of three (one caught), a stranger."""
    return outcomes(
        fleet=[0, 0, 0, 0, -1, -1, -1, -1],
        ring=[0, 0, 0, -1, 0, 1, 1, -1],
        verdicts=[True, False],
        score=[0.9, 0.9, 0.8, 0.2, 0.7, 0.3, 0.3, 0.0],
        style=["burst"] * 4 + [None] * 4,
        cohort=["fleet"] * 4 + ["company"] * 3 + ["background"],
        group_id=[None] * 4 + ["company-1"] * 3 + [None],
        network_class=["vpn", "vpn", "vpn", "office", "office", "office", "office", "vpn"],
        established=[False] * 5 + [True] * 3,
        past_allow=[True, True, True, False, True, False, True, False],
    )


class TestCounts:
    def test_flagged_are_the_accounts_in_rings_judged_fleets(self):
        found = compare(small())
        assert (found.accounts, found.fraud, found.fleets, found.flagged) == (8, 4, 1, 4)
        assert found.precision == Rate(3, 4)
        assert found.recall == Rate(3, 4)

    def test_benign_accounts_are_counted_flagged_in_rings_and_past_allow(self):
        found = compare(small())
        assert found.benign_flagged == Rate(1, 4)
        assert found.benign_in_rings == Rate(3, 4)
        assert found.benign_past_allow == Rate(2, 4)

    def test_established_accounts_are_counted_apart(self):
        found = compare(small())
        assert found.established_flagged == Rate(0, 3)
        assert found.established_past_allow == Rate(1, 3)

    def test_the_most_flagged_in_one_company_is_told(self):
        assert compare(small()).most_flagged_in_one_instance == 1

    def test_accounts_of_no_instance_are_not_one_instance(self):
        found = compare(outcomes(fleet=[-1, -1, -1], ring=[0, 0, 0], group_id=["c-1", None, None]))
        assert found.most_flagged_in_one_instance == 1


class TestGroups:
    def test_recall_by_style(self):
        assert compare(small()).recall_by_style == {"burst": Rate(3, 4)}

    def test_recall_by_network_counts_fraud_only(self):
        assert compare(small()).recall_by_network == {"office": Rate(0, 1), "vpn": Rate(3, 3)}

    def test_benign_by_cohort_leaves_out_fraud(self):
        found = compare(small()).benign_by_cohort
        assert found == {
            "background": Benign(Rate(0, 1), Rate(0, 1), 0),
            "company": Benign(Rate(1, 3), Rate(3, 3), 1),
        }

    @pytest.mark.parametrize(
        ("size", "names"),
        [
            (4, {"1-4"}),
            (5, {"5-9"}),
            (9, {"5-9"}),
            (10, {"10-29"}),
            (29, {"10-29"}),
            (30, {"30-99", "30 or more"}),
            (1_000, {"1,000-9,999", "30 or more"}),
            (10_000, {"10,000 or more", "30 or more"}),
        ],
    )
    def test_a_fleet_counts_under_its_true_size(self, size, names):
        found = compare(outcomes(fleet=[0] * size + [-1], ring=[-1] * (size + 1)))
        assert found.recall_by_size == dict.fromkeys(names, Rate(0, size))

    def test_what_the_truth_does_not_tell_is_not_told(self):
        found = compare(outcomes(fleet=[0, -1], ring=[0, -1]))
        assert found.recall_by_style == {}
        assert found.benign_by_cohort == {}
        assert found.established_flagged is None
        assert found.most_flagged_in_one_instance is None


class TestEdges:
    def test_a_world_without_fleets_has_false_positives_only(self):
        found = compare(outcomes(fleet=[-1, -1], ring=[-1, 0]))
        assert found.benign_flagged == Rate(1, 2)
        assert found.recall == Rate(0, 0)
        assert found.rings is None
        assert found.average_precision is None

    def test_an_audit_without_rings_finds_nothing(self):
        found = compare(outcomes(fleet=[0, -1], ring=[-1, -1]))
        assert found.precision.value is None
        assert found.recall == Rate(0, 1)

    def test_columns_of_different_length_are_refused(self):
        one, two = np.zeros(1), np.zeros(2)
        with pytest.raises(InvalidParameter, match="differ in length"):
            Outcomes(one > 0, two, one > 0, one, one > 0, one, one)


class TestAnyOutcome:
    @given(ACCOUNTS)
    def test_it_becomes_json_and_text(self, accounts):
        fleet, ring, cohort = columns(accounts)
        found = compare(outcomes(fleet=fleet, ring=ring, cohort=cohort, style=cohort))
        assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["flagged"] == found.flagged
        assert to_text(found)

    @given(ACCOUNTS)
    def test_the_groups_add_up(self, accounts):
        fleet, ring, style = columns(accounts)
        found = compare(outcomes(fleet=fleet, ring=ring, style=style))
        styled = sum(rate.hits for rate in found.recall_by_style.values())
        assert styled <= found.recall.hits
        disjoint = [rate for name, rate in found.recall_by_size.items() if name != "30 or more"]
        assert sum(rate.hits for rate in disjoint) == found.recall.hits
        assert sum(rate.total for rate in disjoint) == found.fraud

    @given(ACCOUNTS)
    def test_every_account_is_counted_once(self, accounts):
        fleet, ring, _ = columns(accounts)
        found = compare(outcomes(fleet=fleet, ring=ring))
        assert found.precision.hits == found.recall.hits
        assert found.precision.hits + found.benign_flagged.hits == found.flagged
        assert found.fraud + found.benign_flagged.total == found.accounts


class TestText:
    def test_it_has_every_part_of_the_truth(self):
        text = to_text(compare(small()))
        for part in (
            "8 accounts, 4 of them fraud in 1 fleet; 4 flagged.",
            "Recall by style",
            "Recall by size of fleet",
            "Benign accounts by cohort",
            "Rings and fleets",
            "Calibration: Brier score",
            "established accounts past allow",
        ):
            assert part in text

    def test_a_figure_stands_with_its_interval_and_counts(self):
        line = next(line for line in to_text(compare(small())).split("\n") if "precision" in line)
        assert line.split() == ["precision", "0.7500", "0.3006", "-", "0.9544", "3", "of", "4"]

    def test_a_tiny_rate_keeps_its_digits(self):
        text = to_text(compare(outcomes(fleet=[-1] * 20_000, ring=[0] + [-1] * 19_999)))
        assert "0.000050" in text

    def test_one_region_is_not_told_apart(self):
        fleet, ring = [0, -1, -1], [0, -1, -1]
        one = outcomes(fleet=fleet, ring=ring, region=["US", "US", "US"])
        two = outcomes(fleet=fleet, ring=ring, region=["US", "US", "DE"])
        assert "by region" not in to_text(compare(one))
        assert "by region" in to_text(compare(two))

    def test_established_accounts_are_left_out_where_there_are_none(self):
        found = compare(outcomes(fleet=[0], ring=[0], established=[False]))
        assert "established" not in to_text(found)

    def test_no_line_is_wider_than_a_screen(self):
        assert max(map(len, to_text(compare(small())).split("\n"))) <= 100
