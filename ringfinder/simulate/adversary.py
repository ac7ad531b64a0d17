"""An operator who has read the code: decoys, hiding in a company, framing, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ringfinder.durations import DAY_MS, HOUR_MS
from ringfinder.simulate.block import Block
from ringfinder.simulate.chance import choose
from ringfinder.simulate.ground import Ground
from ringfinder.simulate.operators import Operator
from ringfinder.simulate.people import OFFICE, shuffled
from ringfinder.simulate.ragged import Ragged

if TYPE_CHECKING:
    from ringfinder.simulate.cohorts import Company

PRICES: dict[str, float] = {
    "account": 0.05, "card": 1.5, "device": 0.15, "address": 0.02, "domain": 9.0, "template": 40.0,
}  # fmt: skip
"""Rough street prices in US dollars: what one more of each costs an operator."""


def decoys(
    ground: Ground,
    block: Block,
    rate: float,
    companies: list[Company],
    rng: np.random.Generator,
) -> None:
    """Borrow values from real hubs: about `rate` of an account's sightings become decoys."""
    if rate <= 0:
        return
    n = len(block)
    per_value = rate / max(1e-6, 1 - min(rate, 0.9))
    seen = rng.poisson(per_value * block.ips.counts)
    hubs = np.concatenate([carrier.nat for r in ground.regions for carrier in r.carriers])
    borrowed = np.where(
        rng.random(int(seen.sum())) < 0.5,
        ground.vpn[choose(rng, ground.vpn_weights, int(seen.sum()))],
        rng.choice(hubs, int(seen.sum())),
    )
    block.ips = shuffled(block.ips.then(Ragged(borrowed, seen)), rng)
    asked = rng.poisson(per_value * block.prompts.counts)
    region = ground.regions[int(block.region[0])]
    popular = np.r_[region.prompts, ground.tutorials]
    weights = np.r_[region.prompt_weights, ground.tutorial_weights * 0.3]
    taken = popular[choose(rng, weights, int(asked.sum()))]
    block.prompts = shuffled(block.prompts.then(Ragged(taken, asked)), rng)
    if companies:
        claims = np.flatnonzero(rng.random(n) < 0.4 * rate)
        victims = rng.integers(0, len(companies), len(claims))
        block.domain[claims] = np.array([firm.domain for firm in companies])[victims]
        block.verified[claims] = False
    issued = len(ground.mint.bins) - 1
    stolen = (rng.random(n) < 0.25 * rate) & (block.cards.counts > 0)
    loot = Ragged(rng.integers(0, max(1, issued), int(stolen.sum())), stolen.astype(np.int64))
    block.cards = block.cards.only(~stolen).then(loot)


def join_company(block: Block, companies: list[Company], rng: np.random.Generator) -> None:
    """Hide among the staff of one company: its domain, its office, its onboarding days."""
    if not companies:
        return
    sizes = np.array([firm.size for firm in companies], np.float64)
    firm = companies[int(choose(rng, sizes, 1)[0])]
    imitate(block, firm, 0.9, rng)
    start = int(block.created.min())
    days = firm.onboarding[firm.onboarding * DAY_MS >= start]
    if len(days):
        joining = np.flatnonzero(rng.random(len(block)) < 0.6)
        moved = (
            rng.choice(days, len(joining)) * DAY_MS + rng.integers(8, 15, len(joining)) * HOUR_MS
        )
        block.created[joining] = moved - firm.region.country.zone * HOUR_MS
        block.begin[:] = np.maximum(block.begin, block.created)
        block.finish[:] = np.maximum(block.finish, block.begin + HOUR_MS)


def imitate(block: Block, firm: Company, share: float, rng: np.random.Generator) -> None:
    """Take over a company's domain, way of writing addresses, network and prompts."""
    n = len(block)
    named = rng.random(n) < share
    block.set(named, domain=firm.domain, form=firm.form)
    block.verified[named] = rng.random(int(named.sum())) < 0.3
    inside = rng.random(n) < share
    office = Ragged(rng.choice(firm.offices, int(inside.sum())), inside.astype(np.int64))
    block.ips = shuffled(block.ips.then(office), rng)
    block.network[inside] = OFFICE
    asks = rng.random(n) < share
    copied = Ragged(rng.choice(firm.prompts, int(asks.sum())), asks.astype(np.int64))
    block.prompts = shuffled(block.prompts.then(copied), rng)


def costs(plan: Operator, block: Block) -> dict[str, Any]:
    """Return what `world.json` tells about a fleet: its plan, and what it cost its operator."""
    n = len(block)
    bought = {
        "account": n,
        "card": len(np.unique(block.cards.items)),
        "device": len(np.unique(block.devices.items)),
        "address": len(np.unique(block.ips.items)),
        "domain": len(np.unique(block.domain[block.domain >= 0])),
        "template": plan.templates * plan.cells,
    }
    price = sum(PRICES[name] * count for name, count in bought.items())
    return {
        "number": plan.number, "style": plan.style, "base": plan.base, "size": n,
        "network": plan.network, "identity": plan.identity, "payment": plan.payment,
        "device": plan.device, "regions": len(plan.regions), "partner": plan.partner,
        "in_company": plan.company >= 0, "cells": plan.cells, "decoys": round(plan.decoys, 3),
        "variation": round(plan.variation, 3), "noise": round(plan.noise, 3),
        "exchanges_per_day": round(plan.per_day, 1),
        "days": round((plan.stop - plan.start) / DAY_MS, 1),
        "bought": bought, "dollars_per_account": round(price / n, 2),
    }  # fmt: skip
