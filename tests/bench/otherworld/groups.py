"""Benign people who share things: campuses, families, testers, rooms; `firms` has the rest.

Each function takes a number of accounts and returns one block; group attributes are drawn
per group and dealt to the members, some of whom do not take part.
"""

from __future__ import annotations

import numpy as np

from tests.bench.otherworld.draws import (
    DAY,
    Accounts,
    Array,
    coin,
    dealt,
    fresh,
    put_first,
    put_list,
    sizes,
    zipf,
)  # fmt: skip
from tests.bench.otherworld.habits import CLOCK, moments
from tests.bench.otherworld.people import World, domain_names, local_parts, people, somewhere
from tests.bench.otherworld.places import v4


def gathered(
    world: World, cohort: str, of: list[int], network: str, *, spread: float = 0.0
) -> tuple[Accounts, Array, Array]:
    """People in groups of the given sizes: block, group of each, country of each group."""
    group = np.repeat(np.arange(len(of)), of)
    home = somewhere(world, len(of))
    region = home[group].copy()
    away = coin(world.rng, len(group), spread)
    region[away] = somewhere(world, int(away.sum()))
    block = people(world, region, cohort, network)
    names = np.array([f"{cohort}-{world.next_group()}" for _ in of], dtype=object)
    block["cohort_id"] = names[group] if len(of) else block["cohort_id"]
    return block, group, home


def restart(world: World, block: Accounts, rows: Array, created: Array) -> None:
    """Move sign-ups to other moments; use moves along."""
    h = world.habits
    created = np.minimum(created, h.end - 120.0)
    lasts = block["stop"][rows] - block["start"][rows]
    late = world.rng.exponential(0.6 * DAY, len(created)) * coin(world.rng, len(created), 0.5)
    block["created"][rows] = created
    block["start"][rows] = np.minimum(np.maximum(created + 60.0 + late, h.begin), h.end - 60.0)
    block["stop"][rows] = np.minimum(block["start"][rows] + lasts, h.end)
    closed = block["closed"][rows]
    block["closed"][rows] = np.where(closed <= created, np.nan, closed)


def static_addresses(world: World, region: Array, each: int) -> Array:
    """Office lines: fixed IPv4 addresses of a home carrier, (len(region), each)."""
    block = world.places.isp[region, zipf(world.rng, len(region), 4), 0]
    low = world.rng.integers(1, 65_000, len(region))
    return v4(block[:, None], low[:, None] + np.arange(each))


def come_from(world: World, block: Accounts, rows: Array, codes: Array, network: str) -> None:
    """Sign up and mostly work from these addresses."""
    put_first(block["ips"], rows, codes)
    block["signup_ip"][rows] = codes
    block["network"][rows] = network


def onboarding(world: World, block: Accounts, group: Array, home: Array, chance: float) -> None:
    """A share of each group signs up on one of its two introduction days."""
    rng, h = world.rng, world.habits
    rows = np.flatnonzero(coin(rng, len(group), chance))
    days = h.begin + DAY * rng.integers(0, h.days, (len(home), 2))
    first = days[group[rows], rng.integers(0, 2, len(rows))]
    clock = np.full(len(rows), CLOCK["office"])
    hours = world.places.hours[home][group[rows]]
    restart(world, block, rows, moments(rng, len(rows), first, first + DAY, clock, hours))


def house_templates(world: World, block: Accounts, group: Array, rows: Array, share: float) -> None:
    """Internal tools: one to four templates of the group, used by some of its members."""
    rng, groups = world.rng, int(group.max(initial=-1)) + 1
    codes = fresh(rng, groups, 4)
    codes[np.arange(4)[None, :] >= rng.integers(1, 5, groups)[:, None]] = 0
    put_list(block["templates"], rows, codes[group[rows]])
    block["template_share"][rows] = rng.beta(4 * share, 4 * (1 - share), len(rows))


