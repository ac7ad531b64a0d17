"""Labels as a worker knows them, beside a snapshot that knows some of them."""

from __future__ import annotations

import pytest
from journals import client_of, entry_of, writer_at

from ringfinder.errors import StoreError
from ringfinder.explain.reasons import label_reason
from ringfinder.journal import Recorded
from ringfinder.model import Decision, Verdict
from ringfinder.pipeline.label import record_labels
from ringfinder.score.policy import Label
from ringfinder.serve.knownlabels import KnownLabels, before_label, label_told, with_label
from ringfinder.store import EventLog, EventType


def labelled(*labels):
    """Know labels of one account, given one after the other."""
    known = KnownLabels()
    for sequence, label in enumerate(labels, 1):
        row = {"account_id": "a", "label": label, "occurred_ms": sequence}
        known.follow(Recorded(sequence, EventType.LABELS, "a", 0, b"", None), row)
    return known


@pytest.mark.parametrize("label", list(Label))
def test_a_label_that_the_snapshot_does_not_know_counts(label):
    assert labelled(label).find("a", is_known=lambda sequence: False) is label


def test_what_became_of_legitimate_is_for_the_snapshot_to_say():
    known = labelled("legitimate")
    assert known.find("a", is_known=lambda sequence: True) is None


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ([{"code": "label_legitimate"}], Label.LEGITIMATE),
        ([{"code": "label_contradicted"}], None),
        (None, Label.LEGITIMATE),  # labelled before it signed up: nothing was found against it
    ],
)
def test_what_the_snapshot_said_of_legitimate_counts_where_something_else_is_shown(said, label):
    known = labelled("legitimate")
    assert known.find("a", is_known=lambda sequence: True, reasons_of=lambda name: said) is label
    assert known.find("b", is_known=lambda sequence: True, reasons_of=lambda name: said) is None


def test_a_label_that_the_snapshot_does_not_know_goes_before_what_it_said():
    known = labelled("legitimate")
    asked = known.find("a", is_known=lambda sequence: False, reasons_of=lambda name: [])
    assert asked is Label.LEGITIMATE


def test_fraud_stands_also_where_the_snapshot_knows_it():
    assert labelled("fraud").find("a", is_known=lambda sequence: True) is Label.FRAUD


def test_the_newest_label_counts():
    known = labelled("fraud", "legitimate")
    assert known.find("a", is_known=lambda sequence: True) is None
    assert known.find("a", is_known=lambda sequence: sequence < 2) is Label.LEGITIMATE


def test_of_two_labels_at_one_time_the_one_that_clears_counts_as_in_a_nightly_run():
    known = KnownLabels()
    for sequence, label in enumerate(("fraud", "legitimate", "fraud"), 1):
        row = {"account_id": "a", "label": label, "occurred_ms": 5}
        known.follow(Recorded(sequence, EventType.LABELS, "a", 0, b"", None), row)
    assert known.find("a", is_known=lambda sequence: False) is Label.LEGITIMATE


def test_who_was_erased_has_none():
    known = labelled("fraud")
    assert known.names() == ["a"]
    known.forget("a")
    assert known.find("a", is_known=lambda sequence: False) is None


def test_who_starts_learns_the_labels_that_the_journal_holds_still(tmp_path):
    (tmp_path / "journal").mkdir()
    given = entry_of(1, EventType.LABELS, account="a")
    with writer_at(tmp_path), client_of(tmp_path) as (runner, journal):
        runner.run(journal.commit_many([given, entry_of(2, account="b")], 5.0))
    known = KnownLabels()
    known.read(tmp_path / "journal", EventLog(tmp_path / "events"))
    assert known.names() == ["a"]
    assert known.find("a", is_known=lambda sequence: True) is Label.FRAUD


def test_where_nothing_was_journalled_yet_there_is_nothing_to_learn(tmp_path):
    known = KnownLabels()
    known.read(tmp_path / "journal", EventLog(tmp_path / "events"))
    assert known.names() == []


def answer(decision, *codes):
    """What a snapshot says of an account."""
    return {"decision": decision, "reasons": [{"code": code} for code in codes]}


def test_a_label_that_the_snapshot_tells_of_is_told_once():
    found = with_label(answer("review", "labelled_fraud", "no_ring"), Label.FRAUD)
    assert found["decision"] is Decision.REVIEW
    assert [one["code"] for one in found["reasons"]] == ["labelled_fraud", "no_ring"]


def test_a_newer_label_takes_the_place_of_the_one_that_the_snapshot_tells_of():
    found = with_label(answer("review", "labelled_fraud", "no_ring"), Label.LEGITIMATE)
    assert found["decision"] is Decision.ALLOW
    assert [one["code"] for one in found["reasons"]] == ["labelled_legitimate", "no_ring"]


@pytest.mark.parametrize("told", ["label_legitimate", "label_contradicted"])
@pytest.mark.parametrize("label", list(Label))
def test_what_a_run_said_of_an_older_label_is_not_said_beside_a_newer(told, label):
    found = with_label(answer("allow", told, "ring_fleet"), label)
    codes = [one["code"] for one in found["reasons"]]
    assert codes == [f"labelled_{label}", "ring_fleet"]


def test_labels_of_the_log_are_learned_though_the_journal_cannot_be_read(tmp_path):
    log = EventLog(tmp_path / "events")
    record_labels(log, "legitimate", ["a"])
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "journal.sqlite").write_bytes(b"garbage" * 999)
    known = KnownLabels()
    with pytest.raises(StoreError):
        known.read(tmp_path / "journal", log)
    assert known.find("a", is_known=lambda _: False) is Label.LEGITIMATE


@pytest.mark.parametrize(
    ("code", "label"),
    [
        (label_reason("fraud").code, Label.FRAUD),
        ("label_legitimate", Label.LEGITIMATE),
        ("label_contradicted", None),
        ("no_ring", None),
    ],
)
def test_what_a_snapshot_says_of_a_label_is_understood(code, label):
    assert label_told(answer("allow", code, "no_ring")["reasons"]) is label


def test_policies_are_told_what_the_scoring_would_do_without_the_label():
    review = Decision.REVIEW
    assert before_label(review, None, Label.FRAUD) is Decision.ALLOW
    assert before_label(review, Verdict.UNCLEAR, Label.FRAUD) is Decision.ALLOW
    assert before_label(review, Verdict.FLEET, Label.FRAUD) is review
    assert before_label(review, None, None) is review
