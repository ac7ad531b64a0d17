"""Detection with each step off: what every step is worth.

    python -m tests.bench ablation [--only NAME,...] [--worlds NAME,...]

Steps are taken out from outside, by replacing functions and tables of the product's modules
for the time of one audit; a name that is no longer there is an error, not a silent no-op.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import igraph
import numpy as np

from ringfinder.detect.classes import strata
from ringfinder.evidence.background import background
from ringfinder.schema import FAMILY_OF_KIND, KINDS
from tests.bench.quality import line
from tests.bench.results import keep, markdown
from tests.bench.run import audited
from tests.bench.tally import evaluation_of, pooled
from tests.bench.worlds import Files, other, simulated

Patch = tuple[str, Any]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.bench ablation", description=__doc__)
    parser.add_argument("--only", help="steps, separated by commas")
    parser.add_argument("--worlds", help="worlds, separated by commas")
    given = parser.parse_args(arguments)
    steps = given.only.split(",") if given.only else list(OFF)
    worlds = given.worlds.split(",") if given.worlds else list(WORLDS)
    rows = []
    for step in steps:
        outcomes = []
        for name in worlds:
            with patched(OFF[step]()):
                run = audited(WORLDS[name]())
            found = evaluation_of(run.outcomes)
            outcomes.append(run.outcomes)
            rows.append((step, *line(name, found, run.seconds)))
            print("  ".join(rows[-1]), flush=True)
            keep("ablation", step, {"world": name, "seconds": run.seconds, **found.to_dict()})
        if len(worlds) > 1:
            rows.append((step, *line("all", evaluation_of(pooled(outcomes)), 0.0)))
    head = ("off", "world", "P", "R", "benign flagged", "worst style", "30+", "10-29", "5-9",
            "cohort", "one of", "in rings", "s")  # fmt: skip
    print("\n" + markdown(head, rows))
    return 0


@contextlib.contextmanager
def patched(patches: Sequence[Patch]) -> Iterator[None]:
    """Replace ``module:name`` for a while."""
    before = []
    try:
        for place, value in patches:
            module, name = place.split(":")
            owner = importlib.import_module(module)
            before.append((owner, name, getattr(owner, name)))
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)


def original(place: str) -> Any:
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


# --- the steps


def no_misses() -> list[Patch]:
    """What is missing says nothing."""
    place = "ringfinder.evidence.lifts:_miss_nats"
    return [(place, lambda _s, _c, _m, communities: np.zeros((communities, len(KINDS))))]


def no_one_observation() -> list[Patch]:
    """Every kind speaks for itself: an address and its network are two witnesses."""
    families = np.eye(max(FAMILY_OF_KIND) + 1)[list(FAMILY_OF_KIND)]
    rows = [np.flatnonzero(column) for column in families.T]
    kinds = tuple(kind.name for kind in KINDS)
    return [
        (f"ringfinder.evidence.{module}:{name}", value)
        for module, name, value in (
            ("anchors", "OBSERVATIONS", kinds),
            ("anchors", "OBSERVATION", np.arange(len(KINDS))),
            ("anchors", "FAMILY_OF_OBSERVATION", families),
            ("membership", "OBSERVATIONS", kinds),
            ("membership", "OBSERVATION", np.arange(len(KINDS))),
            ("membership", "_OBSERVATIONS_OF_FAMILY", rows),
        )
    ]


def no_classes() -> list[Patch]:
    """The population is its countries, where given, and nothing more."""

    def learn(graph: Any, shared: Any, **_: Any) -> Any:
        return background(shared, strata(graph))

    return [("ringfinder.pipeline.analyse:learn_population", learn)]


def no_rest() -> list[Patch]:
    """No second search among the accounts left outside."""
    return [
        ("ringfinder.detect.find:search_rest", lambda _s, _b, _c, community, *_, **__: community)
    ]


def no_expulsion() -> list[Patch]:
    """What has nothing common with the rest of its ring stays."""
    return [("ringfinder.detect.find:expel", lambda _s, _b, found, _parts: found)]


def no_division() -> list[Patch]:
    """Communities are neither divided, nor is anything expelled."""
    return [("ringfinder.detect.find:divide", lambda _shared, community, **_: community)]


def no_webs() -> list[Patch]:
    """No search for accounts tied by rare values of which no two meet."""
    return [("ringfinder.detect.find:add_webs", lambda _s, community, **_: community)]


def bonferroni() -> list[Patch]:
    """A bound over all pairs that met instead of the permuted world's threshold."""

    def threshold(real: Any, _chance: Any) -> float:
        return float(2 * np.log(max(len(real), 2)))

    return [("ringfinder.detect.find:least_nats", threshold)]


