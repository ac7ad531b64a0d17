"""What each step of a run took."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ringfinder.explain.given import StepCost
from ringfinder.runs import Progress

_UNIT = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes there, KiB elsewhere


class Steps:
    """Times steps and tells a person which one runs.

    Parameters
    ----------
    progress
        Called when a step begins with its name and the share of the run behind it.
    total
        How many steps there will be.
    """

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._begun = time.perf_counter()
        self.costs: list[StepCost] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what happens inside; peak memory is the process's so far."""
        self._progress(name, min(len(self.costs) / self._total, 1.0))
        begun = time.perf_counter()
        yield
        seconds = time.perf_counter() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT / 1e6
        self.costs.append(StepCost(name, round(seconds, 3), round(peak, 1)))

    @property
    def seconds(self) -> float:
        """Wall time since the run began."""
        return time.perf_counter() - self._begun
