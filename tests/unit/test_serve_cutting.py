"""A batch cut into rows says what it says when it is parsed at once, and holds nobody up."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ringfinder.serve import cutting
from ringfinder.serve.batches import _valid
from ringfinder.serve.cutting import batch_of
from ringfinder.serve.errors import Unprocessable
from ringfinder.serve.rows import MOST_ROWS, Batch
from ringfinder.store.events import EventType

TEXT = st.text(st.sampled_from('[]{},:"\\ /u0aé\n\U0001f600'), max_size=12)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
ANY = st.recursive(PLAIN, lambda one: st.lists(one) | st.dictionaries(TEXT, one), max_leaves=8)
ROW = st.dictionaries(TEXT, PLAIN, max_size=6)


def cut(body):
    return asyncio.run(batch_of(body if isinstance(body, bytes) else json.dumps(body).encode()))


def at_once(body):
    return Batch.__pydantic_validator__.validate_json(body)


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
        emptied = [
            {name: type(value)() if isinstance(value, (list, dict)) else value
             for name, value in row.items()}
            for row in at_once(body).items
        ]  # fmt: skip
        assert cut(body).items == emptied

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
        body = b'{"items":[{"a":1},{"a":2}],"it\\u0065ms":[{"a":3}]}'
        assert cut(body).items == at_once(body).items == [{"a": 3}]


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

    async def longest():
        """The most that this thread worked between two turns of another task, seconds."""
        gaps, reading = [], asyncio.create_task(batch_of(body))
        while not reading.done():
            began = time.thread_time()
            await asyncio.sleep(0)
            gaps.append(time.thread_time() - began)
        await asyncio.gather(reading, return_exceptions=True)
        return max(gaps)

    assert asyncio.run(longest()) < 0.05  # at once: up to 1.5 s
