"""The rows of the table of promises: which worlds, and what must hold on them.

No world here was tuned on: tuning uses seeds 1 to 20 of `simulate` and 1 to 5 of the other
generator, measuring 101 and up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ringfinder.evaluate import Evaluation, Outcomes, Rate
from ringfinder.evaluate.compare import STRICT
from ringfinder.evaluate.ranking import recall_at_false_positive_rate
from ringfinder.simulate import Adversary
from tests.bench import outside
from tests.bench.run import Run
from tests.bench.tally import (
    Check,
    at_least,
    at_most,
    evaluation_of,
    most_in_a_cohort,
    no_more,
    pooled,
    rate,
    recall_by_size,
    strict_recall,
    told,
    worst_style,
)
from tests.bench.worlds import Files, other, simulated

Make = Callable[[], Files]
FIRST = 101


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes
    ----------
    name, promise
        What to call it; what must hold, in words.
    worlds
        Makes each world when its turn comes.
    checks
        Measures the promises on the runs, and on all of them pooled.
    """

    name: str
    promise: str
    worlds: Sequence[Make]
    checks: Callable[[Sequence[Run], Outcomes, Evaluation], list[Check]]
    notes: dict[str, str] = field(default_factory=dict)


def seeds(count: int) -> range:
    return range(FIRST, FIRST + count)


def _simulated(count: int, label: str, of: str = "hard", **knobs: object) -> list[Make]:
    return [
        lambda seed=seed: simulated(f"{label} {seed}", of, seed=seed, **knobs)
        for seed in seeds(count)
    ]


def _precise(precision: float, recall: float) -> Callable[[Evaluation], list[Check]]:
    def checks(evaluation: Evaluation) -> list[Check]:
        return [
            at_least("precision", evaluation.precision, precision),
            at_least("recall", evaluation.recall, recall),
        ]

    return checks


def _hard(runs: Sequence[Run], _: Outcomes, found: Evaluation) -> list[Check]:
    return [*_precise(0.995, 0.985)(found), *_styles(found), *_cohorts(runs)]


def _styles(found: Evaluation) -> list[Check]:
    worst = worst_style(found)
    return [at_least(f"worst style ({worst[0]})", worst[1], 0.90)] if worst else []


def _cohorts(runs: Sequence[Run]) -> list[Check]:
    """The most flagged in one world: of one kind of cohort, and of one instance of it."""
    found = [evaluation_of(run.outcomes) for run in runs]
    worst = max((most_in_a_cohort(one) or ("none", 0) for one in found), key=lambda x: x[1])
    instance = max((one.most_flagged_in_one_instance or 0) for one in found)
    return [
        no_more(f"flagged of one cohort in one world ({worst[0]})", worst[1], 3),
        no_more("flagged in one instance", instance, 3),
    ]


def _regions(_: Sequence[Run], __: Outcomes, found: Evaluation) -> list[Check]:
    return _precise(0.99, 0.97)(found)


def _unnamed(_: Sequence[Run], all_of: Outcomes, found: Evaluation) -> list[Check]:
    strangers = ~all_of.fraud & _in_cohort(all_of, "background")
    return [
        *_regions(_, all_of, found),
        at_most("benign accounts in any ring", found.benign_in_rings, 0.02),
        at_most("background accounts in any ring", rate(all_of.ring >= 0, strangers), 0.02),
    ]


def _in_cohort(all_of: Outcomes, name: str) -> np.ndarray:
    group = all_of.groups["cohort"]
    return group.code == (group.names.index(name) if name in group.names else -2)


def _sizes(_: Sequence[Run], all_of: Outcomes, __: Evaluation) -> list[Check]:
    return [
        at_least("30 and more", recall_by_size(all_of, 30, None), 0.98),
        at_least("10 to 29", recall_by_size(all_of, 10, 29), 0.90),
        told("5 to 9", recall_by_size(all_of, 5, 9)),
    ]


def _quiet(runs: Sequence[Run], _: Outcomes, __: Evaluation) -> list[Check]:
    by_share: dict[str, list[Outcomes]] = {}
    for run in runs:
        by_share.setdefault(run.files.name.split()[0], []).append(run.outcomes)
    return [
        at_most(f"benign flagged at {share}", evaluation_of(pooled(some)).benign_flagged, 0.0002)
        for share, some in by_share.items()
    ]


