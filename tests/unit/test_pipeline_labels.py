"""Which of an account's labels counts."""

import importlib
from types import SimpleNamespace

import pyarrow as pa
import pytest

audit = importlib.import_module("ringfinder.pipeline.audit")


def counted(*rows):
    """(fraud, legitimate) of labels given as (account, label, decided at)."""
    accounts, labels, times = zip(*rows, strict=True) if rows else ((), (), ())
    table = pa.table(
        {
            "account": pa.array(accounts, pa.int32()),
            "label": pa.array(labels, pa.string()),
            "decided_at_ms": pa.array(times, pa.int64()),
        }
    )
    fraud, legitimate = audit._labels(SimpleNamespace(labels=table))
    return fraud.tolist(), legitimate.tolist()


def test_the_last_decision_counts():
    assert counted((3, "fraud", 1), (3, "legitimate", 2)) == ([], [3])
    assert counted((3, "legitimate", 1), (3, "fraud", 2)) == ([3], [])


@pytest.mark.parametrize("turn", [1, -1])
def test_the_order_of_rows_changes_nothing(turn):
    rows = [(5, "fraud", 9), (1, "legitimate", 2), (5, "legitimate", 3), (1, "fraud", 1)]
    assert counted(*rows[::turn]) == ([5], [1])


def test_of_two_decisions_at_one_time_the_one_that_clears_counts():
    assert counted((2, "fraud", 7), (2, "legitimate", 7)) == ([], [2])
    assert counted((2, "legitimate", 7), (2, "fraud", 7)) == ([], [2])


def test_a_label_said_twice_counts_once():
    assert counted((2, "fraud", 7), (2, "fraud", 8), (4, "legitimate", 1)) == ([2], [4])


def test_without_labels_there_are_none():
    assert counted() == ([], [])
    assert [len(one) for one in audit._labels(SimpleNamespace(labels=None))] == [0, 0]
