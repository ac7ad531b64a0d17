"""Do rings keep their identity? Thirty nights with churn, planted splits and mergers.

    python -m tests.bench identity [--accounts 9000] [--nights 30] [--seeds 101]

Every night runs learning, detection and judgement on the accounts that are there, and hands
names on through a snapshot's own files, as `recompute` does. A ring's true group is that of
most of its members.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ringfinder.config import Settings
from ringfinder.detect.identity import Identity, Step
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import IntArray
from ringfinder.pipeline.analyse import Analysis, detect, judge, learn, write_tables
from ringfinder.pipeline.anew import named_after, rings_before
from ringfinder.pipeline.epoch import communities_before, write_epoch
from ringfinder.publish.carried import read_known, write_history
from ringfinder.publish.staging import staged
from tests.bench.results import keep, markdown
from tests.evolving import Evolving, Planted, evolving

NONE = np.zeros(0, dtype=np.int64)
SIDE, SMALLEST = 0.2, 5
WHOLE = 0.5
CLEAR = 2 / 3
"""Share of a ring's members from which on it is clearly their group's: twice as many as all others.
A ring found of two fleets, or that waits a night to be divided, is of this one or that by one
account, and its id has moved nowhere."""

LATE = 7
"""Nights after which a planted change may still be told: rings part when detection sees it."""


@dataclass
class Tally:
    """What was seen over the nights.

    Attributes
    ----------
    pairs, agree
        (ring, night) pairs of rings with a true group, and those whose id is that group's.
    moved, clearly
        Ids that belonged to one fleet and then to another: by most members of their rings, and
        by a share of `CLEAR`.
    clear_of
        Id -> true group that it first clearly belonged to.
    one
        True group -> the one it was merged into: from then on they are one fleet.
    fleet_of
        Id -> true group it was first seen with.
    names_of
        True group -> ids that its rings had on earlier nights; of merged ones those of both.
    told, right
        By ``split`` and ``merged``: what lineage told, and of it what was planted. Told are
        only those with a second side of a `SIDE` of the whole and `SMALLEST` accounts: a ring
        of sixty that takes in a fragment of five grew.
    planted, found
        By the same: those planted in fleets of which a ring held at least `WHOLE` the night
        before (`whole`), and of them those told within `LATE` nights; `open` are not told yet.
        Those planted in other fleets are put `aside`: to tell them is neither right nor wrong.
    """

    pairs: int = 0
    agree: int = 0
    moved: set[str] = field(default_factory=set)
    clearly: set[str] = field(default_factory=set)
    clear_of: dict[str, int] = field(default_factory=dict)
    one: dict[int, int] = field(default_factory=dict)
    fleet_of: dict[str, int] = field(default_factory=dict)
    names_of: dict[int, set[str]] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    whole: set[int] = field(default_factory=set)
    open: list[Planted] = field(default_factory=list)
    aside: list[Planted] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def root(self, group: int) -> int:
        """The fleet that a true group is by now."""
        while group in self.one:
            group = self.one[group]
        return group

    def merge(self, one: int, other: int) -> None:
        """Two fleets are one from now on."""
        a, b = self.root(one), self.root(other)
        if a != b:
            self.one[b] = a
            self.names_of.setdefault(a, set()).update(self.names_of.pop(b, set()))

    def figures(self) -> dict[str, Any]:
        """Shares, in plain numbers."""
        out: dict[str, Any] = {
            "pairs": self.pairs, "agree": self.agree / max(self.pairs, 1),
            "moved": len(self.moved), "moved_clearly": len(self.clearly),
        }  # fmt: skip
        for what in ("split", "merged"):
            out[f"{what}_planted"] = self.planted[what]
            out[f"{what}_told"] = self.told[what]
            out[f"{what}_precision"] = self.right[what] / max(self.told[what], 1)
            out[f"{what}_recall"] = self.found[what] / max(self.planted[what], 1)
        return out


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.bench identity", description=__doc__)
    parser.add_argument("--accounts", type=int, default=9000)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--planted", type=int, default=20)
    parser.add_argument("--seeds", default="101")
    given = parser.parse_args(arguments)
    rows = []
    for seed in map(int, given.seeds.split(",")):
        tally = over_nights(
            seed=seed,
            accounts=given.accounts,
            nights=given.nights,
            planted=given.planted,
            followed=LATE,
        )
        figures = tally.figures()
        keep("identity", f"seed {seed}", {**vars(given), **figures, "missed": tally.missed})
        rows.append([str(seed), *(_cell(value) for value in figures.values())])
        print("\n".join(tally.missed))
    print(markdown(["seed", *figures], rows))
    return 0


def _cell(value: float) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def over_nights(
    *, seed: int, accounts: int, nights: int, planted: int, followed: int = 0, churn: float = 0.01
) -> Tally:
    """Run the nights and tally; what is planted has `followed` nights left to be told."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as scratch:
        world = evolving(
            Path(scratch) / "world", nights=nights, churn=churn, splits=planted, mergers=planted,
            followed=followed, seed=seed, accounts=accounts, prevalence=0.35,
            fleets=3 * planted + planted // 2, smallest_fleet=40, largest_fleet=90,
            rows_per_account=5.0,
        )  # fmt: skip
        earlier: Path | None = None
        before: dict[str, int] = {}
        for number in range(nights):
            graph, truth = world.night(number)
            here = Path(scratch) / f"night-{number}"
            done, lineage = one_night(graph, earlier, here)
            before = count(tally, world, number, done, lineage, truth, before)
            earlier = here
    return tally


