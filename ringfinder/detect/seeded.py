"""igraph's Leiden, and its random numbers: one generator for the whole process.

It is lent to one search at a time.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import igraph

from ringfinder.model import FloatArray

_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed igraph for what happens inside; other threads wait, so that nobody else draws."""
    with _ONE_AT_A_TIME:
        igraph.set_random_number_generator(random.Random(seed))  # noqa: S311
        yield


def by_modularity(
    graph: igraph.Graph, weights: str | FloatArray, *, iterations: int
) -> igraph.VertexClustering:
    """Partition with igraph's Leiden by modularity, resolution 1; call it within `seeded`.

    Parameters
    ----------
    graph
        With at least one edge.
    weights
        Name of the edges' attribute, or float64 (E,).
    iterations
        At most; -1, until nothing moves, may never return.
    """
    return graph.community_leiden(
        objective_function="modularity",
        weights=weights,
        resolution=1.0,
        n_iterations=iterations,
    )
