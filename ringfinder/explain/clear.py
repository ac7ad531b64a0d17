"""The smallest change that would clear an account."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from ringfinder.errors import InvalidParameter
from ringfinder.evidence.lifts import THRESHOLD_NATS
from ringfinder.model import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Change:
    """Values which, had the account not shared them, would leave it outside the ring.

    Attributes
    ----------
    removed
        Indices into the given evidence, strongest first; empty if it is not a member.
    before, after
        Log odds of membership with and without them, in nats.
    """

    removed: tuple[int, ...]
    before: float
    after: float


def clearing_change(
    nats: FloatArray,
    family: IntArray,
    *,
    cap: float,
    prior: float,
    threshold: float = THRESHOLD_NATS,
) -> Change:
    """Find the fewest shared values whose absence puts membership below the threshold.

    Membership is the sum over families of the family's evidence, each capped, minus what
    the prior odds cost (`evidence.membership`). The answer is exact: within a family the
    strongest values go first, and every choice of families to take from is tried. Of equally
    small changes the one that lowers the odds most is taken. What misses cost is left out, so
    the change found is always enough, if not always smallest.

    Parameters
    ----------
    nats, family
        Shape (n,): weight and family code of each shared value; negative nats count as 0.
    cap, prior
        The most nats a family may bring; what the prior odds cost. At least 0.
    threshold
        Log odds below which an account is no member.

    Returns
    -------
    Change

    Raises
    ------
    InvalidParameter
        If the arrays differ in length, or `cap` or `prior` is negative.
    """
    if len(nats) != len(family) or not (cap >= 0 and prior >= 0):
        raise InvalidParameter(
            f"clearing_change got {len(nats)} weights, {len(family)} families, cap {cap} and prior "
            f"{prior}; expected as many weights as families, and cap and prior of at least 0"
        )
    weight = np.maximum(np.asarray(nats, dtype=np.float64), 0.0)
    by_family = [
        rows[np.argsort(-weight[rows], kind="stable")]
        for rows in (np.flatnonzero(family == code) for code in np.unique(family))
    ]
    left = [_what_remains(weight[rows], cap) for rows in by_family]
    before = sum(float(column[0]) for column in left) - prior
    if before <= threshold:
        return Change((), before, before)
    taken, after = _fewest(left, threshold + prior)
    removed = [
        int(row) for rows, number in zip(by_family, taken, strict=True) for row in rows[:number]
    ]
    return Change(
        tuple(sorted(removed, key=lambda row: (-weight[row], row))), before, after - prior
    )


def _what_remains(falling: FloatArray, cap: float) -> FloatArray:
    """Return a family's capped evidence after its 0, 1, ... n strongest values are gone."""
    rest = np.append(np.cumsum(falling[::-1])[::-1], 0.0)
    capped: FloatArray = np.minimum(rest, cap)
    return capped


def _fewest(left: list[FloatArray], below: float) -> tuple[tuple[int, ...], float]:
    """Return how many to take of each family, and what remains: fewest first, then least.

    What is left of a family stays at the cap for a while, and from where it first falls each
    further value brings less. So once it is settled which families fall at all, a choice of
    few, the best is the largest steps first: time grows like the number of values, of which
    an account may hold a hundred thousand.
    """
    first = np.array([int(np.argmax(column < column[0])) for column in left], dtype=np.int64)
    falling = np.flatnonzero(first)
    # Of equal steps those of the last family come first.
    parts = [(code, -np.diff(left[code][first[code] :])) for code in falling[::-1]]
    steps = np.concatenate([step for _, step in parts] or [np.zeros(0)])
    of = np.concatenate([np.full(len(step), code) for code, step in parts] or [falling])
    of = of[np.argsort(-steps, kind="stable")]
    found = []
    for bits in product((False, True), repeat=len(falling)):
        chosen = np.isin(np.arange(len(left)), falling[list(bits)])
        path = of[chosen[of]]
        taken = [
            np.append(0, np.cumsum(path == code)) + first[code] * chosen[code]
            for code in range(len(left))
        ]
        rest = sum((column[at] for column, at in zip(left, taken, strict=True)), np.zeros(1))
        enough = np.flatnonzero(rest <= below)[:1]
        for at in enough.tolist():
            numbers = tuple(int(column[at]) for column in taken)
            found.append((sum(numbers), float(rest[at]), numbers))
    if not found:
        return tuple(len(column) - 1 for column in left), sum(float(c[-1]) for c in left)
    _, rest_of_best, best = min(found)
    return best, rest_of_best
