"""Learn the population's own structure, so that a region is not taken for a ring.

Where the data names no country, the accounts of one country still share carriers,
banks and mail providers. Those are *popular* values (`ringfinder.detect.popular`), and
the structure is learned from them alone: a small fleet has none and cannot bend the
background. A large one has; `ringfinder.score.population` leaves it out.

Residual rounds, not a resolution parameter: pairs of popular values that sit together
beyond what the classes found so far explain are clustered with Leiden, every cluster
seeds a new class, and a mixture of categorical profiles is fitted (EM). What is still
significant is the next layer; when nothing is, the background is learned.

References
----------
L. A. Goodman, "Exploratory latent structure analysis", Biometrika 61 (1974).
A. P. Dempster, N. M. Laird, D. B. Rubin, "Maximum likelihood from incomplete data via
the EM algorithm", JRSS B 39 (1977).
"""

from __future__ import annotations

import igraph
import numpy as np
from scipy import sparse

from ringfinder.detect.candidates import LEIDEN_ITERATIONS
from ringfinder.detect.popular import Popular, popular_values
from ringfinder.detect.seeded import by_modularity, seeded
from ringfinder.evidence.pairs import excess_nats
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.schema import OBSERVATIONS

SAMPLE = 100_000
"""Accounts learned from, evenly spread: a class of a hundredth is then a thousand accounts.
All accounts are assigned, as many at a time."""

ROUNDS = 8
"""Residual rounds at most; learning ends before where nothing is left to explain."""

EM_STEPS = 12
"""Steps of EM after each round; the next round goes on where they ended."""

SHRINKAGE = 10.0
"""Accounts of prior weight with which a class's rates lean on the population's."""

HARDLY_FEWER = 0.95
"""Learning ends when a round left more than this share of the unexplained as it was."""


def strata(graph: AttributeGraph) -> IntArray:
    """Return int32 (N,): the known classes, the country where given.

    Strata of fewer than sqrt(N) accounts stand together. Codes are 0 to C - 1.
    """
    _, code, size = np.unique(graph.stratum, return_inverse=True, return_counts=True)
    small = size[code] < np.sqrt(graph.accounts)
    _, code = np.unique(np.where(small, -1, code), return_inverse=True)
    return code.astype(np.int32)


