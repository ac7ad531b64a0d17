"""How well scores rank accounts, and whether they mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringfinder.evaluate.rates import Rate
from ringfinder.model import BoolArray, FloatArray, IntArray

BINS = 10


def _steps(score: FloatArray, fraud: BoolArray) -> tuple[IntArray, IntArray]:
    """Return fraud and benign accounts at or above each distinct score, the highest first."""
    order = np.argsort(-score, kind="stable")
    falling = score[order]
    # A threshold cannot part equal scores: count only where a run of them ends.
    ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)[: len(score)])
    caught = np.cumsum(fraud[order], dtype=np.int64)[ends]
    return caught, ends + 1 - caught


def average_precision(score: FloatArray, fraud: BoolArray) -> float | None:
    """Return the mean precision over the fraud accounts, taken in order of falling score.

    Accounts of equal score count as one step, so the order of input changes nothing.
    None without any fraud account.
    """
    if not fraud.any():
        return None
    caught, benign = _steps(score, fraud)
    gained = np.diff(caught, prepend=0)
    return float((gained * caught / (caught + benign)).sum() / caught[-1])


def recall_at_false_positive_rate(
    score: FloatArray, fraud: BoolArray, *, rate: float
) -> Rate | None:
    """Return the recall at the lowest threshold that flags at most `rate` of the benign.

    Parameters
    ----------
    score, fraud
        Shape (N,).
    rate
        0-1.

    Returns
    -------
    Rate or None
        None without any fraud or any benign account.
    """
    total = int(fraud.sum())
    if total in (0, len(fraud)):
        return None
    caught, benign = _steps(score, fraud)
    allowed = benign <= rate * (len(fraud) - total)
    return Rate(int(caught[allowed].max(initial=0)), total)


def brier(score: FloatArray, fraud: BoolArray) -> float | None:
    """Return the mean squared distance of the scores from the truth, 0-1, lower is better.

    References
    ----------
    G. W. Brier, "Verification of forecasts expressed in terms of probability", 1950.
    """
    return float(np.mean((score - fraud) ** 2)) if len(score) else None


@dataclass(frozen=True, slots=True)
class Bin:
    """The accounts whose score lies in one tenth of the scale.

    Attributes
    ----------
    low, high
        Bounds of the score; low included, high too in the last bin.
    mean_score
        Mean score of its accounts.
    fraud
        How many of them are fraud.
    """

    low: float
    high: float
    mean_score: float
    fraud: Rate


def reliability(score: FloatArray, fraud: BoolArray) -> tuple[Bin, ...]:
    """Return the bins of equal width that hold accounts, lowest first."""
    index = np.minimum((score * BINS).astype(np.int64), BINS - 1)
    total = np.bincount(index, minlength=BINS)
    hits = np.bincount(index, weights=fraud, minlength=BINS).astype(np.int64)
    sums = np.bincount(index, weights=score, minlength=BINS)
    return tuple(
        Bin(b / BINS, (b + 1) / BINS, float(sums[b] / total[b]), Rate(int(hits[b]), int(total[b])))
        for b in range(BINS)
        if total[b]
    )


def expected_calibration_error(bins: tuple[Bin, ...]) -> float | None:
    """Return the mean distance of mean score and share of fraud over bins, by accounts."""
    total = sum(one.fraud.total for one in bins)
    if not total:
        return None
    return sum(abs(one.mean_score * one.fraud.total - one.fraud.hits) for one in bins) / total
