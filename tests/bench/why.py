"""What went wrong in one run: missed fleets and falsely flagged accounts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.bench.results import markdown
from tests.bench.run import Run

WORST = 12


def why(run: Run) -> str:
    """Return the largest misses by fleet, and benign accounts flagged by ring."""
    return "\n\n".join(text for text in (_missed(run), _false(run)) if text)


def _missed(run: Run) -> str:
    o = run.outcomes
    if not o.fleets:
        return ""
    size = np.bincount(o.fleet[o.fleet >= 0], minlength=o.fleets)
    hit = np.bincount(o.fleet[o.flagged & o.fraud & (o.fleet >= 0)], minlength=o.fleets)
    plans = _plans(run)
    rows = []
    for fleet in np.argsort(-(size - hit), kind="stable")[:WORST]:
        if size[fleet] == hit[fleet]:
            break
        own = o.fleet == fleet
        inside = o.ring[own & (o.ring >= 0)]
        where, count = np.unique(inside, return_counts=True)
        rings = ", ".join(
            f"{'fleet' if o.ring_is_fleet[r] else 'spared'} {c}/{(o.ring == r).sum()}"
            for r, c in sorted(zip(where, count, strict=True), key=lambda x: -x[1])[:4]
        )
        style = o.groups["style"].names[o.groups["style"].code[own][0]]
        share = f"{hit[fleet]}/{size[fleet]}"
        rows.append((style, share, rings or "no ring", _plan(plans, fleet)))
    head = ("style", "flagged", "rings: share of ring", "plan")
    return "Missed, by fleet:\n" + markdown(head, rows)


def _false(run: Run) -> str:
    o = run.outcomes
    benign = o.flagged & ~o.fraud
    rows = []
    for ring in np.unique(o.ring[benign]):
        members = o.ring == ring
        names = o.groups["cohort"].names if "cohort" in o.groups else ()
        code = o.groups["cohort"].code[members & benign] if names else np.zeros(0, int)
        found = {names[c]: int((code == c).sum()) for c in np.unique(code) if c >= 0}
        wrong = members & benign
        score = f"{o.score[wrong].max():.3f}"
        rows.append((int(wrong.sum()), str(int(members.sum())), str(found), score))
    if not rows:
        return ""
    rows.sort(key=lambda row: -row[0])
    head = ("benign", "ring", "cohorts", "highest score")
    table = [(str(row[0]), *row[1:]) for row in rows[:WORST]]
    return "Benign accounts flagged, by ring:\n" + markdown(head, table)


def causes(runs: Sequence[Run]) -> str:
    """Missed accounts of all runs by cause and style.

    *never together*: less than half of the fleet is in rings at all; *spared*: in a ring
    that was not called a fleet; *left out*: outside rings, while most of its fleet is inside.
    """
    found: dict[str, Counter[str]] = {}
    for run in runs:
        o = run.outcomes
        named = o.fraud & (o.fleet >= 0)
        inside = np.bincount(o.fleet[named & (o.ring >= 0)], minlength=o.fleets)
        size = np.bincount(o.fleet[named], minlength=o.fleets)
        style = o.groups["style"]
        for account in np.flatnonzero(named & ~o.flagged):
            fleet = o.fleet[account]
            if o.ring[account] >= 0:
                cause = "spared"
            else:
                cause = "left out" if 2 * inside[fleet] >= size[fleet] else "never together"
            found.setdefault(style.names[style.code[account]], Counter())[cause] += 1
    if not found:
        return ""
    names = ("never together", "spared", "left out")
    rows = [
        (name, *(str(count[cause]) for cause in names)) for name, count in sorted(found.items())
    ]
    total = [str(sum(count[cause] for count in found.values())) for cause in names]
    return markdown(("missed accounts", *names), [*rows, ("all", *total)])


def _plans(run: Run) -> list[dict[str, Any]]:
    path = run.files.folder / "world.json"
    if not path.exists():
        return []
    told: list[dict[str, Any]] = json.loads(path.read_text())["fleets"]
    return told


def _plan(plans: list[dict[str, Any]], fleet: np.signedinteger[Any]) -> str:
    """Fleets are numbered by their ids, sorted: the order of world.json."""
    if int(fleet) >= len(plans):
        return ""
    plan = plans[int(fleet)]
    plan = plan | plan.get("parameters", {})
    told = [str(plan[name]) for name in ("base", "network", "identity", "payment") if name in plan]
    told += [f"{name} {plan[name]}" for name in ("decoys", "variation", "noise") if plan.get(name)]
    told += [name.replace("_", " ") for name in ("in_company",) if plan.get(name)]
    return ", ".join(told + ([f"{plan['cells']} cells"] if plan.get("cells", 1) > 1 else []))
