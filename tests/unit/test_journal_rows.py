"""Events as bytes: what may be journalled, and that nothing clear gets in."""

import contextlib
import json
from unittest import mock

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import event_row
from stored import pseudonym

from ringfinder.errors import InputError
from ringfinder.journal import (
    Committed,
    Conflict,
    Entry,
    Recorded,
    Repeated,
    batches,
    decode_event,
    encode_event,
)
from ringfinder.journal.batches import to_events
from ringfinder.journal.frames import (
    BadFrameError,
    Frames,
    Kind,
    decode_entries,
    decode_results,
    encode_entries,
    encode_results,
    to_frame,
)
from ringfinder.store import EVENT_SCHEMAS, EventType
from ringfinder.store.events import check_events

SIGNUP = event_row(EventType.SIGNUPS, "e1", "ann")


class TestEncode:
    @pytest.mark.parametrize("kind", list(EventType))
    def test_every_type_comes_back_as_the_log_takes_it(self, kind):
        row = event_row(kind, "e1", "ann")
        event = encode_event(kind, row)
        assert decode_event(event) == row
        events, unusable = to_events([Recorded(7, kind, "ann", 0, event, b"")])
        assert not unusable
        assert events[kind]["sequence"].to_pylist() == [7]
        expected = check_events(kind, pa.Table.from_pylist([row], schema=EVENT_SCHEMAS[kind]))
        assert events[kind].drop_columns(["sequence"]).equals(expected)

    def test_the_same_row_gives_the_same_bytes_in_any_order_and_with_nulls(self):
        turned = dict(reversed(SIGNUP.items())) | {"plan": None}
        assert encode_event(EventType.SIGNUPS, turned) == encode_event(EventType.SIGNUPS, SIGNUP)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"event_id": None},
            {"event_id": ""},
            {"event_id": "\ud800"},
            {"account_id": 7},
            {"occurred_ms": None},
            {"occurred_ms": 1.5},
            {"occurred_ms": True},
            {"occurred_ms": 10**15},
            {"email": "ann@example.com"},
            {"country": 49},
            {"email_verified": "yes"},
            {"outcome": "maybe"},
            {"outcome": ["completed"]},
            {"values": None},
            {"values": "x"},
            {"values": [{"kind": "ip", "pseudonym": "192.0.2.7"}]},
            {"values": [{"kind": "ip", "pseudonym": pseudonym("x") + "\n"}]},
            {"values": [{"kind": "colour", "pseudonym": pseudonym("x")}]},
            {"values": [{"kind": "ip", "pseudonym": pseudonym("x"), "clear": "192.0.2.7"}]},
            {"values": [{"kind": "ip"}]},
            {"values": [None]},
        ],
    )
    def test_what_the_log_would_not_take_is_refused_without_quoting_it(self, wrong):
        with pytest.raises(InputError) as refused:
            encode_event(EventType.SIGNUPS, SIGNUP | wrong)
        for told in ("ann@example.com", "192.0.2.7"):
            assert told not in str(refused.value)

    def test_numbers_of_use_have_bounds(self):
        row = event_row(EventType.USAGE, "e1", "ann")
        encode_event(EventType.USAGE, row | {"exchanges": 10**9})
        for wrong in (-1, 10**9 + 1, 1.0, None):
            with pytest.raises(InputError, match="exchanges"):
                encode_event(EventType.USAGE, row | {"exchanges": wrong})

    def test_columns_of_pseudonyms_take_nothing_else(self):
        row = event_row(EventType.USAGE, "e1", "ann")
        encode_event(EventType.USAGE, row | {"model": pseudonym("model")})
        with pytest.raises(InputError, match="model"):
            encode_event(EventType.USAGE, row | {"model": "a clear name"})

    def test_scores_are_numbers_that_json_can_tell(self):
        row = event_row(EventType.DECISIONS, "e1", "ann")
        encode_event(EventType.DECISIONS, row | {"score": 0.25})
        for wrong in (float("nan"), float("inf"), "0.5", True):
            with pytest.raises(InputError, match="score"):
                encode_event(EventType.DECISIONS, row | {"score": wrong})


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


