"""Numbers given before: reserved, recorded once, apart from those of other appends."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from stored import START_MS, events_of, signups
from stores import OPENERS
from test_store_log import Killed, die_at, everything

from ringfinder.errors import InputError, StoreError
from ringfinder.store import EventLog, EventType, project, rebuild
from ringfinder.store.parts import missing


@pytest.fixture
def log(tmp_path) -> EventLog:
    """An empty log."""
    return EventLog(tmp_path / "events", wait_s=0.1)


@pytest.fixture
def opened(tmp_path):
    """Open a further empty store."""
    numbers = iter(range(99))
    return lambda: OPENERS["embedded"](str(tmp_path / f"graph{next(numbers)}.duckdb"))


def with_numbers(events, *numbers):
    """Give events their sequence numbers; return type and table."""
    kind, table = events
    return kind, table.append_column("sequence", pa.array(numbers, pa.int64()))


def interleaved(log):
    """Record sign-ups and logins whose numbers alternate, after a usual append."""
    log.append([signups("first")])
    part = log.reserve(10)
    assert part == (2, 11)
    seen = {"account_id": "ann", "values": {"ip": "x"}}
    return log.append_numbered(
        (2, 5),
        dict(
            [
                with_numbers(signups("ann", "bob", values={"ip": "x"}), 2, 4),
                with_numbers(events_of(EventType.LOGINS, seen, seen | {"event_id": "2"}), 3, 5),
            ]
        ),
    )


class TestReserve:
    def test_reserved_numbers_are_given_to_nobody_else(self, log):
        log.append([signups("a")])
        assert log.reserve(1000) == (2, 1001)
        assert log.reserve(5) == (1002, 1006)
        log.append([signups("b")])
        assert [row["sequence"] for row in everything(log)] == [1, 1007]
        assert (log.last_sequence, log.allocated) == (1007, 1007)

    def test_a_reservation_is_no_event(self, log):
        log.reserve(1000)
        assert (log.last_sequence, log.allocated) == (0, 1000)
        assert log.segments() == ()

    def test_a_reservation_that_dies_is_whole_or_absent(self, log, monkeypatch):
        for step in (1, 2):
            with monkeypatch.context() as patch:
                die_at(patch, "fsync", step)
                with pytest.raises(Killed):
                    log.reserve(10)
        first, last = log.reserve(10)
        assert last == first + 9
        assert log.allocated == last


class TestAppendNumbered:
    def test_events_keep_their_numbers(self, log):
        told = interleaved(log)
        assert told.recorded == {EventType.SIGNUPS: 2, EventType.LOGINS: 2}
        assert [row["sequence"] for row in everything(log)] == [1, 2, 4]
        assert [row["sequence"] for row in everything(log, EventType.LOGINS)] == [3, 5]
        assert log.append([signups("next")]).last_sequence == 12

    def test_segments_stay_in_order_when_numbers_come_late(self, log):
        part = log.reserve(3)
        log.append([signups("later")])
        log.append_numbered(part, dict([with_numbers(signups("ann", "bob"), 1, 3)]))
        assert [row["sequence"] for row in everything(log)] == [1, 3, 4]
        assert [(s.first, s.last) for s in log.segments()] == [(1, 3), (4, 4)]

    def test_an_event_id_that_the_log_knows_is_left_out(self, log):
        log.append([signups("ann")])
        part = log.reserve(2)
        told = log.append_numbered(part, dict([with_numbers(signups("ann", "bob"), *part)]))
        assert (told.recorded, told.duplicates) == ({EventType.SIGNUPS: 1}, {EventType.SIGNUPS: 1})
        assert log.append([signups("ann", "bob")]).recorded == {EventType.SIGNUPS: 0}

    @pytest.mark.parametrize(
        ("part", "numbers", "complaint"),
        [
            ((2, 12), (2, 3), "never reserved"),
            ((0, 3), (2, 3), "never reserved"),
            ((1, 3), (2, 3), "in the log already"),
            ((2, 3), (3, 2), "must rise"),
            ((2, 3), (2, 4), "outside"),
        ],
    )
    def test_numbers_that_are_not_free_are_refused(self, log, part, numbers, complaint):
        log.append([signups("first")])
        log.reserve(10)
        with pytest.raises(InputError, match=complaint):
            log.append_numbered(part, dict([with_numbers(signups("ann", "bob"), *numbers)]))
        assert len(log.segments()) == 1

    def test_one_number_for_two_types_is_refused(self, log):
        log.reserve(10)
        login = events_of(EventType.LOGINS, {"account_id": "ann"})
        tables = dict([with_numbers(signups("ann"), 1), with_numbers(login, 1)])
        with pytest.raises(InputError, match="twice"):
            log.append_numbered((1, 2), tables)

    @pytest.mark.parametrize("call", ["fsync", "replace"])
    def test_whatever_step_it_dies_at_it_is_whole_or_absent(self, log, monkeypatch, call):
        part = log.reserve(3)
        tables = dict([with_numbers(signups("ann", "bob"), 1, 3)])
        for step in range(1, 20):
            with monkeypatch.context() as patch:
                steps = die_at(patch, call, step)
                try:
                    log.append_numbered(part, tables)
                except Killed:
                    assert len(EventLog(log.directory).segments()) in {0, 1}
                except InputError:  # the death before came after the manifest was in force
                    break
            if len(steps) < step:
                break
        assert [row["sequence"] for row in everything(EventLog(log.directory))] == [1, 3]

    def test_a_full_disk_is_a_clear_refusal(self, log, monkeypatch):
        part = log.reserve(1)

        def full(*_args):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", full)
            with pytest.raises(StoreError, match="nothing was recorded"):
                log.append_numbered(part, dict([with_numbers(signups("ann"), 1)]))
        assert log.segments() == ()


class TestProject:
    def test_types_that_share_numbers_become_one_batch(self, log, opened):
        interleaved(log)
        store = opened()
        assert project(log, store) == 2
        assert store.applied() == ((1, 5),)
        assert store.counts()["accounts"] == 3
        assert pc.sum(store.read_graph().sightings["count"]).as_py() == 4

    def test_what_a_store_has_in_part_is_completed(self, log, opened):
        whole, part = opened(), opened()
        interleaved(log)
        project(log, whole)
        cut = EventLog(log.directory.parent / "cut")
        cut.reserve(20)
        kind, table = signups("ann", "bob", values={"ip": "x"})
        cut.append_numbered((1, 3), dict([with_numbers((kind, table.slice(0, 1)), 2)]))
        project(cut, part)
        assert part.applied() == ((1, 3),)
        assert project(log, part) == 1
        assert part.applied() == whole.applied()
        rebuilt = opened()
        rebuild(log, rebuilt)
        assert rebuilt.fingerprint() == whole.fingerprint()
        assert part.counts()["sightings"] == whole.counts()["sightings"]

    def test_profiles_of_usage_that_came_with_numbers_arrive(self, log, opened):
        part = log.reserve(4)
        use = {"account_id": "ann", "exchanges": 3, "occurred_ms": START_MS}
        log.append([signups("ann"), events_of(EventType.USAGE, use | {"event_id": "other"})])
        log.append_numbered(part, dict([with_numbers(events_of(EventType.USAGE, use), 2)]))
        store = opened()
        project(log, store)
        assert store.read_profiles()["exchanges"].to_pylist() == [6]
        assert store.applied() == ((1, 6),)


@pytest.mark.parametrize(
    ("interval", "done", "left"),
    [
        ((1, 9), [], [(1, 9)]),
        ((1, 9), [(1, 9)], []),
        ((1, 9), [(0, 20)], []),
        ((1, 9), [(3, 4)], [(1, 2), (5, 9)]),
        ((3, 9), [(1, 3), (9, 12)], [(4, 8)]),
        ((3, 9), [(1, 2), (10, 12)], [(3, 9)]),
        ((3, 9), [(1, 2), (5, 5), (7, 7)], [(3, 4), (6, 6), (8, 9)]),
    ],
)
def test_what_intervals_leave_uncovered(interval, done, left):
    assert missing(interval, done) == left