def no_leiden() -> list[Patch]:
    """Connected components of the graph of values where Leiden stands, candidates only."""
    return [("ringfinder.detect.find:value_communities", components)]


def no_leiden_anywhere() -> list[Patch]:
    """Components also where rings are divided and where classes are learned."""
    return [
        ("ringfinder.detect.find:value_communities", components),
        ("ringfinder.detect.divide:value_communities", components),
        ("ringfinder.detect.classes:_clusters", clusters),
    ]


def leiden_once() -> list[Patch]:
    """One partition per connected component, its blocks not split again."""
    again = original("ringfinder.detect.candidates:value_communities")
    return [
        ("ringfinder.detect.find:value_communities",
         lambda pairs, values, *, seed, **_: again(pairs, values, seed=seed, split=1.0)),
    ]  # fmt: skip


def no_joining() -> list[Patch]:
    """Communities that are one stay apart."""
    return [("ringfinder.detect.refine:join", lambda _s, best, _c, _l, **_: best)]


def no_admission() -> list[Patch]:
    """Accounts near a sure fleet are not let in at lower odds."""
    return [("ringfinder.score.assess:admit",
             lambda _g, _s, _b, ring, nats, _f, _t, **_: (ring, nats))]  # fmt: skip


def no_telling_apart() -> list[Patch]:
    """Rings are judged whole, though their halves behave differently."""

    def whole(_g: Any, ring: Any, *_: Any, **__: Any) -> Any:
        return ring, np.arange(int(ring.max(initial=-1)) + 1, dtype=np.int32)

    return [("ringfinder.score.assess:tell_apart", whole)]


def components(pairs: Any, values: int, **_: Any) -> Any:
    """As `value_communities`, with connected components."""
    label = np.full(values, -1, dtype=np.int32)
    if len(pairs.u):
        graph = igraph.Graph(n=values, edges=np.column_stack((pairs.u, pairs.v)))
        member = np.array(graph.connected_components().membership)
        linked = np.unique(np.concatenate((pairs.u, pairs.v)))
        label[linked] = np.unique(member[linked], return_inverse=True)[1]
    return label


def clusters(u: Any, v: Any, _weight: Any, _seed: int) -> Any:
    """As the classes' clusters, with connected components."""
    graph = igraph.Graph(n=int(max(u.max(), v.max())) + 1, edges=np.column_stack((u, v)))
    return [np.array(block) for block in graph.connected_components() if len(block) >= 2]


OFF: dict[str, Callable[[], list[Patch]]] = {
    "nothing": list,
    "misses": no_misses,
    "one observation": no_one_observation,
    "classes": no_classes,
    "rest": no_rest,
    "webs": no_webs,
    "expulsion": no_expulsion,
    "division": no_division,
    "null threshold": bonferroni,
    "leiden": no_leiden,
    "leiden anywhere": no_leiden_anywhere,
    "leiden again": leiden_once,
    "joining": no_joining,
    "admission": no_admission,
    "telling apart": no_telling_apart,
}

WORLDS: dict[str, Callable[[], Files]] = {
    "hard-1": lambda: simulated("hard-1", seed=1),
    "hard-2": lambda: simulated("hard-2", seed=2),
    "unnamed-1": lambda: simulated("unnamed-1", "unnamed", seed=1),
    "other-1": lambda: other("other-1", 1),
}
