"""What a run writes down about itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import numpy as np

from ringfinder.config import Settings
from ringfinder.detect import Detection
from ringfinder.detect.echoes import Echo
from ringfinder.explain.given import LabelUse, NullWorld, RejectCount, RunFacts, StepCost
from ringfinder.explain.numbers import count
from ringfinder.model import IntArray
from ringfinder.normalise import Unread
from ringfinder.pipeline.steps import Steps
from ringfinder.schema import KIND, KINDS
from ringfinder.score.assess import Assessment
from ringfinder.sources import ReadTelemetry
from ringfinder.versions import versions

TIMES = frozenset({"created_at", "occurred_at"})
"""Fields that every file has: what is derived from them alone says little."""


_HINTS = {
    "country": " Expected ISO codes, such as GB or GBR, or English names.",
    "phone": " Most have a country, of their own or by their account, and no numbering plan of it "
    "knows them: digits are missing, or they are made up.",
}
_NEEDS_COUNTRY = (
    " Numbers without a country code need a column `country` with codes such as GB, or the setting "
    "`default_region`."
)

MOSTLY = 0.5
"""Share of a field's values, or of where they were seen, from which what cannot be read is more
likely a wrong column, or the address of a load balancer, than what people type."""


def unread_sentences(unread: Iterable[Unread], *, of: str = "different values") -> Iterator[str]:
    """Say which values are there and tell nothing.

    Addresses of a load balancer, or a column mapped to the wrong field, would otherwise
    cost a family of evidence without a word.

    Parameters
    ----------
    unread
        By field; those of which `MOSTLY` says nothing get a sentence of their own.
    of
        What was counted.
    """
    few = []
    for one in unread:
        if one.values == one.of_values:
            many = f"none of its {count(one.of_values)} {of} can be used"
        elif one.share >= MOSTLY:
            share = f"{100 * one.seen / one.of_seen:.0f}% of what was seen"
            many = f"{count(one.values)} of its {count(one.of_values)} {of} ({share}) are of no use"
        else:
            few.append(f"{one.field} {count(one.values)} of {count(one.of_values)}")
            continue
        yield f"{one.field}: {many}; is it the right column?{_hint(one)}"
    if few:
        yield f"{of.capitalize()} that say nothing, and are left out: {', '.join(few)}."


def _hint(one: Unread) -> str:
    if one.need_country and 2 * one.need_country >= one.seen:
        return _NEEDS_COUNTRY
    return _HINTS.get(one.field, "")


def echo_sentences(echoes: Iterable[Echo]) -> Iterator[str]:
    """Say which kinds repeat another one for everybody, and are no evidence therefore."""
    for echo in echoes:
        word = KIND[echo.kind].words
        known = KIND.get(echo.teller)
        teller = "the time of sign-up" if known is None else f"the {known.words}"
        yield (
            f"The {word} goes with {teller} for nearly everybody ({100 * echo.told:.0f}% of it can "
            f"be told from there): the two are one witness, and the {word} is not counted."
        )


def few_families(kind_of_value: IntArray) -> str | None:
    """Say where no fleet, or hardly one, can be found: whatever the accounts do.

    Parameters
    ----------
    kind_of_value
        int8 (V,): kind of each value of the graph.

    Returns
    -------
    str or None
        None where at least two families are there beside the times.
    """
    kinds = [KINDS[code] for code in np.unique(kind_of_value).tolist() if KINDS[code].witness]
    families = {kind.family for kind in kinds}
    told = {kind.family for kind in kinds if kind.field not in TIMES}
    if len(told) >= 2:
        return None
    names = " and ".join(sorted(str(family) for family in told)) or "times"
    if len(families) < 2:
        outlook = "one family alone never makes a fleet: accounts are ranked, below one half"
    else:
        outlook = "a fleet shares in two families, so hardly any can be found"
    return (
        f"The files show one family of evidence only ({names}); {outlook}. Give more where there "
        "is more: addresses, devices, payments, usage."
    )


def run_facts(
    telemetry: ReadTelemetry,
    settings: Settings,
    found: Detection,
    notices: Sequence[str],
    costs: Sequence[StepCost],
    *,
    cleared: int,
) -> RunFacts:
    """Return what the report tells of the run itself.

    Parameters
    ----------
    telemetry, settings, found
        Of the run.
    notices
        Sentences that were told on the way.
    costs
        Steps that are done.
    cleared
        Accounts whose last label says `legitimate`.
    """
    return RunFacts(
        settings=settings.public(),
        versions=versions(),
        rows=telemetry.record.rows,
        rejects=[
            RejectCount(table, str(reason), rows)
            for (table, reason), rows in sorted(telemetry.record.rejected.items())
        ],
        notices=list(notices),
        costs=list(costs),
        fdr_limit=settings.fdr,
        null_world=NullWorld(worlds=1, rings=found.null_rings, accounts=found.null_accounts),
        labels=_label_use(telemetry, cleared),
        has_usage=telemetry.has_usage,
        finished_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _label_use(telemetry: ReadTelemetry, cleared: int) -> LabelUse | None:
    if telemetry.labels is None:
        return None
    labels = telemetry.labels["label"].to_pylist()
    return LabelUse(labels.count("fraud"), labels.count("legitimate"), cleared)


def run_record(
    telemetry: ReadTelemetry,
    settings: Settings,
    found: Detection,
    judged: Assessment,
    steps: Steps,
) -> dict[str, object]:
    """Return the contents of run.json."""
    verdicts = [str(verdict) for verdict in judged.verdict]
    fleet = np.array([verdict == "fleet" for verdict in verdicts] + [False])
    flagged = int((fleet[judged.ring] & (judged.ring >= 0)).sum())
    record = telemetry.record
    return {
        "versions": versions(),
        "settings": settings.public(),
        "seed": settings.seed,
        "counts": {
            "accounts": len(telemetry.account_ids),
            "flagged": flagged,
            "rings": len(verdicts),
            "rings_by_verdict": {name: verdicts.count(name) for name in sorted(set(verdicts))},
            "rows": dict(record.rows),
            "repeated_events": dict(record.repeated),
        },
        "null_world": {
            "rings": found.null_rings,
            "accounts": found.null_accounts,
            "least_pair_nats": found.least_nats,
        },
        "rejects": {
            f"{table}: {reason}": rows for (table, reason), rows in sorted(record.rejected.items())
        },
        "inputs": [_plain(asdict(file)) for file in record.files],
        "steps": [asdict(cost) for cost in steps.costs],
        "seconds": round(steps.seconds, 3),
    }


def _plain(values: dict[str, object]) -> dict[str, object]:
    """Return JSON values; secret digests are left out."""
    return {
        name: value if isinstance(value, str | int | float | None) else str(value)
        for name, value in values.items()
        if not isinstance(value, bytes)
    }
