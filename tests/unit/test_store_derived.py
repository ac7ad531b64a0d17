"""Values that all events of an account decide together."""

from __future__ import annotations

import pytest
from stored import HOUR_MS, START_MS, events_of, pseudonym
from stores import OPENERS

from ringfinder.schema import KINDS
from ringfinder.store import EventLog, EventType, project, read_attribute_graph

DAY_MS = 24 * HOUR_MS


def signup(account, hour, **values):
    """A sign-up with the hour that the normaliser would say."""
    when = START_MS + hour * HOUR_MS
    return {
        "account_id": account,
        "occurred_ms": when,
        "event_id": f"s{account}{hour}",
        "values": {"signup_window": f"hour {hour}"} | values,
    }


def use(account, hour, model=None, exchanges=1, **more):
    """A row of usage with the pseudonyms that the normaliser would say."""
    when = START_MS + hour * HOUR_MS
    hours = {"first_window": f"first {hour}", "last_window": f"last {hour}"} if exchanges else {}
    days = {"model": model, "adoption": f"{model} {hour // 24}"} if model else {}
    return {
        "account_id": account,
        "occurred_ms": when,
        "exchanges": exchanges,
        "event_id": f"u{account}{hour}{model}{more}",
        "values": {},
    } | {name: pseudonym(text) for name, text in (hours | days).items()}


@pytest.fixture
def graph_of(tmp_path):
    """Return kind -> (account, value as said, first, last, count) of events, in any pieces."""

    def found(*appends):
        log = EventLog(tmp_path / "events")
        store = OPENERS["embedded"](str(tmp_path / "graph.duckdb"))
        texts = {}
        for rows in appends:
            for kind, several in rows.items():
                log.append([events_of(kind, *several)])
                texts |= {pseudonym(text): text for text in _texts(several)}
            project(log, store)
        graph = read_attribute_graph(log, store)
        told = {}
        for row, value in enumerate(graph.value.tolist()):
            told.setdefault(KINDS[graph.kind[value]].name, []).append(
                (
                    graph.account_ids[int(graph.account[row])].as_py(),
                    texts[graph.pseudonym[value].as_py()],
                    (int(graph.first_ms[row]) - START_MS) / HOUR_MS,
                    (int(graph.last_ms[row]) - START_MS) / HOUR_MS,
                    int(graph.count[row]),
                )
            )
        return told, graph

    return found


def _texts(rows):
    for row in rows:
        yield from row["values"].values()
    for hour in range(100):
        yield from (f"first {hour}", f"last {hour}", f"m {hour}", f"n {hour}")


SIGNUPS, USAGE = EventType.SIGNUPS, EventType.USAGE


class TestTheHourOfSignUp:
    def test_only_the_founding_one_counts_and_once(self, graph_of):
        rows = {SIGNUPS: [signup("a", 5), signup("a", 2), signup("a", 2) | {"event_id": "again"}]}
        told, graph = graph_of(rows)
        assert told == {"signup_window": [("a", "hour 2", 2, 2, 1)]}
        assert graph.values == 1

    def test_an_earlier_one_that_comes_later_takes_its_place(self, graph_of):
        told, _ = graph_of({SIGNUPS: [signup("a", 5)]}, {SIGNUPS: [signup("a", 2)]})
        assert told == {"signup_window": [("a", "hour 2", 2, 2, 1)]}

    def test_a_value_that_others_hold_stays(self, graph_of):
        told, _ = graph_of({SIGNUPS: [signup("a", 2), signup("a", 5), signup("b", 5)]})
        assert told["signup_window"] == [("a", "hour 2", 2, 2, 1), ("b", "hour 5", 5, 5, 1)]


class TestTheHoursOfUse:
    def test_the_first_and_the_last_with_an_exchange(self, graph_of):
        usage = [use("a", 9, exchanges=0), use("a", 3), use("a", 7), use("a", 5)]
        told, _ = graph_of({SIGNUPS: [signup("a", 0)], USAGE: usage})
        assert sorted(told["activity_window"]) == [
            ("a", "first 3", 3, 3, 1),
            ("a", "last 7", 7, 7, 1),
        ]

    def test_whatever_order_they_come_in(self, graph_of):
        pieces = [{USAGE: [use("a", hour)]} for hour in (5, 9, 3)]
        told, _ = graph_of(*pieces, {SIGNUPS: [signup("a", 0)]})
        assert sorted(told["activity_window"]) == [
            ("a", "first 3", 3, 3, 1),
            ("a", "last 9", 9, 9, 1),
        ]

    def test_of_an_account_that_never_signed_up_none(self, graph_of):
        told, _ = graph_of({SIGNUPS: [signup("a", 0)], USAGE: [use("b", 3, "m")]})
        assert set(told) == {"signup_window"}


class TestTheDaysOfModels:
    def test_each_model_on_the_day_of_its_first_use(self, graph_of):
        usage = [use("a", 50, "m"), use("a", 30, "m", exchanges=4), use("a", 26, "n")]
        told, _ = graph_of({SIGNUPS: [signup("a", 0)], USAGE: usage})
        assert sorted(told["model_adoption"]) == [("a", "m 1", 30, 50, 5), ("a", "n 1", 26, 26, 1)]

    def test_an_earlier_use_that_comes_later_moves_the_day(self, graph_of):
        told, _ = graph_of(
            {SIGNUPS: [signup("a", 0)], USAGE: [use("a", 50, "m")]}, {USAGE: [use("a", 5, "m")]}
        )
        assert told["model_adoption"] == [("a", "m 0", 5, 50, 2)]

    def test_a_row_without_exchanges_still_asked_the_model(self, graph_of):
        told, _ = graph_of({SIGNUPS: [signup("a", 0)], USAGE: [use("a", 5, "m", exchanges=0)]})
        assert told["model_adoption"] == [("a", "m 0", 5, 5, 1)]
        assert "activity_window" not in told


def test_an_erased_accounts_models_and_hours_go_with_it(tmp_path):
    log = EventLog(tmp_path / "events")
    log.append([events_of(USAGE, use("a", 3, "m"), use("b", 4, "m"))])
    log.erase(["a"])
    (segment,) = log.segments()
    for entry in (segment.hours, segment.models):
        import pyarrow.parquet as pq

        assert pq.read_table(log.checked(entry))["account_id"].to_pylist() == ["b"]
