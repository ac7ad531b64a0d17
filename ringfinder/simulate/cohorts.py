"""Honest people who share things: the look-alikes a detector must leave alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ringfinder.durations import DAY_MS, HOUR_MS
from ringfinder.model import BoolArray, IntArray
from ringfinder.simulate import activity, gatherings
from ringfinder.simulate.block import Block
from ringfinder.simulate.chance import choose, heavy_sizes, poisson_counts, stream
from ringfinder.simulate.countries import API, TEAM
from ringfinder.simulate.ground import Ground, Region
from ringfinder.simulate.people import FORM, OFFICE, people, shuffled
from ringfinder.simulate.ragged import Ragged


@dataclass
class Company:
    """What outsiders can learn about a company: enough to imitate it."""

    region: Region
    domain: int
    form: int
    offices: IntArray
    prompts: IntArray
    onboarding: IntArray
    block: Block

    @property
    def size(self) -> int:
        """Accounts of its staff."""
        return len(self.block)


def add(lists: Ragged, pool: IntArray, who: BoolArray, rng: np.random.Generator) -> Ragged:
    """Put one value of a pool before the lists of some accounts."""
    front = Ragged(pool[rng.integers(0, len(pool), int(who.sum()))], who.astype(np.int64))
    return front.then(lists)


def company(
    ground: Ground, region: Region, n: int, rng: np.random.Generator
) -> tuple[Block, Company]:
    """One domain, an office, a corporate card, working hours, days of onboarding."""
    block = people(ground, region, n, rng)
    zone = region.country.zone
    facts = Company(
        region=region,
        domain=int(ground.mint.domains(rng, 1, region.index, region.country.tld)[0]),
        form=int(rng.choice([FORM["first.last"], FORM["flast"], FORM["first"]], p=[0.6, 0.3, 0.1])),
        offices=ground.mint.addresses(rng, 1 + int(n > 60) + int(n > 400) * 3, spread=32),
        prompts=ground.mint.prompts(int(2 + n**0.4)),
        onboarding=onboarding_days(ground, rng, n),
        block=block,
    )
    staff = rng.random(n) < 0.97
    block.set(staff, domain=facts.domain, form=facts.form)
    odd = staff & (rng.random(n) < 0.06)
    block.form[odd] = rng.choice(
        [FORM["flast"], FORM["first"], FORM["tag"], FORM["role"]], int(odd.sum())
    )
    inside = rng.random(n) < rng.uniform(0.6, 0.97)
    block.ips = add(block.ips, facts.offices, inside, rng)
    together = np.flatnonzero(rng.random(n) < rng.uniform(0.2, 0.75))
    block.created[together] = onboarded(facts.onboarding, len(together), zone, rng)
    card = ground.mint.cards(region.bins[choose(rng, region.bin_weights, 1 + n // 500)])
    block.plan[:] = np.where(rng.random(n) < 0.8, TEAM, API)
    corporate = rng.random(n) < rng.uniform(0.5, 1.0)
    block.cards = add(block.cards.only(~corporate & (rng.random(n) < 0.3)), card, corporate, rng)
    usual = poisson_counts(rng, rng.uniform(0.5, 1.8), n, 5)
    common = Ragged(rng.choice(facts.prompts, int(usual.sum())), usual)
    block.prompts = shuffled(block.prompts.then(common), rng)
    image = rng.random(n) < 0.5
    build = ground.clients.draw(rng, 1)
    block.set(image, agent=build[0][0], tls=build[1][0])
    gatherings.restart(ground, block, rng)
    block.set(profile=activity.WORK, weekend=0.06)
    block.out_mu += rng.normal(0, 0.45)  # a house style: contracts are long, tickets short
    block.volume *= rng.lognormal(0, 0.7)
    if rng.random() < 0.4:
        automation(ground, block, 1 + int(rng.random() < 0.4), rng)
    block.label("company", network=OFFICE)
    return block, facts


def onboarding_days(ground: Ground, rng: np.random.Generator, n: int) -> IntArray:
    """Draw the working days on which groups of new staff begin."""
    spec = ground.spec
    days = rng.integers(0, spec.days, 1 + int(rng.poisson(n**0.3)))
    first = spec.start_ms // DAY_MS
    weekday = (first + days + 3) % 7
    return first + np.maximum(0, np.where(weekday >= 5, days - 3, days))


def onboarded(days: IntArray, n: int, zone: int, rng: np.random.Generator) -> IntArray:
    """Draw sign-up times in the mornings of onboarding days."""
    day = rng.choice(days, n)
    hour = np.clip(rng.normal(10.3, 0.9, n), 8, 17) - zone
    start = int(days.min()) * DAY_MS
    times: IntArray = np.maximum(day * DAY_MS + (hour * HOUR_MS).astype(np.int64), start)
    return times


def automation(ground: Ground, block: Block, count: int, rng: np.random.Generator) -> None:
    """Turn the last accounts into services: the same all day and all night, one template."""
    which = np.arange(len(block))[-count:]
    block.set(
        which, profile=activity.FLAT, weekend=1.0, form=FORM["role"], plan=API,
        out_sd=0.2, in_sd=0.2, rows=80.0, burstiness=3.0,
        volume=rng.uniform(20, 400, count) * (1 + (block.finish - block.begin)[which] / DAY_MS),
    )  # fmt: skip
    block.active_days[which] = 1 + (block.finish - block.begin)[which] // DAY_MS
    mine = np.isin(np.arange(len(block)), which)
    own = Ragged(ground.mint.prompts(count), mine.astype(np.int64))
    block.prompts = block.prompts.only(~mine).then(own)


def agency(ground: Ground, region: Region, n: int, rng: np.random.Generator) -> Block:
    """One card, the domains of several clients, shared machines, working hours."""
    block = people(ground, region, n, rng)
    clients = 2 + n // 8
    domains = ground.mint.domains(rng, clients, region.index, region.country.tld)
    block.domain[:] = rng.choice(domains, n)
    block.form[:] = rng.choice([FORM["role"], FORM["first.last"], FORM["first"], FORM["tag"]], n)
    office = ground.mint.addresses(rng, 1, spread=32)
    block.ips = add(block.ips, office, rng.random(n) < 0.9, rng)
    seats = ground.mint.devices(max(2, n // 3))
    block.devices = add(block.devices.only(rng.random(n) < 0.4), seats, np.ones(n, bool), rng)
    card = ground.mint.cards(region.bins[choose(rng, region.bin_weights, 1)])
    block.plan[:] = np.where(rng.random(n) < 0.7, TEAM, API)
    block.cards = add(Ragged.empty(n), card, rng.random(n) < 0.9, rng)
    house = Ragged(rng.choice(ground.mint.prompts(3 + n // 6), n), np.ones(n, np.int64))
    block.prompts = shuffled(block.prompts.then(house), rng)
    block.set(profile=activity.WORK, weekend=0.1)
    block.label("agency", network=OFFICE)
    return block


Maker = Callable[[Ground, Region, int, np.random.Generator], Block]
GROUPS: dict[str, tuple[Maker, int, int, float, int]] = {
    "campus": (gatherings.campus, 40, 4000, 0.008, 200),
    "lecture": (gatherings.lecture, 15, 400, 0.005, 60),
    "hackathon": (gatherings.hackathon, 20, 300, 0.005, 75),
    "coworking": (gatherings.coworking, 6, 120, 0.003, 24),
    "agency": (agency, 5, 60, 1.0, 18),
    "carrier_nat": (gatherings.carrier_nat, 20, 500, 0.008, 80),
    "privacy": (gatherings.privacy, 10, 400, 0.006, 45),
}
"""Maker; smallest and largest group; cap as a share of all accounts; usual size."""


def cohorts(ground: Ground) -> tuple[list[Block], list[Company]]:
    """Make every benign cohort at its share: (blocks, the companies among them)."""
    spec = ground.spec
    blocks: list[Block] = []
    companies: list[Company] = []
    for name, share in spec.cohort_shares.items():
        rng = stream(spec.seed, "cohort", name)
        total = round(spec.accounts * share)
        if name == "family":
            blocks += _families(ground, total, rng)
            continue
        for size in _sizes(name, total, spec.accounts, rng):
            region = ground.regions[int(choose(rng, ground.region_weights, 1)[0])]
            if name == "company":
                block, facts = company(ground, region, size, rng)
                companies.append(facts)
            else:
                block = GROUPS[name][0](ground, region, size, rng)
            block.group[:] = ground.mint.groups(1)
            blocks.append(block)
    return blocks, companies


def _sizes(name: str, total: int, accounts: int, rng: np.random.Generator) -> list[int]:
    low, high, cap, usual = (5, 2500, 0.02, 48) if name == "company" else GROUPS[name][1:]
    high = max(low, min(high, int(cap * accounts)))
    groups = max(1, -(-total // high), round(total / min(high, usual)))
    return heavy_sizes(rng, total, groups, low, high)


def _families(ground: Ground, total: int, rng: np.random.Generator) -> list[Block]:
    where = np.bincount(choose(rng, ground.region_weights, total), minlength=len(ground.regions))
    return [
        gatherings.families(ground, region, int(count), rng)
        for region, count in zip(ground.regions, where, strict=True)
        if count > 1
    ]
