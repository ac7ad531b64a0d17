"""From a graph to judged and described rings: what `audit` and `recompute` have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ringfinder.config import Settings
from ringfinder.detect import Detection, find_rings
from ringfinder.detect.classes import strata
from ringfinder.detect.echoes import Echo, echoes, without_kinds
from ringfinder.detect.keep_apart import Sides, keep_apart
from ringfinder.detect.refine import Communities, keep_communities
from ringfinder.detect.steady import steady
from ringfinder.evidence.background import Background
from ringfinder.evidence.incidence import Incidence, shared_values
from ringfinder.evidence.lifts import log_lifts
from ringfinder.evidence.pairs import Counts, pair_counts
from ringfinder.explain.build import Joined
from ringfinder.explain.reasons import AccountReasons, account_reasons
from ringfinder.graph.columns import AttributeGraph, Rings
from ringfinder.model import BoolArray, IntArray
from ringfinder.pipeline.judgement import decisions, inhabited, to_judgement, to_rings
from ringfinder.publish.staging import Staging
from ringfinder.publish.tables import write_accounts, write_evidence, write_rings
from ringfinder.score.assess import Assessment, assess
from ringfinder.score.population import learn_population

Labels: TypeAlias = tuple[IntArray, IntArray]
"""Account indices whose last label says fraud, and legitimate."""

Namer: TypeAlias = Callable[[AttributeGraph, Assessment, Rings], Sequence[str]]
"""Gives every judged ring its id."""


@dataclass(frozen=True)
class Population:
    """What is known of a graph before rings are sought.

    Attributes
    ----------
    heard
        The graph without the kinds that only repeat others (`ringfinder.detect.echoes`).
    shared, back
        The values of it that accounts share, and what an innocent population shares of them.
    counts
        What `pair_counts` says of `shared`.
    echoes
        The kinds that are left out.
    """

    heard: AttributeGraph
    shared: Incidence
    back: Background
    counts: Counts
    echoes: tuple[Echo, ...]


@dataclass(frozen=True)
class Analysis:
    """Everything a run found out.

    Attributes
    ----------
    population, found
        See `Population` and `Detection`; `found` before the false discovery rate was applied.
    judged
        The rings with their members and scores.
    run
        Graph, rings and judgement, joined for explaining.
    """

    population: Population
    found: Detection
    judged: Assessment
    run: Joined


def learn(graph: AttributeGraph, *, seed: int) -> Population:
    """Learn what the population shares."""
    told = tuple(echoes(graph, strata(graph), seed=seed))
    heard = without_kinds(graph, [echo.kind for echo in told])
    shared = shared_values(heard)
    counts = pair_counts(shared)
    back = learn_population(graph, shared, seed=seed, counts=counts, heard=heard)
    return Population(heard, shared, back, counts, told)


def detect(population: Population, *, seed: int) -> Detection:
    """Find rings against what the population shares."""
    heard, shared, back = population.heard, population.shared, population.back
    return find_rings(heard, shared, back, seed=seed, counts=population.counts)


def published(
    population: Population, found: Detection, fdr: float
) -> tuple[Communities, BoolArray]:
    """Return the communities within a false discovery rate, and which ones they are: bool (R,)."""
    kept = found.false_discovery_rate <= fdr
    return keep_communities(population.shared, population.back, found.communities, kept), kept


def judge(
    graph: AttributeGraph,
    population: Population,
    found: Detection,
    labels: Labels,
    settings: Settings,
    namer: Namer,
    *,
    before: IntArray | None = None,
    raw: IntArray | None = None,
    apart: Sequence[Sides] = (),
) -> Analysis:
    """Keep the rings within the false discovery rate, judge them and describe them.

    `before`, int32 (N,), is the ring that each account was in, -1 for none ever: for one that the
    run before did not find, the ring where most of those are now who first shared a ring with it,
    or that ring itself, even one that died (`rings_before`). `raw` is the community that the run
    before found it in; `apart` are accounts that a person said are not of one ring.
    """
    communities, kept = published(population, found, settings.fdr)
    shared, back = population.shared, population.back
    rate = found.false_discovery_rate[kept]
    if before is not None:
        communities, origin = steady(shared, back, communities, before, raw)
        rate = rate[origin]
    communities, origin = keep_apart(shared, back, communities, apart)
    rate = rate[origin]
    fraud, legitimate = labels
    judged = inhabited(assess(graph, shared, back, communities, fraud=fraud, legitimate=legitimate))
    rings = to_rings(graph, shared, log_lifts(shared, back, judged.ring), judged)
    judgement = to_judgement(graph, judged, rate[judged.origin], names=namer(graph, judged, rings))
    run = Joined.of(graph, rings, judgement, clear_values=settings.clear_values)
    return Analysis(population, found, judged, run)


def last_labels(account: IntArray, decided_ms: IntArray, fraud: BoolArray) -> Labels:
    """Return the accounts whose last label says fraud, and legitimate.

    Parameters
    ----------
    account, decided_ms, fraud
        (L,): the account of each label, when it was given, and whether it says fraud. Of two
        at one time `legitimate` counts.
    """
    order = np.lexsort((~fraud, decided_ms, account))
    last = order[np.r_[account[order][1:] != account[order][:-1], True]] if len(order) else order
    return account[last[fraud[last]]], account[last[~fraud[last]]]


def write_tables(
    stage: Staging,
    analysis: Analysis,
    labels: Labels,
    contradicted: IntArray | None = None,
) -> AccountReasons:
    """Write accounts.parquet, rings.parquet and evidence.parquet; return everybody's reasons.

    `labels` are the accounts labelled fraud and those that a label cleared, `contradicted` those
    cleared that a person should look at again.
    """
    run, judged = analysis.run, analysis.judged
    fraud, legitimate = labels
    reasons = account_reasons(
        run.graph, run.rings, run.judgement, run.links,
        fraud=fraud, legitimate=legitimate, contradicted=contradicted, near=judged.near,
    )  # fmt: skip
    write_accounts(
        stage.path("accounts.parquet"),
        run,
        score=judged.account_score,
        decision=decisions(judged, contradicted, fraud=fraud),
        reasons=reasons,
    )
    write_rings(stage.path("rings.parquet"), run)
    write_evidence(stage.path("evidence.parquet"), run)
    return reasons
