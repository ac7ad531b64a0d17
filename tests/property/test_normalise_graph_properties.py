"""The graph is what a dictionary of rows would say, in whatever order they came."""

import hashlib
import hmac

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_world import NOON, sighting, sightings, telemetry

from ringfinder.normalise import Pepper, normalise
from ringfinder.schema import KINDS

PEPPER = Pepper(1, b"k" * 32)
ACCOUNTS = 5
spellings = {
    "device_id": [
        "Tok",
        " Tok ",
        "tok",
        "unknown",
        "6F9619FF-8B86-D011-B42D-00C04FC964FF",
        "6f9619ff8b86d011b42d00c04fc964ff",
    ],
    "user_agent": ["A  B", "A B", "A\tB", "-", "C"],
    "card_bin": ["411111", "4111 1111", "424242", "x"],
}
meaning = {
    "device_id": {
        "Tok": "Tok",
        " Tok ": "Tok",
        "tok": "tok",
        "6F9619FF-8B86-D011-B42D-00C04FC964FF": "6f9619ff8b86d011b42d00c04fc964ff",
        "6f9619ff8b86d011b42d00c04fc964ff": "6f9619ff8b86d011b42d00c04fc964ff",
    },
    "user_agent": {"A  B": "A B", "A B": "A B", "A\tB": "A B", "C": "C"},
    "card_bin": {"411111": "411111", "4111 1111": "411111", "424242": "424242"},
}
kind_of = {"device_id": "device", "user_agent": "user_agent", "card_bin": "card_bin"}
one = st.sampled_from(sorted(spellings)).flatmap(
    lambda field: st.tuples(
        st.just(field),
        st.integers(0, ACCOUNTS - 1),
        st.sampled_from(spellings[field]),
        st.integers(0, 9),
        st.integers(0, 9),
        st.integers(1, 3),
    )
)
rows = st.lists(one, max_size=25, unique_by=lambda row: row[:3])


def world(seen):
    fields = {row[0] for row in seen}
    return telemetry(
        ACCOUNTS,
        *(
            sightings(
                field,
                *(
                    sighting(account, value, NOON + first, NOON + first + more, count)
                    for name, account, value, first, more, count in seen
                    if name == field
                ),
            )
            for field in fields
        ),
    )


def expected(seen):
    """Rows (account, kind, clear) -> first, last, count, by plain Python."""
    table = {}
    for field, account, value, first, more, count in seen:
        clear = meaning[field].get(value)
        if clear is not None:
            key = account, kind_of[field], clear
            old = table.get(key, (NOON + first, 0, 0))
            table[key] = (
                min(old[0], NOON + first),
                max(old[1], NOON + first + more),
                old[2] + count,
            )
    for account in range(ACCOUNTS):
        table[account, "signup_window", "2026-03-01T12Z"] = (NOON, NOON, 1)
    return table


def as_rows(graph):
    clear = graph.clear.to_pylist()
    return {
        (int(a), KINDS[graph.kind[v]].name, clear[v]): (int(f), int(last), int(c))
        for a, v, f, last, c in zip(
            graph.account, graph.value, graph.first_ms, graph.last_ms, graph.count, strict=True
        )
    }


@settings(max_examples=80, deadline=None)
@given(seen=rows)
def test_sightings_are_merged_by_what_they_mean(seen):
    graph = normalise(world(seen), pepper=PEPPER, keep_clear=True)
    assert as_rows(graph) == expected(seen)
    assert len(as_rows(graph)) == len(graph.account)


@settings(max_examples=40, deadline=None)
@given(seen=rows)
def test_the_columns_keep_the_order_they_promise(seen):
    graph = normalise(world(seen), pepper=PEPPER, keep_clear=True)
    pairs = list(zip(graph.account.tolist(), graph.value.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    values = list(zip(graph.kind.tolist(), graph.pseudonym.to_pylist(), strict=True))
    assert values == sorted(set(values))
    assert (graph.holders() > 0).all()
    for kind, clear, pseudonym in zip(
        graph.kind, graph.clear.to_pylist(), graph.pseudonym.to_pylist(), strict=True
    ):
        message = f"{KINDS[kind].name}\0{clear}".encode()
        assert pseudonym == "p1_" + hmac.new(b"k" * 32, message, hashlib.sha256).hexdigest()[:32]


@settings(max_examples=40, deadline=None)
@given(seen=rows, data=st.data())
def test_the_order_of_rows_changes_nothing(seen, data):
    again = data.draw(st.permutations(seen))
    one, two = (normalise(world(order), pepper=PEPPER) for order in (seen, again))
    assert one.pseudonym.equals(two.pseudonym)
    for name in ("account", "value", "first_ms", "last_ms", "count", "kind", "stratum"):
        assert np.array_equal(getattr(one, name), getattr(two, name))


@settings(max_examples=40, deadline=None)
@given(seen=rows)
def test_a_field_less_takes_away_its_kinds_only(seen):
    less = [row for row in seen if row[0] != "device_id"]
    whole = as_rows(normalise(world(seen), pepper=PEPPER, keep_clear=True))
    part = as_rows(normalise(world(less), pepper=PEPPER, keep_clear=True))
    assert part == {key: facts for key, facts in whole.items() if key[1] != "device"}


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text(max_size=80), max_size=6, unique=True),
    length=st.integers(32, 100),
)
def test_pseudonyms_are_hmac_sha_256_of_kind_and_value(texts, length):
    key = bytes(range(length))
    found = Pepper(3, key).pseudonyms("ip", pa.array(texts, pa.string())).to_pylist()
    for text, pseudonym in zip(texts, found, strict=True):
        message = b"ip\0" + text.encode()
        assert pseudonym == "p3_" + hmac.new(key, message, hashlib.sha256).hexdigest()[:32]
