"""Runs to figures: one row of the table of promises, measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ringfinder.evaluate import Evaluation, Groups, Outcomes, Rate, compare
from ringfinder.evaluate.ranking import recall_at_false_positive_rate
from ringfinder.model import BoolArray


@dataclass(frozen=True)
class Check:
    """One promise: what was promised, what was measured, whether it holds; None: told only."""

    what: str
    measured: str
    holds: bool | None


def pooled(all_outcomes: Sequence[Outcomes]) -> Outcomes:
    """Put worlds side by side, as if they were one; fleets and rings stay apart."""
    parts = []
    fleets = rings = 0
    for number, one in enumerate(all_outcomes):
        groups = {
            name: Groups(g.code, tuple(f"{number}:{n}" for n in g.names))
            if name == "group_id"
            else g
            for name, g in one.groups.items()
        }
        parts.append(
            replace(
                one,
                fleet=np.where(one.fleet >= 0, one.fleet + fleets, -1),
                ring=np.where(one.ring >= 0, one.ring + rings, -1),
                groups=groups,
            )
        )
        fleets += one.fleets
        rings += len(one.ring_is_fleet)
    common = set.intersection(*(set(one.groups) for one in parts))
    old = [one.established for one in parts]
    return Outcomes(
        fraud=_stacked(parts, "fraud"),
        score=_stacked(parts, "score"),
        past_allow=_stacked(parts, "past_allow"),
        ring=_stacked(parts, "ring"),
        ring_is_fleet=_stacked(parts, "ring_is_fleet"),
        ring_fdr=_stacked(parts, "ring_fdr"),
        fleet=_stacked(parts, "fleet"),
        groups={name: _merged([one.groups[name] for one in parts]) for name in sorted(common)},
        established=None if any(one is None for one in old) else np.concatenate(old),
    )


def _stacked(parts: Sequence[Outcomes], column: str) -> np.ndarray:
    return np.concatenate([getattr(one, column) for one in parts])


def _merged(groups: Sequence[Groups]) -> Groups:
    names = sorted({name for group in groups for name in group.names})
    code = {name: number for number, name in enumerate(names)}
    parts = []
    for group in groups:
        fresh = np.array([*(code[name] for name in group.names), -1])
        parts.append(fresh[group.code])
    return Groups(np.concatenate(parts), tuple(names))


def recall_by_size(outcomes: Outcomes, low: int, high: int | None) -> Rate:
    """Recall of accounts whose true fleet has low to high accounts."""
    size = np.bincount(outcomes.fleet[outcomes.fleet >= 0], minlength=outcomes.fleets)
    own = np.append(size, 0)[outcomes.fleet]
    inside = outcomes.fraud & (own >= low) & (own <= (high or own.max(initial=0)))
    return rate(outcomes.flagged, inside)


def rate(hit: BoolArray, among: BoolArray) -> Rate:
    return Rate(int((hit & among).sum()), int(among.sum()))


def strict_recall(outcomes: Outcomes, fpr: float = 1e-4) -> Rate | None:
    return recall_at_false_positive_rate(outcomes.score, outcomes.fraud, rate=fpr)


def at_least(what: str, measured: Rate | None, bound: float) -> Check:
    """A promise that a rate is at least `bound`; nothing to measure breaks no promise."""
    if measured is None or measured.value is None:
        return Check(f"{what} >= {bound}", "-", True)
    return Check(f"{what} >= {bound}", shown(measured), measured.value >= bound)


def told(what: str, measured: Rate | None) -> Check:
    return Check(what, shown(measured), None)


def at_most(what: str, measured: Rate, bound: float) -> Check:
    return Check(f"{what} <= {bound:.2%}", shown(measured), (measured.value or 0.0) <= bound)


def no_more(what: str, measured: int | None, bound: int) -> Check:
    words = f"{what} <= {bound}" if bound else f"{what} = 0"
    return Check(words, "-" if measured is None else f"{measured:,}", (measured or 0) <= bound)


def shown(measured: Rate | None) -> str:
    """A rate with its interval and counts."""
    if measured is None or measured.value is None:
        return "-"
    low, high = measured.interval
    counts = f"{measured.hits:,}/{measured.total:,}"
    return f"{digits(measured.value)} [{digits(low)}, {digits(high)}] {counts}"


def digits(value: float) -> str:
    return f"{value:.2e}" if 0 < value < 1e-3 else f"{value:.4f}"


def worst_style(evaluation: Evaluation) -> tuple[str, Rate] | None:
    """The style of lowest recall."""
    found = sorted(evaluation.recall_by_style.items(), key=lambda item: item[1].value or 0.0)
    return found[0] if found else None


def most_in_a_cohort(evaluation: Evaluation) -> tuple[str, int] | None:
    """The benign cohort (class of groups) of which most accounts were flagged."""
    found = [
        (name, group.flagged.hits)
        for name, group in evaluation.benign_by_cohort.items()
        if name != "background"
    ]
    return max(found, key=lambda item: item[1]) if found else None


def evaluation_of(outcomes: Outcomes) -> Evaluation:
    return compare(outcomes)