def one_night(
    graph: AttributeGraph, earlier: Path | None, here: Path
) -> tuple[Analysis, list[Step]]:
    """One night, with the names that the night before hands on."""
    settings = Settings()
    known = read_known(earlier)
    told: list[Identity] = []
    population = learn(graph, seed=0)
    found = detect(population, seed=0)
    done = judge(
        graph, population, found, (NONE, NONE), settings, named_after(known, told),
        before=rings_before(known, graph.account_ids),
        raw=communities_before(earlier, graph.account_ids),
    )  # fmt: skip
    with staged(here) as stage:
        write_tables(stage, done, (NONE, NONE))
        write_history(stage, earlier, told[0].first, graph.account_ids)
        write_epoch(stage, graph, population, found)
        stage.write_run({})
    return done, told[0].steps


def count(
    tally: Tally,
    world: Evolving,
    number: int,
    done: Analysis,
    lineage: list[Step],
    truth: IntArray,
    before: dict[str, int],
) -> dict[str, int]:
    """Add one night to the tally; return the true group of each ring."""
    names, ring = done.run.judgement.ring_id, done.judged.ring
    for one in world.planted:
        if one.what == "merged" and one.night == number:
            tally.merge(one.one, one.other)
    group_of: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for code, name in enumerate(names):
        inside = truth[ring == code]
        groups, counts = np.unique(inside[inside >= 0], return_counts=True)
        if len(groups) and counts.max() > len(inside) / 2:
            group_of[name] = tally.root(int(groups[counts.argmax()]))
            sizes[name] = int(counts.max())
            if counts.max() >= CLEAR * len(inside):
                was = tally.clear_of.setdefault(name, group_of[name])
                tally.clearly.update([name] if tally.root(was) != group_of[name] else [])
    largest: dict[int, str] = {}
    for name in sorted(group_of, key=lambda one: -sizes[one]):
        largest.setdefault(group_of[name], name)
    for name, group in group_of.items():
        first = tally.root(tally.fleet_of.setdefault(name, group))
        if first != group:
            tally.moved.add(name)
        same = first == group
        known = tally.names_of.setdefault(group, set())
        if largest[group] == name and known:  # a fleet in pieces has several ids, and goes on
            same &= name in known  # under one that it had
        tally.pairs += 1
        tally.agree += same
        if not same:
            tally.missed.append(
                f"night {number}: {name} is of {group}, was of {first}; "
                f"that was called {tally.names_of.get(group)}"
            )
    for name, group in group_of.items():
        tally.names_of[group].add(name)
    _changes(tally, world, number, lineage, before, group_of)
    there = np.bincount([tally.root(group) for group in truth[truth >= 0].tolist()])
    tally.whole = {group for group, name in largest.items() if sizes[name] >= WHOLE * there[group]}
    return group_of


def _both_large(steps: list[Step]) -> bool:
    """Whether a second side is a `SIDE` of all of them together, and `SMALLEST` accounts."""
    shared = sorted(step.shared for step in steps)
    return shared[-2] >= max(SIDE * sum(shared), SMALLEST)


def _changes(
    tally: Tally, world: Evolving, number: int, lineage: list[Step],
    before: dict[str, int], after: dict[str, int],
) -> None:  # fmt: skip
    """Compare what lineage tells with what was planted for this night, or `LATE` ones before."""
    _plant(tally, world, number)
    for what, key in (("split", "earlier_ring_id"), ("merged", "ring_id")):
        told: dict[str, list[Step]] = {}
        for step in lineage:
            if step.change == what:
                told.setdefault(getattr(step, key), []).append(step)
        for name, steps in told.items():
            if not _both_large(steps):
                continue
            fleets = {before.get(one.earlier_ring_id or "") for one in steps}
            fleets |= {after.get(one.ring_id or "") for one in steps}
            hits = [one for one in tally.open if one.what == what and _is_it(tally, one, fleets)]
            if not hits and any(
                one.what == what and _is_it(tally, one, fleets) for one in tally.aside
            ):
                continue
            tally.told[what] += 1
            if hits:
                tally.right[what] += 1
                tally.found[what] += 1
                tally.open.remove(hits[0])
            else:
                sides = [step.shared for step in steps]
                tally.missed.append(f"night {number}: told {what} {name} of {fleets}, {sides}")
    for one in [one for one in tally.open if one.night + LATE <= number]:
        tally.open.remove(one)
        tally.missed.append(f"{one} was not told")
    tally.aside = [one for one in tally.aside if one.night + LATE > number]


def _plant(tally: Tally, world: Evolving, number: int) -> None:
    """Count what is planted tonight in fleets that were found: what is no ring cannot split."""
    for one in world.planted:
        wanted = {one.one, one.other} if one.what == "merged" else {one.one}
        if one.night == number and wanted <= tally.whole:
            tally.planted[one.what] += 1
            tally.open.append(one)
        elif one.night == number:
            tally.aside.append(one)


def _is_it(tally: Tally, one: Planted, fleets: set[int | None]) -> bool:
    if one.what == "merged":
        return tally.root(one.one) in fleets or {one.one, one.other} & fleets != set()
    return {one.one, one.other} <= fleets
