"""Labels as a worker knows them, beside a snapshot that knows some of them."""

from __future__ import annotations

import pytest
from journals import client_of, entry_of, writer_at

from ringfinder.journal import Recorded
from ringfinder.score.policy import Label
from ringfinder.serve.knownlabels import KnownLabels
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


def test_fraud_stands_also_where_the_snapshot_knows_it():
    assert labelled("fraud").find("a", is_known=lambda sequence: True) is Label.FRAUD


def test_the_newest_label_counts():
    known = labelled("fraud", "legitimate")
    assert known.find("a", is_known=lambda sequence: True) is None
    assert known.find("a", is_known=lambda sequence: sequence < 2) is Label.LEGITIMATE


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
