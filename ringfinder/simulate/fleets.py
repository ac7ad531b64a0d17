"""Fleets: one operator's accounts, from the plan to their traits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ringfinder.durations import DAY_MS, HOUR_MS
from ringfinder.model import FloatArray
from ringfinder.simulate import adversary
from ringfinder.simulate.activity import release_ms
from ringfinder.simulate.block import Block
from ringfinder.simulate.chance import stream
from ringfinder.simulate.cohorts import Company
from ringfinder.simulate.countries import FREE
from ringfinder.simulate.ground import Ground
from ringfinder.simulate.operators import Operator, plan_operators
from ringfinder.simulate.people import people
from ringfinder.simulate.spec import ALL_STYLES
from ringfinder.simulate.traits import TRAITS, Pools, client, conforming, templates


def fleets(
    ground: Ground, accounts: int, companies: list[Company]
) -> tuple[list[Block], list[dict[str, Any]]]:
    """Make the fleets of a world: (blocks, what `world.json` tells about each)."""
    weights = [region.share for region in ground.regions]
    pools: Pools = {}
    blocks, facts = [], []
    for plan in plan_operators(ground.spec, accounts, weights):
        rng = stream(ground.spec.seed, "fleet", plan.number)
        block = fleet(ground, plan, pools, companies, rng)
        blocks.append(block)
        facts.append(adversary.costs(plan, block))
        adversary.decoys(ground, block, plan.decoys, companies, rng)
    return blocks, facts


def fleet(
    ground: Ground,
    plan: Operator,
    pools: Pools,
    companies: list[Company],
    rng: np.random.Generator,
) -> Block:
    """Make one fleet; a fleet split into cells has infrastructure of its own in each."""
    sizes = np.diff(np.rint(np.linspace(0, plan.size, plan.cells + 1)).astype(int))
    cells = []
    for number, size in enumerate(sizes):
        mine: Pools = pools if plan.cells == 1 else {}
        cells.append(_cell(ground, plan, int(size), mine, rng))
        if number == 0 and plan.company >= 0:
            adversary.join_company(cells[0], companies, rng)
    block = Block.stack(cells)
    block.label("fleet")
    block.set(fleet=plan.number, style=ALL_STYLES.index(plan.style))
    return block


def _cell(
    ground: Ground, plan: Operator, size: int, pools: Pools, rng: np.random.Generator
) -> Block:
    shares = rng.multinomial(size, rng.dirichlet(np.full(len(plan.regions), 2.0)))
    parts = [
        people(ground, ground.regions[int(region)], int(n), rng)
        for region, n in zip(plan.regions, shares, strict=True)
        if n
    ]
    block = Block.stack(parts)
    block.closed[:] = np.iinfo(np.int64).min
    _plans(plan, block, rng)
    _signups(plan, block, rng)
    for trait in ("network", "identity", "payment", "device"):
        TRAITS[trait][getattr(plan, trait)](ground, plan, block, pools, rng)
    client(ground, plan, block, pools, rng)
    templates(ground, plan, block, pools, rng)
    _use(ground, plan, block, rng)
    _closing(ground, plan, block, rng)
    return block


def _plans(plan: Operator, block: Block, rng: np.random.Generator) -> None:
    """One or two plans for all; who must pay gets a card of its own first."""
    pays = rng.random(len(block)) < plan.paying
    usual = int(rng.integers(1, 4))
    wanted = np.where(pays, np.where(rng.random(len(block)) < 0.85, usual, block.plan), FREE)
    wanted = np.where(pays & (wanted == FREE), usual, wanted)
    block.cards = block.cards.only(wanted != FREE)
    block.plan[:] = wanted
    if rng.random() < 0.6:
        same = rng.random(len(block)) < rng.uniform(0.5, 1.0)
        block.referrer[same] = block.referrer[0]


def _signups(plan: Operator, block: Block, rng: np.random.Generator) -> None:
    """Sprints of sign-ups: some hours each, spread over part of the campaign."""
    n = len(block)
    sprints = int(1 + rng.poisson(0.3 + n**0.5 / 8))
    room = max(1.0, (plan.stop - plan.start) / HOUR_MS * rng.uniform(0.05, 0.5))
    opening = np.r_[0.0, rng.uniform(0, room, sprints - 1)]
    which = rng.choice(sprints, n, p=rng.dirichlet(np.full(sprints, 2.0)))
    span = plan.sprint_hours * rng.lognormal(0, 0.4, sprints)
    hours = opening[which] + rng.random(n) * span[which]
    loose = rng.random(n) < rng.uniform(0, 0.25)
    hours[loose] = rng.uniform(0, room + plan.sprint_hours, int(loose.sum()))
    created = plan.start + (hours * HOUR_MS).astype(np.int64)
    latest = max(plan.start + HOUR_MS, plan.stop - DAY_MS)
    over = created > latest
    created[over] = rng.integers(plan.start, latest, int(over.sum()))
    block.created[:] = created


def hours_of_fleet(plan: Operator, rng: np.random.Generator) -> FloatArray:
    """Draw the fleet's hours: flat, or the shifts of hired hands; always a little uneven."""
    hours = np.ones(24)
    if rng.random() < 0.3:
        width, start = int(rng.integers(12, 21)), int(rng.integers(0, 24))
        off = (np.arange(24) - start) % 24 >= width
        hours[off] = rng.uniform(0.05, 0.5)
    return hours * rng.lognormal(0, 0.08, 24)


