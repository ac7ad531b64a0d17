"""What a run writes down about itself, and what the report is told of it."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from ringfinder.config import load
from ringfinder.detect.find import Detection
from ringfinder.explain.given import StepCost
from ringfinder.model import Verdict
from ringfinder.normalise import Unread
from ringfinder.pipeline.record import few_families, run_facts, run_record, unread_sentences
from ringfinder.schema import CODE

TWO = (Verdict.FLEET, Verdict.UNCLEAR)


@dataclasses.dataclass
class File:
    """An input as the sources record it, its secret digest included."""

    path: str = "signups.csv"
    rows: int = 7
    digest: bytes = b"secret"


@pytest.fixture
def telemetry():
    record = SimpleNamespace(
        rows={"signups": 7, "usage": 40},
        repeated={"usage": 2},
        rejected={("usage", "unknown account"): 3, ("signups", "created_at is not a time"): 1},
        files=[File()],
    )
    return SimpleNamespace(
        account_ids=pa.array([f"a{n}" for n in range(6)]),
        labels=None,
        has_usage=True,
        record=record,
    )


@pytest.fixture
def found():
    return Detection(
        communities=None,
        false_discovery_rate=np.zeros(2),
        null_rings=2,
        null_accounts=11,
        least_nats=9.5,
        null_strength=np.array([12.0, 15.5]),
    )


def facts_of(telemetry, found, **given):
    given = {"notices": [], "costs": [], "cleared": 0} | given
    cleared = given.pop("cleared")
    return run_facts(telemetry, load(), found, given["notices"], given["costs"], cleared=cleared)


def record_of(
    telemetry, found, ring=(0, 0, 1, 1, 1, -1), verdicts=(Verdict.FLEET, Verdict.UNCLEAR)
):
    judged = SimpleNamespace(ring=np.array(ring), verdict=list(verdicts))
    steps = SimpleNamespace(costs=[StepCost("read", 1.5, 90.0)], seconds=2.0004)
    return run_record(telemetry, load(), found, judged, steps)


class TestFacts:
    def test_the_null_world_is_told_with_what_was_found_in_it(self, telemetry, found):
        world = facts_of(telemetry, found).null_world
        assert (world.worlds, world.rings, world.accounts) == (1, 2, 11)

    def test_rejects_are_told_by_table_and_reason(self, telemetry, found):
        told = [(one.table, one.reason, one.rows) for one in facts_of(telemetry, found).rejects]
        assert told == [
            ("signups", "created_at is not a time", 1),
            ("usage", "unknown account", 3),
        ]

    def test_without_labels_nothing_is_told_of_them(self, telemetry, found):
        assert facts_of(telemetry, found, cleared=5).labels is None

    def test_labels_are_counted_as_given_and_accounts_as_cleared(self, telemetry, found):
        said = ["fraud", "legitimate", "legitimate", "fraud", "legitimate"]
        telemetry.labels = pa.table({"label": pa.array(said)})
        labels = facts_of(telemetry, found, cleared=2).labels
        assert (labels.fraud, labels.legitimate, labels.cleared) == (2, 3, 2)

    def test_notices_and_costs_are_those_up_to_now(self, telemetry, found):
        notices, costs = ["one"], [StepCost("read", 1.0, 2.0)]
        facts = facts_of(telemetry, found, notices=notices, costs=costs)
        notices.append("two")
        costs.append(StepCost("report", 1.0, 2.0))
        assert facts.notices == ["one"]
        assert [cost.step for cost in facts.costs] == ["read"]

    def test_use_and_limit_are_the_runs(self, telemetry, found):
        assert facts_of(telemetry, found).has_usage
        telemetry.has_usage = False
        facts = facts_of(telemetry, found)
        assert not facts.has_usage
        assert facts.fdr_limit == load().fdr


class TestRecord:
    def test_flagged_are_the_members_of_fleets(self, telemetry, found):
        counts = record_of(telemetry, found)["counts"]
        assert (counts["accounts"], counts["flagged"], counts["rings"]) == (6, 2, 2)
        assert counts["rings_by_verdict"] == {"fleet": 1, "unclear": 1}
        counts = record_of(telemetry, found, verdicts=[Verdict.UNCLEAR, Verdict.FLEET])["counts"]
        assert counts["flagged"] == 3

    def test_without_rings_nobody_is_flagged(self, telemetry, found):
        counts = record_of(telemetry, found, ring=[-1] * 6, verdicts=[])["counts"]
        assert (counts["flagged"], counts["rings"], counts["rings_by_verdict"]) == (0, 0, {})

    def test_it_holds_what_the_null_world_showed(self, telemetry, found):
        world = record_of(telemetry, found)["null_world"]
        assert world == {"rings": 2, "accounts": 11, "least_pair_nats": 9.5}

    def test_secret_digests_are_left_out(self, telemetry, found):
        assert record_of(telemetry, found)["inputs"] == [{"path": "signups.csv", "rows": 7}]

    def test_it_is_plain_json(self, telemetry, found):
        record = record_of(telemetry, found)
        assert json.loads(json.dumps(record, allow_nan=False)) == record
        assert record["seconds"] == 2.0
        assert record["rejects"] == {
            "signups: created_at is not a time": 1,
            "usage: unknown account": 3,
        }


class TestUnreadSentences:
    def test_a_field_none_of_whose_values_is_usable_is_named_with_how_many(self):
        (sentence,) = unread_sentences([Unread("ip", 2, 2, 5, 5)])
        assert sentence.startswith("ip: none of its 2 different values")

    def test_a_field_most_of_whose_values_are_not_is_asked_about(self):
        (sentence,) = unread_sentences([Unread("device_id", 5_400, 9_000, 58, 100)])
        assert sentence == (
            "device_id: 5,400 of its 9,000 different values (58% of what was seen) are of no use; "
            "is it the right column?"
        )

    def test_one_address_of_a_load_balancer_on_most_rows_is_asked_about(self):
        (sentence,) = unread_sentences([Unread("ip", 1, 9_000, 70, 100)])
        assert "1 of its 9,000" in sentence
        assert "70%" in sentence

    def test_the_few_that_people_mistype_share_a_sentence(self):
        told = [Unread("ip", 3, 9_000, 3, 9_000), Unread("phone", 41, 800, 41, 800)]
        (sentence,) = unread_sentences(told)
        assert sentence.endswith("ip 3 of 9,000, phone 41 of 800.")

    @pytest.mark.parametrize(
        ("field", "hint"), [("phone", "digits are missing"), ("country", "such as GB or GBR")]
    )
    def test_fields_that_need_more_than_the_right_column_say_so(self, field, hint):
        (sentence,) = unread_sentences([Unread(field, 6, 10, 6, 10)])
        assert hint in sentence

    def test_a_country_is_asked_for_only_where_most_numbers_need_one(self):
        (sentence,) = unread_sentences([Unread("phone", 6, 10, 6, 10, need_country=3)])
        assert "need a column `country`" in sentence
        (sentence,) = unread_sentences([Unread("phone", 6, 10, 6, 10, need_country=2)])
        assert "country`" not in sentence

    def test_where_all_is_read_nothing_is_said(self):
        assert list(unread_sentences([])) == []


class TestFewFamilies:
    """One family alone makes no fleet, and who gave no more is told so."""

    def codes(self, *names):
        return np.array([CODE[name] for name in names], dtype=np.int8)

    def test_two_families_beside_the_times_need_no_word(self):
        assert few_families(self.codes("ip", "mailbox", "signup_window")) is None

    def test_e_mail_only_is_told(self):
        said = few_families(self.codes("mailbox", "signup_window"))
        assert "one family of evidence only (identity)" in said
        assert "hardly any" in said

    def test_behaviour_only_can_never_make_a_fleet(self):
        said = few_families(self.codes("prompt_fingerprint", "signup_window"))
        assert "never makes a fleet" in said
