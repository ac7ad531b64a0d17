"""A batch cut into rows says what it says when it is parsed at once, and holds nobody up."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import time
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ringfinder.serve import cutting
from ringfinder.serve.batches import _valid
from ringfinder.serve.cutting import batch_of
from ringfinder.serve.errors import Unprocessable
from ringfinder.serve.rows import MOST_ROWS, UNREAD, Batch
from ringfinder.store.events import EventType

TEXT = st.text(st.sampled_from('[]{},:"\\ /u0aé\n\U0001f600'), max_size=12)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
ANY = st.recursive(PLAIN, lambda one: st.lists(one) | st.dictionaries(TEXT, one), max_leaves=8)
ROW = st.dictionaries(TEXT, PLAIN, max_size=6)


PIECES = [*(bytes([one]) for one in b'{}[],:"\\ 1a'), b"", b"{}", b"[]", b'"a":', b"\xff", b"\x00"]
OPENINGS = [b"", b"[", b'{"items":', b'{"items":[', b'{"items":[{"a":', b'{"items":[{"a":[',
            b'{"items":[{' + b'"a":1,' * 300]  # fmt: skip


def cut(body):
    return asyncio.run(batch_of(body if isinstance(body, bytes) else json.dumps(body).encode()))


def at_once(body):
    return Batch.__pydantic_validator__.validate_json(body)


def left_of(row):
    """A row with what it holds of lists and objects left out, and a field that says so."""
    left = {name: type(value)() if isinstance(value, (list, dict)) else value
            for name, value in row.items()}  # fmt: skip
    has_any = any(isinstance(value, (list, dict)) for value in row.values())
    return left | {UNREAD: 0} if has_any else left


def refused(read, body):
    """The faults of a body that is none; None where it is a batch."""
    try:
        read(body)
    except ValidationError as error:
        return [(fault["type"], fault["loc"]) for fault in error.errors()]
    return None


@pytest.fixture(params=[2, 7, 64 << 10])
def window(request, monkeypatch):
    """Bytes looked at in a step: so few that everything lies across an end of one."""
    monkeypatch.setattr(cutting, "WINDOW", request.param)


class TestSame:
    @pytest.mark.usefixtures("window")
    @settings(max_examples=60, deadline=None)
    @given(st.lists(ROW), st.sampled_from([None, 2]), st.booleans())
    def test_rows_are_those_that_are_parsed_at_once(self, rows, indent, ascii_only):
        body = json.dumps({"items": rows}, indent=indent, ensure_ascii=ascii_only).encode()
        assert cut(body).items == at_once(body).items

    @pytest.mark.usefixtures("window")
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.dictionaries(TEXT, ANY, max_size=4), max_size=4))
    def test_of_values_that_no_row_has_the_kind_is_kept_and_nothing_in_them(self, rows):
        body = json.dumps({"items": rows}).encode()
        assert cut(body).items == [left_of(row) for row in rows]

    @pytest.mark.usefixtures("window")
    @settings(max_examples=100, deadline=None)
    @given(ANY | st.dictionaries(st.sampled_from(["items", "x"]), ANY))
    def test_what_is_no_batch_is_refused_with_the_same_words(self, body):
        raw = json.dumps(body).encode()
        assert refused(cut, raw) == refused(at_once, raw)

    @pytest.mark.usefixtures("window")
    @pytest.mark.parametrize("body", [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b'"', b'"\\', b'{"items":[{"a":"\\', b"]]]", b"}{",
        b'{"items":[{"a":1}', b'{"items":[{"a":1]]}', b'{"items":[{"a":1},]}', b'{"items":[{,}]}',
        b'{"items":[{"a":1}]}]', b'{"items":[{"a" 1}]}', b'{"items":[{}]} x', b"[" * 300,
        b'{"items":[{"a":"\xff"}]}', b'{"items":[{"a":"\\ud800"}]}', b'{"items":[{"a":01}]}',
        b'{"items":[' + b"[" * 300 + b"]" * 300 + b"]}",
    ])  # fmt: skip
    def test_what_is_not_json_is_refused_as_that(self, body):
        def kinds(faults):
            return {kind for kind, _ in faults}

        assert kinds(refused(cut, body)) == kinds(refused(at_once, body))

    def test_of_rows_given_twice_the_last_are_meant(self):
        body = b'{"items":[[1,[2]],{"a":2}],"it\\u0065ms":[{"a":3}]}'
        assert cut(body).items == at_once(body).items == [{"a": 3}]

    def test_of_rows_given_twice_all_are_json(self):
        with pytest.raises(ValidationError, match="json_invalid"):
            cut(b'{"items":[{"a" 1}],"items":[{"a":3}]}')

    @pytest.mark.usefixtures("window")
    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_a_body_with_a_few_bytes_changed_is_told_as_it_is_told_at_once(self, data):
        rows = data.draw(st.lists(st.dictionaries(st.sampled_from("abc"), ANY, max_size=4)))
        body = json.dumps({"items": rows}).encode()
        for _ in range(data.draw(st.integers(1, 3))):
            at, gone = data.draw(st.integers(0, len(body))), data.draw(st.integers(0, 3))
            body = body[:at] + data.draw(st.sampled_from(PIECES)) + body[at + gone :]
        told = refused(cut, body)
        if refused(at_once, body) is None:
            assert told is None
            taken = cut(body).items
            assert [{**row, UNREAD: 0} for row in taken] == [
                {**left_of(row), UNREAD: 0} for row in at_once(body).items
            ]
        elif told is None:  # what is wrong is in what was left out: that row is refused
            assert any(UNREAD in row for row in cut(body).items)


class TestMost:
    def test_as_many_rows_as_there_may_be_are_taken_and_no_more(self):
        assert len(cut({"items": [{}] * MOST_ROWS}).items) == MOST_ROWS
        with pytest.raises(ValidationError, match="too_long"):
            cut({"items": [{}] * (MOST_ROWS + 1)})
        with pytest.raises(Unprocessable, match="10,000 rows"):
            cut({"items": [{}] * (MOST_ROWS + 2)})

    def test_a_row_of_far_too_many_fields_is_named_and_never_taken(self):
        row = {"event_id": "e", "account_id": "a", "occurred_at": "2026-01-01"}
        many = ",".join(['"ip":"192.0.2.1"'] * 5000)  # the same field again and again
        body = f'{{"items":[{json.dumps(row)[:-1]},{many},"x":[1,{{}}]}},{json.dumps(row)}]}}'
        first, second = cut(body.encode()).items
        assert len(first) < 10
        told = _valid(EventType.LOGINS, first)
        assert (told["event_id"], told["status"]) == ("e", "invalid")
        assert second == row

    @pytest.mark.parametrize("rest", [
        b'"account_id":[NaN junk \\u \xff],"account_id":"x"', b'"prompt":[],"prompt":"p"',
        b'"x":{},"(unread)":"e","account_id":"x"',
    ])  # fmt: skip
    def test_a_row_of_which_something_was_left_out_is_never_taken(self, rest):
        row = b'{"event_id":"e","account_id":"a","occurred_at":"2026-01-01",' + rest + b"}"
        told = _valid(EventType.USAGE, cut(b'{"items":[' + row + b"]}").items[0])
        assert told["status"] == "invalid"
        left_out = "holds a list, an object or far too many fields, and no row does"
        assert {"field": "body", "problem": left_out} in told["errors"]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(OPENINGS), st.lists(st.sampled_from(PIECES), min_size=1, max_size=6))
@example(b'{"items":[', [b"{}"])
@example(b'{"items":[{"a":', [b"[]"])
@example(b"", [b"]"])
@example(b'{"items":[{"a":[', [b"[", b"1", b"]"])
def test_any_brackets_and_commas_cost_little_for_each_byte(opening, pieces):
    pattern = b"".join(pieces) or b"{"
    body = opening + pattern * ((256 << 10) // len(pattern))
    began = time.thread_time()
    read(body)
    assert time.thread_time() - began < 10e-6 * len(body)
    tracemalloc.start()
    try:
        read(body)
        assert tracemalloc.get_traced_memory()[1] < 16 * len(body)
    finally:
        tracemalloc.stop()


def read(body):
    with contextlib.suppress(ValidationError, Unprocessable):
        cut(body)


@pytest.mark.parametrize("body", [
    b"]" * (8 << 20), b'{"items":[' + b"{}" * (4 << 20), b'{"items":[{"a":' + b"[]" * (4 << 20),
    b"{}" * (4 << 20), b'{"items":[{"a":{}' + b"{},{}" * (2 << 20),
], ids=["ends", "rows", "values", "bodies", "pairs"])  # fmt: skip
def test_what_is_seen_to_be_no_json_is_read_no_further(body, monkeypatch):
    taken, take = [], cutting._Cutter.take
    monkeypatch.setattr(
        cutting._Cutter, "take", lambda self, at: taken.append(at) or take(self, at)
    )
    with pytest.raises(ValidationError, match="json_invalid"):
        cut(body)
    assert len(taken) < 10


def compact(items):
    return json.dumps({"items": items}, separators=(",", ":")).encode()


BODIES = {
    "dense": lambda: compact([
        {"event_id": f"e-{n}", "account_id": f"a-{n}", "prompt": "p" * 700}
        for n in range(MOST_ROWS)
    ]),
    "lists in lists": lambda: compact([{"a": [[]] * 390}] * 7000),
    "lists open": lambda: b'{"items":[{"a":' + b"[" * (8 << 20),
    "numbers in lists": lambda: compact([{"a": [0] * 590}] * 7000),
    "numbers for rows": lambda: compact([0] * 4_000_000),
    "empty rows": lambda: compact([{}] * 2_700_000),
    "fields": lambda: compact([{f"k{n}": 1 for n in range(80)}] * MOST_ROWS),
    "one row of fields": lambda: compact([{f"{n:x}": 0 for n in range(700_000)}]),
    "one text": lambda: compact([{"a": "x" * (8 << 20)}]),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_no_body_keeps_the_event_loop_for_long(name):
    body = BODIES[name]()
    assert 3 << 20 < len(body) < 9 << 20
    gc.collect()
    gc.freeze()  # as a worker does: what other tests left is not looked through

    async def longest():
        """The most that this thread worked between two turns of another task, seconds."""
        gaps, reading = [], asyncio.create_task(batch_of(body))
        while not reading.done():
            began = time.thread_time()
            await asyncio.sleep(0)
            gaps.append(time.thread_time() - began)
        await asyncio.gather(reading, return_exceptions=True)
        return max(gaps)

    try:
        assert asyncio.run(longest()) < 0.05  # at once: up to 1.5 s
    finally:
        gc.unfreeze()
