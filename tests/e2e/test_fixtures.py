"""The worlds that come with the code are small enough to read, and are understood."""

from pathlib import Path

import pytest

from ringfinder.config import load
from ringfinder.evaluate import read_outcomes
from ringfinder.pipeline import audit
from ringfinder.runs import AuditInputs

SMALL = Path(__file__).resolve().parents[2] / "fixtures" / "small"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    out = tmp_path_factory.mktemp("small")
    inputs = AuditInputs(signups=(str(SMALL / "signups.csv"),), usage=(str(SMALL / "usage.csv"),))
    audit(inputs, load({}), out)
    found, _ = read_outcomes(out, SMALL / "truth.csv")
    return found


def test_nobody_honest_is_flagged_in_the_small_world(outcomes):
    assert not (outcomes.flagged & ~outcomes.fraud).any()


def test_nearly_every_account_of_the_three_fleets_is_flagged(outcomes):
    assert outcomes.fraud.sum() == 70
    assert outcomes.flagged[outcomes.fraud].mean() >= 0.95


def test_companies_are_seen_as_rings_and_left_alone(outcomes):
    honest_in_rings = (outcomes.ring >= 0) & ~outcomes.fraud
    assert honest_in_rings.any()
