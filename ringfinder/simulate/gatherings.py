"""Honest people who come together: classes, events, homes, shared networks."""

from __future__ import annotations

import numpy as np

from ringfinder.durations import DAY_MS, HOUR_MS
from ringfinder.model import BoolArray, IntArray
from ringfinder.simulate import activity
from ringfinder.simulate.block import Block
from ringfinder.simulate.chance import choose, poisson_counts
from ringfinder.simulate.countries import ALIAS_MAIL, DISPOSABLE_MAIL, FREE
from ringfinder.simulate.ground import Ground, Region
from ringfinder.simulate.people import (
    BROADBAND,
    CAMPUS_NET,
    CARRIER_NAT,
    FORM,
    OFFICE,
    VPN,
    people,
    shuffled,
)  # fmt: skip
from ringfinder.simulate.ragged import Ragged


def before(lists: Ragged, pool: IntArray, who: BoolArray, rng: np.random.Generator) -> Ragged:
    """Put one value of a pool before the lists of some accounts."""
    front = Ragged(pool[rng.integers(0, len(pool), int(who.sum()))], who.astype(np.int64))
    return front.then(lists)


def restart(ground: Ground, block: Block, rng: np.random.Generator) -> None:
    """Move the use of accounts whose sign-up was moved: it begins soon after."""
    life = block.finish - block.begin
    wait = (rng.exponential(0.15, len(block)) * DAY_MS).astype(np.int64)
    block.begin[:] = np.minimum(block.created + wait, ground.spec.end_ms - 1)
    block.finish[:] = np.minimum(block.begin + life, ground.spec.end_ms - 1)
    block.active_days[:] = np.minimum(block.active_days, 1 + (block.finish - block.begin) // DAY_MS)
    early = block.closed < block.created
    block.closed[early] = np.iinfo(np.int64).min


def morning(ground: Ground, region: Region, rng: np.random.Generator, latest: float) -> int:
    """Draw a moment on a working day between 9 and 16 o'clock, local time."""
    spec = ground.spec
    day = int(rng.integers(1, max(2, int(spec.days * latest))))
    weekday = (spec.start_ms // DAY_MS + day + 3) % 7
    day = max(0, day - 2) if weekday >= 5 else day
    hour = float(rng.uniform(9, 16)) - region.country.zone
    return spec.start_ms + day * DAY_MS + int(hour * HOUR_MS)


def campus(ground: Ground, region: Region, n: int, rng: np.random.Generator) -> Block:
    """A university: its domain, a few shared addresses, free plans, evenings."""
    block = people(ground, region, n, rng)
    domain = ground.mint.domains(rng, 1, region.index, region.country.tld, campus=True)[0]
    own = rng.random(n) < rng.uniform(0.55, 0.95)
    block.set(own, domain=domain, form=int(rng.choice([FORM["first.last"], FORM["flast"]])))
    net = ground.mint.addresses(rng, int(2 + n**0.5 / 3), spread=200)
    block.ips = before(block.ips, net, rng.random(n) < 0.85, rng)
    term = morning(ground, region, rng, 0.5)
    rush = rng.random(n) < rng.uniform(0.1, 0.5)
    block.created[rush] = term + (rng.exponential(6.0, int(rush.sum())) * DAY_MS).astype(np.int64)
    block.created[:] = np.minimum(block.created, ground.spec.end_ms - HOUR_MS)
    free = rng.random(n) < 0.7
    block.plan[free] = FREE
    block.cards = block.cards.only(block.plan != FREE)
    taught = ground.mint.prompts(int(3 + n**0.4))
    common = poisson_counts(rng, 0.8, n, 4)
    block.prompts = shuffled(
        block.prompts.then(Ragged(rng.choice(taught, int(common.sum())), common)), rng
    )
    restart(ground, block, rng)
    block.profile[rng.random(n) < 0.6] = activity.EVENING
    block.label("campus", network=CAMPUS_NET)
    return block


def lecture(ground: Ground, region: Region, n: int, rng: np.random.Generator) -> Block:
    """A class signs up within two hours from one address and pastes the same tutorial prompt."""
    block = people(ground, region, n, rng)
    begin = morning(ground, region, rng, 0.9)
    block.created[:] = begin + (rng.beta(1.2, 4.0, n) * 2 * HOUR_MS).astype(np.int64)
    room = ground.mint.addresses(rng, 1)
    block.ips = before(block.ips, room, rng.random(n) < 0.88, rng)
    if rng.random() < 0.5:
        domain = ground.mint.domains(rng, 1, region.index, region.country.tld, campus=True)[0]
        block.set(rng.random(n) < 0.6, domain=domain, form=FORM["first.last"])
    block.plan[:] = FREE
    block.cards = Ragged.empty(n)
    sheet = ground.mint.prompts(int(rng.integers(1, 4)))
    block.prompts = before(block.prompts, sheet, np.ones(n, bool), rng)
    restart(ground, block, rng)
    once = rng.random(n) < 0.6
    block.finish[once] = np.minimum(block.finish, block.begin + 6 * HOUR_MS)[once]
    block.active_days[once] = 1
    block.label("lecture", network=CAMPUS_NET)
    return block


def hackathon(ground: Ground, region: Region, n: int, rng: np.random.Generator) -> Block:
    """Two days and nights of hard use on one network, then silence."""
    block = people(ground, region, n, rng)
    begin = morning(ground, region, rng, 0.9)
    block.created[:] = begin + (rng.exponential(4.0, n) * HOUR_MS).astype(np.int64)
    venue = ground.mint.addresses(rng, int(rng.integers(1, 4)), spread=16)
    block.ips = before(block.ips, venue, rng.random(n) < 0.95, rng)
    starter = ground.mint.prompts(int(rng.integers(2, 6)))
    block.prompts = shuffled(before(block.prompts, starter, rng.random(n) < 0.8, rng), rng)
    hours = rng.uniform(20, 54, n)
    end = ground.spec.end_ms - 1
    block.closed[:] = np.iinfo(np.int64).min
    begin_use = np.minimum(block.created + rng.integers(0, HOUR_MS, n), end)
    finish = np.minimum(begin_use + (hours * HOUR_MS).astype(np.int64), end)
    stays = rng.random(n) < 0.15
    finish[stays] = np.minimum(finish + 20 * DAY_MS, end)[stays]
    block.set(
        begin=begin_use, finish=finish, active_days=1 + (finish - begin_use) // DAY_MS,
        volume=hours * rng.lognormal(1.6, 0.7, n), rows=rng.uniform(6, 24, n),
        profile=activity.EVENT, weekend=1.0, ip_focus=3.0,
    )  # fmt: skip
    block.label("hackathon", network=OFFICE)
    return block


def coworking(ground: Ground, region: Region, n: int, rng: np.random.Generator) -> Block:
    """Strangers with one office network."""
    block = people(ground, region, n, rng)
    net = ground.mint.addresses(rng, int(rng.integers(1, 4)), spread=16)
    block.ips = before(block.ips, net, np.ones(n, bool), rng)
    block.profile[rng.random(n) < 0.7] = activity.WORK
    block.label("coworking", network=OFFICE)
    return block


def families(ground: Ground, region: Region, n: int, rng: np.random.Generator) -> Block:
    """Two to six people each with one connection, often one card, sometimes one computer."""
    block = people(ground, region, n, rng)
    sizes = rng.choice(np.arange(2, 7), n // 2 + 2, p=[0.35, 0.27, 0.22, 0.1, 0.06])
    ends = np.cumsum(sizes)
    count = int(np.searchsorted(ends, n)) + 1
    house = np.repeat(np.arange(count), sizes[:count])[:n]
    home = ground.residential(rng, region, 2 * count).reshape(2, count)
    which = np.where(rng.random(n) < 0.7, 0, rng.integers(0, 2, n))
    everybody = np.ones(n, np.int64)
    block.ips = Ragged(home[which, house], everybody).then(block.ips)
    card = ground.mint.cards(region.bins[choose(rng, region.bin_weights, count)])
    shares = (rng.random(n) < 0.6) & (block.plan != FREE)
    joint = Ragged(card[house[shares]], shares.astype(np.int64))
    block.cards = joint.then(block.cards.only(~shares))
    tablet = rng.random(n) < 0.4
    shared = Ragged(ground.mint.devices(count)[house[tablet]], tablet.astype(np.int64))
    block.devices = block.devices.then(shared)
    named = (rng.random(count) < 0.7)[house]
    first = np.flatnonzero(np.r_[True, house[1:] != house[:-1]])
    block.last[named] = block.last[first][house][named]
    block.group[:] = ground.mint.groups(count)[house]
    block.label("family", network=BROADBAND)
    return block


def carrier_nat(ground: Ground, region: Region, n: int, rng: np.random.Generator) -> Block:
    """A town whose mobile customers all come out of one or two addresses."""
    block = people(ground, region, n, rng)
    gate = ground.mint.addresses(rng, int(rng.integers(1, 4)), spread=16)
    counts = rng.integers(1, 4, n)
    block.ips = Ragged(rng.choice(gate, int(counts.sum())), counts)
    block.ip_focus[:] = 1.0
    local = poisson_counts(rng, 1.2, n, 4)
    asked = region.prompts[choose(rng, region.prompt_weights**1.3, int(local.sum()))]
    block.prompts = shuffled(block.prompts.then(Ragged(asked, local)), rng)
    block.label("carrier_nat", network=CARRIER_NAT)
    return block


def privacy(ground: Ground, region: Region, n: int, rng: np.random.Generator) -> Block:
    """Careful people: one VPN service, aliases, hardened browsers, virtual cards."""
    block = people(ground, region, n, rng)
    exits = np.unique(ground.vpn[choose(rng, ground.vpn_weights, int(rng.integers(3, 14)))])
    counts = rng.integers(2, 6, n)
    block.ips = Ragged(rng.choice(exits, int(counts.sum())), counts)
    block.ip_focus[:] = 1.0
    names = ground.mint.named_domains(ALIAS_MAIL + DISPOSABLE_MAIL)
    careful = rng.random(n) < rng.uniform(0.4, 0.8)
    weights = np.r_[np.full(5, 0.17), np.full(5, 0.03)]
    block.domain[careful] = names[choose(rng, weights, int(careful.sum()))]
    block.form[careful] = FORM["random"]
    bins = rng.choice(ground.virtual_bins, n)
    virtual = (rng.random(n) < 0.5) & (block.cards.counts > 0)
    own = Ragged(ground.mint.cards(bins[virtual]), virtual.astype(np.int64))
    block.cards = block.cards.only(~virtual).then(own)
    linux = np.array(
        [("Linux x86" in name or "Firefox" in name) for name in ground.clients.user_agents]
    )
    hardened = rng.random(n) < 0.5
    agents = choose(rng, ground.clients.weights * linux, n)
    block.set(
        hardened, agent=agents[hardened], tls=ground.clients.fingerprints(rng, agents)[hardened]
    )
    block.phone[rng.random(n) < 0.7] = -1
    block.label("privacy", network=VPN)
    return block
