"""Strangers who share one thing: a template, a device id, a bank, a referrer, an hour."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.bench.otherworld.draws import DAY, Accounts, coin, dealt, fresh, put_first, zipf
from tests.bench.otherworld.groups import come_from, restart
from tests.bench.otherworld.habits import CLOCK, moments
from tests.bench.otherworld.people import DISPOSABLE, World, people, somewhere
from tests.bench.otherworld.places import words


def strangers(world: World, total: int, cohort: str, network: str = "home") -> Accounts:
    return people(world, somewhere(world, total), cohort, network)


def extension_users(world: World, total: int) -> Accounts:
    """A browser extension and an SDK send the same templates for everybody."""
    rng = world.rng
    block = strangers(world, total, "extension")
    tool = rng.integers(0, 2, total)
    put_first(
        block["templates"], np.arange(total), world.extension[tool, rng.integers(0, 3, total)]
    )
    put_first(
        block["templates"], np.arange(total), world.extension[tool, rng.integers(0, 3, total)]
    )
    block["template_share"] = rng.beta(5.0, 2.0, total)
    block["agent"] = np.where(coin(rng, total, 0.8), 30 + tool, block["agent"])
    block["tls"] = np.where(coin(rng, total, 0.8), 5 + tool, block["tls"])
    return block


def same_device(world: World, total: int) -> Accounts:
    """A privacy browser gives all its users one of two device ids."""
    rng = world.rng
    block = strangers(world, total, "privacy_browser")
    block["devices"][:, 0] = fresh(rng, 2)[(rng.random(total) < 0.15).astype(int)]
    vpn = np.flatnonzero(coin(rng, total, 0.3))
    come_from(world, block, vpn, world.places.vpns(len(vpn)), "vpn")
    block["agent"] = np.where(coin(rng, total, 0.9), 33, block["agent"])
    return block


def prepaid_students(world: World, total: int) -> Accounts:
    """A prepaid card popular among students: cards their own, issuer the same."""
    rng = world.rng
    block = strangers(world, total, "prepaid")
    block["card"] = fresh(rng, total)
    block["bin"] = 531_260 + zipf(rng, total, 2, 1.5)
    block["plan"] = np.ones(total, dtype=block["plan"].dtype)
    block["clock"] = np.where(coin(rng, total, 0.7), CLOCK["student"], block["clock"])
    return block


def referral(world: World, total: int) -> Accounts:
    """Unrelated people follow influencers' links: short bursts, one referrer each."""
    rng, h = world.rng, world.habits
    block = strangers(world, total, "referral")
    drop = dealt(rng, total, 30, 200)
    count = int(drop.max(initial=-1)) + 1
    codes = np.array([f"ref-{word}" for word in words(rng, count)], dtype=object)
    begins = h.begin + rng.random(count) * (h.days - 3) * DAY
    restart(world, block, np.arange(total), begins[drop] + rng.exponential(7.0, total) * 3600.0)
    block["referrer"] = np.where(coin(rng, total, 0.8), codes[drop], block["referrer"])
    return block


def marketing_event(world: World, total: int) -> Accounts:
    """Something was on television: ten times the sign-ups for two hours."""
    rng, h = world.rng, world.habits
    block = strangers(world, total, "marketing_event")
    hour = h.begin + rng.random(2) * (h.days - 2) * DAY
    created = hour[rng.integers(0, 2, total)] + 7200.0 * rng.beta(1.2, 2.0, total)
    restart(world, block, np.arange(total), created)
    return block


def course(world: World, total: int) -> Accounts:
    """An online course: one tutorial prompt, two follow-ups, sign-ups over weeks, anywhere."""
    rng = world.rng
    block = strangers(world, total, "online_course")
    codes = fresh(rng, 3)
    block["templates"][:, 0] = codes[0]
    block["templates"][:, 1] = np.where(coin(rng, total, 0.6), codes[1], block["templates"][:, 1])
    block["templates"][:, 2] = np.where(coin(rng, total, 0.3), codes[2], 0)
    block["templates"][:, 2] *= block["templates"][:, 1] > 0
    block["template_share"] = rng.beta(1.5, 3.0, total)
    block["rate"] = np.maximum(block["rate"], 1.0)
    link = coin(rng, total, 0.35)
    block["referrer"][link] = f"course-{world.next_group()}"
    return block


def loners(world: World, total: int) -> Accounts:
    """Throw-away mail, often a VPN; nobody to do with anybody."""
    rng = world.rng
    block = strangers(world, total, "disposable_loner")
    scramble = words(rng, total, 3) + rng.integers(0, 10_000, total).astype(str).astype(object)
    block["email"] = scramble + "@" + DISPOSABLE[zipf(rng, total, len(DISPOSABLE), 0.9)]
    vpn = np.flatnonzero(coin(rng, total, 0.5))
    come_from(world, block, vpn, world.places.vpns(len(vpn)), "vpn")
    return block


def privacy_people(world: World, total: int) -> Accounts:
    """VPN, alias addresses, virtual cards of one issuer."""
    rng = world.rng
    block = strangers(world, total, "privacy", "vpn")
    come_from(world, block, np.arange(total), world.places.vpns(total), "vpn")
    alias = np.array(["simplelogin.com", "duck.com", "mozmail.com", "anonaddy.com"], dtype=object)
    local = words(rng, total, 2) + "." + words(rng, total, 2)
    block["email"] = local + "@" + alias[zipf(rng, total, 4)]
    virtual = coin(rng, total, 0.4)
    block["card"][virtual] = fresh(rng, int(virtual.sum()))
    block["bin"][virtual] = 485_900
    block["plan"][virtual] = 1
    block["geo"] = np.where(coin(rng, total, 0.5), somewhere(world, total), block["region"])
    return block


def proxy_users(world: World, total: int) -> Accounts:
    """Unrelated customers of the proxy service that operators use too (scrapers, travellers)."""
    rng = world.rng
    block = strangers(world, total, "proxy_user", "proxy")
    for _ in range(3):
        put_first(block["ips"], np.arange(total), rng.choice(world.proxies, total))
    block["signup_ip"] = block["ips"][:, 0].copy()
    block["geo"] = np.where(coin(rng, total, 0.6), somewhere(world, total), block["region"])
    return block


def older_team(world: World, total: int) -> Accounts:
    """Freelancers of one marketplace: same hour-long contests, same brief as a prompt."""
    rng, h = world.rng, world.habits
    block = strangers(world, total, "freelance_contest")
    contest = dealt(rng, total, 10, 60)
    count = int(contest.max(initial=-1)) + 1
    put_first(block["templates"], np.arange(total), fresh(rng, count)[contest])
    block["template_share"] = np.maximum(block["template_share"], rng.beta(3.0, 3.0, total))
    first = h.begin + rng.random(count) * (h.days - 2) * DAY
    hours = world.places.hours[block["region"]]
    created = moments(rng, total, first[contest], first[contest] + 2 * DAY, block["clock"], hours)
    restart(world, block, np.arange(total), created)
    return block


CROWDS: dict[Callable[[World, int], Accounts], float] = {  # share of the benign accounts
    extension_users: 0.05, same_device: 0.025, prepaid_students: 0.02, referral: 0.015,
    marketing_event: 0.02, course: 0.02, loners: 0.012, privacy_people: 0.015, proxy_users: 0.005,
    older_team: 0.006,
}  # fmt: skip
