"""The benchmarks' own arithmetic: with a wrong ruler anything holds."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outcome_builder import outcomes

from ringfinder.evaluate import Rate, compare
from tests.bench import ablation
from tests.bench.outside import one_name_each, rewired
from tests.bench.results import markdown
from tests.bench.rows import FIRST, ROWS
from tests.bench.tally import at_least, at_most, no_more, pooled, recall_by_size, told


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_rewiring_keeps_every_degree_and_repeats_no_pair(seed):
    rng = np.random.default_rng(seed)
    account, repository = np.unique(rng.integers(0, 30, (150, 2)), axis=0).T
    dealt = repository[rewired(account, repository, rng)]
    assert np.array_equal(np.bincount(dealt), np.bincount(repository))
    assert len(np.unique(account * 30 + dealt)) == len(account)
    assert not np.array_equal(dealt, repository)


def test_rewiring_ends_even_where_only_one_graph_has_the_degrees():
    account, repository = np.divmod(np.arange(9), 3)
    dealt = repository[rewired(account, repository, np.random.default_rng(1))]
    assert len(np.unique(account * 3 + dealt)) == 9


def test_a_repository_of_two_names_is_one_and_its_stars_count_once():
    # repository 0 is listed as 1 too; 2 is another, once starred by the same account
    account = np.array([0, 0, 1, 1, 2, 2, 2])
    repository = np.array([0, 1, 0, 1, 0, 1, 2])
    at = np.array([5, 5, 6, 6, 7, 7, 9])
    who, what, when = one_name_each(account, repository, at)
    assert who.tolist() == [0, 1, 2, 2]
    assert len(set(what[:3].tolist())) == 1
    assert what[3] != what[0]
    assert when.tolist() == [5, 6, 7, 9]


def test_two_repositories_starred_at_once_by_one_of_many_stay_two():
    account = np.array([0, 0, 1, 2, 3, 4])
    repository = np.array([0, 1, 0, 0, 1, 1])
    at = np.array([5, 5, 6, 7, 8, 9])
    who, what, _ = one_name_each(account, repository, at)
    assert who.tolist() == account.tolist()
    assert what.tolist() == repository.tolist()


def test_pooled_worlds_keep_their_fleets_rings_and_groups_apart():
    one = outcomes(
        fleet=[0, 0, -1, -1], ring=[0, -1, 0, -1], verdicts=[True],
        group_id=[None, None, "firm", "firm"], cohort=["fleet", "fleet", "company", "company"],
    )  # fmt: skip
    other = outcomes(
        fleet=[0, -1, -1], ring=[0, 0, 1], verdicts=[False, True],
        group_id=[None, "firm", "firm"], cohort=["fleet", "campus", "company"],
    )  # fmt: skip
    both = pooled([one, other])
    assert both.fleets == 2
    assert both.flagged.tolist() == [True, False, True, False, False, False, True]
    found = compare(both)
    assert (found.precision, found.recall) == (Rate(1, 3), Rate(1, 3))
    assert found.most_flagged_in_one_instance == 1  # not the two firms of one name together
    assert found.benign_by_cohort["company"].flagged == Rate(2, 3)
    assert found.benign_by_cohort["campus"].flagged == Rate(0, 1)


def test_recall_by_size_counts_the_true_fleet_not_what_was_found_of_it():
    truth = outcomes(
        fleet=[0] * 5 + [1] * 10 + [-1], ring=[0] * 4 + [-1] + [1] * 3 + [-1] * 7 + [1]
    )
    assert recall_by_size(truth, 5, 9) == Rate(4, 5)
    assert recall_by_size(truth, 10, 29) == Rate(3, 10)
    assert recall_by_size(truth, 30, None) == Rate(0, 0)


@pytest.mark.parametrize(
    ("check", "holds"),
    [
        (at_least("recall", Rate(98, 100), 0.98), True),
        (at_least("recall", Rate(97, 100), 0.98), False),
        (at_least("recall", Rate(0, 0), 0.98), True),
        (at_most("benign", Rate(2, 10_000), 0.0002), True),
        (at_most("benign", Rate(3, 10_000), 0.0002), False),
        (no_more("past allow", 0, 0), True),
        (no_more("past allow", 1, 0), False),
        (told("recall", Rate(0, 10)), None),
    ],
)
def test_a_check_holds_exactly_up_to_its_bound(check, holds):
    assert check.holds is holds


def test_no_row_measures_on_a_seed_that_was_tuned_on():
    assert FIRST > 20
    assert {"hard", "regions", "unnamed", "sizes", "prevalence", "none", "million", "alone",
            "framing", "aws", "stars"} <= ROWS.keys()  # fmt: skip
    assert len(ROWS["none"].worlds) == 20
    assert len(ROWS["hard"].worlds) == 5


@pytest.mark.parametrize("step", sorted(ablation.OFF))
def test_every_step_can_be_taken_out_and_is_put_back(step):
    patches = ablation.OFF[step]()
    places = [place.split(":") for place, _ in patches]
    before = [getattr(importlib.import_module(module), name) for module, name in places]
    with ablation.patched(patches):
        for (module, name), (_, value) in zip(places, patches, strict=True):
            assert getattr(importlib.import_module(module), name) is value
    after = [getattr(importlib.import_module(module), name) for module, name in places]
    assert all(one is two for one, two in zip(before, after, strict=True))


def test_a_step_that_is_no_longer_there_is_an_error():
    with pytest.raises(AttributeError), ablation.patched([("ringfinder.detect.find:gone", None)]):
        pass


def test_tables_line_up_as_plain_text():
    lines = markdown(("a", "longer"), [("wide cell", "1")]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1].replace("-", "") == "|||"
