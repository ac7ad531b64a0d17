"""What a snapshot hands on of its background comes back, or is no epoch."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pytest
from planted import crowd, graph_of

from ringfinder.pipeline.analyse import detect, learn
from ringfinder.pipeline.epoch import first_of, held_population, read_epoch, write_epoch
from ringfinder.publish.staging import staged
from ringfinder.schema import CODE

ACCOUNTS = 2_000


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """An epoch that leaves a kind out, the record of it as read from disk, and its directory."""
    columns = crowd(ACCOUNTS)
    for name in ("user_agent", "card_bin"):
        columns[name] = [f"{name}{number % 8}" for number in range(ACCOUNTS)]
    graph = graph_of(columns)
    digests = pa.array([f"{number:032x}" for number in range(graph.values)])
    graph = dataclasses.replace(graph, pseudonym=digests)
    population = learn(graph, seed=0)
    found = detect(population, seed=0)
    epoch = first_of("one", 5, population, found)
    path = tmp_path_factory.mktemp("epoch") / "one"
    with staged(path) as stage:
        write_epoch(stage, graph, population, found)
        stage.write_run({"epoch": epoch.facts()})
    return graph, epoch, path, json.loads((path / "run.json").read_bytes())


def test_it_comes_back_with_the_kinds_that_are_left_out(kept):
    graph, epoch, path, run = kept
    again = read_epoch(path, run)
    (echo,) = again.echoes
    assert again.echoes == epoch.echoes
    assert again.facts() == epoch.facts()
    held = held_population(graph, again)
    assert held.echoes == epoch.echoes
    assert CODE[echo.kind] not in held.shared.kind
    assert np.isin(CODE[echo.teller], held.shared.kind)


@pytest.mark.parametrize("fact", ["echoes", "everyone", "null_strength"])
def test_one_of_software_that_did_not_know_a_fact_is_none(kept, fact):
    _, _, path, run = kept
    facts = {name: value for name, value in run["epoch"].items() if name != fact}
    assert read_epoch(path, {**run, "epoch": facts}) is None


@pytest.mark.parametrize("echoes", [None, [{"kind": "user_agent"}], [{"no": 1}], 5])
def test_one_whose_echoes_are_none_is_none(kept, echoes):
    _, _, path, run = kept
    assert read_epoch(path, {**run, "epoch": {**run["epoch"], "echoes": echoes}}) is None
