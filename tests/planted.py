"""Small graphs with planted truth, built by hand: no simulator, no files."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from ringfinder.graph.columns import NEVER, AttributeGraph, Profiles
from ringfinder.schema import CODE, KINDS

DAY_MS = 86_400_000
START_MS = 1_767_225_600_000  # 2026-01-01


def empty_profiles(accounts: int) -> Profiles:
    """Profiles of accounts that were never used."""
    zero = np.zeros(accounts, dtype=np.int64)
    never = np.full(accounts, NEVER)
    none = np.zeros(0, dtype=np.int32)
    return Profiles(
        hours=np.zeros((accounts, 24), dtype=np.int32),
        signup_hour=np.zeros(accounts, dtype=np.int8),
        active_days=zero.astype(np.int32),
        exchanges=zero,
        input_tokens=zero,
        output_tokens=zero,
        first_use_ms=never,
        last_use_ms=never,
        day_account=none,
        day=none,
        day_exchanges=none,
    )


def graph_of(
    columns: dict[str, list[str | None]],
    *,
    created_ms: np.ndarray | None = None,
    stratum: np.ndarray | None = None,
    profiles: Profiles | None = None,
) -> AttributeGraph:
    """Build a graph from one column of values (or None) per kind, a row per account."""
    accounts = len(next(iter(columns.values())))
    rows, cells, kinds, names = [], [], [], []
    for name in (kind.name for kind in KINDS):
        if name not in columns:
            continue
        column = columns[name]
        shown = [i for i, cell in enumerate(column) if cell is not None]
        distinct, code = np.unique([column[i] for i in shown], return_inverse=True)
        rows.append(np.array(shown, dtype=np.int32))
        cells.append(code.astype(np.int32) + len(names))
        kinds += [CODE[name]] * len(distinct)
        names += [f"{name}:{text}" for text in distinct]
    account, value = np.concatenate(rows), np.concatenate(cells)
    order = np.lexsort((value, account))
    created = np.full(accounts, START_MS) if created_ms is None else created_ms
    return AttributeGraph(
        account_ids=pa.array([f"a{i:06d}" for i in range(accounts)]),
        created_ms=created.astype(np.int64),
        closed_ms=np.full(accounts, NEVER),
        stratum=np.zeros(accounts, dtype=np.int32) if stratum is None else stratum,
        account=account[order],
        value=value[order],
        first_ms=created[account[order]].astype(np.int64),
        last_ms=created[account[order]].astype(np.int64),
        count=np.ones(len(order), dtype=np.int32),
        kind=np.array(kinds, dtype=np.int8),
        pseudonym=pa.array(names),
        clear=None,
        profiles=profiles or empty_profiles(accounts),
    )


def crowd(accounts: int, *, seed: int = 0) -> dict[str, list[str | None]]:
    """Independent people: heavy-tailed networks, banks and clients, own devices."""
    rng = np.random.default_rng(seed)

    def zipf(prefix: str, values: int) -> list[str | None]:
        drawn = rng.zipf(1.5, accounts) % values
        return [f"{prefix}{n}" for n in drawn]

    return {
        "ip_network": zipf("n", 3000),
        "card_bin": zipf("b", 300),
        "device": [f"d{n}" for n in range(accounts)],
        "user_agent": zipf("u", 200),
        "prompt_fingerprint": zipf("p", 5000),
        "email_domain": [
            None if rng.random() < 0.8 else f"m{rng.integers(0, 2000)}" for _ in range(accounts)
        ],
    }


def plant(
    columns: dict[str, list[str | None]],
    members: range,
    shared: dict[str, list[str]],
    *,
    seed: int = 1,
) -> None:
    """Give the members values drawn from the shared ones."""
    rng = np.random.default_rng(seed)
    for name, values in shared.items():
        for member in members:
            columns[name][member] = values[rng.integers(0, len(values))]


def use_of(machine: np.ndarray, *, seed: int = 2) -> Profiles:
    """Profiles of people who use it by day, and of machines that write a lot day and night."""
    rng = np.random.default_rng(seed)
    accounts = len(machine)
    day = np.r_[np.full(8, 0.05), np.full(16, 1.0)]
    night_too = np.full(24, 2.0)
    much = rng.lognormal(1.0, 0.6, accounts)[:, None]
    hours = rng.poisson(np.where(machine[:, None], night_too, day) * much).astype(np.int32)
    exchanges = hours.sum(axis=1).astype(np.int64)
    tokens = np.where(
        machine, rng.integers(3_000, 4_000, accounts), rng.integers(200, 800, accounts)
    )
    days = np.minimum(exchanges, rng.integers(2, 40, accounts)).astype(np.int32)
    return dataclasses.replace(
        empty_profiles(accounts),
        hours=hours,
        exchanges=exchanges,
        active_days=days,
        input_tokens=exchanges * 200,
        output_tokens=exchanges * tokens,
        signup_hour=rng.integers(8, 24, accounts).astype(np.int8),
    )
