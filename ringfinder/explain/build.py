"""From columns to views: the run, and the rings that are shown in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ringfinder.explain.facts import RingFacts, ring_facts
from ringfinder.explain.features import feature_views
from ringfinder.explain.given import Judgement, RunFacts
from ringfinder.explain.links import EvidenceLinks, evidence_links
from ringfinder.explain.members import member_views
from ringfinder.explain.numbers import count, plural_of
from ringfinder.explain.picture import Shared, draw_ring
from ringfinder.explain.reasons import ring_reasons
from ringfinder.explain.summary import finding, ring_summaries, why
from ringfinder.explain.times import hours_view, population_hours, timeline
from ringfinder.explain.view import (
    EvidenceView,
    RingDrawing,
    RingRow,
    RingView,
    RunView,
    VerdictTotals,
)
from ringfinder.explain.words import evidence_sentence
from ringfinder.graph.columns import NEVER, AttributeGraph, Rings
from ringfinder.model import FloatArray, IntArray, Verdict
from ringfinder.schema import FAMILY_OF_KIND, KINDS

SHOWN_EVIDENCE, SHOWN_OF_KIND = 14, 4
SHOWN_FLEETS, SHOWN_UNCLEAR, SHOWN_BENIGN, SHOWN_ROWS = 50, 15, 12, 1000


@dataclass(frozen=True)
class Joined:
    """Everything the views are built from, joined once.

    Attributes
    ----------
    graph, rings, judgement
        Of one run.
    links, facts, summaries
        `evidence_links`, `ring_facts`, `ring_summaries` of them.
    population
        float (2, 24): the shares of use and of sign-up by hour, outside fleets.
    clear_values
        Whether values are shown as they are rather than as pseudonyms.
    """

    graph: AttributeGraph
    rings: Rings
    judgement: Judgement
    links: EvidenceLinks
    facts: RingFacts
    summaries: Sequence[str]
    population: FloatArray
    clear_values: bool = False

    @classmethod
    def of(
        cls,
        graph: AttributeGraph,
        rings: Rings,
        judgement: Judgement,
        *,
        clear_values: bool = False,
    ) -> Joined:
        """Join graph, rings and judgement; everything in `explain` needs the same joins."""
        links = evidence_links(graph, rings)
        facts = ring_facts(graph, rings, links)
        fleet = np.array(
            [verdict == Verdict.FLEET for verdict in judgement.verdict], dtype=np.bool_
        )
        return cls(
            graph=graph,
            rings=rings,
            judgement=judgement,
            links=links,
            facts=facts,
            summaries=ring_summaries(graph, rings, judgement, links, facts),
            population=population_hours(graph, np.append(fleet, False)[rings.ring]),
            clear_values=clear_values,
        )

    def values(self) -> pa.StringArray:
        """Return the values as they may be shown: pseudonyms, or clear where asked and known."""
        shown = self.graph.clear if self.clear_values else None
        return self.graph.pseudonym if shown is None else shown


def build_ring_view(run: Joined, ring: int) -> RingView:
    """Build the view of one ring.

    Parameters
    ----------
    run
        The joined run.
    ring
        Index of the ring.

    Returns
    -------
    RingView
    """
    judgement, rows = run.judgement, run.links.rows_of(ring)
    members = run.links.members_of(ring)
    features, shown = feature_views(judgement, ring), _shown_rows(run, rows)
    return RingView(
        **vars(_row(run, ring)),
        first_seen_ms=int(judgement.first_seen_ms[ring]),
        last_seen_ms=int(judgement.last_seen_ms[ring]),
        false_discovery_rate=float(judgement.fdr[ring]),
        why=why(judgement.verdict[ring], features, run.rings, run.facts, ring),
        reasons=ring_reasons(run.rings, run.graph, ring, rows),
        prior_nats=judgement.prior_of(ring),
        features=features,
        evidence=_evidence(run, ring, shown),
        evidence_left_out=_left_out(run, rows, shown),
        members=member_views(run.graph, run.rings, run.links, ring),
        timeline=timeline(run.graph, members),
        hours=hours_view(run.facts, run.population, ring),
        drawing=_drawing(run, members, rows),
    )


def build_run_view(run: Joined, facts: RunFacts) -> RunView:
    """Build the view of a whole run.

    Parameters
    ----------
    run
        The joined run.
    facts
        What only the pipeline knows.

    Returns
    -------
    RunView
        Fleets by harm (exchanges, output tokens, size), then what waits for a person, then
        the largest rings that were not flagged; all others in one line each.
    """
    graph, judgement = run.graph, run.judgement
    order = np.lexsort(
        (-run.rings.size.astype(np.int64), -judgement.output_tokens, -judgement.exchanges)
    ).tolist()
    by = {
        verdict: [ring for ring in order if judgement.verdict[ring] == verdict]
        for verdict in Verdict
    }
    benign = sorted(
        by[Verdict.ORGANISATION] + by[Verdict.HOUSEHOLD],
        key=lambda ring: -int(run.rings.size[ring]),
    )
    fleets, unclear = by[Verdict.FLEET], by[Verdict.UNCLEAR]
    rest = fleets[SHOWN_FLEETS:] + unclear[SHOWN_UNCLEAR:] + benign[SHOWN_BENIGN:]
    totals = tuple(_totals(run, verdict, rings) for verdict, rings in by.items())
    flagged = np.append([verdict == Verdict.FLEET for verdict in judgement.verdict], False)
    members = np.flatnonzero(flagged.astype(np.bool_)[run.rings.ring])
    exchanges = int(graph.profiles.exchanges.sum())
    first, last = _window(graph)
    return RunView(
        finding=finding(
            {row.verdict: (row.rings, row.accounts, row.exchanges) for row in totals},
            accounts=graph.accounts,
            exchanges=exchanges,
        ),
        accounts=graph.accounts,
        flagged=len(members),
        totals=totals,
        exchanges=exchanges,
        output_tokens=int(graph.profiles.output_tokens.sum()),
        first_ms=first,
        last_ms=last,
        all_timeline=timeline(graph, None),
        fleet_timeline=timeline(graph, members),
        fleets=tuple(build_ring_view(run, ring) for ring in fleets[:SHOWN_FLEETS]),
        unclear=tuple(build_ring_view(run, ring) for ring in unclear[:SHOWN_UNCLEAR]),
        benign=tuple(build_ring_view(run, ring) for ring in benign[:SHOWN_BENIGN]),
        rest=tuple(_row(run, ring) for ring in rest[:SHOWN_ROWS]),
        rest_left_out=max(0, len(rest) - SHOWN_ROWS),
        facts=facts,
    )


def _row(run: Joined, ring: int) -> RingRow:
    judgement = run.judgement
    return RingRow(
        ring_id=judgement.ring_id[ring],
        verdict=str(judgement.verdict[ring]),
        lifecycle=str(judgement.lifecycle[ring]),
        size=int(run.rings.size[ring]),
        score=float(judgement.score[ring]),
        exchanges=int(judgement.exchanges[ring]),
        output_tokens=int(judgement.output_tokens[ring]),
        summary=run.summaries[ring],
    )


def _totals(run: Joined, verdict: str, rings: list[int]) -> VerdictTotals:
    return VerdictTotals(
        verdict=str(verdict),
        rings=len(rings),
        accounts=int(run.rings.size[rings].sum()),
        exchanges=int(run.judgement.exchanges[rings].sum()),
        output_tokens=int(run.judgement.output_tokens[rings].sum()),
    )


def _shown_rows(run: Joined, rows: slice) -> list[int]:
    """Choose rows to show: the strongest of each family, then what marks most members."""
    rings = run.rings
    weight = rings.evidence_inside[rows] * rings.evidence_nats[rows]
    kind = run.graph.kind[rings.evidence_value[rows]]
    ranked = np.argsort(-weight, kind="stable").tolist()
    first: dict[int, int] = {}
    for row in ranked:
        first.setdefault(FAMILY_OF_KIND[int(kind[row])], row)
    chosen = set(first.values())
    of_kind: Counter[int] = Counter(int(kind[row]) for row in chosen)
    for row in ranked:
        if len(chosen) >= SHOWN_EVIDENCE:
            break
        if row not in chosen and of_kind[int(kind[row])] < SHOWN_OF_KIND:
            chosen.add(row)
            of_kind[int(kind[row])] += 1
    return [rows.start + row for row in ranked if row in chosen]


def _left_out(run: Joined, rows: slice, shown: list[int]) -> tuple[str, ...]:
    """Say what else there is: ``1,349 more payment cards``, by kind."""
    kind = run.graph.kind[run.rings.evidence_value]
    rest = Counter(kind[rows].tolist()) - Counter(kind[shown].tolist())
    return tuple(
        f"{count(number)} more {KINDS[code].words if number == 1 else plural_of(KINDS[code].words)}"
        for code, number in sorted(rest.items(), key=lambda item: (-item[1], item[0]))
    )


def _evidence(run: Joined, ring: int, rows: list[int]) -> tuple[EvidenceView, ...]:
    rings, shown, size = run.rings, run.values(), int(run.rings.size[ring])
    views = []
    for row in rows:
        value = int(rings.evidence_value[row])
        kind = KINDS[int(run.graph.kind[value])]
        inside, total = int(rings.evidence_inside[row]), int(rings.evidence_total[row])
        views.append(
            EvidenceView(
                family=str(kind.family),
                kind=kind.name,
                words=kind.words,
                value=shown[value].as_py(),
                inside=inside,
                total=total,
                nats=float(rings.evidence_nats[row]),
                text=evidence_sentence(kind, inside=inside, size=size, total=total),
            )
        )
    return tuple(views)


def _drawing(run: Joined, members: IntArray, rows: slice) -> RingDrawing:
    position, row = run.links.pairs_of(members)
    values = run.rings.evidence_value[rows]
    shared = Shared(
        kind=run.graph.kind[values],
        label=run.values().take(pa.array(values)).to_pylist(),
        nats=run.rings.evidence_nats[rows],
        holder=position,
        row=row - rows.start,
    )
    return draw_ring(shared, size=len(members))


def _window(graph: AttributeGraph) -> tuple[int, int]:
    if not graph.accounts:
        return NEVER, NEVER
    last = max(int(graph.created_ms.max()), int(graph.profiles.last_use_ms.max()))
    return int(graph.created_ms.min()), last
