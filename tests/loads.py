"""Loads files into a data directory, and compares the graph with the audit's of the same files."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
from source_files import NEW_YEAR_MS, write

from ringfinder.config import Settings
from ringfinder.graph.columns import AttributeGraph
from ringfinder.normalise import Pepper, normalise, prompt_bands
from ringfinder.pipeline.home import Home, open_home
from ringfinder.pipeline.load import load
from ringfinder.runs import AuditInputs, LoadSummary
from ringfinder.sources import Inputs, read_telemetry
from ringfinder.store import read_attribute_graph

PEPPER = "a pepper of the tests, long enough"
RECEIVED_MS = NEW_YEAR_MS + 400 * 86_400_000
HOUR_MS = 3_600_000
Files = Mapping[str, Sequence[str]]


def home_at(place: Path, **settings) -> Home:
    """Open a data directory with the tests' pepper."""
    return open_home(settings_of(place, **settings), make=True)


def settings_of(place: Path, **settings) -> Settings:
    return Settings(data_dir=place, **{"pepper": PEPPER} | settings)


def loaded(
    home: Home, files: Files, *, said=None, columns=None, now_ms=None, **settings
) -> LoadSummary:
    """Load files by table."""
    return load(
        AuditInputs(
            **{"signups": ()} | {t: tuple(f) for t, f in files.items()}, columns=columns or {}
        ),
        settings_of(home.directory, **settings),
        home,
        received_ms=RECEIVED_MS,
        rejects_file=home.directory / "rejects.jsonl",
        now_ms=now_ms,
        notices=(lambda sentence: None) if said is None else said.append,
    )


def loaded_graph(home: Home) -> AttributeGraph:
    return read_attribute_graph(home.log, home.store)


def audited_graph(files: Files, **settings) -> AttributeGraph:
    """What the audit makes of the same files."""
    telemetry = read_telemetry(Inputs(**files), prompt_bands=prompt_bands)
    return normalise(telemetry, pepper=Pepper(1, PEPPER.encode()), **settings)


def assert_same(ours: AttributeGraph, theirs: AttributeGraph) -> None:
    """Compare two graphs column by column."""
    for name in ("account_ids", "pseudonym"):
        assert getattr(ours, name).to_pylist() == getattr(theirs, name).to_pylist(), name
    for name in (
        "created_ms", "closed_ms", "stratum", "account", "value", "first_ms", "last_ms",
        "count", "kind",
    ):  # fmt: skip
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
    for field in fields(ours.profiles):
        np.testing.assert_array_equal(
            getattr(ours.profiles, field.name),
            getattr(theirs.profiles, field.name),
            err_msg=field.name,
        )


PROMPTS = [
    "Please summarise the following text in three short sentences for me",
    "Translate this paragraph into French and keep the tone polite please",
    "hi",
    None,
]


def some_signups(rng: random.Random, accounts: int) -> list[dict]:
    """Sign-ups with every field, some of them twice, some values in several spellings."""
    names = [f"account {number}" for number in range(accounts)]
    again = rng.choices(names, k=accounts // 5)
    return [
        {
            "account_id": name,
            "created_at": NEW_YEAR_MS + rng.randrange(20 * 24) * HOUR_MS // 2,
            "email": rng.choice(
                [None, f" A.b{rng.randrange(9)}@Example.org", "x+y@gmail.com", "-"]
            ),
            "email_verified": rng.choice([None, True, False]),
            "ip": rng.choice(
                [None, "8.8.8.8", f"9.9.{rng.randrange(3)}.{rng.randrange(9)}", "::1"]
            ),
            "device_id": rng.choice([None, "dev1", " dev1 ", "unknown", f"dev{rng.randrange(40)}"]),
            "payment_fingerprint": rng.choice([None, f"card{rng.randrange(9)}"]),
            "card_bin": rng.choice([None, "424242"]),
            "phone": rng.choice([None, "030 1234567", "+44 20 7946 0018"]),
            "user_agent": rng.choice([None, "curl/8", "curl/8  "]),
            "country": "DE",
            "plan": rng.choice([None, "Free", "pro"]),
            "organisation_id": rng.choice([None, "org7"]),
            "referrer": rng.choice([None, "https://news.example/x?y=1"]),
            "closed_at": rng.choice([None, NEW_YEAR_MS + 10**9]),
        }
        for name in names + again
    ]


def some_usage(rng: random.Random, accounts: int, rows: int) -> list[dict]:
    return [
        {
            "account_id": f"account {rng.randrange(accounts)}",
            "occurred_at": NEW_YEAR_MS + rng.randrange(3 * 10**9),
            "ip": rng.choice([None, f"9.9.{rng.randrange(3)}.{rng.randrange(9)}"]),
            "device_id": rng.choice([None, "dev1"]),
            "model": rng.choice([None, "Opus", "opus ", "haiku@2", "unknown"]),
            "input_tokens": rng.choice([None, 0, 900]),
            "output_tokens": rng.choice([None, 30]),
            "prompt": rng.choice(PROMPTS),
            "prompt_fingerprint": rng.choice([None, f"fp{rng.randrange(4)}"]),
            "exchanges": rng.choice([None, 0, 1, 5]),
        }
        for _ in range(rows)
    ]


def some_logins(rng: random.Random, accounts: int, rows: int) -> list[dict]:
    return [
        {
            "account_id": f"account {rng.randrange(accounts)}",
            "occurred_at": NEW_YEAR_MS + rng.randrange(3 * 10**9),
            "ip": rng.choice([None, "9.9.1.1", "2606:4700::1111"]),
            "tls_fingerprint": rng.choice([None, "T13D1516"]),
        }
        for _ in range(rows)
    ]


def some_rows(seed: int, accounts: int = 60) -> dict[str, list[dict]]:
    """Rows of every table, drawn anew for every seed."""
    rng = random.Random(seed)
    return {
        "signups": some_signups(rng, accounts),
        "usage": some_usage(rng, accounts, 5 * accounts),
        "payments": [
            {
                "account_id": f"account {rng.randrange(accounts)}",
                "occurred_at": NEW_YEAR_MS + rng.randrange(10**9),
                "payment_fingerprint": f"card{rng.randrange(9)}",
            }
            for _ in range(accounts)
        ],
        "logins": some_logins(rng, accounts, accounts),
    }


def write_rows(place: Path, rows: Mapping[str, Sequence[dict]], ending: str = "jsonl") -> Files:
    """Write a file per table; tables without rows are left out."""
    place.mkdir(parents=True, exist_ok=True)
    return {
        table: [write(place / f"{table}.{ending}", list(held))]
        for table, held in rows.items()
        if held
    }
