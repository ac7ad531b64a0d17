"""Benign people who share things: firms, back-ends, campuses, agencies, families, rooms.

Each function takes a number of accounts and returns one block; group attributes are drawn
per group and dealt to the members, some of whom do not take part.
"""

from __future__ import annotations

from collections.abc import Callable

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


def firm_mail(world: World, block: Accounts, group: Array, home: Array, chance: float) -> None:
    """Addresses under one to four domains of each firm, in the firm's own name style."""
    rng, n, firms = world.rng, len(group), len(home)
    domains = domain_names(world, firms * 4, np.repeat(home, 4)).reshape(firms, 4)
    owned = rng.choice([1, 1, 1, 2, 3, 4], firms)
    which = (rng.random(n) ** 2 * owned[group]).astype(np.int64)
    style = rng.choice([0, 0, 0, 2, 3], firms)[group]
    local = local_parts(world, block["region"], style)
    rows = coin(rng, n, chance)
    block["email"][rows] = (local + "@" + domains[group, which])[rows]
    block["verified"][rows] = True
    world.hubs += [
        {"domain": str(domains[g, 0]), "group": g, "region": int(home[g])}
        for g in range(min(firms, 40))
    ]


def firm_cards(world: World, block: Accounts, group: Array, firms: int) -> None:
    """One card for all, a virtual card per employee from one issuer, or everyone's own."""
    rng, n = world.rng, len(group)
    way = rng.choice(3, firms, p=[0.4, 0.35, 0.25])[group]
    one, issuer = fresh(rng, firms), 485_900 + zipf(rng, firms, 8)  # a few issuers of virtual cards
    takes = coin(rng, n, 0.85)
    for rows, card in ((takes & (way == 0), one[group]), (takes & (way == 1), fresh(rng, n))):
        block["card"][rows], block["bin"][rows] = card[rows], issuer[group][rows]
        block["plan"][rows] = 1
    has = coin(rng, firms, 0.6)[group] & coin(rng, n, 0.9)
    block["organisation"][has] = fresh(rng, firms)[group][has]
    block["plan"][has] = np.where(way[has] == 0, 4, 3)


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


def to_office_hours(world: World, block: Accounts, chance: float) -> None:
    rows = coin(world.rng, len(block["clock"]), chance)
    block["clock"][rows] = CLOCK["office"]
    block["weekend"][rows] = 0.1


