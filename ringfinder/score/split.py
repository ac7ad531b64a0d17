"""Split a ring that two descriptions explain better than one.

A fleet may hide among a company's accounts, and an attacker may type a victim's domain
to have the victim flagged. Shared values cannot tell the two apart, behaviour can: a
mixture of two normal profiles of the members' traits is fitted, and kept where the
Bayesian information criterion prefers it by far. Whether the parts are published apart
is for the judgement to say: only parts with different verdicts are worth telling apart.

References
----------
G. Schwarz, "Estimating the dimension of a model", Annals of Statistics 6 (1978).
R. E. Kass, A. E. Raftery, "Bayes factors", JASA 90 (1995): 10 in 2 ln B is very strong.
"""

from __future__ import annotations

import numpy as np

from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.score.accounts import Traits

MINIMUM_PART = 5
"""Members of the smaller part; as many as the smallest ring that is reported."""

VERY_STRONG = 10.0
STEPS = 40
MINIMUM_SPREAD = 0.05


def split_ring(members: IntArray, traits: Traits, created_ms: IntArray) -> BoolArray | None:
    """Split one ring's members in two by what they do.

    Parameters
    ----------
    members
        int (k,): account indices.
    traits, created_ms
        Of all accounts.

    Returns
    -------
    BoolArray, shape (k,), or None
        True for the second part; None where one profile explains the members as well.
    """
    if len(members) < 2 * MINIMUM_PART:
        return None
    x = trait_table(members, traits, created_ms)
    one = _log_likelihood_one(x)
    best, part = -np.inf, None
    for start in _starts(x):
        likelihood, second = _fit_two(x, start)
        if likelihood > best:
            best, part = likelihood, second
    if part is None or min(part.sum(), (~part).sum()) < MINIMUM_PART:
        return None
    parameters = 2 * x.shape[1] + 1
    gain = 2 * (best - one) - parameters * np.log(len(members))
    return part if gain > VERY_STRONG else None


def trait_table(members: IntArray, traits: Traits, created_ms: IntArray) -> FloatArray:
    """Return float64 (k, 5): traits of the members; time of sign-up scaled to the ring."""
    created = created_ms[members].astype(float)
    created -= created.mean()
    created /= max(created.std(), 1.0)
    used = traits.used[members]
    columns = (traits.output_size, traits.pace, traits.wakefulness, traits.persistence)
    return np.stack(
        [created] + [np.where(used, column[members], 0.0) for column in columns], axis=1
    )


def _spread(x: FloatArray, weight: FloatArray, centre: FloatArray) -> FloatArray:
    variance = (weight[:, None] * (x - centre) ** 2).sum(axis=0) / max(weight.sum(), 1e-9)
    return np.maximum(variance, MINIMUM_SPREAD)


def _density(x: FloatArray, centre: FloatArray, variance: FloatArray) -> FloatArray:
    return -0.5 * ((x - centre) ** 2 / variance + np.log(2 * np.pi * variance)).sum(axis=1)


def _log_likelihood_one(x: FloatArray) -> float:
    weight = np.ones(len(x))
    centre = x.mean(axis=0)
    return float(_density(x, centre, _spread(x, weight, centre)).sum())


def _starts(x: FloatArray) -> list[BoolArray]:
    """Start from the median of each trait that varies, and from early against late."""
    return [
        x[:, column] > np.median(x[:, column])
        for column in range(x.shape[1])
        if x[:, column].std() > MINIMUM_SPREAD
    ]


def _fit_two(x: FloatArray, start: BoolArray) -> tuple[float, BoolArray]:
    """Fit two diagonal normals by EM from a start; return the log likelihood and parts."""
    second = start.astype(float)
    before = -np.inf
    likelihood = before
    for _ in range(STEPS):
        logs = []
        for weight in (1 - second, second):
            centre = (weight[:, None] * x).sum(axis=0) / max(weight.sum(), 1e-9)
            share = max(weight.mean(), 1e-9)
            logs.append(np.log(share) + _density(x, centre, _spread(x, weight, centre)))
        top = np.logaddexp(logs[0], logs[1])
        likelihood = float(top.sum())
        second = np.exp(logs[1] - top)
        if likelihood - before < 1e-6 * len(x):
            break
        before = likelihood
    return likelihood, second > 0.5
