"""One world: accounts, order, use, truth."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.bench.otherworld import crowds, files, firms, groups, styles, usage
from tests.bench.otherworld.draws import Accounts, Array, coin, fresh, joined, taken
from tests.bench.otherworld.habits import make_habits
from tests.bench.otherworld.links import shared_inside
from tests.bench.otherworld.operators import Operator
from tests.bench.otherworld.people import World, people, somewhere
from tests.bench.otherworld.places import COUNTRIES, make_places

CHUNK = 20_000
KINDS = {  # share of fleets of the given prevalence, styles, how many look-alikes
    "mixed": (1.0, styles.STYLES, 1.0),
    "benign": (0.0, styles.STYLES, 1.0),
    "loud": (1.0, styles.LOUD, 1.0),
    "hard": (1.0, styles.HARD, 1.0),
    "lookalikes": (1.0, styles.STYLES, 1.8),
}

GROUPS = {  # share of the benign accounts
    firms.companies: 0.055,
    firms.remote_companies: 0.025,
    firms.gateway_companies: 0.025,
    firms.services: 0.01,
    firms.service_firms: 0.012,
    firms.agencies: 0.01,
    groups.campuses: 0.05,
    groups.families: 0.04,
    groups.testers: 0.004,
    groups.rooms: 0.03,
}


@dataclass(frozen=True)
class Wish:
    """What is asked for."""

    accounts: int
    seed: int
    prevalence: float = 0.06
    regions: int = 6
    country: bool = True
    window_days: int | None = None
    signups_format: str = "parquet"
    kind: str = "mixed"
    usage: bool = True
    rows_a_day: int = 20


def benign(world: World, total: int, lookalikes: float) -> list[Accounts]:
    """Groups and crowds by their shares."""
    blocks = []
    for make, share in (GROUPS | crowds.CROWDS).items():
        count = round(total * share * lookalikes)
        if count >= 8:
            blocks.append(make(world, count))
    return blocks


def populate(wish: Wish) -> tuple[World, Accounts, list[Operator]]:
    """All accounts, in the order in which they are written."""
    rng = np.random.default_rng([wish.seed, 0x07E4])
    habits = make_habits(rng, wish.window_days)
    places = make_places(rng, wish.regions, wish.accounts)
    exits = places.homes(somewhere_else(rng, places.share, max(300, wish.accounts // 25)))
    world = World(rng, habits, places, fresh(rng, habits.templates), fresh(rng, 2, 3), exits)
    part, which, lookalikes = KINDS[wish.kind]
    bad = round(wish.accounts * wish.prevalence * part)
    blocks = benign(world, wish.accounts - bad, lookalikes)
    ops = styles.fleets(world, bad, which)
    blocks += [op.block for op in ops]
    left = max(wish.accounts - sum(len(block["created"]) for block in blocks), 0)
    a = joined([*blocks, people(world, somewhere(world, left), "background")])
    order = rng.permutation(len(a["created"]))
    if habits.rows_by_time:
        order = np.argsort(a["created"], kind="stable")
    a = taken(a, order)
    n = len(order)
    a["secret"] = fresh(rng, n)
    a["rolled"] = coin(rng, n, habits.rolled_up) | (a["rate"] > usage.ALWAYS_ROLLED)
    files.hide(rng, habits, a)
    a["stop"] = np.fmin(a["stop"], a["closed"])
    return world, a, ops


def somewhere_else(rng: np.random.Generator, share: Array, size: int) -> Array:
    """Countries of proxy exits: flatter than the population."""
    flat = np.sqrt(share)
    return rng.choice(len(share), size, p=flat / flat.sum())


def truth(world: World, a: Accounts, ids: pa.Array) -> pa.Table:
    fleet = [f"fleet-{f:03d}" if f >= 0 else None for f in a["fleet"].tolist()]
    codes = [str(c) for c in _country_codes(world)]
    return pa.table(
        {
            "account_id": ids,
            "fleet_id": pa.array(fleet, pa.string()),
            "style": pa.array(a["style"], pa.string()),
            "cohort": pa.array(a["cohort"], pa.string()),
            "cohort_id": pa.array(a["cohort_id"], pa.string()),
            "network_class": pa.array(a["network"], pa.string()),
            "region": pa.array(codes).take(pa.array(a["region"])),
            "established": pa.array((a["created"] < world.habits.begin) & (a["fleet"] < 0)),
        }
    )


def _country_codes(world: World) -> list[str]:
    return [COUNTRIES[c][0] for c in world.places.codes]


def story(wish: Wish, world: World, a: Accounts, ops: list[Operator]) -> dict[str, Any]:
    """What was drawn, for whoever reads the results."""
    linked = shared_inside(a, len(ops))
    names, counts = np.unique(a["cohort"].astype(str), return_counts=True)
    return {
        "generator": "tests.bench.otherworld",
        "wish": asdict(wish),
        "habits": asdict(world.habits),
        "regions": _country_codes(world),
        "cohorts": dict(zip(names.tolist(), counts.tolist(), strict=True)),
        "fleets": [
            {"fleet_id": f"fleet-{i:03d}", "style": str(op.block["style"][0]), "accounts": op.n,
             "regions": [int(r) for r in op.regions],
             "linked": {family: share[i] for family, share in linked.items()},
             "parameters": op.notes}
            for i, op in enumerate(ops)
        ],
    }  # fmt: skip


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)


def make_world(wish: Wish, out: Path) -> dict[str, Any]:
    """Write the files of one world into `out`; returns what `world.json` says."""
    out.mkdir(parents=True, exist_ok=True)
    world, a, ops = populate(wish)
    h, rng = world.habits, world.rng
    ids = files.account_ids(rng, h.ids, a["created"])
    table = files.signups(rng, h, world.places, a, ids, wish.country)
    files.write(table, out / f"signups.{wish.signups_format}")
    pq.write_table(truth(world, a, ids), out / "truth.parquet", compression="zstd")
    files.write(files.logins_table(h, usage.logins_of(rng, h, a), ids), out / "logins.parquet")
    payments = files.payments_table(h, usage.payments_of(rng, h, a), ids)
    files.write(payments, out / "payments.parquet")
    if wish.usage:
        write_usage(wish, world, a, ids, out / "usage.parquet")
    told = story(wish, world, a, ops)
    (out / "world.json").write_text(json.dumps(told, indent=1, default=_plain) + "\n")
    return told


def write_usage(wish: Wish, world: World, a: Accounts, ids: pa.Array, path: Path) -> None:
    """Usage in chunks of accounts, one row group each; memory stays small."""
    writer = None
    for number, first in enumerate(range(0, len(ids), CHUNK)):
        rows = np.arange(first, min(first + CHUNK, len(ids)))
        rng = np.random.default_rng([wish.seed, 0x05E, number])
        used = usage.use_of(rng, world.habits, world.places, taken(a, rows), wish.rows_a_day)
        used["account"] = used["account"] + first
        table = files.usage_table(world.habits, used, ids)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()
