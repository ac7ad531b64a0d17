"""Fleets that are being born: how soon sign-ups of theirs are no longer answered `allow`.

    python -m tests.bench born [--seeds 101-104] [--accounts 60000] [--at 24,40,56,72] [--days 2]
    python -m tests.bench born --fit [--seeds 1-24]

Worlds of the simulator are cut at some days: a snapshot of everything before, then every
sign-up after it in order of time, with what the newcomers were seen with since, through
scorer and overlay. A fleet is *new* where its first account came after the cut. Its second
family is *observable* from the account on with which values of two families would mark it if
we knew its members (`evidence.lifts`: three holders, ten nats beyond the snapshot's rates).
Fleets of which too few accounts came afterwards to tell are counted apart. A day of a company
is a day of onboarding where five and more of its staff sign up. Weights and thresholds were
chosen on seeds 1 to 24.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ringfinder.durations import DAY_MS
from ringfinder.explain.online import Scorer
from ringfinder.model import Decision
from ringfinder.normalise.one import NormalisedSignup
from ringfinder.schema import FAMILY_OF_KIND, OBSERVATION_OF_KIND, OBSERVATIONS
from ringfinder.score.online.known import WITNESS
from ringfinder.score.online.newborn import marks
from ringfinder.score.online.overlay import Overlay
from ringfinder.score.online.rates import Rates
from ringfinder.simulate.spec import WINDOW_START_MS
from tests.bench.replay import Cut, Event, cut
from tests.bench.results import keep
from tests.bench.worlds import Files, simulated

WITHIN = 10
PROMISED = ("company day", "lecture", "hackathon")
_TIME = OBSERVATIONS.index("created_at")


def world(seed: int, accounts: int) -> Files:
    """A world; every second one has more fleets, every fourth six countries."""
    knobs: dict[str, Any] = {"prevalence": 0.15} if seed % 2 == 0 else {}
    knobs |= {"regions": 6} if seed % 4 == 3 else {}
    return simulated(f"born-{seed}", "hard", seed=seed, accounts=accounts, **knobs)


@dataclass
class Fleet:
    """A new fleet: its sign-ups, when two families were observable, the first alarm."""

    style: str
    signups: int = 0
    observable: int | None = None
    alarm: int | None = None
    holders: Counter[int] = field(default_factory=Counter)
    families: set[int] = field(default_factory=set)
    held: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def see(self, event: Event, rates: Rates, model: Any) -> None:
        """Count what an account of the fleet was seen with."""
        index = model.find_values([name for _, name in event.values])
        keyed = [
            (kind, int(name[-32:-16], 16), place)
            for (kind, name), place in zip(event.values, index.tolist(), strict=True)
        ]
        people = rates.people(keyed)
        for value in keyed:
            kind, key, _ = value
            if key in self.held[event.account_id]:
                continue
            self.held[event.account_id].add(key)
            self.holders[key] += 1
            if not WITNESS[kind] or OBSERVATION_OF_KIND[kind] == _TIME:
                continue
            if marks(self.holders[key], self.signups, rates.rate(value, people)):
                self.families.add(FAMILY_OF_KIND[kind])
        if len(self.families) >= 2 and self.observable is None:
            self.observable = self.signups

    @property
    def delay(self) -> int | None:
        """Accounts from the second family on until the first alarm; None where none came."""
        if self.alarm is None or self.observable is None:
            return None
        return max(self.alarm - self.observable, 0)

    @property
    def told(self) -> bool:
        """Whether the fleet can be judged: an alarm, or enough accounts without one."""
        if self.observable is None:
            return False
        return self.alarm is not None or self.signups - self.observable >= WITHIN


@dataclass
class Watched:
    """What happened after one cut."""

    fleets: dict[str, Fleet] = field(default_factory=dict)
    benign: Counter[tuple[str, str]] = field(default_factory=Counter)  # (cohort, decision)
    known: Counter[str] = field(default_factory=Counter)  # of those, by a ring of the snapshot
    old: Counter[str] = field(default_factory=Counter)  # sign-ups of fleets from before


def watch(one: Cut, at_ms: int) -> Watched:
    """Replay the events after a cut through scorer and overlay."""
    overlay = Overlay(one.model)
    scorer, rates = Scorer(one.model, overlay), Rates(one.model)
    found = Watched()
    days = _onboarding_days(one)
    for event in one.events:
        truth = one.truth[event.account_id]
        name = truth["fleet_id"]
        fresh = name is not None and one.founded[name] >= at_ms
        decision, known = None, False
        if event.signup:
            signup = NormalisedSignup(event.account_id, event.at_ms, None, event.values)
            answer = scorer.score(signup)
            decision = answer.suggested
            known = answer.ring is not None and not answer.ring.provisional
        if fresh:
            fleet = found.fleets.setdefault(name, Fleet(truth["style"]))
            fleet.signups += event.signup
            if event.signup and decision is not Decision.ALLOW and fleet.alarm is None:
                fleet.alarm = fleet.signups
            fleet.see(event, rates, one.model)
        elif event.signup and name is not None:
            found.old[str(decision)] += 1
        elif event.signup:
            cohort = truth["cohort"]
            if (truth["group_id"], event.at_ms // DAY_MS) in days:
                cohort = "company day"
            found.benign[cohort, str(decision)] += 1
            found.known[cohort] += known and decision is not Decision.ALLOW
        if event.signup:
            overlay.add(event.account_id, event.at_ms, event.values)
        else:
            overlay.see(event.account_id, event.values)
    return found


def _onboarding_days(one: Cut) -> set[tuple[str, int]]:
    counts: Counter[tuple[str, int]] = Counter()
    for event in one.events:
        truth = one.truth[event.account_id]
        if event.signup and truth["cohort"] == "company":
            counts[truth["group_id"], event.at_ms // DAY_MS] += 1
    return {day for day, count in counts.items() if count >= 5}


def cuts(given: argparse.Namespace) -> Iterator[tuple[int, Cut]]:
    """Yield the time of each cut, and the cut."""
    first, _, last = given.seeds.partition("-")
    for seed in range(int(first), int(last or first) + 1):
        files = world(seed, given.accounts)
        for day in map(int, given.at.split(",")):
            at_ms = WINDOW_START_MS + day * DAY_MS
            with tempfile.TemporaryDirectory() as scratch:
                yield at_ms, cut(files, at_ms, given.days, Path(scratch))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.bench born", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="101-104", help="first-last")
    parser.add_argument("--accounts", type=int, default=60_000)
    parser.add_argument("--at", default="24,40,56,72", help="days of the cuts")
    parser.add_argument("--days", type=float, default=2.0, help="days replayed after each cut")
    parser.add_argument("--fit", action="store_true", help="fit the weights instead, and print")
    given = parser.parse_args(arguments)
    if given.fit:
        from tests.bench.fit_born import fit

        print(json.dumps(fit(one for _, one in cuts(given))))
        return 0
    watched: list[Watched] = []
    for at_ms, one in cuts(given):
        watched.append(watch(one, at_ms))
        print(f"cut {len(watched)}: {sum(watched[-1].benign.values()):,} benign", file=sys.stderr)
    print(table(watched))
    keep("born", given.seeds, {"table": table(watched)})
    return 0


def table(watched: list[Watched]) -> str:
    """The figures by style and by cohort."""
    lines = [
        "| style | new fleets | second family observable | told | within 10 | median | worst |",
        "|---|---|---|---|---|---|---|",
    ]
    fleets = [fleet for one in watched for fleet in one.fleets.values()]
    for style in [*sorted({fleet.style for fleet in fleets}), "all"]:
        mine = [fleet for fleet in fleets if style in (fleet.style, "all")]
        told = [fleet for fleet in mine if fleet.told]
        late = [WITHIN + 1 if fleet.delay is None else fleet.delay for fleet in told]
        seen = sum(fleet.observable is not None for fleet in mine)
        in_time = sum(delay <= WITHIN for delay in late)
        soon = f"{in_time} ({in_time / max(len(late), 1):.0%})"
        worst = "never" if any(fleet.delay is None for fleet in told) else str(max(late, default=0))
        middle = f"{np.median(late):.0f}" if late else "-"
        lines.append(
            f"| {style} | {len(mine)} | {seen} | {len(told)} | {soon if late else '-'} | {middle} "
            f"| {worst} |"
        )
    benign: Counter[tuple[str, str]] = Counter()
    known: Counter[str] = Counter()
    old: Counter[str] = Counter()
    for one in watched:
        known.update(one.known)
        benign.update(one.benign)
        old.update(one.old)
    lines += ["", "| benign sign-ups of | all | review | challenge | other than allow "
              "| of these by a ring of the snapshot |"]  # fmt: skip
    lines += ["|---|---|---|---|---|---|"]
    names = sorted({cohort for cohort, _ in benign})
    rows = [(name, (name,)) for name in names]
    rows += [("days of companies, lectures, hackathons", PROMISED), ("all", tuple(names))]
    for title, cohorts in rows:
        total = sum(benign[name, str(d)] for name in cohorts for d in Decision)
        review = sum(benign[name, str(Decision.REVIEW)] for name in cohorts)
        challenge = sum(benign[name, str(Decision.CHALLENGE)] for name in cohorts)
        share = (review + challenge) / max(total, 1)
        old_rings = sum(known[name] for name in cohorts)
        lines.append(
            f"| {title} | {total:,} | {review} | {challenge} | {share:.3%} | {old_rings} |"
        )
    shown = ", ".join(f"{name} {count:,}" for name, count in sorted(old.items()))
    lines += ["", f"Sign-ups of fleets that the cut found alive: {shown or 'none'}."]
    return "\n".join(lines)