def _use(ground: Ground, plan: Operator, block: Block, rng: np.random.Generator) -> None:
    """Machine use: even over days and hours, long answers of much the same length."""
    n, spec = len(block), ground.spec
    profile = ground.mint.profile(hours_of_fleet(plan, rng))
    life = plan.life_days * DAY_MS * rng.uniform(0.75, 1.15, n)
    begin = block.created + (rng.exponential(0.2, n) * DAY_MS).astype(np.int64)
    finish = np.minimum(begin + life.astype(np.int64), min(plan.stop, spec.end_ms - 1))
    finish = np.maximum(finish, block.created + HOUR_MS)
    begin = np.minimum(begin, finish)
    span = 1 + (finish - begin) // DAY_MS
    days = np.maximum((finish - begin) / DAY_MS, 0.2)
    volume = np.maximum(1.0, days * plan.per_day * rng.lognormal(0, rng.uniform(0.05, 0.35), n))
    if plan.exchanges:
        volume *= plan.exchanges * n / plan.size / volume.sum()
    even = conforming(plan, n, rng)
    center, asked = rng.normal(5.9, 0.5), rng.normal(6.7, 0.6)
    block.set(
        even, profile=profile, shift=0, weekend=rng.uniform(0.8, 1.0),
        burstiness=rng.uniform(1.0, 6.0),
        out_mu=center + rng.normal(0, rng.uniform(0.05, 0.3), int(even.sum())),
        out_sd=rng.uniform(0.15, 0.6), in_mu=asked + rng.normal(0, 0.2, int(even.sum())),
        in_sd=rng.uniform(0.1, 0.6),
    )  # fmt: skip
    per_day = 0.7 if plan.base != "burst" else 4.0
    block.set(
        begin=begin, finish=finish, active_days=span, volume=volume,
        rows=np.maximum(1.0, days * per_day * rng.lognormal(0, 0.25, n)) + 4,
        model=int(rng.choice(3)),
    )  # fmt: skip
    _move_to_new_model(ground, plan, block, rng)


def _move_to_new_model(
    ground: Ground, plan: Operator, block: Block, rng: np.random.Generator
) -> None:
    n, release = len(block), release_ms(ground.spec)
    if plan.base == "model_switch":
        moment = release + rng.uniform(0.5, 12) * HOUR_MS
        block.set(
            adopts=(moment + rng.exponential(4 * HOUR_MS, n)).astype(np.int64),
            adoption=np.clip(rng.normal(0.52, 0.06, n), 0.2, 1.0),
        )
    elif rng.random() < 0.5:
        moment = release + rng.exponential(14) * DAY_MS
        block.set(
            adopts=(moment + rng.exponential(2 * DAY_MS, n)).astype(np.int64),
            adoption=rng.uniform(0.3, 1.0),
        )
    else:
        block.adopts[:] = ground.spec.end_ms + DAY_MS


def _closing(ground: Ground, plan: Operator, block: Block, rng: np.random.Generator) -> None:
    """Now and then we closed part of a fleet, one by one or in a sweep."""
    if rng.random() < 0.5:
        return
    caught = rng.random(len(block)) < rng.uniform(0.05, 0.6)
    life = block.finish - block.begin
    sweep = int(rng.integers(plan.start, plan.stop)) if rng.random() < 0.4 else 0
    when = block.begin + (rng.uniform(0.2, 1.0, len(block)) * life).astype(np.int64)
    if sweep:
        when = np.maximum(block.created + HOUR_MS, sweep + rng.integers(0, 3 * HOUR_MS, len(block)))
    caught &= when < ground.spec.end_ms
    block.closed[caught] = when[caught]
    block.finish[caught] = np.minimum(block.finish, when)[caught]
    block.begin[:] = np.minimum(block.begin, block.finish)
