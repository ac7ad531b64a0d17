"""What is read depends on the rows alone."""

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from source_files import FORMATS, NEW_YEAR_MS, Reading, same, snapshot, write

from ringfinder.errors import InputError

# No NUL: DuckDB's reader of CSV takes it, Python's writer of CSV does not quote it.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
names = st.sampled_from(["a", "b", "C", "é", "long name"])
times = st.integers(NEW_YEAR_MS, NEW_YEAR_MS + 5 * 86_400_000)
maybe = st.none() | texts

signups = st.lists(
    st.fixed_dictionaries(
        {
            "account_id": names,
            "created_at": times,
            "user_agent": maybe,
            "email": maybe,
            "country": st.sampled_from([None, "DE", "us"]),
            "plan": st.sampled_from([None, "free"]),
            "closed_at": st.none() | times,
        }
    ),
    min_size=1,
    max_size=8,
)
usage = st.lists(
    st.fixed_dictionaries(
        {
            "account_id": names | texts,
            "occurred_at": times,
            "ip": maybe,
            "model": maybe,
            "event_id": st.sampled_from([None, "1", "2"]),
            "exchanges": st.none() | st.integers(-1, 100),
            "output_tokens": st.none() | st.integers(0, 10**6),
        }
    ),
    max_size=12,
)
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read(signup_rows, usage_rows, endings=("jsonl", "jsonl"), **more):
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        files = {"signups": write(place / f"s.{endings[0]}", signup_rows)}
        if usage_rows:
            files["usage"] = write(place / f"u.{endings[1]}", usage_rows)
        reading = Reading(place, **files, **more)
        return reading.telemetry, sorted(
            (r["table"], r["field"], r["reason"]) for r in reading.rejects
        )


@quick
@given(signups, usage, st.sampled_from(FORMATS), st.sampled_from(FORMATS))
def test_the_same_rows_are_the_same_in_every_format(signup_rows, usage_rows, one, two):
    plain, faults = read(signup_rows, usage_rows)
    other, other_faults = read(signup_rows, usage_rows, (one, two))
    assert same(plain, other)
    assert faults == other_faults


@quick
@given(signups, usage, st.randoms(use_true_random=False), st.sampled_from(FORMATS))
def test_order_of_rows_and_columns_and_number_of_threads_change_nothing(rows, uses, chance, ending):
    first, _ = read(rows, uses, (ending, ending), threads=1)
    names_in_order = list(rows[0])
    chance.shuffle(names_in_order)
    rows = [{name: row[name] for name in names_in_order} for row in rows]
    rows, uses = chance.sample(rows, len(rows)), chance.sample(uses, len(uses))
    second, _ = read(rows, uses, (ending, ending), threads=3)
    assert same(first, second)


@quick
@given(signups, usage)
def test_every_row_is_used_or_rejected_or_repeated(signup_rows, usage_rows):
    telemetry, faults = read(signup_rows, usage_rows)
    record = telemetry.record
    given_rows = len(signup_rows) + len(usage_rows)
    assert sum(record.rows.values()) + sum(record.repeated.values()) + len(faults) == given_rows
    assert sum(f.rows + f.rejected for f in record.files) == given_rows


@quick
@given(signups, usage)
def test_profiles_are_what_a_plain_count_says(signup_rows, usage_rows):
    usage_rows = [{**row, "event_id": None} for row in usage_rows]
    telemetry, _ = read(signup_rows, usage_rows)
    accounts = telemetry.account_ids.to_pylist()
    exchanges = dict.fromkeys(accounts, 0)
    days = {name: set() for name in accounts}
    for row in usage_rows:
        name, n = row["account_id"].strip(" \t\n\v\f\r"), row["exchanges"]
        n = 1 if n is None else n
        if name in exchanges and n > 0:
            exchanges[name] += n
            days[name].add(row["occurred_at"] // 86_400_000)
    assert telemetry.profiles.exchanges.tolist() == list(exchanges.values())
    assert telemetry.profiles.active_days.tolist() == [len(d) for d in days.values()]
    assert telemetry.profiles.hours.sum(axis=1).tolist() == list(exchanges.values())


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([*FORMATS]), st.booleans())
def test_whatever_bytes_a_file_holds_the_run_ends_well_or_with_one_sentence(noise, ending, head):
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        path = place / f"s.{ending}"
        path.write_bytes((b"account_id,created_at,ip\nok,2026-01-01,x\n" if head else b"") + noise)
        try:
            accounts = Reading(place, signups=path).accounts
        except InputError as error:
            accounts = str(error).splitlines()
        assert len(accounts) == 1 or head
        assert accounts


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl.gz"])
def test_many_rows_are_the_same_on_one_thread_and_on_four(ending):
    chance = random.Random(7)
    rows = [
        {"account_id": f"a{i % 3000}", "created_at": NEW_YEAR_MS + i % 977, "ip": f"10.0.{i % 50}"}
        for i in range(4000)
    ]
    uses = [
        {
            "account_id": f"a{chance.randrange(3100)}",
            "occurred_at": NEW_YEAR_MS + i * 999,
            "ip": f"10.0.{chance.randrange(250)}",
            "event_id": str(i % 29_000),
        }
        for i in range(30_000)
    ]
    one, faults = read(rows, uses, (ending, ending), threads=1)
    four, other_faults = read(rows, uses, (ending, ending), threads=4)
    assert snapshot(one) == snapshot(four)
    assert faults == other_faults
    assert len(one.account_ids) == 3000
