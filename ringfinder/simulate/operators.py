"""Who runs a fleet: the plan of each operator, drawn from wide ranges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringfinder.durations import DAY_MS, HOUR_MS
from ringfinder.model import FloatArray, IntArray
from ringfinder.simulate.chance import heavy_sizes, stream
from ringfinder.simulate.spec import Campaign, WorldSpec

Range = tuple[float, float]


@dataclass(frozen=True)
class Recipe:
    """What the operators of one style have in common; one option of each tuple is drawn.

    Attributes
    ----------
    network, identity, payment, device
        Names of functions in `traits`.
    paying
        Share of accounts with a card.
    templates, per_day, life_days
        Prompt templates; exchanges per account and day; days an account is used.
    sprints
        Spans of sign-up, in hours; their number grows with the fleet.
    sizes
        Smallest and largest fleet of this style; 0 for the world's bounds.
    weight
        Share of the fleet accounts, relative to the other styles.
    """

    network: tuple[str, ...]
    identity: tuple[str, ...]
    payment: tuple[str, ...]
    device: tuple[str, ...]
    paying: Range = (0.5, 1.0)
    templates: tuple[int, int] = (3, 9)
    per_day: Range = (15.0, 38.0)
    life_days: Range = (12.0, 60.0)
    sprint_hours: Range = (2.0, 60.0)
    sizes: tuple[int, int] = (0, 0)
    weight: float = 1.0


RECIPES: dict[str, Recipe] = {
    "reused": Recipe(
        ("proxy_pool", "hosting", "vpn"), ("freemail", "pattern"), ("reused",), ("reused",),
        paying=(0.75, 1.0),
    ),
    "hydra": Recipe(
        ("proxy_fresh",), ("catch_all",), ("virtual",), ("fresh",),
        templates=(4, 4), per_day=(20.0, 32.0), sizes=(20, 0), weight=1.4,
    ),
    "freemail_farm": Recipe(
        ("carrier_nat",), ("pattern",), ("none", "virtual", "reused"), ("fresh", "reused"),
        paying=(0.0, 0.5),
    ),
    "burst": Recipe(
        ("hosting", "vpn", "proxy_pool"), ("catch_all", "pattern", "freemail"),
        ("reused", "virtual"), ("fresh", "reused"),
        per_day=(90.0, 400.0), life_days=(1.0, 3.0), sprint_hours=(1.0, 14.0),
    ),
    "trial": Recipe(
        ("home",), ("tags_dots",), ("none",), ("reused",),
        paying=(0.0, 0.12), per_day=(10.0, 45.0), life_days=(4.0, 30.0),
        sprint_hours=(2.0, 200.0), sizes=(5, 30), weight=0.7,
    ),
    "quiet": Recipe(
        ("proxy_pool",), ("freemail",), ("virtual",), ("fresh",),
        paying=(0.85, 1.0), per_day=(22.0, 28.0), life_days=(30.0, 70.0), sizes=(12, 0),
    ),
    "model_switch": Recipe(
        ("proxy_pool", "proxy_fresh"), ("catch_all", "freemail"), ("virtual", "reused"), ("fresh",),
        life_days=(35.0, 80.0), sizes=(8, 0),
    ),
}  # fmt: skip
CAMOUFLAGE_BASES = ("reused", "hydra", "freemail_farm", "quiet", "burst", "model_switch")


@dataclass
class Operator:
    """One operator's plan.

    Attributes
    ----------
    number, style, recipe, size
        Which fleet; its style, what the style prescribes, its accounts.
    regions
        Countries its accounts claim.
    network, identity, payment, device
        The options drawn.
    noise
        Share of accounts that look ordinary in a trait, trait by trait.
    decoys, variation
        See `Adversary.decoy_rate` and `template_variation`.
    partner
        An earlier operator whose proxy pool it shares, or -1.
    company, cells
        0 where it hides in a company, else -1; parts with infrastructure of their own.
    exchanges
        Exchanges of the whole fleet, where they are given; else 0.
    start, stop
        Milliseconds: first sign-up, last use.
    """

    number: int
    style: str
    recipe: Recipe
    base: str
    size: int
    regions: IntArray
    network: str
    identity: str
    payment: str
    device: str
    paying: float
    templates: int
    per_day: float
    life_days: float
    sprint_hours: float
    noise: float
    decoys: float
    variation: float
    start: int
    stop: int
    partner: int = -1
    company: int = -1
    cells: int = 1
    exchanges: int = 0


def plan_operators(spec: WorldSpec, accounts: int, region_weights: list[float]) -> list[Operator]:
    """Plan the fleets of a world: sizes with a heavy tail, every style with its share."""
    rng = stream(spec.seed, "operators")
    plans: list[Operator] = []
    for style, size in _sizes(spec, accounts, rng):
        plans.append(_plan(spec, len(plans), style, size, np.array(region_weights), rng))
    for campaign in spec.campaigns:
        plans.append(campaign_operator(spec, campaign, len(plans), rng, np.array(region_weights)))
    pooled = [plan for plan in plans if plan.network == "proxy_pool"]
    for first, second in zip(pooled[::2], pooled[1::2], strict=False):
        if rng.random() < spec.shared_pools:
            second.partner, second.regions = first.number, first.regions
    return plans


def _sizes(spec: WorldSpec, accounts: int, rng: np.random.Generator) -> list[tuple[str, int]]:
    if accounts < spec.smallest_fleet:
        return []
    count = spec.fleets or max(1, round(70 * (accounts / 3600) ** 0.6))
    cap = spec.largest_fleet or min(10_000, max(30, int(accounts * 0.3)))
    styles = list(rng.permutation(spec.styles))[: max(1, count)]
    result: list[tuple[str, int]] = []
    if accounts >= 1500 and not spec.fleets:  # every larger world has one giant
        giant = str(rng.choice([style for style in styles if style != "trial"] or styles))
        result.append((giant, min(cap, accounts // 5)))
        accounts -= result[0][1]
    weights = np.array([RECIPES[s].weight if s in RECIPES else 1.0 for s in styles])
    weights *= rng.uniform(0.75, 1.3, len(styles))
    edges = np.rint(np.cumsum(np.r_[0, weights]) / weights.sum() * accounts).astype(int)
    for style, budget in zip(styles, np.diff(edges), strict=True):
        low, high = RECIPES[style].sizes if style in RECIPES else (0, 0)
        low, high = max(low, spec.smallest_fleet), min(high or cap, cap)
        groups = max(count // len(styles), -(-int(budget) // high))
        sizes = heavy_sizes(rng, int(budget), groups, min(low, max(2, int(budget))), high)
        result += [(str(style), size) for size in sizes]
    return result


def _plan(
    spec: WorldSpec,
    number: int,
    style: str,
    size: int,
    region_weights: FloatArray,
    rng: np.random.Generator,
) -> Operator:
    bases = [name for name in CAMOUFLAGE_BASES if size >= RECIPES[name].sizes[0]]
    base = str(rng.choice(bases)) if style == "camouflage" else style
    recipe = RECIPES[base]
    knobs = spec.adversary
    countries = min(len(region_weights), 1 if rng.random() < 0.5 else int(rng.integers(2, 6)))
    regions = rng.choice(len(region_weights), countries, replace=False, p=_fair(region_weights))
    life = float(rng.uniform(*recipe.life_days))
    begin = float(rng.uniform(0, max(1.0, spec.days - life * 0.8 - 4)))
    if base == "model_switch":
        begin = float(rng.uniform(0, spec.days * 0.35))
    start = spec.start_ms + int(begin * DAY_MS) + int(rng.integers(0, 24)) * HOUR_MS
    network, identity = str(rng.choice(recipe.network)), str(rng.choice(recipe.identity))
    if network == "proxy_fresh" and identity == "freemail":
        network = "proxy_pool"  # nobody buys both mailboxes and addresses one by one
    decoys = spec.camouflage_decoys * float(rng.uniform(0.6, 1.3)) if style == "camouflage" else 0.0
    return Operator(
        number=number, style=style, recipe=recipe, base=base, size=size,
        regions=regions.astype(np.int64),
        network=network, identity=identity,
        payment=str(rng.choice(recipe.payment)), device=str(rng.choice(recipe.device)),
        paying=float(rng.uniform(*recipe.paying)),
        templates=int(rng.integers(recipe.templates[0], recipe.templates[1] + 1)),
        per_day=float(rng.uniform(*recipe.per_day)), life_days=life,
        sprint_hours=float(rng.uniform(*recipe.sprint_hours)),
        noise=float(rng.uniform(0.0, 0.06)),
        decoys=min(1.0, max(decoys, knobs.decoy_rate)),
        variation=max(float(rng.uniform(0.0, 0.25)), knobs.template_variation),
        start=start, stop=min(spec.end_ms, start + int((life * 1.5 + 6) * DAY_MS)),
        company=0 if rng.random() < knobs.merge_company else -1,
        cells=max(1, -(-size // knobs.split)) if knobs.split else 1,
    )  # fmt: skip


def campaign_operator(
    spec: WorldSpec,
    campaign: Campaign,
    number: int,
    rng: np.random.Generator,
    region_weights: FloatArray | None = None,
) -> Operator:
    """Plan a fleet of a given size: all its accounts are used until the campaign ends."""
    weights = np.ones(1) if region_weights is None else region_weights
    plan = _plan(spec, number, campaign.style, campaign.accounts, weights, rng)
    room = max(0, spec.days - campaign.days)
    plan.start = spec.start_ms + int(rng.integers(0, room + 1)) * DAY_MS
    plan.stop = plan.start + campaign.days * DAY_MS
    plan.life_days = float(campaign.days)
    plan.exchanges = campaign.exchanges
    plan.per_day = campaign.exchanges / campaign.accounts / campaign.days
    return plan


def _fair(weights: FloatArray) -> FloatArray:
    flat = weights**0.6
    result: FloatArray = flat / flat.sum()
    return result
