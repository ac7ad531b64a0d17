"""Snapshots of small graphs, written and opened as a recompute would."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ringfinder.config import load
from ringfinder.detect.lineage import ring_ids
from ringfinder.explain.reasons import account_reasons
from ringfinder.graph.columns import AttributeGraph
from ringfinder.normalise import Pepper, normalise, prompt_bands
from ringfinder.pipeline.analyse import Analysis, detect, judge, learn
from ringfinder.pipeline.judgement import decisions
from ringfinder.publish.model import open_model, write_model
from ringfinder.publish.staging import staged
from ringfinder.score.online.model import Model
from ringfinder.simulate import WorldSpec, simulate, write_world
from ringfinder.sources import Inputs, read_telemetry


@functools.cache
def small_graph(accounts: int = 6000, seed: int = 3, prevalence: float = 0.15) -> AttributeGraph:
    """A simulated world as a graph, made once."""
    with tempfile.TemporaryDirectory() as folder:
        files = write_world(
            simulate(WorldSpec(accounts=accounts, seed=seed, prevalence=prevalence)), Path(folder)
        )
        tables = {name: (str(files[name]),) for name in ("signups", "usage", "payments", "logins")}
        telemetry = read_telemetry(Inputs(**tables), prompt_bands=prompt_bands)
    return normalise(telemetry, pepper=PEPPER)


PEPPER = Pepper(1, b"pepper for tests, 32 bytes long.")
NOBODY = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Snapshot:
    """A run of the batch, and the model it wrote."""

    analysis: Analysis
    directory: Path
    model: Model

    @property
    def graph(self) -> AttributeGraph:
        return self.analysis.run.graph


def snapshot_of(graph: AttributeGraph, directory: Path, *, verify: bool = True) -> Snapshot:
    """Find and judge rings as the audit does, and write and open the model."""
    analysis = analysis_of(graph)
    write_snapshot(analysis, directory)
    return Snapshot(analysis, directory, open_model(directory, verify=verify))


def analysis_of(graph: AttributeGraph) -> Analysis:
    def namer(graph, judged, _):
        return ring_ids(graph.account_ids, graph.created_ms, judged.ring)

    population = learn(graph, seed=0)
    found = detect(population, seed=0)
    return judge(graph, population, found, (NOBODY, NOBODY), load({}), namer)


def write_snapshot(analysis: Analysis, directory: Path) -> None:
    run = analysis.run
    with staged(directory) as stage:
        write_model(
            stage,
            shared=analysis.population.shared,
            back=analysis.population.back,
            judged=analysis.judged,
            run=run,
            reasons=account_reasons(
                run.graph, run.rings, run.judgement, run.links, legitimate=NOBODY
            ),
            decision=decisions(analysis.judged),
            silent=[echo.kind for echo in analysis.population.echoes],
        )
        stage.write_run({"snapshot_id": directory.name})


def signups_of(graph: AttributeGraph, accounts: np.ndarray) -> list[tuple[list[int], list[str]]]:
    """Kind codes and pseudonyms of everything each account was seen with."""
    begin = np.searchsorted(graph.account, accounts)
    end = np.searchsorted(graph.account, accounts, side="right")
    found = []
    for first, last in zip(begin, end, strict=True):
        value = graph.value[first:last]
        found.append((graph.kind[value].tolist(), graph.pseudonym.take(value).to_pylist()))
    return found
