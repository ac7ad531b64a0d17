"""The audit folds files, a store folds events: the same rows must give the same columns."""

import csv
import random
from pathlib import Path

import numpy as np
import pytest
from stored import START_MS, events_of, pseudonym
from stores import OPENERS

from ringfinder.schema import CODE
from ringfinder.sources import Inputs, read_telemetry
from ringfinder.store import EventLog, EventType, project, read_attribute_graph

ACCOUNTS = [f"account {number}" for number in range(12)]
SIGNUP = ("account_id", "created_at", "closed_at", "country", "plan", "email_verified", "device_id")
USAGE = ("account_id", "occurred_at", "exchanges", "input_tokens", "output_tokens", "device_id")


def some_rows(seed: int) -> tuple[list[dict], list[dict]]:
    """Draw sign-ups, some accounts twice with other facts, and usage at all hours."""
    rng = random.Random(seed)
    signups = [
        {
            "account_id": name,
            "created_at": START_MS + rng.randrange(5) * 3_600_000,
            "closed_at": rng.choice([None, START_MS + 10**9, START_MS + 2 * 10**9]),
            "country": rng.choice([None, "DE", "US"]),
            "plan": rng.choice([None, "free", "pro"]),
            "email_verified": rng.choice([None, True, False]),
            "device_id": rng.choice([None, "d1", "d2", "d3"]),
        }
        for name in ACCOUNTS + rng.choices(ACCOUNTS, k=8)
    ]
    usage = [
        {
            "account_id": rng.choice(ACCOUNTS[:8]),
            "occurred_at": START_MS + rng.randrange(10**9),
            "exchanges": rng.choice([None, 0, 1, 5]),
            "input_tokens": rng.choice([None, 0, 900]),
            "output_tokens": rng.choice([0, 30]),
            "device_id": rng.choice([None, "d1", "d4"]),
        }
        for _ in range(60)
    ]
    return signups, usage


def write_csv(path: Path, columns: tuple[str, ...], rows: list[dict]) -> str:
    """Write rows as a file that `read_telemetry` takes."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def to_events(signups: list[dict], usage: list[dict]) -> list:
    """Build the events that a loader would make of the rows."""

    def event(number, row, time, facts):
        device = row["device_id"]
        values = {} if device is None else {"device": device}
        when = {"occurred_ms": row[time], "event_id": str(number), "account_id": row["account_id"]}
        return when | facts | {"values": values}

    facts = ("country", "plan", "email_verified")
    counts = {"exchanges": 1, "input_tokens": 0, "output_tokens": 0}
    return [
        events_of(
            EventType.SIGNUPS,
            *(
                event(n, r, "created_at", {f: r[f] for f in facts} | {"closed_ms": r["closed_at"]})
                for n, r in enumerate(signups)
            ),
        ),
        events_of(
            EventType.USAGE,
            *(
                event(
                    n,
                    r,
                    "occurred_at",
                    {c: default if r[c] is None else r[c] for c, default in counts.items()},
                )
                for n, r in enumerate(usage)
            ),
        ),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_files_and_events_give_the_same_accounts_profiles_and_sightings(tmp_path, seed):
    signups, usage = some_rows(seed)
    files = Inputs(
        signups=[write_csv(tmp_path / "signups.csv", SIGNUP, signups)],
        usage=[write_csv(tmp_path / "usage.csv", USAGE, usage)],
    )
    telemetry = read_telemetry(files, temp_dir=tmp_path)
    log = EventLog(tmp_path / "events")
    log.append(to_events(signups, usage))
    store = OPENERS["embedded"](str(tmp_path / "graph.duckdb"))
    project(log, store)
    graph = read_attribute_graph(log, store)

    assert graph.account_ids.to_pylist() == telemetry.account_ids.to_pylist()
    assert graph.created_ms.tolist() == telemetry.created_ms.tolist()
    assert graph.closed_ms.tolist() == telemetry.closed_ms.tolist()
    accounts = store.read_graph().accounts
    assert accounts["country"].to_pylist() == telemetry.country.to_pylist()
    assert accounts["plan"].to_pylist() == telemetry.plan.to_pylist()
    verified = [-1 if v is None else int(v) for v in accounts["email_verified"].to_pylist()]
    assert verified == telemetry.email_verified.tolist()
    for name, column in vars(telemetry.profiles).items():
        np.testing.assert_array_equal(getattr(graph.profiles, name), column, err_msg=name)

    seen = telemetry.sightings["device_id"]
    device_of = {pseudonym(raw): raw for raw in seen.values.to_pylist()}
    assert set(graph.kind.tolist()) == {CODE["device"]}
    raw = [device_of[text] for text in graph.pseudonym.to_pylist()]
    columns = ("account", "first_ms", "last_ms", "count")
    ours = zip(
        (raw[v] for v in graph.value), *(getattr(graph, c).tolist() for c in columns), strict=True
    )
    names = seen.values.to_pylist()
    theirs = zip(
        (names[v] for v in seen.value), *(getattr(seen, c).tolist() for c in columns), strict=True
    )
    assert sorted(ours) == sorted(theirs)
