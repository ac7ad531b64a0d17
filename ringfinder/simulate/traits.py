"""What a fleet's accounts share, trait by trait; every function overwrites columns of a block."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ringfinder.model import BoolArray, IntArray
from ringfinder.simulate.block import Block
from ringfinder.simulate.chance import choose, zipf_weights
from ringfinder.simulate.countries import FREE
from ringfinder.simulate.ground import Ground
from ringfinder.simulate.operators import Operator
from ringfinder.simulate.people import (
    BROADBAND,
    CARRIER_NAT,
    FORM,
    HOSTING,
    PROXY,
    VPN,
    cards,
    phones,
    shuffled,
)  # fmt: skip
from ringfinder.simulate.ragged import Ragged

Pools = dict[int, IntArray]
Trait = Callable[[Ground, Operator, Block, Pools, np.random.Generator], None]


def overlay(mine: Ragged, theirs: Ragged, changed: BoolArray) -> Ragged:
    """Replace the lists of some accounts."""
    return mine.only(~changed).then(theirs.only(changed))


def conforming(plan: Operator, n: int, rng: np.random.Generator) -> BoolArray:
    """Draw which accounts show a trait as planned; the others stay ordinary."""
    return rng.random(n) >= plan.noise


def from_pool(pool: IntArray, n: int, low: int, high: int, rng: np.random.Generator) -> Ragged:
    """Give each of n accounts a few values of a pool, its usual one first."""
    counts = rng.integers(low, high + 1, n)
    return Ragged(pool[rng.integers(0, len(pool), int(counts.sum()))], counts)


def _set_network(
    plan: Operator, block: Block, ips: Ragged, network: int, rng: np.random.Generator
) -> None:
    changed = conforming(plan, len(block), rng)
    block.ips = overlay(block.ips, ips, changed)
    block.network[changed] = network
    block.ip_focus[changed] = 1.0


def proxy_fresh(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """Fresh residential addresses for every account, from its own country."""
    counts = rng.integers(3, 9, len(block))
    ips = Ragged(np.zeros(int(counts.sum()), np.int64), counts)
    where = block.region[ips.owner]
    for r in np.unique(where):
        here = where == r
        ips.items[here] = ground.residential(rng, ground.regions[r], int(here.sum()))
    _set_network(plan, block, ips, PROXY, rng)


def proxy_pool(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """A few addresses each from one rented pool, which another operator may share."""
    if plan.partner in pools:
        pools[plan.number] = pools[plan.partner]
    if plan.number not in pools:
        size = int(15 + plan.size * rng.uniform(0.3, 1.6))
        where = rng.choice(plan.regions, size)
        parts = [
            ground.residential(rng, ground.regions[r], int((where == r).sum()))
            for r in np.unique(where)
        ]
        pools[plan.number] = np.concatenate(parts)
    ips = from_pool(pools[plan.number], len(block), 3, 9, rng)
    _set_network(plan, block, ips, PROXY, rng)


def carrier_nat(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """Phones in one room: a handful of one carrier's shared addresses."""
    region = ground.regions[int(plan.regions[0])]
    carrier = region.carriers[int(choose(rng, region.carrier_weights, 1)[0])]
    few = rng.choice(carrier.nat, min(len(carrier.nat), int(rng.integers(2, 9))), replace=False)
    _set_network(plan, block, from_pool(few, len(block), 1, 4, rng), CARRIER_NAT, rng)


