"""Framing: attackers who imitate one company, so that its staff be taken for a fleet."""

from __future__ import annotations

from typing import Any

import numpy as np

from ringfinder.durations import DAY_MS
from ringfinder.simulate import adversary
from ringfinder.simulate.block import Block
from ringfinder.simulate.chance import stream
from ringfinder.simulate.cohorts import Company
from ringfinder.simulate.fleets import fleet
from ringfinder.simulate.ground import Ground
from ringfinder.simulate.operators import campaign_operator
from ringfinder.simulate.people import OFFICE
from ringfinder.simulate.ragged import Ragged
from ringfinder.simulate.spec import ALL_STYLES, Campaign

VICTIM_SIZE = 250
"""The company whose size is closest to this is the victim."""


def frame(
    ground: Ground, companies: list[Company], number: int
) -> tuple[list[Block], list[dict[str, Any]]]:
    """Make the attackers of one company, and mark who was there before them.

    The attackers know the company's domain, how it writes addresses, its office network
    and its prompts. Half of them are seen from the office network alone, the others also
    from the operator's own proxies; they also share the operator's templates and tool.
    Their addresses are not verified: they do not own the domain.
    """
    spec = ground.spec
    count = spec.adversary.framing
    if not count or not companies:
        return [], []
    rng = stream(spec.seed, "framing")
    victim = min(companies, key=lambda firm: abs(firm.size - VICTIM_SIZE))
    attack = spec.start_ms + int(spec.days * rng.uniform(0.5, 0.7)) * DAY_MS
    days = max(2, int((spec.end_ms - attack) / DAY_MS) - 1)
    exchanges = int(count * 20 * days * 0.7)
    plan = campaign_operator(spec, Campaign("quiet", count, exchanges, days), number, rng)
    plan.style, plan.start, plan.stop = "framing", attack, spec.end_ms
    plan.regions = np.array([victim.region.index])
    block = fleet(ground, plan, {}, companies, rng)
    adversary.imitate(block, victim, 1.0, rng)
    hidden = rng.random(count) < 0.5
    office = Ragged(rng.choice(victim.offices, int(hidden.sum())), hidden.astype(np.int64))
    block.ips = office.then(block.ips.only(~hidden))
    block.network[:] = OFFICE
    block.verified[:] = False
    block.set(style=ALL_STYLES.index("framing"))
    staff = victim.block
    staff.established[:] = staff.created < attack
    facts = adversary.costs(plan, block) | {
        "victim_group": int(staff.group[0]), "attack_ms": attack,
        "established": int(staff.established.sum()),
    }  # fmt: skip
    return [block], [facts]
