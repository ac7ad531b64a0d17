"""What one provider's exports look like: drawn once per world, the same for friend and foe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.bench.otherworld.draws import DAY, Array, Rng, zipf

CLOCKS = {  # weight of each local hour, from midnight
    "office": "0 0 0 0 0 0 1 3 8 12 13 12 7 10 12 12 10 8 4 3 2 2 1 0",
    "evening": "2 1 0 0 0 0 1 2 2 2 3 3 3 3 3 4 5 6 8 10 12 12 9 5",
    "student": "7 4 2 1 0 0 0 1 2 4 5 5 4 5 6 6 6 5 5 6 8 9 10 9",
    "allday": "1 1 0 0 0 1 2 4 5 6 6 6 6 6 6 6 6 6 6 6 6 5 4 2",
    "owl": "11 10 9 7 4 2 1 0 0 0 1 2 2 3 3 3 4 4 4 5 5 7 9 10",
    "flat": "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "nightly": "3 20 40 20 3 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1",
    "six_hourly": "10 2 0 0 0 0 10 2 0 0 0 0 10 2 0 0 0 0 10 2 0 0 0 0",
    "early_shift": "0 0 0 0 0 1 8 9 9 9 4 9 9 8 2 0 0 0 0 0 0 0 0 0",
    "late_shift": "0 0 0 0 0 0 0 0 0 0 0 0 0 2 9 9 9 9 4 9 9 8 1 0",
    "night_shift": "9 9 4 9 9 7 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 2 9 9",
    "half_flat": "3 3 2 2 2 2 3 4 6 7 7 7 6 7 7 7 7 7 7 7 7 6 5 4",
    "traffic": "3 2 2 1 1 2 3 5 6 7 7 7 8 8 7 7 7 7 8 9 9 8 6 4",
}
CLOCK = {name: code for code, name in enumerate(CLOCKS)}
CLOCK_TABLE = np.array([[float(x) for x in text.split()] for text in CLOCKS.values()])
CLOCK_TABLE = CLOCK_TABLE / CLOCK_TABLE.sum(axis=1, keepdims=True)
PLANS = ("free", "pay_as_you_go", "pro", "team", "enterprise")
MODELS = ("swift-2", "swift-2-mini", "atlas-1", "atlas-1-long", "quill-embed", "atlas-2")
NEW_MODEL = 5
REFERRERS = (
    "google", "direct", "github.com", "youtube.com", "news.ycombinator.com", "x.com", "bing",
    "reddit.com", "linkedin.com", "docs", "producthunt.com", "blog", "partner", "newsletter",
)  # fmt: skip


@dataclass(frozen=True)
class Habits:
    """Formats, gaps and the window of one world.

    `begin` and `end` are epoch seconds; the log of sign-ups also holds accounts
    from before `begin` (share `older`), whose use is only seen from `begin` on.
    """

    begin: float
    days: int
    older: float
    ids: str  # uuid, integer, sequential, opaque
    device_format: str  # hex, uuid, base36
    card_format: str
    phones: bool
    tls: bool
    plans: bool
    referrers: bool
    everyone_has_an_organisation: bool
    device_missing: float
    agent_missing: float
    prompt_missing: float
    country_missing: float
    country_wrong: float
    rolled_up: float  # share of accounts whose use comes as hourly rows
    rows_by_time: bool
    new_model_at: float
    templates: int  # popular templates in the world
    clients: int  # user agents

    @property
    def end(self) -> float:
        return self.begin + self.days * DAY


def make_habits(rng: Rng, days: int | None) -> Habits:
    days = int(rng.integers(30, 121)) if days is None else days
    begin = 1_704_067_200.0 + DAY * int(rng.integers(0, 800))
    return Habits(
        begin=begin,
        days=days,
        older=float(rng.choice([0.0, 0.1, 0.3])),
        ids=str(rng.choice(["uuid", "integer", "sequential", "opaque"])),
        device_format=str(rng.choice(["hex", "uuid", "base36"])),
        card_format=str(rng.choice(["hex", "base36"])),
        phones=bool(rng.random() < 0.4),
        tls=bool(rng.random() < 0.7),
        plans=bool(rng.random() < 0.8),
        referrers=bool(rng.random() < 0.7),
        everyone_has_an_organisation=bool(rng.random() < 0.3),
        device_missing=0.3,
        agent_missing=float(rng.uniform(0.03, 0.2)),
        prompt_missing=float(rng.uniform(0.02, 0.3)),
        country_missing=0.04,
        country_wrong=0.03,
        rolled_up=float(rng.uniform(0.35, 0.8)),
        rows_by_time=bool(rng.random() < 0.5),
        new_model_at=begin + DAY * days * float(rng.uniform(0.3, 0.8)),
        templates=300,
        clients=150,
    )


def moments(rng: Rng, size: int, first: Array, last: Array, clock: Array, hours: Array) -> Array:
    """Moments between `first` and `last` (epoch s, each), at local hours of the given clocks.

    Where the interval is too short for its clock the moment stays inside it, whatever the hour.
    """
    day = np.floor((first + rng.random(size) * (last - first)) / DAY) * DAY
    offset = np.cumsum(np.ones(len(CLOCK_TABLE))) - 1
    flat = (np.cumsum(CLOCK_TABLE, axis=1) + offset[:, None]).ravel()
    hour = np.searchsorted(flat, clock + rng.random(size) * (1 - 1e-12)) % 24
    local = day + 3600.0 * (hour + rng.random(size) - hours)
    inside = (local >= first) & (local < last)
    out: Array = np.where(inside, local, first + rng.random(size) * (last - first))
    return out


def referrers(rng: Rng, size: int) -> Array:
    known = np.array([*REFERRERS, None], dtype=object)
    out: Array = known[zipf(rng, size, len(REFERRERS), 0.9)]
    out[rng.random(size) < 0.6] = None
    return out
