"""Firms: offices, remote teams, gateways with many firms behind them, back-ends, agencies."""

from __future__ import annotations

import numpy as np

from tests.bench.otherworld.draws import Accounts, Array, coin, fresh, put_list, sizes, zipf
from tests.bench.otherworld.groups import (
    come_from,
    gathered,
    house_templates,
    onboarding,
    static_addresses,
)
from tests.bench.otherworld.habits import CLOCK
from tests.bench.otherworld.people import World, domain_names, local_parts
from tests.bench.otherworld.places import v4


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


def to_office_hours(world: World, block: Accounts, chance: float) -> None:
    rows = coin(world.rng, len(block["clock"]), chance)
    block["clock"][rows] = CLOCK["office"]
    block["weekend"][rows] = 0.1


def at_work(world: World, block: Accounts, group: Array) -> None:
    """Firms differ: in some most employees use the product every day, with agents in editors."""
    rng, n = world.rng, len(group)
    share = rng.beta(0.8, 1.8, int(group.max(initial=-1)) + 1)
    rows = np.flatnonzero(rng.random(n) < share[group])
    block["rate"][rows] = np.exp(rng.normal(3.1, 1.0, len(rows)))
    block["day_chance"][rows] = rng.uniform(0.4, 0.95, len(rows))
    block["stop"][rows] = world.habits.end


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
    at_work(world, block, group)
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
    at_work(world, block, group)
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
    at_work(world, block, group)
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
    at_work(world, block, group)
    to_office_hours(world, block, 0.9)
    return block
