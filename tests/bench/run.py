"""One audit of one world, through files, as a person would run it."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringfinder.config import load
from ringfinder.evaluate import Outcomes, read_outcomes
from ringfinder.graph.columns import AttributeGraph
from ringfinder.normalise import Pepper, normalise, prompt_bands
from ringfinder.pipeline.audit import audit
from ringfinder.sources import Inputs, read_telemetry
from tests.bench.worlds import Files


@dataclass(frozen=True)
class Run:
    """What one audit said, beside the truth.

    Attributes
    ----------
    files
        The world.
    outcomes
        Truth and audit, aligned.
    record
        The run's own run.json.
    seconds
        Wall time.
    """

    files: Files
    outcomes: Outcomes
    record: dict[str, Any]
    seconds: float


def audited(files: Files, *, seed: int = 0, keep: Path | None = None) -> Run:
    """Audit a world in this process and compare the tables it writes with the truth.

    Parameters
    ----------
    files
        The world.
    seed
        The audit's seed.
    keep
        Where to leave what the audit writes; thrown away if not given.
    """
    settings = load({**files.settings, "seed": seed})
    with tempfile.TemporaryDirectory() as scratch:
        out = keep or Path(scratch) / "out"
        begun = time.perf_counter()
        audit(files.inputs(), settings, out)
        seconds = time.perf_counter() - begun
        outcomes, _ = read_outcomes(out, files.truth)
        record = json.loads((out / "run.json").read_text())
    return Run(files, outcomes, record, seconds)


def graph_of(files: Files) -> AttributeGraph:
    """Read and normalise a world's files as an audit does, and no more."""
    telemetry = read_telemetry(
        Inputs(**files.inputs().tables()), mapping=files.columns, prompt_bands=prompt_bands
    )
    return normalise(
        telemetry,
        pepper=Pepper.derived([b"bench"]),
        networks=None,
        default_region=files.settings.get("default_region"),
    )