def campuses(world: World, total: int) -> Accounts:
    """Student addresses; half of the students on a VPN; prepaid cards; semester start."""
    rng = world.rng
    block, group, home = gathered(
        world, "campus", sizes(rng, total, 60, max(100, total // 2), 0.9), "campus"
    )
    firms = len(home)
    gates = static_addresses(world, home, 4)
    rows = np.flatnonzero(coin(rng, len(group), 0.45))
    gate = gates[group[rows], rng.integers(0, 4, len(rows))]
    come_from(world, block, rows, gate, "campus")
    vpn = np.flatnonzero(coin(rng, len(group), 0.3))
    come_from(world, block, vpn, world.places.vpns(len(vpn)), "vpn")
    name = domain_names(world, firms)
    school = np.array([f"{d.split('.')[0]}-university.edu" for d in name], dtype=object)
    edu = coin(rng, len(group), 0.6)
    numbers = rng.integers(100_000, 999_999, len(group))
    short = np.array([f"s{k}" for k in numbers.tolist()], dtype=object)
    local = np.where(coin(rng, firms, 0.4)[group], short, local_parts(world, block["region"]))
    block["email"][edu] = (local + "@" + school[group])[edu]
    semester = np.flatnonzero(coin(rng, len(group), 0.5))
    first = world.habits.begin + DAY * rng.integers(0, world.habits.days, firms)[group[semester]]
    created = first + rng.exponential(5.0, len(semester)) * DAY
    restart(world, block, semester, created)
    block["clock"][coin(rng, len(group), 0.7)] = CLOCK["student"]
    return block


def families(world: World, total: int) -> Accounts:
    """Two to five people, one line, shared devices, sometimes one card."""
    rng = world.rng
    block, group, home = gathered(world, "family", sizes(rng, total, 2, 5, 1.5), "home")
    n, houses = len(group), len(home)
    line = world.places.homes(home)
    rows = np.flatnonzero(coin(rng, n, 0.9))
    come_from(world, block, rows, line[group[rows]], "home")
    tablet = coin(rng, n, 0.6)
    block["devices"][tablet, 0] = fresh(rng, houses)[group][tablet]
    pays = (block["card"] > 0) & coin(rng, n, 0.6)
    block["card"][pays], block["bin"][pays] = (
        fresh(rng, houses)[group][pays], world.places.banks(home)[group][pays],
    )  # fmt: skip
    return block


def testers(world: World, total: int) -> Accounts:
    """A developer with two to four accounts under tags of one mailbox."""
    rng = world.rng
    block, group, _ = gathered(world, "tester", sizes(rng, total, 2, 4, 1.5), "home")
    owner = np.array([text.split("@")[0].split("+")[0] for text in block["email"]], dtype=object)
    first = np.flatnonzero(np.r_[True, group[1:] != group[:-1]]) if len(group) else group
    tags = np.array(["test", "dev", "2", "api", "work"], dtype=object)[
        dealt(rng, len(group), 1, 1) % 5
    ]
    for name in ("signup_ip", "phone"):
        block[name] = block[name][first][group]
    block["devices"][:, 0] = block["devices"][first, 0][group]
    block["email"] = owner[first][group] + "+" + tags + "@gmail.com"
    return block


def rooms(world: World, total: int) -> Accounts:
    """Strangers in one room: conference wifi, hackathon, lecture, library, co-working."""
    rng, h = world.rng, world.habits
    block, group, home = gathered(
        world, "room", sizes(rng, total, 12, max(40, total // 3), 0.9), "wifi"
    )
    n, events = len(group), len(home)
    kind = rng.choice(5, events, p=[0.2, 0.25, 0.3, 0.15, 0.1])
    names = np.array(["conference", "hackathon", "lecture", "library", "coworking"], dtype=object)
    block["cohort"] = names[kind][group].astype(object)
    lines = static_addresses(world, home, 2)
    rows = np.flatnonzero(coin(rng, n, 0.9))
    come_from(world, block, rows, lines[group[rows], rng.integers(0, 2, len(rows))], "wifi")
    hours = np.array([30.0, 40.0, 1.8, 24.0 * h.days, 24.0 * h.days])[kind][group]
    first = h.begin + 3600.0 * rng.integers(0, 24 * h.days, events)[group]
    friday = (
        h.begin + DAY * ((8 - int(h.begin // DAY) % 7) % 7) + 17 * 3600.0
    )  # 1970 began on a Thursday
    weekend = friday + 7 * DAY * rng.integers(0, max(1, h.days // 7 - 1), events)
    first = np.where(kind[group] == 1, weekend[group], first)
    first = np.where(kind[group] >= 3, h.begin, first)
    last = np.minimum(first + 3600.0 * hours, h.end)
    clock = np.where(kind == 1, CLOCK["half_flat"], CLOCK["allday"])[group]
    created = moments(
        rng, n, np.minimum(first, last - 60.0), last, clock, world.places.hours[home][group]
    )
    restart(world, block, np.arange(n), created)
    taught = np.flatnonzero((kind[group] <= 2) & coin(rng, n, 0.65))
    house_templates(world, block, group, taught, 0.5)
    leaves = coin(rng, n, 0.6) & (kind[group] <= 2)  # tried once, in the room
    block["stop"][leaves] = np.minimum(block["start"][leaves] + 1.5 * DAY, h.end)
    sponsored = coin(rng, events, 0.4)[group] & (kind[group] <= 1)
    codes = (
        np.array([f"event-{world.next_group()}" for _ in range(events)], dtype=object)[group]
        if n
        else group
    )
    block["referrer"][sponsored] = codes[sponsored]
    return block
