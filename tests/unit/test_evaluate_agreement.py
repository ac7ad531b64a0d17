"""Rings against fleets: purity, completeness, what was found, what was false."""

from __future__ import annotations

import pytest
from outcome_builder import outcomes

from ringfinder.evaluate.agreement import agreement
from ringfinder.evaluate.rates import Rate


def test_rings_that_are_the_fleets_are_perfect():
    found = agreement(outcomes(fleet=[0, 0, 1, 1, -1], ring=[1, 1, 0, 0, -1]))
    assert (found.purity, found.completeness, found.rings_per_fleet) == (1, 1, 1)
    assert found.fleets_found == Rate(2, 2)
    assert found.false_rings == Rate(0, 2)


def test_benign_members_lower_purity_only():
    found = agreement(outcomes(fleet=[0, 0, 0, -1], ring=[0, 0, 0, 0]))
    assert found.purity == 0.75
    assert found.completeness == 1


def test_a_split_fleet_lowers_completeness_and_counts_its_rings():
    found = agreement(outcomes(fleet=[0, 0, 0, 0], ring=[0, 0, 0, 1]))
    assert found.purity == 1
    assert found.completeness == 0.75
    assert found.rings_per_fleet == 2


def test_two_fleets_in_one_ring_lower_purity():
    found = agreement(outcomes(fleet=[0, 0, 0, 1], ring=[0, 0, 0, 0]))
    assert found.purity == 0.75
    assert found.completeness == 1


def test_small_and_large_weigh_the_same_unless_by_account():
    found = agreement(outcomes(fleet=[0, 0, 0, 0, 1, -1], ring=[0, 0, 0, 0, 1, 1]))
    assert found.purity == pytest.approx((1 + 0.5) / 2)
    assert found.purity_by_account == pytest.approx(5 / 6)


def test_a_ring_that_is_no_fleet_by_verdict_does_not_count():
    found = agreement(outcomes(fleet=[0, 0], ring=[0, 0], verdicts=[False]))
    assert found.fleets_found == Rate(0, 1)
    assert found.false_rings == Rate(0, 0)
    assert found.purity is None
    assert found.completeness == 0
    assert found.rings_per_fleet is None


@pytest.mark.parametrize(("caught", "found"), [(1, 0), (2, 1), (3, 1)])
def test_a_fleet_is_found_from_half_of_its_accounts(caught, found):
    ring = [0] * caught + [-1] * (4 - caught)
    assert agreement(outcomes(fleet=[0] * 4, ring=ring)).fleets_found == Rate(found, 1)


@pytest.mark.parametrize(("benign", "false"), [(2, 0), (3, 1)])
def test_a_ring_is_false_where_no_fleet_has_half_of_it(benign, false):
    fleet = [0, 0] + [-1] * benign
    found = agreement(outcomes(fleet=fleet, ring=[0] * len(fleet)))
    assert found.false_rings == Rate(false, 1)


def test_the_published_rate_is_the_largest_of_the_flagged_rings():
    found = agreement(
        outcomes(
            fleet=[0, 1, -1], ring=[0, 1, 2], verdicts=[True, True, False], fdr=[0.001, 0.01, 0.5]
        )
    )
    assert found.published_fdr == 0.01


def test_where_none_is_published_none_is_told():
    assert agreement(outcomes(fleet=[0], ring=[0])).published_fdr is None


def test_a_ring_without_any_account_of_the_truth_says_nothing():
    found = agreement(outcomes(fleet=[0, 0], ring=[1, 1], verdicts=[True, True], fdr=[0.9, 0.01]))
    assert found.false_rings == Rate(0, 1)
    assert found.purity == 1
    assert found.published_fdr == 0.01
