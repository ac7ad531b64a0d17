"""Ordinary people of one country: who they are, and what they are seen with."""

from __future__ import annotations

import numpy as np

from ringfinder.durations import DAY_MS, HOUR_MS
from ringfinder.model import IntArray
from ringfinder.simulate import activity
from ringfinder.simulate.block import Block, never
from ringfinder.simulate.chance import choose, poisson_counts, zipf_weights
from ringfinder.simulate.countries import ALIAS_MAIL, API, DISPOSABLE_MAIL, FREE, PRO, TEAM
from ringfinder.simulate.ground import (
    FIRST_NAMES,
    LAST_NAMES,
    MOBILE_SHARE,
    V6_SHARE,
    Ground,
    Region,
)
from ringfinder.simulate.ragged import Ragged

FORMS = (
    "first.last", "firstlast", "flast", "first_last", "firstlastN", "firstN", "last.first",
    "nickN", "first", "random", "dots", "tag", "role",
)  # fmt: skip
FORM = {name: code for code, name in enumerate(FORMS)}
_FORM_WEIGHTS = np.array(
    [0.17, 0.10, 0.09, 0.05, 0.24, 0.12, 0.04, 0.14, 0.0, 0.03, 0.008, 0.012, 0.0]
)
_CUSTOM_FORMS = np.array([0.42, 0.05, 0.17, 0.02, 0.0, 0.0, 0.02, 0.02, 0.24, 0.0, 0.0, 0.01, 0.05])
FREE_SHARE = 0.45
BROADBAND, CARRIER_NAT, OFFICE, CAMPUS_NET, VPN, HOSTING, PROXY = range(7)


def people(ground: Ground, region: Region, n: int, rng: np.random.Generator) -> Block:
    """Draw n ordinary people of one country, who know nothing of each other."""
    spec = ground.spec
    agents, tls = ground.clients.draw(rng, n, region.tilt)
    plan = choose(rng, np.array([FREE_SHARE, 0.27, 0.20, 0.08]), n)
    created = signup_times(rng, n, spec.start_ms, spec.end_ms, region.country.zone)
    ips, network = usual_networks(ground, region, n, rng)
    form, domain = mail(ground, region, n, rng)
    zero = np.zeros(n, np.int64)
    block = Block(
        region=np.full(n, region.index),
        cohort=zero.copy(),
        network=network,
        group=zero - 1,
        fleet=zero - 1,
        style=zero - 1,
        established=np.zeros(n, bool),
        created=created,
        closed=never(n),
        form=form,
        first=region.index * FIRST_NAMES + choose(rng, zipf_weights(FIRST_NAMES, 0.7), n),
        last=region.index * LAST_NAMES + choose(rng, zipf_weights(LAST_NAMES, 0.6), n),
        number=_birth_numbers(rng, n),
        digits=np.where(rng.random(n) < 0.12, rng.integers(2, 6, n), 0),
        tag=rng.integers(0, 1 << 40, n),
        domain=domain,
        verified=rng.random(n) < 0.93,
        agent=agents,
        tls=tls,
        phone=np.where(rng.random(n) < 0.16, phones(rng, region, n), -1),
        plan=plan,
        referrer=choose(rng, region.referrer_weights, n),
        ips=ips,
        devices=_devices(ground, n, rng),
        cards=cards(ground, rng, plan != FREE, region.bins[choose(rng, region.bin_weights, n)]),
        prompts=prompts(ground, region, n, rng),
        **activity.ordinary(ground, region, created, plan, rng),
    )
    _closures(block, rng, spec.end_ms)
    return block


def signup_times(rng: np.random.Generator, n: int, start: int, end: int, zone: int) -> IntArray:
    """Draw sign-up times between two moments: by local hour, and fewer on weekends."""
    low, days = start // DAY_MS, max(1, -(-(end - start) // DAY_MS))
    day = low + rng.integers(0, days, n)
    weekend = ((day + 3) % 7 >= 5) & (rng.random(n) < 0.35)
    day = np.where(weekend, low + rng.integers(0, days, n), day)
    hour = activity.hours_of(activity.PERSON, rng, n) - zone
    ms = day * DAY_MS + (hour % 24) * HOUR_MS + rng.integers(0, HOUR_MS, n)
    late = (ms >= end) | (ms < start)
    ms[late] = start + rng.integers(0, max(1, end - start), int(late.sum()))
    return ms


