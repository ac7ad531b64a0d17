"""Outcomes -> Evaluation: every figure, pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from ringfinder.evaluate.agreement import Agreement, agreement
from ringfinder.evaluate.outcomes import Groups, Outcomes
from ringfinder.evaluate.ranking import (
    Bin,
    average_precision,
    brier,
    expected_calibration_error,
    recall_at_false_positive_rate,
    reliability,
)
from ringfinder.evaluate.rates import Rate
from ringfinder.model import BoolArray

STRICT = 1e-4  # one benign account in ten thousand
SIZES = ((1, 4), (5, 9), (10, 29), (30, 99), (100, 999), (1_000, 9_999), (10_000, None), (30, None))


@dataclass(frozen=True, slots=True)
class Benign:
    """What happened to the benign accounts of one group.

    Attributes
    ----------
    flagged
        Of its benign accounts, those in a ring whose verdict is `fleet`.
    in_rings
        Of its benign accounts, those in any ring.
    most_in_one_instance
        The largest number flagged in one instance (one company, one lecture); None
        where the truth has no `group_id`.
    """

    flagged: Rate
    in_rings: Rate
    most_in_one_instance: int | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Every figure; groups by name. None is a figure that the truth cannot tell.

    Attributes
    ----------
    accounts, fraud, fleets, flagged
        Counts.
    precision, recall
        Of the flagged accounts, those that are fraud; of fraud, those flagged.
    benign_flagged, benign_in_rings, benign_past_allow
        Of the benign accounts: flagged; in any ring; with a decision past `allow`.
    established_flagged, established_past_allow
        The same for the established accounts, where the truth names them.
    most_flagged_in_one_instance
        Benign accounts of one company, lecture, ... flagged at most.
    recall_by_style, recall_by_size, recall_by_network, recall_by_region
        Recall in groups of fraud accounts; size is that of the true fleet.
    benign_by_cohort, benign_by_network, benign_by_region
        What happened to benign accounts, in groups.
    average_precision, recall_at_strict
        Of the scores' order; the second at one false positive in 10,000.
    brier, calibration_error, reliability
        Whether a score of 0.7 means that 70% are fraud.
    rings
        Whether rings are fleets.
    """

    accounts: int
    fraud: int
    fleets: int
    flagged: int
    precision: Rate
    recall: Rate
    benign_flagged: Rate
    benign_in_rings: Rate
    benign_past_allow: Rate
    established_flagged: Rate | None
    established_past_allow: Rate | None
    most_flagged_in_one_instance: int | None
    recall_by_style: Mapping[str, Rate]
    recall_by_size: Mapping[str, Rate]
    recall_by_network: Mapping[str, Rate]
    recall_by_region: Mapping[str, Rate]
    benign_by_cohort: Mapping[str, Benign]
    benign_by_network: Mapping[str, Benign]
    benign_by_region: Mapping[str, Benign]
    average_precision: float | None
    recall_at_strict: Rate | None
    brier: float | None
    calibration_error: float | None
    reliability: tuple[Bin, ...]
    rings: Agreement | None

    def to_dict(self) -> dict[str, Any]:
        """Return every figure as plain JSON values."""
        plain: dict[str, Any] = _plain(self)
        return plain


def compare(outcomes: Outcomes) -> Evaluation:
    """Return every figure that the truth can tell.

    Parameters
    ----------
    outcomes
        Truth and audit, aligned.
    """
    fraud, flagged = outcomes.fraud, outcomes.flagged
    bins = reliability(outcomes.score, fraud)
    old = outcomes.established
    return Evaluation(
        accounts=len(fraud),
        fraud=int(fraud.sum()),
        fleets=outcomes.fleets,
        flagged=int(flagged.sum()),
        precision=_rate(fraud, flagged),
        recall=_rate(flagged, fraud),
        benign_flagged=_rate(flagged, ~fraud),
        benign_in_rings=_rate(outcomes.ring >= 0, ~fraud),
        benign_past_allow=_rate(outcomes.past_allow, ~fraud),
        established_flagged=None if old is None else _rate(flagged, old),
        established_past_allow=None if old is None else _rate(outcomes.past_allow, old),
        most_flagged_in_one_instance=_most(outcomes, ~fraud),
        recall_by_style=_recalls(outcomes, "style"),
        recall_by_size=_recall_by_size(outcomes),
        recall_by_network=_recalls(outcomes, "network_class"),
        recall_by_region=_recalls(outcomes, "region"),
        benign_by_cohort=_benign(outcomes, "cohort"),
        benign_by_network=_benign(outcomes, "network_class"),
        benign_by_region=_benign(outcomes, "region"),
        average_precision=average_precision(outcomes.score, fraud),
        recall_at_strict=recall_at_false_positive_rate(outcomes.score, fraud, rate=STRICT),
        brier=brier(outcomes.score, fraud),
        calibration_error=expected_calibration_error(bins),
        reliability=bins,
        rings=agreement(outcomes) if outcomes.fleets else None,
    )


def _rate(hit: BoolArray, among: BoolArray) -> Rate:
    return Rate(int((hit & among).sum()), int(among.sum()))


def _group(outcomes: Outcomes, name: str) -> Groups:
    return outcomes.groups.get(name, Groups(np.empty(0, np.int32), ()))


def _recalls(outcomes: Outcomes, name: str) -> dict[str, Rate]:
    rates = {
        group: _rate(outcomes.flagged, outcomes.fraud & inside)
        for group, inside in _group(outcomes, name)
    }
    return {group: rate for group, rate in rates.items() if rate.total}


def _recall_by_size(outcomes: Outcomes) -> dict[str, Rate]:
    if not outcomes.fleets:
        return {}
    size_of_fleet = np.bincount(outcomes.fleet[outcomes.fleet >= 0], minlength=outcomes.fleets)
    size = np.append(size_of_fleet, 0)[outcomes.fleet]  # 0 for accounts in no fleet
    rates = {}
    for low, high in SIZES:
        name = f"{low:,} or more" if high is None else f"{low:,}-{high:,}"
        inside = (size >= low) & (size <= (high or size.max()))
        rates[name] = _rate(outcomes.flagged, outcomes.fraud & inside)
    return {name: rate for name, rate in rates.items() if rate.total}


def _benign(outcomes: Outcomes, name: str) -> dict[str, Benign]:
    found = {}
    for group, inside in _group(outcomes, name):
        benign = inside & ~outcomes.fraud
        if benign.any():
            found[group] = Benign(
                flagged=_rate(outcomes.flagged, benign),
                in_rings=_rate(outcomes.ring >= 0, benign),
                most_in_one_instance=_most(outcomes, benign),
            )
    return found


def _most(outcomes: Outcomes, among: BoolArray) -> int | None:
    """Return the largest number of flagged accounts of `among` in one cohort instance."""
    if "group_id" not in outcomes.groups:
        return None
    instance = outcomes.groups["group_id"].code[among & outcomes.flagged]
    return int(np.bincount(instance[instance >= 0]).max(initial=0))


def _plain(value: Any) -> Any:
    """Return dataclasses, mappings and tuples as what JSON has."""
    if isinstance(value, Rate):
        return value.to_dict()
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value