def _none(runs: Sequence[Run], all_of: Outcomes, _: Evaluation) -> list[Check]:
    clean = sum(not run.outcomes.flagged.any() for run in runs)
    null = sum(run.record["null_world"]["rings"] for run in runs)
    return [
        Check(
            f"worlds without a flagged account >= {len(runs) - 1}",
            f"{clean} of {len(runs)}",
            clean >= len(runs) - 1,
        ),
        at_most("benign flagged", rate(all_of.flagged, ~all_of.fraud), 0.0002),
        Check("rings in the null worlds", f"{null}", None),
    ]


def _million(runs: Sequence[Run], _: Outcomes, __: Evaluation) -> list[Check]:
    small = evaluation_of(pooled([run.outcomes for run in runs[:-1]]))
    large = evaluation_of(runs[-1].outcomes)
    checks = [*_precise(0.985, 0.975)(large)]
    for name in ("precision", "recall"):
        gap = (getattr(large, name).value or 0) - (getattr(small, name).value or 0)
        checks.append(Check(f"{name} within 0.01 of 60,000's", f"{gap:+.4f}", gap >= -0.01))
    return checks


def _alone(_: Sequence[Run], __: Outcomes, found: Evaluation) -> list[Check]:
    return _precise(0.95, 0.60)(found)


def _framing(_: Sequence[Run], __: Outcomes, found: Evaluation) -> list[Check]:
    past = found.established_past_allow
    attackers = found.recall_by_style.get("framing")
    return [
        no_more("established accounts past allow", past.hits if past else None, 0),
        told("attackers flagged", attackers),
    ]


def _noise(runs: Sequence[Run], _: Outcomes, __: Evaluation) -> list[Check]:
    checks = [no_more("flagged as it is", int(runs[0].outcomes.flagged.sum()), 0)]
    for planted in outside.PLANTED:
        some = pooled([r.outcomes for r in runs[1:] if f"in {planted}," in r.files.name])
        checks.append(at_least(f"ring in {planted}", rate(some.flagged, some.fraud), 0.90))
    firm = pooled([r.outcomes for r in runs[1:] if f"in {outside.FIRM}," in r.files.name])
    checks.append(
        told(f"ring in {outside.FIRM}, as a small firm's", rate(firm.flagged, firm.fraud))
    )
    benign = pooled([run.outcomes for run in runs[1:]])
    checks.append(at_most("others flagged", rate(benign.flagged, ~benign.fraud), 0.0002))
    return checks


def _stars(runs: Sequence[Run], _: Outcomes, __: Evaluation) -> list[Check]:
    checks = []
    for run in runs:
        o = run.outcomes
        name = run.files.name.removeprefix("stars, ")
        checks.append(told(f"{name}: recall at 0.01%", strict_recall(o)))
        lone = o.fraud & (o.groups["style"].code == o.groups["style"].names.index("one star"))
        linked = recall_at_false_positive_rate(o.score[~lone], o.fraud[~lone], rate=STRICT)
        checks.append(told(f"{name}: of those with two stars or more", linked))
        checks.append(at_most(f"{name}: background flagged", rate(o.flagged, ~o.fraud), 0.0002))
    return checks


def _reported(runs: Sequence[Run], all_of: Outcomes, found: Evaluation) -> list[Check]:
    return [
        at_least("precision", found.precision, 0.99),
        told("recall", found.recall),
        at_most("benign flagged", found.benign_flagged, 0.0002),
        *_cohorts(runs),
    ]


def _nothing(_: Sequence[Run], __: Outcomes, ___: Evaluation) -> list[Check]:
    return []


def _adversaries() -> list[Make]:
    """One knob at a time, then all at once."""
    sweep: list[tuple[str, dict[str, float]]] = [("none", {})]
    sweep += [(f"decoys {x}", {"decoy_rate": x}) for x in (0.2, 0.4, 0.6, 0.8)]
    sweep += [(f"variation {x}", {"template_variation": x}) for x in (0.3, 0.6, 0.9)]
    sweep += [(f"split {x}", {"split": x}) for x in (100, 30, 10)]
    sweep += [(f"in companies {x}", {"merge_company": x}) for x in (0.5, 1.0)]
    sweep += [
        ("all", {"decoy_rate": 0.4, "template_variation": 0.6, "split": 30, "merge_company": 0.5})
    ]
    return [
        lambda name=name, knobs=knobs: simulated(
            name, "hard", seed=FIRST, accounts=30_000, adversary=Adversary(**knobs)
        )
        for name, knobs in sweep
    ]


