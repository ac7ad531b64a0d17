"""Requests of accounts, day by day; hourly roll-ups for some; log-ins and payments.

A raw account shows one row per request, up to `most` a day, above which the log is sampled
and a row stands for several exchanges; a rolled-up account shows one row per hour it was seen in.
"""

from __future__ import annotations

import numpy as np

from tests.bench.otherworld.draws import DAY, Accounts, Array, Rng, coin, fresh, mix, taken
from tests.bench.otherworld.habits import CLOCK_TABLE, NEW_MODEL, Habits
from tests.bench.otherworld.places import Places

ALWAYS_ROLLED = 150.0  # exchanges a day
MOST_TOKENS = 32_000


def active_days(rng: Rng, h: Habits, a: Accounts) -> tuple[Array, Array]:
    """Pairs (account, first second of the UTC day) on which an account sends anything."""
    days = h.begin + DAY * np.arange(h.days)
    weekday = (np.floor(days / DAY).astype(np.int64) + 3) % 7
    chance = a["day_chance"][:, None] * np.where(weekday >= 5, a["weekend"][:, None], 1.0)
    inside = (days[None, :] + DAY > a["start"][:, None]) & (days[None, :] < a["stop"][:, None])
    inside &= (a["stop"] > a["start"])[:, None]
    active = inside & (rng.random(chance.shape) < chance)
    first = np.clip(((a["start"] - h.begin) // DAY).astype(np.int64), 0, h.days - 1)
    new = (a["created"] >= h.begin) & (a["stop"] > a["start"])
    active[np.flatnonzero(new), first[new]] = True  # whoever comes tries it
    account, day = np.nonzero(active & (a["rate"] > 0)[:, None])
    return account, days[day]


def moments_of_use(rng: Rng, a: Accounts, account: Array, day: Array, hours: Array) -> Array:
    """Epoch seconds of requests: the account's clock, inside its life."""
    flat = (np.cumsum(CLOCK_TABLE, axis=1) + np.arange(len(CLOCK_TABLE))[:, None]).ravel()
    u = rng.random(len(account)) * (1 - 1e-12)
    hour = np.searchsorted(flat, a["clock"][account] + u) % 24
    local = hour + rng.random(len(account)) + a["phase"][account] - hours[a["region"][account]]
    t = day + (3600.0 * local) % DAY
    low = np.maximum(a["start"][account], day)
    high = np.minimum(a["stop"][account], day + DAY)
    again = low + rng.random(len(account)) * np.maximum(high - low, 0.0)
    return np.where((t >= low) & (t < high), t, again)


def from_lists(rng: Rng, lists: Array, account: Array, lean: float) -> Array:
    """An entry of each account's list, the first ones more often; 0 where it is empty."""
    length = (lists > 0).sum(axis=1)[account]
    at = (length * rng.random(len(account)) ** lean).astype(np.int64)
    chosen: Array = lists[account, np.minimum(at, lists.shape[1] - 1)]
    return chosen


def models_of(rng: Rng, a: Accounts, account: Array, t: Array) -> Array:
    other = rng.random(len(account)) < a["model_b_share"][account]
    model = np.where(other, a["model_b"][account], a["model_a"][account])
    moved = (t >= a["adopts"][account]) & (rng.random(len(account)) < a["adopts_share"][account])
    return np.where(moved, NEW_MODEL, model)


def prompts_of(rng: Rng, a: Accounts, account: Array) -> Array:
    """A template the account shares, or one of its own prompts; 0 where logging is off."""
    shared = from_lists(rng, a["templates"], account, 1.4)
    pool = a["prompts"][account]
    own = (pool * rng.random(len(account)) ** 1.3).astype(np.uint64)
    with np.errstate(over="ignore"):
        own = mix(a["secret"][account] + own)
    use = (rng.random(len(account)) < a["template_share"][account]) & (shared > 0)
    return np.where(a["prompt_hidden"][account], 0, np.where(use, shared, own))


def rolled(rows: Accounts, which: Array) -> Accounts:
    """Fold the rows of `which` accounts into one row per account and hour: sums, first values."""
    hour = rows["t"] // 3600
    key = rows["account"].astype(np.int64) * 10_000_000 + hour.astype(np.int64)
    order = np.flatnonzero(which)
    order = order[np.argsort(key[order], kind="stable")]
    starts = np.flatnonzero(np.r_[True, np.diff(key[order]) != 0]) if len(order) else order
    folded = taken(rows, order[starts])
    folded["t"] = hour[order[starts]] * 3600.0
    for name in ("exchanges", "input_tokens", "output_tokens"):
        folded[name] = np.add.reduceat(rows[name][order], starts) if len(order) else rows[name][:0]
    kept = taken(rows, np.flatnonzero(~which))
    return {name: np.concatenate([kept[name], folded[name]]) for name in rows}


def use_of(rng: Rng, h: Habits, places: Places, a: Accounts, most: int) -> Accounts:
    """Usage rows of a chunk of accounts, sorted by time; at most `most` per account and day."""
    account, day = active_days(rng, h, a)
    mean = a["rate"][account] * np.exp(rng.normal(-0.2, 0.6, len(account)))
    count = 1 + rng.poisson(np.minimum(mean, 1e6))
    shown = np.minimum(count, most)
    pair = np.repeat(np.arange(len(account)), shown)
    place = np.arange(len(pair)) - np.repeat(np.cumsum(shown) - shown, shown)
    stands = (count // shown)[pair] + (place < (count % shown)[pair])
    account, day = account[pair], day[pair]
    t = moments_of_use(rng, a, account, day, places.hours)
    model = models_of(rng, a, account, t)
    z = rng.standard_normal((2, len(account)))
    out = np.exp(a["out_mu"][account] + a["out_sd"][account] * z[0])
    taken_in = np.exp(a["in_mu"][account] + 0.8 * z[1])
    out = np.where(
        model == 4, 0, np.clip(np.round(out), 1, MOST_TOKENS)
    )  # embeddings write nothing
    device = from_lists(rng, a["devices"], account, 2.0)
    rows: Accounts = {
        "account": account,
        "t": t,
        "ip": from_lists(rng, a["ips"], account, 1.5),
        "device": np.where(a["api"][account], 0, device),
        "model": model,
        "prompt": prompts_of(rng, a, account),
        "exchanges": stands.astype(np.int64),
        "input_tokens": np.clip(np.round(taken_in), 1, 8 * MOST_TOKENS).astype(np.int64) * stands,
        "output_tokens": out.astype(np.int64) * stands,
    }
    rows = rolled(rows, a["rolled"][account])
    return taken(rows, np.lexsort((rows["account"], rows["t"])))


def logins_of(rng: Rng, h: Habits, a: Accounts) -> Accounts:
    """Visits to the console: few for programs, weekly or so for people."""
    lives = np.maximum(a["stop"] - a["start"], 3600.0)
    mean = np.where(a["api"], 0.03, 0.15) * a["day_chance"] * lives / DAY
    count = rng.poisson(np.minimum(mean, 30.0)) + (a["created"] >= h.begin)
    account = np.repeat(np.arange(len(count)), count)
    t = a["start"][account] + lives[account] * rng.random(len(account))
    rows: Accounts = {
        "account": account,
        "t": np.minimum(t, h.end - 1.0),
        "ip": from_lists(rng, a["ips"], account, 1.2),
        "device": from_lists(rng, a["devices"], account, 2.0),
        "agent": a["agent"][account],
        "tls": a["tls"][account],
    }
    return taken(rows, np.lexsort((rows["account"], rows["t"])))


def payments_of(rng: Rng, h: Habits, a: Accounts) -> Accounts:
    """A charge every thirty days from sign-up on; a card in fifty is replaced on the way."""
    paying = np.flatnonzero(a["card"] > 0)
    begin, stop = np.maximum(a["created"], h.begin)[paying], a["stop"][paying]
    count = 1 + np.maximum((stop - begin) // (30 * DAY), 0).astype(np.int64)
    account = np.repeat(paying, count)
    place = np.arange(len(account)) - np.repeat(np.cumsum(count) - count, count)
    t = np.repeat(begin, count) + 30 * DAY * place + 600.0 * rng.random(len(account))
    new = coin(rng, len(account), 0.02) & (place > 0)
    rows: Accounts = {
        "account": account,
        "t": np.minimum(t, h.end - 1.0),
        "card": np.where(new, fresh(rng, len(account)), a["card"][account]),
        "bin": a["bin"][account],
    }
    return taken(rows, np.lexsort((rows["account"], rows["t"])))
