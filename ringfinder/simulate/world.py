"""Putting a world together."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa

from ringfinder.simulate import tables, usage
from ringfinder.simulate.block import Block
from ringfinder.simulate.chance import choose, stream
from ringfinder.simulate.cohorts import cohorts
from ringfinder.simulate.fleets import fleets
from ringfinder.simulate.framing import frame
from ringfinder.simulate.ground import Ground
from ringfinder.simulate.people import people
from ringfinder.simulate.spec import ALL_STYLES, COHORTS, World, WorldSpec
from ringfinder.simulate.untidy import garble, lose_fields, lose_sightings


def simulate(spec: WorldSpec) -> World:
    """Make one labelled world.

    Parameters
    ----------
    spec
        What to make; see `WorldSpec`.

    Returns
    -------
    World
        The input tables of an audit, the truth, and facts about the world.
        Equal specs give equal bytes: every part draws from its own stream of the seed.
    """
    ground = Ground(spec)
    block, facts = _population(ground)
    n = len(block)
    codes = np.arange(n, dtype=np.int64)
    ids = tables.Writer(ground).accounts(codes)
    rows = usage.usage(ground, block, stream(spec.seed, "usage"))
    paid = usage.payments(ground, block, stream(spec.seed, "payments"))
    seen = usage.logins(ground, block, stream(spec.seed, "logins"))
    made: dict[str, pa.Table] = {
        "signups": tables.signups(ground, block, ids),
        "usage": tables.usage_table(ground, rows, ids),
        "payments": tables.payments_table(ground, paid, ids),
        "logins": tables.logins_table(ground, seen, ids, block),
        "truth": tables.truth_table(ground, block, ids),
    }
    if spec.untidy:
        made = garble(made, spec)
    return World(made, _info(spec, block, rows, facts, made))


def _population(ground: Ground) -> tuple[Block, list[dict[str, Any]]]:
    """Make everybody, in random order."""
    spec = ground.spec
    crowds, companies = cohorts(ground)
    operated, facts = fleets(ground, round(spec.accounts * spec.prevalence), companies)
    framers, framing_facts = frame(ground, companies, len(facts))
    operated += framers
    facts += framing_facts
    rest = spec.accounts - sum(map(len, crowds)) - sum(map(len, operated))
    rng = stream(spec.seed, "background")
    where = np.bincount(choose(rng, ground.region_weights, rest), minlength=len(ground.regions))
    crowds += [
        people(ground, region, int(count), stream(spec.seed, "people", region.index))
        for region, count in zip(ground.regions, where, strict=True)
        if count
    ]
    everybody = Block.stack(crowds + operated)
    everybody.set(begin=np.maximum(everybody.begin, everybody.created))
    everybody.set(finish=np.maximum(everybody.finish, everybody.begin))
    everybody = everybody.take(stream(spec.seed, "order").permutation(len(everybody)))
    lose_sightings(everybody, spec.missing, stream(spec.seed, "missing"))
    if spec.untidy:
        lose_fields(everybody, stream(spec.seed, "untidy"))
    return everybody, facts


def _info(
    spec: WorldSpec,
    block: Block,
    rows: usage.Rows,
    facts: list[dict[str, Any]],
    made: dict[str, pa.Table],
) -> dict[str, Any]:
    def counted(codes: np.ndarray, names: tuple[str, ...]) -> dict[str, int]:
        counts = np.bincount(codes[codes >= 0], minlength=len(names))
        return {name: int(count) for name, count in zip(names, counts, strict=True) if count}

    return {
        "spec": dataclasses.asdict(spec),
        "rows": {name: table.num_rows for name, table in made.items()},
        "exchanges": int(rows.exchanges.sum()),
        "cohorts": counted(block.cohort, COHORTS),
        "styles": counted(block.style, ALL_STYLES),
        "fleets": facts,
    }