def mail(
    ground: Ground, region: Region, n: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Draw how people write their address: free mail, now and then a domain of their own."""
    form = choose(rng, _FORM_WEIGHTS, n)
    domain = region.mail[choose(rng, region.mail_weights, n)]
    kind = rng.random(n)
    own = kind < 0.11
    firms = max(1, int(own.sum() * 0.75))
    named = ground.mint.domains(rng, firms, region.index, region.country.tld)
    domain[own] = named[choose(rng, zipf_weights(firms, 0.35), int(own.sum()))]
    form[own] = choose(rng, _CUSTOM_FORMS, int(own.sum()))
    alias = (kind >= 0.11) & (kind < 0.122)
    odd = ground.mint.named_domains(ALIAS_MAIL + DISPOSABLE_MAIL)
    domain[alias] = odd[choose(rng, np.r_[np.full(5, 0.17), np.full(5, 0.03)], int(alias.sum()))]
    form[alias] = FORM["random"]
    return form, domain


def usual_networks(
    ground: Ground, region: Region, n: int, rng: np.random.Generator
) -> tuple[Ragged, IntArray]:
    """Draw the addresses people come from, home or handset first: (addresses, class)."""
    carrier = choose(rng, region.carrier_weights, n)
    mobile = rng.random(n) < MOBILE_SHARE
    home = np.where(mobile, 1 + rng.integers(0, 3, n), 1 + (rng.random(n) < 0.45))
    owner = np.repeat(np.arange(n), home)
    own, on_mobile = carrier[owner], mobile[owner]
    codes = np.where(on_mobile, ground.nat(rng, region, own), ground.home_v4(rng, region, own))
    modern = (rng.random(n) < np.where(mobile, 0.2, V6_SHARE))[owner]
    modern &= rng.random(len(owner)) < 0.8
    codes[modern] = ground.home_v6(rng, region, own[modern])
    usual = Ragged(codes, home.astype(np.int64))
    # A phone beside the desk, and a few VPN users: second networks for some.
    extra = rng.random(n) < 0.28
    other = choose(rng, region.carrier_weights, int(extra.sum()))
    on_phone = Ragged(ground.nat(rng, region, other), extra.astype(np.int64))
    hidden = rng.random(n) < 0.05
    exits = ground.vpn[choose(rng, ground.vpn_weights, int(hidden.sum()))]
    result = usual.then(on_phone).then(Ragged(exits, hidden.astype(np.int64)))
    return result, np.where(mobile, CARRIER_NAT, BROADBAND).astype(np.int64)


def cards(ground: Ground, rng: np.random.Generator, paying: IntArray, bins: IntArray) -> Ragged:
    """Give those who pay a card of their own from the given issuers, a few a second one."""
    first = paying.astype(np.int64)
    second = (paying & (rng.random(len(bins)) < 0.06)).astype(np.int64)
    result = Ragged(ground.mint.cards(bins[first > 0]), first)
    return result.then(Ragged(ground.mint.cards(bins[second > 0]), second))


def prompts(ground: Ground, region: Region, n: int, rng: np.random.Generator) -> Ragged:
    """Draw what people ask: mostly their own, sometimes what their language or the world shares."""
    own = 1 + poisson_counts(rng, 1.6, n, 12)
    mine = Ragged(ground.mint.prompts(int(own.sum())), own)
    shared = poisson_counts(rng, 0.75, n, 6)
    local = region.prompts[choose(rng, region.prompt_weights, int(shared.sum()))]
    world = poisson_counts(rng, 0.22, n, 3)
    taught = ground.tutorials[choose(rng, ground.tutorial_weights, int(world.sum()))]
    result = mine.then(Ragged(local, shared)).then(Ragged(taught, world))
    return shuffled(result, rng)


def shuffled(lists: Ragged, rng: np.random.Generator) -> Ragged:
    """Put each account's values into a random order."""
    order = np.lexsort((rng.random(len(lists.items)), lists.owner))
    return Ragged(lists.items[order], lists.counts)


def phones(rng: np.random.Generator, region: Region, n: int) -> IntArray:
    """Draw mobile numbers of a country, as whole numbers with the calling code."""
    country = region.country
    starts = np.array([int(country.dial + mobile) for mobile in country.mobile.split()])
    tail = rng.integers(0, 10**country.digits, n)
    numbers: IntArray = starts[rng.integers(0, len(starts), n)] * 10**country.digits + tail
    return numbers


def _devices(ground: Ground, n: int, rng: np.random.Generator) -> Ragged:
    counts = 1 + (rng.random(n) < 0.3).astype(np.int64) + (rng.random(n) < 0.05)
    return Ragged(ground.mint.devices(int(counts.sum())), counts)


def _birth_numbers(rng: np.random.Generator, n: int) -> IntArray:
    year = rng.integers(1962, 2010, n)
    short = rng.random(n)
    return np.where(short < 0.4, year % 100, np.where(short < 0.75, year, rng.integers(1, 9999, n)))


def _closures(block: Block, rng: np.random.Generator, end: int) -> None:
    """Close a few accounts, as every service does, for reasons of its own."""
    gone = rng.random(len(block)) < 0.012
    when = block.created + (rng.random(len(block)) * (end - block.created)).astype(np.int64)
    block.closed[gone] = when[gone]


__all__ = [
    "API", "BROADBAND", "CAMPUS_NET", "CARRIER_NAT", "FORM", "FORMS", "FREE", "HOSTING", "OFFICE",
    "PRO", "PROXY", "TEAM", "VPN", "cards", "mail", "people", "phones", "prompts", "shuffled",
    "signup_times", "usual_networks",
]  # fmt: skip
