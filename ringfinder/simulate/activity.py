"""How people use a model: hours, days, volume, tokens; fitted to real traces by `fit`."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import numpy as np

from ringfinder.durations import DAY_MS, HOUR_MS
from ringfinder.graph.columns import NEVER
from ringfinder.model import FloatArray, IntArray
from ringfinder.simulate.chance import choose
from ringfinder.simulate.countries import API
from ringfinder.simulate.ground import Ground, Region
from ringfinder.simulate.spec import WorldSpec

FITTED: dict[str, Any] = json.loads(
    (resources.files("ringfinder.simulate") / "fitted.json").read_text()
)
_CLOCK = np.arange(24)


def _bell(peak: float, width: float) -> FloatArray:
    away = np.minimum((_CLOCK - peak) % 24, (peak - _CLOCK) % 24)
    curve: FloatArray = np.exp(-0.5 * (away / width) ** 2)
    return curve


PERSON, WORK, EVENING, FLAT, EVENT = range(5)
PROFILES: tuple[FloatArray, ...] = (
    0.03 + _bell(11, 2.6) + 0.9 * _bell(15.5, 2.5) + 0.75 * _bell(20.5, 2.2),
    0.01 + _bell(10.5, 1.6) + 0.95 * _bell(15, 1.9),
    0.04 + 0.35 * _bell(13, 3) + _bell(21.5, 2.4) + 0.3 * _bell(0.5, 1.5),
    1.0 + 0.05 * _bell(14, 4),
    0.45 + 0.5 * _bell(15, 4) + 0.6 * _bell(22, 3),
)
"""Local hours of use, by type; every world appends the profiles of its fleets."""


def hours_of(profile: int, rng: np.random.Generator, n: int) -> IntArray:
    """Draw n local hours of one profile."""
    return choose(rng, PROFILES[profile], n)


def release_ms(spec: WorldSpec) -> int:
    """Return when the new model is released: in the middle of the window."""
    return spec.start_ms + (spec.days // 2) * DAY_MS + 17 * HOUR_MS


def ordinary(
    ground: Ground, region: Region, created: IntArray, plan: IntArray, rng: np.random.Generator
) -> dict[str, Any]:
    """Draw the use that ordinary people make of their accounts; keys are columns of `Block`."""
    n, spec = len(created), ground.spec
    clients = FITTED["clients"]
    stays = rng.random(n) < 0.30
    life = np.where(stays, float(spec.days), rng.exponential(9.0, n) + 0.05) * DAY_MS
    begin = created + (rng.exponential(0.15, n) * DAY_MS).astype(np.int64)
    finish = np.minimum(begin + life.astype(np.int64), spec.end_ms - 1)
    begin = np.minimum(begin, finish)
    span = 1 + (finish - begin) // DAY_MS
    # The traces are of API clients; how often people come back is our assumption.
    api = plan == API
    share = np.where(api, rng.beta(clients["days_a"], clients["days_b"], n), rng.beta(0.8, 1.6, n))
    active = np.clip(np.rint(span * share), 1, 120).astype(np.int64)
    rate = np.exp(rng.normal(1.5, 0.62 * clients["rate_sd"], n)) * np.where(api, 2.5, 1.0)
    volume = np.clip(active * rate, 1, 60_000)
    rows = np.clip(1 + 0.9 * (active * np.minimum(volume, 40 * active)) ** 0.5, 1, 400)
    machine = api & (rng.random(n) < clients["flat_share"])
    profile = choose(rng, np.array([0.45, 0.33, 0.22]), n)
    profile[machine] = FLAT
    return {
        "volume": volume,
        "rows": np.where(rng.random(n) < 0.06, 0.0, rows),
        "begin": begin,
        "finish": finish,
        "active_days": np.where(machine, span, active),
        "profile": profile,
        "shift": np.rint(rng.normal(0, 1.4, n)).astype(np.int64) - region.country.zone,
        "weekend": np.where(
            machine, 1.0, np.where(profile == WORK, 0.12, rng.uniform(0.4, 1.0, n))
        ),
        "burstiness": burstiness(rng, n),
        **tokens(rng, n),
        "ip_focus": rng.uniform(1.2, 2.6, n),
        "prompt_focus": rng.uniform(1.0, 2.2, n),
        **adoption(spec, rng, n),
    }


def burstiness(rng: np.random.Generator, n: int) -> FloatArray:
    """Draw the gamma shape of exchanges per row from the fitted spread of CVs: 1 / CV^2."""
    clients = FITTED["clients"]
    middle, spread = np.log(clients["cv_p50"]), np.log(clients["cv_p90"] / clients["cv_p50"]) / 1.28
    cv = np.exp(rng.normal(middle, spread * 0.6, n))
    return np.clip(cv**-2.0, 0.05, 4.0)


def tokens(rng: np.random.Generator, n: int) -> dict[str, FloatArray]:
    """Draw how long the prompts and answers of each account are: code or conversation.

    Half of the fitted variance lies between accounts, half between the rows of one.
    """
    code, talk = FITTED["tokens"]["code"], FITTED["tokens"]["conversation"]
    is_code = rng.random(n) < 0.3
    half = 0.5**0.5

    def draw(mean: str, spread: str) -> tuple[FloatArray, FloatArray]:
        sd = np.where(is_code, code[spread], talk[spread]) * half
        return np.where(is_code, code[mean], talk[mean]) + rng.normal(0, 1, n) * sd, sd

    out_mu, out_sd = draw("out_mu", "out_sd")
    in_mu, in_sd = draw("in_mu", "in_sd")
    return {"out_mu": out_mu, "out_sd": out_sd, "in_mu": in_mu, "in_sd": in_sd}


def adoption(spec: WorldSpec, rng: np.random.Generator, n: int) -> dict[str, Any]:
    """Draw when each account moves to the new model: some at once, most later, many never."""
    release = release_ms(spec)
    delay = np.where(rng.random(n) < 0.08, rng.uniform(0, 1.0, n), rng.exponential(25.0, n))
    adopts = release + (delay * DAY_MS).astype(np.int64)
    adopts[rng.random(n) < 0.35] = spec.end_ms + DAY_MS
    return {
        "model": choose(rng, np.array([0.45, 0.4, 0.15]), n),
        "adopts": adopts,
        "adoption": rng.beta(2.0, 1.2, n),
    }


def clip_to_life(created: IntArray, closed: IntArray, times: IntArray, end: int) -> IntArray:
    """Move times before the sign-up or after the closing (or the window's end) inside."""
    until = np.where(closed == NEVER, end - 1, np.minimum(closed, end - 1))
    return np.minimum(np.maximum(times, created), np.maximum(until, created))