def learn_classes(
    graph: AttributeGraph, *, seed: int, exclude: BoolArray | None = None
) -> IntArray:
    """Learn the class of every account.

    Parameters
    ----------
    graph
        Its `stratum` (the country, where given) is where the classes start.
    exclude
        Bool (N,): accounts not to learn from, such as those of fleets found before: a
        big fleet would make a class of its own and vanish into its own background.
    seed
        Seeds Leiden.

    Returns
    -------
    IntArray, shape (N,)
        int32: class of each account, 0 to C - 1; some may be nobody's. Equal to the strata
        where nothing is left to explain. Deterministic for a seed.
    """
    start = strata(graph)
    known = np.ones(graph.accounts, dtype=bool) if exclude is None else ~exclude
    popular = popular_values(graph, known)
    if not popular.named.any():
        return start
    learnt = np.flatnonzero(known)
    sample = learnt[:: max(1, -(-len(learnt) // SAMPLE))]
    mixture = Mixture(popular, start, sample)
    before = np.inf
    for _ in range(ROUNDS):
        clusters, left = mixture.unexplained(seed)
        if not clusters or left > HARDLY_FEWER * before:
            break
        before = left
        mixture.grow(clusters)
    return start if before == np.inf else mixture.assign()


class Mixture:
    """A mixture of categorical profiles over popular values, grown in rounds.

    Parameters
    ----------
    popular
        The popular values of all accounts.
    start
        int32 (N,): the classes it begins with.
    sample
        int (n,): the accounts it is fitted on, ascending.
    """

    def __init__(self, popular: Popular, start: IntArray, sample: IntArray) -> None:
        self.popular = popular
        self.start = start
        self.sample = sample
        self.data = popular.category[sample]
        self.columns = len(popular.group)
        self.shows, self.votes = popular.table(sample)
        self.base = np.maximum(self._count(np.ones((len(sample), 1))), 0.5)[:, 0]
        self.weight = np.eye(int(start.max()) + 1, dtype=np.float32)[start[sample]]

    def _count(self, weight: FloatArray) -> FloatArray:
        """Return float64 (Q, C): weight of the accounts of each class in each column."""
        return np.asarray(self.shows.T @ weight.astype(np.float64))

    def unexplained(self, seed: int) -> tuple[list[IntArray], float]:
        """Cluster the pairs of popular values that the classes do not explain.

        Returns
        -------
        clusters
            Column indices of each cluster of at least two values.
        excess
            Accounts beyond expectation, summed over the pairs.
        """
        together = np.zeros((self.columns, self.columns))
        width = self.data.shape[1]
        for left in range(width):
            for right in range(left + 1, width):
                both = (self.data[:, left] >= 0) & (self.data[:, right] >= 0)
                key = self.data[both, left].astype(np.int64) * self.columns
                key += self.data[both, right]
                flat = np.bincount(key, minlength=0)
                at = np.flatnonzero(flat)
                together[at // self.columns, at % self.columns] += flat[at]
        counts = self._count(self.weight)
        size = np.maximum(self.weight.sum(axis=0), 1.0)
        expected = (counts / size) @ counts.T
        named = self.popular.named
        wanted = np.triu(np.outer(named, named), 1)
        wanted &= self.popular.observation[:, None] != self.popular.observation[None, :]
        u, v = np.nonzero(wanted & (together >= 3))
        n, e = together[u, v], np.maximum(expected[u, v], 1e-3)
        keep = (n > e) & (excess_nats(n, e) > 2 * np.log(max(named.sum(), 2)))
        u, v, excess = u[keep], v[keep], (n - e)[keep]
        if not len(u):
            return [], 0.0
        return _clusters(u, v, excess, seed), float(excess.sum())

    def grow(self, clusters: list[IntArray]) -> None:
        """Seed a class per cluster and fit the mixture; light classes go."""
        fresh = np.zeros((len(self.sample), len(clusters)), dtype=np.float32)
        for number, cluster in enumerate(clusters):
            inside = np.zeros(self.columns + 1, dtype=bool)
            inside[cluster] = True
            votes = np.zeros((len(self.sample), len(OBSERVATIONS)), dtype=bool)
            for column in range(self.data.shape[1]):
                hit = inside[self.data[:, column]]
                seen = self.data[hit, column]
                votes[np.flatnonzero(hit), self.popular.observation[seen]] = True
            fresh[:, number] = votes.sum(axis=1) >= 2
        held = fresh.sum(axis=1, keepdims=True)
        fresh /= np.maximum(held, 1.0)
        old = np.where(held > 0, 0.5, 1.0).astype(np.float32)
        self.weight = np.hstack((self.weight * old, fresh * (1 - old)))
        for _ in range(EM_STEPS):
            self.weight = _responsibilities(self.votes, self._profiles())
            heavy = self.weight.sum(axis=0) * self._scale() >= np.sqrt(len(self.start))
            self.weight = self.weight[:, heavy]
            self.weight /= np.maximum(self.weight.sum(axis=1, keepdims=True), 1e-9)

    def _scale(self) -> float:
        return len(self.start) / len(self.sample)

    def _profiles(self) -> tuple[FloatArray, FloatArray]:
        """Return log class weights (C,) and log column rates (Q, C), shrunk to all's."""
        counts = self._count(self.weight)
        group = self.popular.group
        totals = np.zeros((int(group.max()) + 1, counts.shape[1]))
        np.add.at(totals, group, counts)
        overall = np.bincount(group, weights=self.base)
        rate = (counts + SHRINKAGE * (self.base / overall[group])[:, None]) / (
            totals[group] + SHRINKAGE
        )
        size = self.weight.sum(axis=0)
        return np.log((size + 1e-9) / size.sum()), np.log(rate)

    def assign(self) -> IntArray:
        """Return int32 (N,): the most probable class of every account."""
        profiles = self._profiles()
        out = np.empty(len(self.start), dtype=np.int32)
        for start in range(0, len(out), SAMPLE):
            part = np.arange(start, min(start + SAMPLE, len(out)))
            _, votes = self.popular.table(part)
            out[part] = _responsibilities(votes, profiles).argmax(axis=1)
        return out


def _responsibilities(
    votes: sparse.csr_array, profiles: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Return float32 (n, C): P(class | account) from the votes (n, Q) of each account."""
    prior, rate = profiles
    log_odds = votes @ rate + prior
    log_odds -= log_odds.max(axis=1, keepdims=True)
    odds = np.exp(log_odds)
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def _clusters(u: IntArray, v: IntArray, weight: FloatArray, seed: int) -> list[IntArray]:
    """Cluster columns with Leiden; only clusters of at least two."""
    node, index = np.unique(np.concatenate((u, v)), return_inverse=True)
    graph = igraph.Graph(n=len(node), edges=index.reshape(2, -1).T)
    with seeded(seed):
        found = by_modularity(graph, weight, iterations=LEIDEN_ITERATIONS)
    return [node[block] for block in found if len(block) >= 2]