def companies(world: World, total: int) -> Accounts:
    """One office or more, one card or many, several domains."""
    rng = world.rng
    block, group, home = gathered(
        world, "company", sizes(rng, total, 4, max(12, total // 3), 0.8), "office"
    )
    offices = static_addresses(world, home, 3)
    at = rng.integers(0, rng.integers(1, 4, len(home))[group])
    rows = np.flatnonzero(coin(rng, len(group), 0.75))
    come_from(world, block, rows, offices[group[rows], at[rows]], "office")
    firm_mail(world, block, group, home, 0.93)
    firm_cards(world, block, group, len(home))
    onboarding(world, block, group, home, 0.45)
    house_templates(world, block, group, np.flatnonzero(coin(rng, len(group), 0.35)), 0.4)
    to_office_hours(world, block, 0.85)
    return block


def remote_companies(world: World, total: int) -> Accounts:
    """No office: employees at home in several countries, virtual cards, one or more domains."""
    rng = world.rng
    of = sizes(rng, total, 4, max(10, total // 4), 0.9)
    block, group, home = gathered(world, "remote_company", of, "home", spread=0.4)
    firm_mail(world, block, group, home, 0.95)
    firm_cards(world, block, group, len(home))
    onboarding(world, block, group, home, 0.2)
    house_templates(world, block, group, np.flatnonzero(coin(rng, len(group), 0.4)), 0.4)
    to_office_hours(world, block, 0.7)
    return block


def gateway_companies(world: World, total: int) -> Accounts:
    """Many firms behind the same few addresses of a security gateway."""
    rng = world.rng
    block, group, home = gathered(
        world, "gateway_company", sizes(rng, total, 3, 80, 0.9), "gateway"
    )
    service = world.places.cloud[-1]
    doors = v4(np.array(service), 4096 + np.arange(12 * len(world.places.share)))
    door = home * 12 + rng.integers(0, 12, len(home))
    rows = np.flatnonzero(coin(rng, len(group), 0.9))
    come_from(world, block, rows, doors[door[group[rows]]], "gateway")
    firm_mail(world, block, group, home, 0.95)
    firm_cards(world, block, group, len(home))
    onboarding(world, block, group, home, 0.3)
    to_office_hours(world, block, 0.9)
    return block


def run_service(world: World, block: Accounts, rows: Array, group: Array) -> None:
    """Turn accounts into production back-ends: constant templates, flat clock, uniform output."""
    rng, n, groups = world.rng, len(rows), int(group.max(initial=-1)) + 1
    clock = rng.choice(
        [CLOCK[c] for c in ("flat", "traffic", "nightly", "six_hourly")],
        groups, p=[0.45, 0.3, 0.12, 0.13],
    )  # fmt: skip
    codes = fresh(rng, groups, 4)
    codes[np.arange(4)[None, :] >= rng.integers(1, 5, groups)[:, None]] = 0
    put_list(block["templates"], rows, codes[group])
    egress = np.stack([world.places.clouds(groups) for _ in range(3)], axis=1)
    egress[np.arange(3)[None, :] >= rng.integers(1, 4, groups)[:, None]] = 0
    put_list(block["ips"], rows, egress[group])
    from_cloud = rows[coin(rng, n, 0.2)]
    block["signup_ip"][from_cloud] = block["ips"][from_cloud, 0]
    changes = {
        "template_share": rng.beta(40.0, 1.0, n),
        "clock": clock[group],
        "phase": rng.normal(0.0, 0.2, n),
        "weekend": rng.choice([1.0, 1.0, 0.6], groups)[group],
        "rate": np.exp(rng.normal(5.5, 1.4, groups)[group] + rng.normal(0.0, 0.7, n)),
        "day_chance": np.full(n, 0.99),
        "out_mu": rng.normal(4.7, 1.2, groups)[group] + rng.normal(0.0, 0.15, n),
        "out_sd": rng.uniform(0.08, 0.5, groups)[group],
        "stop": np.full(n, world.habits.end),
        "prompts": rng.integers(3, 40, n),
        "api": np.ones(n, dtype=bool),
        "agent": zipf(rng, n, 12, 0.6),
        "network": np.full(n, "datacentre", dtype=object),
    }
    for name, column in changes.items():
        block[name][rows] = column


def services(world: World, total: int) -> Accounts:
    """Back-ends and cron jobs, one account each."""
    block, group, _ = gathered(world, "service", [1] * total, "datacentre")
    run_service(world, block, np.arange(total), group)
    return block


def service_firms(world: World, total: int) -> Accounts:
    """Back-ends of one firm in several accounts: per stage, per team, per tenant."""
    rng = world.rng
    of = sizes(rng, total, 3, max(8, total // 6), 1.1)
    block, group, home = gathered(world, "service_firm", of, "datacentre")
    firm_mail(world, block, group, home, 0.9)
    firm_cards(world, block, group, len(home))
    offices = static_addresses(world, home, 1)[:, 0]
    block["signup_ip"] = np.where(coin(rng, len(group), 0.7), offices[group], block["signup_ip"])
    rows = np.flatnonzero(coin(rng, len(group), 0.85))
    run_service(world, block, rows, group[rows])
    onboarding(world, block, group, home, 0.3)
    return block


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


def agencies(world: World, total: int) -> Accounts:
    """An agency or reseller opens accounts for clients: their domains, its line, device, card."""
    rng = world.rng
    block, group, home = gathered(world, "agency", sizes(rng, total, 6, 150, 0.9), "office")
    n, firms = len(group), len(home)
    client = domain_names(world, n, block["region"])
    role = np.array(["ai", "info", "it", "admin", "api", "hello"], dtype=object)
    block["email"] = role[rng.integers(0, 6, n)] + "@" + client
    come_from(world, block, np.arange(n), static_addresses(world, home, 1)[group, 0], "office")
    devices = fresh(rng, firms, 3)
    block["devices"][:, 0] = devices[group, rng.integers(0, 3, n)]
    reseller = coin(rng, firms, 0.6)[group]
    block["card"] = np.where(reseller, fresh(rng, firms)[group], block["card"])
    block["bin"] = np.where(reseller, world.places.banks(home)[group], block["bin"])
    block["plan"] = np.where(reseller, 1, block["plan"])
    house_templates(world, block, group, np.flatnonzero(coin(rng, n, 0.6)), 0.5)
    to_office_hours(world, block, 0.9)
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


GROUPS: dict[Callable[[World, int], Accounts], float] = {  # share of the benign accounts
    companies: 0.055, remote_companies: 0.025, gateway_companies: 0.025, services: 0.01,
    service_firms: 0.012, campuses: 0.05, agencies: 0.01, families: 0.04, testers: 0.004,
    rooms: 0.03,
}  # fmt: skip
