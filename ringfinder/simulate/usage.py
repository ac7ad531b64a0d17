"""From traits to rows: usage, payments, logins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringfinder.durations import DAY_MS, HOUR_MS
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.simulate.activity import PROFILES, clip_to_life, release_ms
from ringfinder.simulate.block import Block
from ringfinder.simulate.chance import U64, salt_of, scramble, uniform_of
from ringfinder.simulate.countries import MODELS
from ringfinder.simulate.ground import Ground
from ringfinder.simulate.ragged import Ragged

_STEPS = 2048


@dataclass
class Rows:
    """Usage rows as codes, sorted by time; shape (rows,) each; -1 where nothing was recorded."""

    account: IntArray
    occurred: IntArray
    ip: IntArray
    device: IntArray
    prompt: IntArray
    model: IntArray
    input_tokens: IntArray
    output_tokens: IntArray
    exchanges: IntArray

    def keep(self, mask: BoolArray) -> Rows:
        """Return the rows where the mask holds."""
        return Rows(**{name: column[mask] for name, column in vars(self).items()})


def usage(ground: Ground, block: Block, rng: np.random.Generator) -> Rows:
    """Draw the usage rows of all accounts."""
    counts = row_counts(block, ground.spec.rows_per_account, rng)
    account = np.repeat(np.arange(len(block)), counts).astype(np.int32)
    occurred = _times(ground, block, account, rng)
    order = np.argsort(occurred, kind="stable")
    account, occurred = account[order], occurred[order]
    exchanges = _exchanges(block, account, counts, rng)
    return Rows(
        account=account,
        occurred=occurred,
        ip=draw(block.ips, account, rng, block.ip_focus),
        device=draw(block.devices, account, rng, None),
        prompt=draw(block.prompts, account, rng, block.prompt_focus),
        model=_models(ground, block, account, occurred, rng),
        input_tokens=_tokens(block.in_mu, block.in_sd, account, exchanges, rng),
        output_tokens=_tokens(block.out_mu, block.out_sd, account, exchanges, rng),
        exchanges=exchanges,
    )


def row_counts(block: Block, mean: float, rng: np.random.Generator) -> IntArray:
    """Draw how many rows each account has, so that they come to `mean` per account.

    Nobody has more rows than exchanges; accounts without use have none. Fleets, which are
    used every day, get what they ask for, up to half of all rows; the others share the rest.
    """
    budget = mean * len(block)
    most = np.maximum(block.volume, 1)
    operated = block.fleet >= 0
    asked = float(block.rows[operated].sum())
    scale = np.ones(len(block))
    scale[operated] = min(1.0, mean / 10, 0.5 * budget / max(asked, 1.0))
    for _ in range(4):
        rows = np.where(block.rows > 0, np.clip(block.rows * scale, 1, most), 0)
        rest = budget - float(rows[operated].sum())
        scale[~operated] *= rest / max(1.0, float(rows[~operated].sum()))
    whole = np.floor(rows)
    counts: IntArray = (whole + (rng.random(len(block)) < rows - whole)).astype(np.int64)
    return counts


def draw(
    lists: Ragged, account: IntArray, rng: np.random.Generator, focus: FloatArray | None
) -> IntArray:
    """Draw one value per row from its account's list; -1 where the list is empty."""
    u = rng.random(len(account), dtype=np.float32)
    if focus is not None:
        u **= focus[account].astype(np.float32)
    counts = lists.counts[account]
    place = np.minimum((u * counts).astype(np.int64), counts - 1)
    padded = np.append(lists.items, -1)
    return np.where(counts > 0, padded[lists.starts[account] + place], -1)


def _times(ground: Ground, block: Block, account: IntArray, rng: np.random.Generator) -> IntArray:
    spec, n = ground.spec, len(account)
    begin = block.begin // DAY_MS
    span = block.finish // DAY_MS - begin + 1
    # An account has its own active days: the k-th is a hash of (account, k).
    kth = (rng.random(n) * block.active_days[account]).astype(np.int64)
    salt = salt_of(spec.seed, "days")
    spread = uniform_of(scramble(account.astype(np.int64) * 1024 + kth, salt))
    full = (block.active_days >= span)[account]
    spread[full] = rng.random(int(full.sum()))
    day = begin[account] + (spread * span[account]).astype(np.int64)
    weekend = ((day + 3) % 7 >= 5) & (rng.random(n, np.float32) >= block.weekend[account])
    moved = day - rng.integers(1, 6, n)
    day = np.where(weekend & (moved >= begin[account]), moved, day)
    table = _hour_table(list(PROFILES) + ground.mint.profiles)
    hour = table[block.profile[account], rng.integers(0, _STEPS, n)] + block.shift[account]
    times = day * DAY_MS + (hour % 24) * HOUR_MS + rng.integers(0, HOUR_MS, n)
    early = times < block.begin[account]
    times[early] = block.begin[account[early]] + rng.integers(0, HOUR_MS, int(early.sum()))
    late = times > block.finish[account]
    low = block.begin[account[late]]
    times[late] = low + (
        rng.random(int(late.sum())) * (block.finish[account[late]] - low + 1)
    ).astype(np.int64)
    return clip_to_life(block.created[account], block.closed[account], times, spec.end_ms)


