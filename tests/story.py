"""A run as a person would meet it: fleets, companies, families, strangers, and their evidence.

Made by hand, without simulator or detector, so that what explains and publishes can be
tested and looked at alone. The rings and their numbers are as good as a detector's: members,
evidence and counts agree with the graph.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ringfinder.explain.given import (
    FeatureWords,
    Judgement,
    LabelUse,
    NullWorld,
    RejectCount,
    RunFacts,
    StepCost,
)
from ringfinder.graph.columns import NEVER, AttributeGraph, Profiles, Rings
from ringfinder.schema import CODE, FAMILY_OF_KIND, KINDS

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
START_MS = 1_772_323_200_000  # 2026-03-01
DAYS = 90

FLAT = np.ones(24) / 24
OFFICE = np.exp(-0.5 * ((np.arange(24) - 13.5) / 2.6) ** 2)
PEOPLE = 0.18 + np.exp(-0.5 * ((np.arange(24) - 15) / 4.5) ** 2)


@dataclass(frozen=True)
class Plot:
    """One group of accounts: how many, what they share, when they act."""

    verdict: str
    size: int
    shares: dict[str, float]  # kind -> accounts per value; below 1: that share holds one value
    start_day: float
    span_days: float
    days_of_use: float
    per_day: float
    clock: np.ndarray
    lifecycle: str = "active"


_FARM = {"device": 6, "prompt_band": 0.9, "email_pattern": 0.8}
_OFFICE = {"email_domain": 0.97, "ip": 0.8, "payment_fingerprint": 0.9}
_LECTURE = {"ip": 0.9, "prompt_fingerprint": 0.7, "signup_window": 0.6}

PLOTS = [
    Plot("fleet", 5000, {"email_domain": 150, "prompt_band": 1700, "ip_network": 0.3,
                         "payment_fingerprint": 3}, 20, 45, 30, 25, FLAT),
    Plot("fleet", 1200, {"email_domain": 600, "prompt_band": 500, "device": 40},
         5, 12, 50, 18, FLAT),
    Plot("fleet", 312, {"email_domain": 104, "prompt_band": 150}, 31, 1.7, 40, 25, FLAT, "growing"),
    Plot("fleet", 150, {"ip": 15, "payment_fingerprint": 10, "device": 5}, 44, 3, 30, 14, FLAT),
    Plot("fleet", 60, {"email_domain": 0.95, "prompt_fingerprint": 0.9}, 12, 0.4, 3, 90, FLAT,
         "silent"),
    Plot("fleet", 20, {"email_domain": 0.98, "device": 4, "payment_fingerprint": 7}, 60, 1, 12, 40,
         PEOPLE, "closed"),
    *[Plot("fleet", 12 + 9 * i, _FARM, 3 + 8 * i, 2, 20 - i, 9 + i, FLAT) for i in range(8)],
    *[Plot("organisation", 900 // (i + 1), _OFFICE, 0, 85, 45, 4, OFFICE) for i in range(8)],
    Plot("organisation", 220, _LECTURE, 40, 0.2, 4, 6, OFFICE),
    *[Plot("household", 4 + i, {"ip": 0.9, "device": 0.6}, 5 * i, 50, 20, 3, PEOPLE)
      for i in range(9)],
    *[Plot("unclear", 30 + 12 * i, {"ip_network": 0.9, "email_pattern": 0.7}, 10 * i, 14, 12, 8,
           PEOPLE) for i in range(6)],
]  # fmt: skip


def story(
    *, strangers: int = 60_000, plots: list[Plot] | None = None, seed: int = 3
) -> tuple[AttributeGraph, Rings, Judgement]:
    """Return the graph, its rings and their judgement; the same seed gives the same run."""
    plots = PLOTS if plots is None else plots
    rng = np.random.default_rng(seed)
    ring = np.concatenate(
        [np.repeat(np.arange(len(plots)), [plot.size for plot in plots]), np.full(strangers, -1)]
    ).astype(np.int32)
    ring = ring[rng.permutation(len(ring))]
    everyone = Plot("", strangers, {}, 0, DAYS - 1, 14, 3.2, PEOPLE)
    created = np.zeros(len(ring), dtype=np.int64)
    hours = np.zeros((len(ring), 24), dtype=np.int32)
    days = []
    for index, plot in [(-1, everyone), *enumerate(plots)]:
        members = np.flatnonzero(ring == index)
        created[members], hours[members], used = _lives(plot, members, rng)
        days.append(used)
    graph = _graph(ring, plots, created, _profiles(hours, created, np.concatenate(days)), rng)
    rings = _rings(graph, ring, plots, rng)
    return graph, rings, _judgement(graph, rings, plots)


def run_facts() -> RunFacts:
    """What a pipeline would know of such a run."""
    return RunFacts(
        settings={"seed": 0, "fdr": 0.01, "threads": None, "clear_values": False,
                  "memory_limit": "2.0GiB", "default_region": "DE"},
        versions={"ringfinder": "0.1.0", "python": "3.11.7", "numpy": "2.4.6", "igraph": "1.0.0",
                  "normaliser": "1"},
        rows={"signups": 21_345, "usage": 1_204_331, "payments": 17_012},
        rejects=[
            RejectCount("usage", "unknown account", 312),
            RejectCount("signups", "created_at is not a time", 41),
            RejectCount("payments", "unknown account", 3),
        ],
        notices=["Left out 2 unknown columns of signups.csv: utm_source, ab_test."],
        costs=[StepCost("read files", 6.41, 812.0), StepCost("normalise", 1.2, 1004.0),
               StepCost("learn the background", 3.9, 1180.0), StepCost("find rings", 2.75, 1410.0),
               StepCost("null world", 2.1, 1410.0), StepCost("judge", 0.8, 1415.0),
               StepCost("explain and write", 2.2, 1466.0)],
        null_world=NullWorld(worlds=3, rings=0, accounts=0),
        labels=LabelUse(fraud=120, legitimate=48, cleared=2),
        finished_at="2026-06-01 09:30 UTC",
    )  # fmt: skip


def _lives(
    plot: Plot, members: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    clock = plot.clock / plot.clock.sum()
    day = np.floor(plot.start_day + rng.random(len(members)) * plot.span_days)
    created = START_MS + (day * DAY_MS).astype(np.int64)
    created += rng.choice(24, len(members), p=clock) * HOUR_MS + rng.integers(
        0, HOUR_MS, len(members)
    )
    length = np.maximum(1, rng.poisson(plot.days_of_use, len(members)))
    account = np.repeat(members, length)
    step = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    used = np.repeat(created // DAY_MS, length) + step
    number = rng.poisson(plot.per_day, len(account))
    keep = (used < START_MS // DAY_MS + DAYS) & (number > 0)
    if np.allclose(plot.clock, OFFICE):
        keep &= used % 7 < 5
    rows = np.stack([account[keep], used[keep], number[keep]], axis=1)
    totals = np.bincount(
        np.searchsorted(members, rows[:, 0]), weights=rows[:, 2], minlength=len(members)
    )
    return created, rng.multinomial(totals.astype(np.int64), clock), rows


def _profiles(hours: np.ndarray, created: np.ndarray, rows: np.ndarray) -> Profiles:
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    count = len(created)
    exchanges = np.bincount(rows[:, 0], weights=rows[:, 2], minlength=count).astype(np.int64)
    first, last = np.full(count, NEVER), np.full(count, NEVER)
    last[rows[:, 0]] = rows[:, 1] * DAY_MS + 20 * HOUR_MS
    first[rows[::-1, 0]] = rows[::-1, 1] * DAY_MS
    return Profiles(
        hours=hours.astype(np.int32),
        signup_hour=(created // HOUR_MS % 24).astype(np.int8),
        active_days=np.bincount(rows[:, 0], minlength=count).astype(np.int32),
        exchanges=exchanges,
        input_tokens=exchanges * 800,
        output_tokens=exchanges * 450,
        first_use_ms=first,
        last_use_ms=last,
        day_account=rows[:, 0].astype(np.int32),
        day=rows[:, 1].astype(np.int32),
        day_exchanges=rows[:, 2].astype(np.int32),
    )


def _graph(ring, plots, created, profiles, rng) -> AttributeGraph:
    """Give the members of a plot what they share, strangers what strangers have."""
    held: dict[tuple[int, int], None] = {}
    names: dict[tuple[int, str], int] = {}

    def hold(account: int, kind: str, name: str) -> None:
        value = names.setdefault((CODE[kind], name), len(names))
        held[(account, value)] = None

    for index, plot in enumerate(plots):
        members = np.flatnonzero(ring == index)
        for kind, per in plot.shares.items():
            number = max(1, round(plot.size / per)) if per >= 1 else 1
            for account in members.tolist():
                if per >= 1 or rng.random() < per:
                    hold(account, kind, f"{index}-{kind}-{rng.integers(number)}")
    strangers = np.flatnonzero(ring < 0)
    for kind, values in (
        ("ip_network", 900),
        ("email_pattern", 60),
        ("card_bin", 300),
        ("device", 10**6),
    ):
        for account, value in zip(
            strangers.tolist(), rng.integers(values, size=len(strangers)).tolist(), strict=True
        ):
            hold(account, kind, f"{value}")
    order = sorted(names, key=lambda key: (key[0], _pseudonym(key)))
    place = {names[key]: at for at, key in enumerate(order)}
    pairs = np.array(sorted((account, place[value]) for account, value in held), dtype=np.int32)
    pairs = pairs.reshape(-1, 2)
    seen = created[pairs[:, 0]]
    return AttributeGraph(
        account_ids=pa.array([f"acct_{account:06d}" for account in range(len(ring))], pa.string()),
        created_ms=created,
        closed_ms=np.full(len(ring), NEVER),
        stratum=np.full(len(ring), -1, dtype=np.int32),
        account=pairs[:, 0],
        value=pairs[:, 1],
        first_ms=seen,
        last_ms=seen,
        count=np.ones(len(pairs), dtype=np.int32),
        kind=np.array([key[0] for key in order], dtype=np.int8),
        pseudonym=pa.array([_pseudonym(key) for key in order], pa.string()),
        clear=pa.array([f"{key[1]}.{KINDS[key[0]].name}.example" for key in order], pa.string()),
        profiles=profiles,
    )


def _pseudonym(key: tuple[int, str]) -> str:
    import hashlib

    return "p1_" + hashlib.sha256(f"{key[0]}:{key[1]}".encode()).hexdigest()[:26]


def _rings(graph: AttributeGraph, ring: np.ndarray, plots: list[Plot], rng) -> Rings:
    """Count the evidence: every value that three members and a tenth more hold."""
    total = graph.holders()
    rows = []
    for index, plot in enumerate(plots):
        inside = np.bincount(graph.value[ring[graph.account] == index], minlength=graph.values)
        values = np.flatnonzero(inside >= 2)
        rate = inside[values] / plot.size
        out = (total[values] - inside[values] + 0.5) / (graph.accounts - plot.size + 1)
        nats = np.minimum(np.log(rate / out), np.log(graph.accounts / plot.size))
        order = np.lexsort((values, -nats * (nats > 1)))
        rows += [
            (index, values[i], inside[values[i]], total[values[i]], nats[i])
            for i in order
            if nats[i] > 1
        ]
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    return Rings(
        ring=ring,
        membership=np.where(ring >= 0, 1 - rng.beta(1, 60, len(ring)), 0.0),
        size=np.bincount(ring[ring >= 0], minlength=len(plots)).astype(np.int32),
        evidence_ring=table[:, 0].astype(np.int32),
        evidence_value=table[:, 1].astype(np.int32),
        evidence_inside=table[:, 2].astype(np.int32),
        evidence_total=table[:, 3].astype(np.int32),
        evidence_nats=table[:, 4],
    )


WORDS = {
    "quiet_hours_share": FeatureWords("use in the population's quietest eight hours", "share"),
    "output_tokens_sd": FeatureWords("output tokens per exchange above the population", "sd"),
    "signup_span_ratio": FeatureWords("sign-up span beside the population's", "ratio"),
    "exchanges_per_day": FeatureWords("exchanges per account and day of use", "exchanges"),
    "prompt_share": FeatureWords("members with a prompt in common", "share"),
    "families_agreeing": FeatureWords("evidence families that agree", "families"),
}


def _judgement(graph: AttributeGraph, rings: Rings, plots: list[Plot]) -> Judgement:
    number = len(plots)
    inside = rings.ring >= 0

    def total(column: np.ndarray) -> np.ndarray:
        return np.bincount(
            rings.ring[inside], weights=column[inside].astype(np.float64), minlength=number
        )

    quiet = np.array([plot.clock[:8].sum() / plot.clock.sum() for plot in plots])
    towards = np.array([{"fleet": 1.0, "unclear": 0.1}.get(plot.verdict, -1.0) for plot in plots])
    families = np.array(
        [len({FAMILY_OF_KIND[CODE[kind]] for kind in plot.shares}) for plot in plots], dtype=float
    )
    features = {
        "quiet_hours_share": quiet,
        "output_tokens_sd": 1.1 * towards + 0.2,
        "signup_span_ratio": np.array([plot.span_days / DAYS for plot in plots]),
        "exchanges_per_day": total(graph.profiles.exchanges)
        / np.maximum(1, total(graph.profiles.active_days)),
        "prompt_share": np.array(
            [0.9 if any("prompt" in k for k in plot.shares) else 0.02 for plot in plots]
        ),
        "families_agreeing": families,
    }
    contributions = {
        "quiet_hours_share": 14 * (quiet - 0.16),
        "output_tokens_sd": 1.8 * towards,
        "signup_span_ratio": np.clip(1.2 - 2.2 * features["signup_span_ratio"], -1, 1.2),
        "exchanges_per_day": np.clip(0.1 * (features["exchanges_per_day"] - 4), -1, 2),
        "prompt_share": 1.6 * features["prompt_share"] - 0.4,
        "families_agreeing": 0.9 * (families - 2),
    }
    odds = -1.5 + sum(contributions.values())
    return Judgement(
        ring_id=[f"r-{(index * 2654435761) % 2**40:010x}" for index in range(number)],
        verdict=[plot.verdict for plot in plots],
        lifecycle=[plot.lifecycle for plot in plots],
        score=1 / (1 + np.exp(-odds)),
        fdr=np.full(number, 0.004),
        first_seen_ms=np.array([graph.created_ms[rings.ring == i].min() for i in range(number)]),
        last_seen_ms=np.array(
            [graph.profiles.last_use_ms[rings.ring == i].max() for i in range(number)]
        ),
        exchanges=total(graph.profiles.exchanges).astype(np.int64),
        output_tokens=total(graph.profiles.output_tokens).astype(np.int64),
        features=features,
        contributions=contributions,
        population={"quiet_hours_share": 0.11, "exchanges_per_day": 3.3, "signup_span_ratio": 1.0,
                    "prompt_share": 0.03},
        words=WORDS,
        prior_nats=-1.5,
    )  # fmt: skip