def hosting(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """Servers of a data centre that others rent too."""
    count = int(2 + plan.size / rng.uniform(4, 40))
    servers = rng.choice(ground.hosting, min(count, len(ground.hosting)), replace=False)
    _set_network(plan, block, from_pool(servers, len(block), 1, 4, rng), HOSTING, rng)


def vpn(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """The exits of a VPN service, among its honest users."""
    exits = np.unique(ground.vpn[choose(rng, ground.vpn_weights, int(rng.integers(4, 16)))])
    _set_network(plan, block, from_pool(exits, len(block), 1, 5, rng), VPN, rng)


def home(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """One person's connection, with the addresses it had over the weeks."""
    own = ground.residential(rng, ground.regions[int(plan.regions[0])], int(rng.integers(1, 5)))
    _set_network(plan, block, from_pool(own, len(block), 1, 3, rng), BROADBAND, rng)


def freemail(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """Bought or grown mailboxes at the providers everybody uses."""
    for r in np.unique(block.region):
        region, here = ground.regions[r], np.flatnonzero(block.region == r)
        block.domain[here] = region.mail[choose(rng, region.mail_weights, len(here))]
    named = block.form == FORM["first"]
    block.form[named] = FORM["firstlastN"]


def pattern(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """One script makes the names: the same shape at one or two providers."""
    region = ground.regions[int(plan.regions[0])]
    picks = choose(rng, region.mail_weights, int(rng.integers(1, 3)))
    changed = np.flatnonzero(conforming(plan, len(block), rng))
    digits = int(rng.integers(2, 6))
    forms = [FORM["firstlastN"], FORM["firstN"], FORM["nickN"], FORM["random"]]
    block.set(
        changed,
        form=int(rng.choice(forms, p=[0.45, 0.25, 0.2, 0.1])),
        number=rng.integers(0, 10**digits, len(changed)),
        digits=digits,
        domain=region.mail[rng.choice(picks, len(changed))],
    )
    if rng.random() < 0.6:
        block_of_numbers = phones(rng, region, 1)[0] // 10_000
        with_phone = changed[rng.random(len(changed)) < rng.uniform(0.2, 0.9)]
        block.phone[with_phone] = block_of_numbers * 10_000 + rng.integers(
            0, 10_000, len(with_phone)
        )


def catch_all(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """New domains that take any address, about 150 accounts each, filled one after the other."""
    each = float(np.clip(rng.normal(150, 45), 40, 260))
    count = max(1, round(len(block) / each))
    region = ground.regions[int(plan.regions[0])]
    domains = ground.mint.domains(rng, count, region.index, region.country.tld)
    changed = np.flatnonzero(conforming(plan, len(block), rng))
    turn = np.argsort(np.argsort(block.created[changed], kind="stable"), kind="stable")
    which = (turn * count / max(1, len(changed)) + rng.normal(0, 0.15, len(changed))).astype(int)
    forms = [FORM["first.last"], FORM["firstlastN"], FORM["random"], FORM["flast"], FORM["firstN"]]
    form = np.full(len(changed), rng.choice(forms, p=[0.4, 0.2, 0.15, 0.15, 0.1]))
    odd = rng.random(len(changed)) < 0.2
    form[odd] = rng.choice(forms, int(odd.sum()))
    block.set(changed, form=form, domain=domains[np.clip(which, 0, count - 1)])


def tags_dots(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """One mailbox written in many ways."""
    changed = np.flatnonzero(conforming(plan, len(block), rng))
    stems = max(1, round(len(changed) / 40))
    owner = changed[rng.integers(0, len(changed), stems)][rng.integers(0, stems, len(changed))]
    dotted = rng.random() < 0.5
    forms = np.where(rng.random(len(changed)) < 0.8, dotted, not dotted)
    block.set(
        changed,
        form=np.where(forms, FORM["dots"], FORM["tag"]),
        first=block.first[owner],
        last=block.last[owner],
        number=block.number[owner],
        domain=ground.mint.named_domains(["gmail.com"])[0],
    )


def reused_cards(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """A few cards, each on several accounts."""
    n, region = len(block), ground.regions[int(plan.regions[0])]
    count = max(1, round(n / rng.uniform(3, 10)))
    pool = ground.mint.cards(region.bins[choose(rng, region.bin_weights, count)])
    paying = block.plan != FREE
    theirs = from_pool(pool, n, 1, 1, rng)
    second = from_pool(pool, n, 1, 1, rng).only(rng.random(n) < 0.2)
    block.cards = overlay(block.cards, theirs.then(second).only(paying), conforming(plan, n, rng))


def virtual_cards(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """A card of its own for every account, from one or two issuers of virtual cards."""
    issuers = rng.choice(ground.virtual_bins, int(rng.integers(1, 3)), replace=False)
    theirs = cards(ground, rng, block.plan != FREE, rng.choice(issuers, len(block)))
    block.cards = overlay(block.cards, theirs, conforming(plan, len(block), rng))


def no_cards(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """Free accounts; those that pay do so with ordinary cards."""


def reused_devices(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """A few machines, each signing up many accounts."""
    n = len(block)
    pool = ground.mint.devices(max(1, round(n / rng.uniform(3, 15))))
    theirs = from_pool(pool, n, 1, 2, rng)
    block.devices = overlay(block.devices, theirs, conforming(plan, n, rng))


def fresh_devices(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """A browser profile of its own for every account."""


def client(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """Most accounts come through the operator's own tool, in one or two builds."""
    n = len(block)
    tools = np.array([ground.clients.unusual(rng) for _ in range(int(rng.integers(1, 4)))])
    which = tools[choose(rng, zipf_weights(len(tools), 1.0), n)]
    changed = rng.random(n) < rng.uniform(0.45, 1.0)
    block.set(changed, agent=which[changed, 0], tls=which[changed, 1])


def templates(
    ground: Ground, plan: Operator, block: Block, pools: Pools, rng: np.random.Generator
) -> None:
    """A few prompt templates; now and then varied so far that the fingerprint is new."""
    n = len(block)
    pool = ground.mint.prompts(plan.templates)
    counts = rng.integers(2, max(3, min(5, plan.templates)) + 1, n)
    order = rng.random((n, plan.templates)).argsort(axis=1)
    place = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    owner = np.repeat(np.arange(n), counts)
    items = pool[order[owner, place % plan.templates]]
    varied = rng.random(len(items)) < plan.variation
    items[varied] = ground.mint.prompts(int(varied.sum()))
    theirs = Ragged(items, counts)
    sometimes = block.prompts.only(rng.random(n) < rng.uniform(0.0, 0.3))
    theirs = shuffled(theirs.then(sometimes.keep(rng.random(len(sometimes.items)) < 0.5)), rng)
    changed = conforming(plan, n, rng)
    block.prompts = overlay(block.prompts, theirs, changed)
    block.prompt_focus[changed] = 1.0


TRAITS: dict[str, dict[str, Trait]] = {
    "network": {
        "proxy_fresh": proxy_fresh, "proxy_pool": proxy_pool, "carrier_nat": carrier_nat,
        "hosting": hosting, "vpn": vpn, "home": home,
    },
    "identity": {
        "freemail": freemail, "pattern": pattern, "catch_all": catch_all, "tags_dots": tags_dots,
    },
    "payment": {"reused": reused_cards, "virtual": virtual_cards, "none": no_cards},
    "device": {"reused": reused_devices, "fresh": fresh_devices},
}  # fmt: skip