def _hour_table(profiles: list[FloatArray]) -> IntArray:
    """Return the hour at each of `_STEPS` quantiles of every profile."""
    levels = (np.arange(_STEPS) + 0.5) / _STEPS
    return np.array([np.searchsorted(np.cumsum(p) / p.sum(), levels) for p in profiles])


def _exchanges(
    block: Block, account: IntArray, counts: IntArray, rng: np.random.Generator
) -> IntArray:
    shape = block.burstiness[account]
    share = rng.gamma(shape) / shape
    mean = (block.volume / np.maximum(counts, 1))[account]
    result: IntArray = np.clip(np.rint(mean * share), 1, 20_000).astype(np.int32)
    return result


def _tokens(
    mu: FloatArray, sd: FloatArray, account: IntArray, exchanges: IntArray, rng: np.random.Generator
) -> IntArray:
    """Sum tokens over the exchanges of a row: the mean of many varies less than one."""
    spread = sd[account] / np.sqrt(np.minimum(exchanges, 16))
    each = np.exp(
        mu[account] + 0.25 * sd[account] ** 2 + spread * rng.standard_normal(len(account))
    )
    result: IntArray = np.clip(np.rint(each * exchanges), 1, 2_000_000_000).astype(np.int64)
    return result


def _models(
    ground: Ground, block: Block, account: IntArray, occurred: IntArray, rng: np.random.Generator
) -> IntArray:
    usual = block.model[account].astype(np.int8)
    stray = rng.random(len(account), np.float32) < 0.06
    usual[stray] = rng.integers(0, len(MODELS) - 1, int(stray.sum()))
    moved = (occurred >= block.adopts[account]) & (occurred >= release_ms(ground.spec))
    moved &= rng.random(len(account), np.float32) < block.adoption[account]
    usual[moved] = len(MODELS) - 1
    return usual


@dataclass
class Visits:
    """Payments or logins as codes, sorted by time."""

    account: IntArray
    occurred: IntArray
    ip: IntArray
    device: IntArray
    card: IntArray


def payments(ground: Ground, block: Block, rng: np.random.Generator) -> Visits:
    """Draw monthly charges of accounts with a card."""
    end = ground.spec.end_ms
    months = 1 + np.maximum(0, block.finish - block.created) // (30 * DAY_MS)
    return _visits(block, np.where(block.cards.counts > 0, months, 0), end, rng, 30 * DAY_MS)


def logins(ground: Ground, block: Block, rng: np.random.Generator) -> Visits:
    """Draw a few logins of some accounts."""
    counts = rng.poisson(np.where(rng.random(len(block)) < 0.35, 1.2, 0.0))
    return _visits(block, counts, ground.spec.end_ms, rng, 0)


def _visits(
    block: Block, counts: IntArray, end: int, rng: np.random.Generator, period: int
) -> Visits:
    account = np.repeat(np.arange(len(block)), counts)
    kth = np.arange(len(account)) - np.repeat(np.cumsum(counts) - counts, counts)
    life = np.maximum(block.finish - block.created, HOUR_MS)[account]
    wait = kth * period + rng.integers(60_000, 5 * HOUR_MS, len(account))
    times = block.created[account] + (
        wait if period else (rng.random(len(account)) * life).astype(np.int64)
    )
    times = clip_to_life(block.created[account], block.closed[account], times, end)
    order = np.argsort(times, kind="stable")
    account, times = account[order], times[order]
    return Visits(
        account, times, draw(block.ips, account, rng, block.ip_focus),
        draw(block.devices, account, rng, None), draw(block.cards, account, rng, None),
    )  # fmt: skip


def host_bits(ip: IntArray, seed: int) -> U64:
    """Return the interface identifiers of addresses: one per address code."""
    return scramble(ip, salt_of(seed, "host"))
