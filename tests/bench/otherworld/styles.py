"""Fleets: what each style of operator does, and how many accounts each fleet gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from tests.bench.otherworld.draws import DAY, coin, sizes
from tests.bench.otherworld.habits import CLOCK
from tests.bench.otherworld.operators import Operator
from tests.bench.otherworld.people import World, somewhere

Style: TypeAlias = Callable[[Operator], None]


def _window(op: Operator, low: float, high: float) -> tuple[float, float]:
    """A stretch of low..high of the observed window, anywhere in it."""
    h = op.world.habits
    length = op.rng.uniform(low, high) * h.days * DAY
    first = h.begin + op.rng.random() * max(0.0, h.days * DAY - length - DAY)
    return first, first + length


def reuse(op: Operator) -> None:
    """Cards and devices used again and again; a machine's hours."""
    op.reused_cards(op.rng.uniform(0.6, 0.9), 3, 12)
    op.reused_devices(op.rng.uniform(0.6, 0.9), 2, 8)
    op.proxies(0.8)
    op.prompts(0.7, 12, 3, 0.4)
    op.signs_up_between(*_window(op, 0.2, 0.7), "half_flat")
    op.runs(rate=op.rng.uniform(12, 45), clock="flat", day_chance=0.9, weekend=1.0)
    op.writes(6.5, 0.25, 0.6)


def hydra(op: Operator) -> None:
    """Residential exits, unique cards and devices, catch-all domains, a handful of templates."""
    op.proxies(0.95, each=8)
    op.own_cards(0.8)
    op.catch_all(0.9, 40, 220)
    op.prompts(0.85, int(op.rng.integers(3, 8)), 3, 0.7)
    op.signs_up_between(*_window(op, 0.3, 0.9), "flat")
    op.runs(rate=op.rng.uniform(18, 40), clock="flat", day_chance=0.95, weekend=1.0)
    op.writes(6.9, 0.2, 0.55)


def free_mail_farm(op: Operator) -> None:
    """Scripted free-mail addresses behind one carrier's NAT, never a card."""
    op.carrier(0.9)
    op.pattern(0.85)
    op.no_cards(0.97)
    op.builds(0.8, 2)
    op.phone_blocks(0.8)
    op.prompts(0.7, 6, 3, 0.5)
    op.signs_up_between(*_window(op, 0.15, 0.6), "allday")
    op.runs(rate=op.rng.uniform(8, 30), clock="half_flat", day_chance=0.8, weekend=1.0)
    op.writes(6.5, 0.25, 0.6)


