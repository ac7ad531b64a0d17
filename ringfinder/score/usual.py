"""What is usual in a population: what rings are measured against, counted once a graph."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.schema import CODE, KINDS
from ringfinder.score.accounts import quietest_share

HOUR_MS = 3_600_000.0

LEAST_QUIET = 0.02
"""Quiet share below which a population's clock is too sharp to take a logarithm of."""

PROMPTS = ("prompt_fingerprint", "prompt_band")
"""Kinds that tell prompts; the first that occurs is taken."""

COMMON = ("ip_network", "payment_fingerprint", "card_bin", "tls_fingerprint", "user_agent")
"""Kinds of which a value may be everybody's: how many show any is counted."""


@dataclass(frozen=True)
class Usual:
    """What a graph's accounts show and do, whatever rings are found among them.

    Attributes
    ----------
    present
        Bool (K,): kinds that occur.
    pointer
        int64 (N + 1,): account a's sightings are rows pointer[a] to pointer[a + 1].
    holders
        int64 (V,): accounts holding each value.
    shown
        Accounts showing any value of a kind, by its code; of kinds in `COMMON`.
    prompts
        Code of the kind that tells prompts.
    own
        float64 (N,): share of an account's prompts that nobody else has, 0-1; NaN of
        accounts that show none.
    own_mean
        Its mean over accounts that show any; one half without.
    signup_span_ms
        Time in which the middle 80% of accounts signed up; at least an hour.
    signup_quiet
        Share of sign-ups in the quietest eight hours of the day; at least `LEAST_QUIET`.
    """

    present: BoolArray
    pointer: IntArray
    holders: IntArray
    shown: dict[int, int]
    prompts: int
    own: FloatArray
    own_mean: float
    signup_span_ms: float
    signup_quiet: float


_KNOWN: WeakKeyDictionary[AttributeGraph, Usual] = WeakKeyDictionary()


def usual(graph: AttributeGraph) -> Usual:
    """Count what is usual in a graph; remembered as long as the graph lives. O(E).

    One run measures groups of the same graph up to ten times: the first communities, the
    classes, rings as found, each cut of them and its outcome, and with those admitted.
    """
    known = _KNOWN.get(graph)
    if known is None:
        known = _KNOWN[graph] = _count(graph)
    return known


def _count(graph: AttributeGraph) -> Usual:
    present = np.bincount(graph.kind, minlength=len(KINDS)) > 0
    holders = graph.holders()
    kind = graph.kind[graph.value]
    sightings = np.bincount(graph.account, minlength=graph.accounts)
    prompts = CODE[next((name for name in PROMPTS if present[CODE[name]]), PROMPTS[-1])]
    own = _own_share(graph, np.flatnonzero(kind == prompts), holders)
    has = ~np.isnan(own)
    common = [CODE[name] for name in COMMON]
    created = graph.created_ms.astype(float)
    span = float(np.subtract(*np.quantile(created, [0.9, 0.1]))) if len(created) else 0.0
    clock = np.bincount(graph.profiles.signup_hour, minlength=24)
    return Usual(
        present=present,
        pointer=np.concatenate(([0], np.cumsum(sightings))),
        holders=holders,
        shown={c: _distinct(graph.account[kind == c]) for c in common},
        prompts=prompts,
        own=own,
        own_mean=float(own[has].mean()) if has.any() else 0.5,
        signup_span_ms=max(span, HOUR_MS),
        signup_quiet=max(float(quietest_share(clock[None, :])[0]), LEAST_QUIET),
    )


def _own_share(graph: AttributeGraph, rows: IntArray, holders: IntArray) -> FloatArray:
    """Return float64 (N,): share of each account's values in `rows` with no other holder."""
    account = graph.account[rows]
    shown = np.bincount(account, minlength=graph.accounts)
    own = np.bincount(account[holders[graph.value[rows]] == 1], minlength=graph.accounts)
    return np.where(shown > 0, own / np.maximum(shown, 1), np.nan)


def _distinct(account: IntArray) -> int:
    """Count distinct accounts in an ascending column."""
    return int(np.count_nonzero(account[1:] != account[:-1])) + (len(account) > 0)