def _honest() -> list[Make]:
    """Twenty worlds without fleets: small ones of every kind of population, four large."""
    made: list[Make] = []
    for number, seed in enumerate(seeds(20)):
        regions = (1, 12, 1, 12, 25)[number % 5]
        accounts = 60_000 if number % 5 == 4 else 20_000
        given = number % 2 == 0
        label = f"{accounts // 1000}k, {regions} regions, {'' if given else 'no '}country, {seed}"
        made.append(
            partial(
                simulated,
                label,
                "honest",
                seed=seed,
                regions=regions,
                accounts=accounts,
                country_given=given,
            )
        )
    return made


def _prevalences() -> list[Make]:
    return [
        make
        for share in (0.003, 0.01, 0.06)
        for make in _simulated(2, f"{share:.1%}", prevalence=share)
    ]


def _registrations() -> list[Make]:
    made: list[Make] = [outside.registrations]
    for planted in (*outside.PLANTED, outside.FIRM):
        for seed in seeds(3):
            made.append(lambda planted=planted, seed=seed: outside.registrations(planted, seed))
    return made


ROWS: dict[str, Row] = {
    row.name: row
    for row in (
        Row("aws", "registrations whose attributes are noise: no fleet; 90% of a planted ring",
            _registrations(), _noise),
        Row("stars", "real fake stars in a rewired background: recall at 0.01% false positives",
            [lambda: outside.stars(1), lambda: outside.stars(4),
             lambda: outside.stars(4, "kept")], _stars),
        Row("framing", "1,000 attackers as a company: no established account past allow",
            _simulated(3, "framing", "framing"), _framing),
        Row("none", "20 worlds without fleets: nobody flagged in at least 19",
            _honest(), _none),
        Row("prevalence", "0.3%, 1% and 6% in fleets: at most 0.02% of the benign flagged",
            _prevalences(), _quiet),
        Row("hard", "60,000 accounts: P >= .995, R >= .985, styles >= .90, <= 3 per cohort",
            _simulated(5, "hard"), _hard),
        Row("regions", "12 and 25 regions, country given: P >= .99, R >= .97",
            _simulated(2, "12 regions", regions=12) + _simulated(2, "25 regions", regions=25),
            _regions),
        Row("unnamed", "the same without country: P >= .99, R >= .97, <= 2% of benign in rings",
            _simulated(2, "12 unnamed", regions=12, country_given=False)
            + _simulated(2, "25 unnamed", regions=25, country_given=False), _unnamed),
        Row("sizes", "recall >= .98 from 30 accounts, >= .90 from 10 to 29",
            _simulated(3, "many fleets", fleets=240, largest_fleet=300), _sizes),
        Row("alone", "sign-ups alone: P >= .95, R >= .60",
            [lambda seed=seed: simulated(f"alone {seed}", seed=seed).signups_alone()
             for seed in seeds(3)], _alone),
        Row("other", "worlds of the other generator",
            [lambda seed=seed: other(f"other {seed}", seed) for seed in seeds(3)], _reported),
        Row("other-honest", "the other generator's worlds without fleets",
            [lambda seed=seed: other(f"other, honest {seed}", seed, 20_000, kind="benign")
             for seed in seeds(4)], _none),
        Row("untidy", "fields missing and typed as people type them, three sightings in ten lost",
            _simulated(2, "untidy", "untidy"), _reported),
        Row("adversary", "who has read the code: recall against dollars per account",
            _adversaries(), _nothing),
        Row("million", "1,000,000 accounts: within 0.01 of the figures at 60,000",
            [*_simulated(2, "60k", smallest_fleet=10),
             lambda: simulated("million 101", "million", seed=FIRST)], _million),
    )
}  # fmt: skip
"""In the order in which they are worth running."""


def dollars(files: Files) -> str:
    """What one account cost the operators of a world, on average."""
    plans = files.info()["fleets"]
    size = np.array([plan["size"] for plan in plans], float)
    price = np.array([plan["dollars_per_account"] for plan in plans])
    return f"{(size * price).sum() / max(size.sum(), 1):.2f}"


def reported(one: Rate | None) -> str:
    return "-" if one is None or one.value is None else f"{one.value:.4f}"