class TestColumns:
    @given(
        st.lists(
            st.tuples(TEXT, TEXT, st.integers(0, 10**13), st.floats(0, 1) | st.integers(0, 1)),
            min_size=1, max_size=6,
        )
    )  # fmt: skip
    def test_whatever_is_written_is_read_as_it_was_a_row_at_a_time(self, told):
        rows = [
            event_row(EventType.DECISIONS, name, account, occurred_ms=when, score=score)
            for name, account, when, score in told
        ]
        entries = [
            Recorded(
                number, EventType.DECISIONS, "a", 0, encode_event(EventType.DECISIONS, row), b""
            )
            for number, row in enumerate(rows, 1)
        ]
        events, unusable = to_events(entries)
        assert not unusable
        schema = EVENT_SCHEMAS[EventType.DECISIONS]
        expected = check_events(EventType.DECISIONS, pa.Table.from_pylist(rows, schema=schema))
        assert events[EventType.DECISIONS].drop_columns(["sequence"]).equals(expected)

    def test_an_event_of_a_line_too_many_is_told_and_the_others_kept(self):
        good = encode_event(EventType.SIGNUPS, SIGNUP)
        entries = [
            Recorded(number, EventType.SIGNUPS, "ann", 0, each, b"")
            for number, each in ((1, good), (2, good + b"\n" + good), (3, b""))
        ]
        events, unusable = to_events(entries)
        assert unusable == [2, 3]
        assert events[EventType.SIGNUPS]["sequence"].to_pylist() == [1]


class TestUnusable:
    @pytest.mark.parametrize(
        "event",
        [b"", b"{}", b"[]", b"\xff", b"7", json.dumps({**SIGNUP, "more": 1}).encode()],
    )
    def test_bytes_that_are_no_event_are_told_and_the_others_kept(self, event):
        good = encode_event(EventType.SIGNUPS, SIGNUP)
        entries = [
            Recorded(number, EventType.SIGNUPS, "ann", 0, each, b"")
            for number, each in ((1, good), (2, event), (3, good))
        ]
        events, unusable = to_events(entries)
        assert unusable == [2]
        assert events[EventType.SIGNUPS]["sequence"].to_pylist() == [1, 3]

    @settings(deadline=None, max_examples=20)
    @given(st.sets(st.integers(1, 300), max_size=4))
    def test_a_few_among_many_are_found_by_halves(self, bad):
        good = encode_event(EventType.SIGNUPS, SIGNUP)
        entries = [
            Recorded(number, EventType.SIGNUPS, "ann", 0, b"{}" if number in bad else good, b"")
            for number in range(1, 301)
        ]
        with mock.patch.object(batches, "read_json", wraps=batches.read_json) as read:
            events, unusable = to_events(entries)
        assert unusable == sorted(bad)
        rest = events[EventType.SIGNUPS]["sequence"].to_pylist()
        assert rest == [number for number in range(1, 301) if number not in bad]
        assert read.call_count <= 1 + 18 * len(bad)  # 300 are halved nine times


ENTRIES = st.lists(
    st.builds(
        Entry,
        st.sampled_from(EventType),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
        st.binary(min_size=1, max_size=32),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
        st.binary(max_size=50),
        st.binary(max_size=50),
    ),
    max_size=5,
)
RESULTS = st.lists(
    st.one_of(
        st.builds(Committed, st.integers(1, 1 << 60)),
        st.builds(Repeated, st.integers(1, 1 << 60), st.one_of(st.none(), st.binary(max_size=50))),
        st.just(Conflict()),
    ),
    max_size=5,
)


class TestFrames:
    @given(ENTRIES)
    def test_entries_come_back(self, entries):
        assert decode_entries(encode_entries(entries)) == entries

    @given(RESULTS)
    def test_results_come_back(self, results):
        assert decode_results(encode_results(results)) == results

    @given(st.lists(st.binary(max_size=40), max_size=6), st.integers(1, 30))
    def test_frames_come_back_however_the_stream_is_cut(self, bodies, size):
        stream = b"".join(to_frame(Kind.DONE, n, body) for n, body in enumerate(bodies))
        frames = Frames()
        found = [
            frame
            for start in range(0, len(stream), size)
            for frame in frames.feed(stream[start : start + size])
        ]
        assert found == [(Kind.DONE, n, body) for n, body in enumerate(bodies)]

    @given(st.binary(max_size=200))
    def test_nonsense_is_refused_as_nonsense(self, nonsense):
        with contextlib.suppress(BadFrameError):
            for _, _, body in Frames().feed(nonsense):
                decode_entries(body)
        with contextlib.suppress(BadFrameError):
            assert all(isinstance(entry, Entry) for entry in decode_entries(nonsense))
