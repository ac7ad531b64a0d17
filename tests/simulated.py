"""Worlds for tests: made once per spec, with the truth joined to every table."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict

import numpy as np

from ringfinder.simulate import World, WorldSpec, simulate

DAY = 86_400_000
HOUR = 3_600_000


@functools.cache
def world_of(accounts: int = 8000, seed: int = 5, prevalence: float = 0.2, **knobs) -> World:
    """Make a world once per set of knobs (they must be hashable)."""
    return simulate(WorldSpec(accounts=accounts, seed=seed, prevalence=prevalence, **knobs))


def column(table, name):
    """A column as a NumPy array of objects or numbers; times in milliseconds."""
    values = table[name]
    if str(values.type).startswith("timestamp"):
        return values.cast("int64").to_numpy(zero_copy_only=False)
    return np.array(values.to_pylist(), dtype=object)


def remembered(function):
    """Keep what a function finds in a world; worlds live as long as the tests."""
    known: dict = {}

    @functools.wraps(function)
    def found(world, *names, **want):
        key = (id(world), names, tuple(sorted(want.items())))
        if key not in known:
            known[key] = (world, function(world, *names, **want))
        return known[key][1]

    return found


@remembered
def truth_of(world: World) -> dict[str, dict]:
    """The truth by account."""
    return {row["account_id"]: row for row in world["truth"].to_pylist()}


@remembered
def members(world: World, **want) -> set[str]:
    """Accounts whose truth has the given values."""
    return {
        row["account_id"]
        for row in world["truth"].to_pylist()
        if all(row[name] == value for name, value in want.items())
    }


@remembered
def groups(world: World, what: str = "fleet_id", **want) -> dict[str, set[str]]:
    """Accounts by fleet, or by group of a cohort."""
    result: dict[str, set[str]] = defaultdict(set)
    for row in world["truth"].to_pylist():
        if row[what] is not None and all(row[name] == value for name, value in want.items()):
            result[row[what]].add(row["account_id"])
    return dict(result)


@remembered
def values(world: World, table: str, field: str) -> dict[str, list]:
    """What each account was seen with in one field of one table."""
    result: dict[str, list] = defaultdict(list)
    rows = world[table]
    ids = rows["account_id"].cast("string").to_pylist()
    for account, value in zip(ids, column(rows, field).tolist(), strict=True):
        if value is not None:
            result[account].append(value)
    return result


def share_with_commonest(found: dict[str, list], accounts: set[str]) -> float:
    """Share of the accounts that have the value most of them have."""
    counts = Counter(value for account in accounts for value in set(found.get(account, ())))
    return counts.most_common(1)[0][1] / len(accounts) if counts else 0.0


def distinct(found: dict[str, list], accounts: set[str]) -> int:
    """How many values the accounts have between them."""
    return len({value for account in accounts for value in found.get(account, ())})


def domain(address: str) -> str:
    """The domain of an address as typed."""
    return address.strip().lower().rpartition("@")[2]