def burst_and_silence(op: Operator) -> None:
    """All in a day and a half, hard use for one to three days, then nothing."""
    op.hosting(0.85, max(1, op.n // 60))
    op.one_issuer(0.8)
    op.builds(0.7, 3)
    op.prompts(0.8, int(op.rng.integers(3, 9)), 3, 0.6)
    first, _ = _window(op, 0.02, 0.05)
    op.signs_up_between(first, first + op.rng.uniform(0.3, 1.6) * DAY, "flat")
    op.runs(rate=op.rng.uniform(60, 250), clock="flat", day_chance=1.0, weekend=1.0)
    stop = first + op.rng.uniform(1.5, 3.5) * DAY
    op.block["stop"] = np.minimum(op.block["stop"], stop + op.rng.random(op.n) * 14_400.0)
    op.block["stop"] = np.maximum(op.block["stop"], op.block["start"] + 3600.0)
    op.writes(6.7, 0.2, 0.5)


def trial_abuse(op: Operator) -> None:
    """One person who wants the free tier forever: tags, dots, one line, one laptop."""
    op.lines(0.75, 2)
    op.tags(0.9, int(op.rng.integers(1, 4)))
    op.reused_devices(0.85, max(5, op.n // 2), op.n)
    op.no_cards(1.0)
    op.prompts(0.6, 5, 3, 0.4)
    first, last = _window(op, 0.4, 0.9)
    created = np.sort(first + (last - first) * op.rng.random(op.n))
    op.signs_up(np.arange(op.n), created)
    op.runs(rate=op.rng.uniform(10, 40), clock="owl", day_chance=0.9, weekend=1.0)
    op.lasts(4.0)  # until the credit is used up


def quiet(op: Operator) -> None:
    """Bought mailboxes, each account its own card: only exits, client and templates in common."""
    op.proxies(0.85, each=5)
    op.own_cards(0.5)
    op.builds(0.75, 2)
    op.prompts(0.75, int(op.rng.integers(8, 20)), 4, 0.35)
    op.signs_up_between(*_window(op, 0.5, 0.95), "allday")
    op.runs(rate=op.rng.uniform(4, 14), clock="half_flat", day_chance=0.7, weekend=1.0)
    op.writes(6.4, 0.3, 0.7)


def switcher(op: Operator) -> None:
    """Moves to the new model within a day of its release."""
    op.catch_all(0.75, 8, 40)
    op.one_issuer(0.7)
    op.proxies(0.8)
    op.prompts(0.7, int(op.rng.integers(6, 16)), 4, 0.5)
    op.signs_up_between(*_window(op, 0.3, 0.8), "half_flat")
    op.runs(rate=op.rng.uniform(12, 35), clock="flat", day_chance=0.9, weekend=1.0)
    rows = op.takes(0.85)
    op.block["adopts"][rows] = op.world.habits.new_model_at + op.rng.beta(1.5, 3, len(rows)) * DAY
    op.block["adopts_share"][rows] = 0.9
    op.writes(6.8, 0.25, 0.6)


def camouflage(op: Operator) -> None:
    """Own infrastructure under decoys: firms' domains, popular templates, carriers' addresses."""
    op.proxies(0.6)
    op.reused_devices(0.6, 3, 9)
    op.prompts(0.6, int(op.rng.integers(5, 14)), 3, 0.35)
    op.typed_domains(op.rng.uniform(0.2, 0.6))
    rows = op.takes(0.5)
    decoy = op.world.places.mobiles(op.block["region"][rows])
    op.block["signup_ip"][rows] = decoy
    rows = np.flatnonzero(coin(op.rng, op.n, 0.5) & (op.block["templates"][:, 2] > 0))
    op.block["templates"][rows, 3] = op.rng.choice(op.world.extension.ravel(), len(rows))
    op.signs_up_between(*_window(op, 0.4, 0.9), "office")
    op.runs(rate=op.rng.uniform(8, 28), clock="half_flat", day_chance=0.85, weekend=0.8)
    op.writes(6.4, 0.35, 0.75)


def shift_farm(op: Operator) -> None:
    """People at desks in three shifts, six days a week, each with a drawer of phones."""
    op.lines(0.5, max(2, op.n // 40))
    op.reused_devices(0.75, 4, 14)
    op.phone_blocks(0.7)
    op.one_issuer(0.4)
    op.prompts(0.5, 25, 5, 0.35)
    op.signs_up_between(*_window(op, 0.3, 0.8), "office")
    op.runs(rate=op.rng.uniform(10, 30), clock="early_shift", day_chance=0.85, weekend=0.5)
    shifts = [CLOCK["early_shift"], CLOCK["late_shift"], CLOCK["night_shift"]]
    op.block["clock"] = op.rng.choice(shifts, op.n, p=[0.45, 0.35, 0.2])
    op.writes(6.1, 0.4, 0.85)


def slow_drip(op: Operator) -> None:
    """A few sign-ups a day over the whole window; young domains, one issuer."""
    h = op.world.habits
    op.catch_all(0.8, 15, 45)
    op.one_issuer(0.7)
    op.proxies(0.7)
    op.prompts(0.7, int(op.rng.integers(4, 12)), 3, 0.45)
    created = h.begin + (h.end - h.begin - DAY) * (np.arange(op.n) + op.rng.random(op.n)) / op.n
    op.signs_up(np.arange(op.n), created)
    op.notes["signup_days"] = h.days
    op.runs(rate=op.rng.uniform(10, 30), clock="flat", day_chance=0.85, weekend=1.0)
    op.lasts(25.0)
    op.writes(6.7, 0.3, 0.65)


def many_templates(op: Operator) -> None:
    """Prompts vary so much that few accounts run the same; domains and exits in common."""
    op.catch_all(0.8, 25, 90)
    op.proxies(0.85)
    op.builds(0.5, 4)
    op.prompts(0.9, max(60, 2 * op.n), 6, 0.3)
    op.signs_up_between(*_window(op, 0.3, 0.8), "allday")
    op.runs(rate=op.rng.uniform(12, 35), clock="flat", day_chance=0.9, weekend=1.0)
    op.writes(6.7, 0.25, 0.6)


def mimic(op: Operator) -> None:
    """Output lengths, clocks, weekends and idle days like the population's, for the most part."""
    op.proxies(0.8)
    op.reused_devices(0.5, 2, 5)
    op.phone_blocks(0.5)
    op.pattern(0.5)
    ordinary = {name: op.block[name].copy() for name in ("clock", "weekend", "phase", "day_chance")}
    op.prompts(0.7, int(op.rng.integers(8, 24)), 3, 0.3)
    op.signs_up_between(*_window(op, 0.4, 0.9), "allday")
    op.runs(rate=op.rng.uniform(6, 18), clock="half_flat", day_chance=0.6, weekend=0.8)
    like = coin(op.rng, op.n, 0.6)
    for name, column in ordinary.items():
        op.block[name] = np.where(like, column, op.block[name])
    op.block["day_chance"] = np.maximum(op.block["day_chance"], 0.15)
    op.writes(5.8, 0.7, 0.9)


def relay(op: Operator) -> None:
    """Trial accounts resold behind one gateway: strangers' prompts and hours, a few exits."""
    op.hosting(0.9, max(1, op.n // 200))
    op.throw_away(0.3)
    op.catch_all(0.6, 10, 60)
    op.builds(0.85, 1, common=True)
    op.no_cards(0.8)
    first, last = _window(op, 0.3, 0.8)
    op.signs_up_between(first, last, "flat")
    op.runs(rate=op.rng.uniform(25, 90), clock="traffic", day_chance=0.97, weekend=1.0)
    op.block["prompts"] = op.block["prompts"] * 20
    op.writes(5.6, 0.15, 1.0)


STYLES: tuple[Style, ...] = (
    reuse, hydra, free_mail_farm, burst_and_silence, trial_abuse, quiet, switcher, camouflage,
    shift_farm, slow_drip, many_templates, mimic, relay,
)  # fmt: skip
LOUD = (reuse, hydra, free_mail_farm, burst_and_silence, trial_abuse, switcher)
HARD = (quiet, camouflage, shift_farm, slow_drip, many_templates, mimic, relay)


def _fleet(world: World, style: Style, size: int, number: int) -> Operator:
    rng = world.rng
    spread = int(rng.choice([1, 1, 2, 4]))
    op = Operator(world, size, np.unique(somewhere(world, spread)))
    rng.shuffle(op.regions)
    style(op)
    if style is not burst_and_silence:
        op.holds_back()
    op.block["fleet"][:] = number
    op.block["style"][:] = style.__name__
    if rng.random() < 0.25:  # the provider found some of them, at one moment
        late = world.habits.begin + world.habits.days * DAY * rng.uniform(0.6, 0.98)
        share = float(rng.uniform(0.2, 0.9))
        hit = coin(rng, size, share) & (op.block["created"] < late)
        op.block["closed"][hit] = late + rng.random(int(hit.sum())) * 7200.0
        op.notes["banned"] = int(hit.sum())
    return op


def _share_a_pool(world: World, ops: list[Operator]) -> None:
    """Two operators (of two styles) rent the same sub-pool of exits."""
    users = [op for op in ops if op.notes.get("network") == "proxy" and op.n >= 15]
    for one in users:
        other = next((o for o in users if o.block["style"][0] != one.block["style"][0]), None)
        if other is not None:
            size = max(8, (one.n + other.n) // 2)
            pool = world.rng.choice(world.proxies, size)
            for op, name in ((one, other), (other, one)):
                op.proxies(op.notes["network_share"], pool)
                op.notes["pool_shared_with"] = int(name.block["fleet"][0])
            return


def fleets(world: World, total: int, styles: tuple[Style, ...]) -> list[Operator]:
    """Fleets of 5 to 30% of `total` accounts, heavy-tailed; every style before any twice."""
    rng = world.rng
    of = sizes(rng, total, 5, max(8, int(total * 0.3)), 0.55) if total >= 5 else []
    plan: list[tuple[Style, int]] = []
    order: list[Style] = []
    for size in sorted(of, reverse=True):
        if not order:
            order = [styles[i] for i in rng.permutation(len(styles))]
        style = order.pop(0)
        if style is trial_abuse and size > 30:  # one person's work: small ones, and another's turn
            plan += [(trial_abuse, int(rng.integers(5, 31))) for _ in range(3)]
            others = [s for s in styles if s is not trial_abuse]
            style = others[rng.integers(0, len(others))]
        plan.append((style, size))
    ops = [_fleet(world, style, size, i) for i, (style, size) in enumerate(plan)]
    _share_a_pool(world, ops)
    return ops
