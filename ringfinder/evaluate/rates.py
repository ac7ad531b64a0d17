"""A share of something, with its 95% interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ringfinder.errors import InvalidParameter

Z_95 = 1.959963984540054  # the normal distribution's 97.5% point


def wilson(hits: int, total: int, *, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of a rate.

    Parameters
    ----------
    hits, total
        `hits` of `total`; 0 <= hits <= total.
    z
        Half width in standard deviations; 1.96 for 95%.

    Returns
    -------
    tuple of float
        Low and high, 0 <= low <= hits / total <= high <= 1; (0, 1) where total is 0.

    Raises
    ------
    InvalidParameter
        If `hits` is not within 0 and `total`.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    if not 0 <= hits <= total:
        raise InvalidParameter(f"{hits} hits of {total}; expected 0 <= hits <= total")
    if total == 0:
        return 0.0, 1.0
    rate = hits / total
    weight = z * z / total
    centre = (rate + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(rate * (1 - rate) / total + weight / (4 * total))
    # At the ends the closed form is exact but for rounding.
    low = 0.0 if hits == 0 else max(0.0, min(rate, centre - half))
    high = 1.0 if hits == total else min(1.0, max(rate, centre + half))
    return low, high


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `total`.

    Attributes
    ----------
    hits, total
        Counts, 0 <= hits <= total.
    """

    hits: int
    total: int

    @property
    def value(self) -> float | None:
        """The rate, 0-1; None of nothing."""
        return self.hits / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95% Wilson interval."""
        return wilson(self.hits, self.total)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        low, high = self.interval
        return {
            "value": self.value,
            "low": low,
            "high": high,
            "hits": self.hits,
            "total": self.total,
        }
