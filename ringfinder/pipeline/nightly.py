"""What a nightly run tells: run.json, the facts of its report, its summary."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow.compute as pc

from ringfinder.config.rows import ANALYSIS, NIGHTLY
from ringfinder.explain.given import LabelUse, NullWorld, RunFacts
from ringfinder.explain.view import RunView
from ringfinder.model import Verdict
from ringfinder.normalise import NORMALISER
from ringfinder.pipeline.night import Night, Run
from ringfinder.pipeline.steps import Steps
from ringfinder.runs import RecomputeSummary, RingLine
from ringfinder.versions import versions


def nightly_facts(run: Run, night: Night, steps: Steps) -> RunFacts:
    """Return what the report tells of the run itself."""
    rows: Counter[str] = Counter()
    for segment in run.home.log.segments():
        rows[str(segment.type)] += segment.rows
    given, found = night.read.given, night.done.found
    return RunFacts(
        settings=run.settings.public(ANALYSIS, NIGHTLY),
        versions=versions(),
        rows=dict(sorted(rows.items())),
        notices=[*run.said, *night.edited, *night.held],
        costs=list(steps.costs),
        fdr_limit=run.settings.fdr,
        null_world=NullWorld(worlds=1, rings=found.null_rings, accounts=found.null_accounts),
        labels=LabelUse(
            given.get("fraud", 0), given.get("legitimate", 0), len(night.read.labels[1])
        )
        if given
        else None,
        has_usage=bool(night.read.graph.profiles.exchanges.any()),
        finished_at=datetime.fromtimestamp(run.created_ms / 1000, UTC).strftime(
            "%Y-%m-%d %H:%M UTC"
        ),
    )


def nightly_record(run: Run, night: Night, steps: Steps) -> dict[str, Any]:
    """Return the contents of run.json."""
    done, read = night.done, night.read
    verdicts = [str(verdict) for verdict in done.judged.verdict]
    return {
        "snapshot_id": run.snapshot_id,
        "run_id": run.snapshot_id,
        "created_ms": run.created_ms,
        "sequence": read.sequence,
        "applied": [list(interval) for interval in read.applied],
        "earlier": None if read.earlier.path is None else read.earlier.path.name,
        "pepper_version": run.home.pepper.version,
        "normaliser": NORMALISER,
        "epoch": night.epoch.facts(),
        "touched": night.touched,
        "gate": {"held": bool(night.held), "why": list(night.held)},
        "versions": versions(),
        "settings": run.settings.public(ANALYSIS, NIGHTLY),
        "seed": run.settings.seed,
        "counts": {
            "accounts": read.graph.accounts,
            "flagged": int(night.flagged.sum()),
            "rings": len(verdicts),
            "rings_by_verdict": {name: verdicts.count(name) for name in sorted(set(verdicts))},
        },
        "changes": changes(night),
        "edited": list(night.edited),
        "null_world": {
            "rings": done.found.null_rings,
            "accounts": done.found.null_accounts,
            "least_pair_nats": done.found.least_nats,
        },
        "steps": [asdict(cost) for cost in steps.costs],
        "seconds": round(steps.seconds, 3),
    }


def changes(night: Night) -> dict[str, int]:
    """Count what became of rings; a split or merger counts once, whatever its parts."""
    out: Counter[str] = Counter()
    for change in {str(step.change) for step in night.identity.steps}:
        steps = [step for step in night.identity.steps if step.change == change]
        whole = {"split": "earlier_ring_id", "merged": "ring_id"}.get(change)
        out[change] = len({getattr(step, whole) for step in steps}) if whole else len(steps)
    return dict(sorted(out.items()))


def nightly_summary(run: Run, night: Night, view: RunView, steps: Steps) -> RecomputeSummary:
    """Return what a person is told."""
    newly, no_longer = _moved(night)
    rings = [
        RingLine(row.ring_id, row.verdict, row.size, row.score, row.exchanges, row.summary)
        for row in (*view.fleets, *view.unclear, *view.rest)
    ]
    return RecomputeSummary(
        snapshot_id=run.snapshot_id,
        in_force=not night.held,
        held=tuple(night.held),
        headline=view.finding,
        accounts=view.accounts,
        flagged=view.flagged,
        newly_flagged=newly,
        no_longer_flagged=no_longer,
        rings=len(night.done.judged.verdict),
        changes=changes(night),
        fleets=tuple(ring for ring in rings if ring.verdict == Verdict.FLEET),
        unclear=tuple(ring for ring in rings if ring.verdict == Verdict.UNCLEAR),
        edited=tuple(night.edited),
        sequence=night.read.sequence,
        touched=night.touched,
        steps={cost.step: cost.seconds for cost in steps.costs},
        report=run.directory / run.snapshot_id / "report.html",
        seconds=round(steps.seconds, 1),
    )


def _moved(night: Night) -> tuple[int, int]:
    """Return how many accounts are newly flagged, and how many no longer."""
    now, before = night.flagged, night.read.earlier.flags
    if before is None:
        return int(now.sum()), 0
    old = before.account_id.filter(before.flagged)
    was = np.asarray(pc.is_in(night.read.graph.account_ids, value_set=old), dtype=bool)
    return int((now & ~was).sum()), len(old) - int((now & was).sum())
