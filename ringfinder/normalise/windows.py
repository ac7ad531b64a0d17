"""Values made from time: the hour of sign-up, the hours of use, the day a model was taken up."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ringfinder.durations import DAY_MS, HOUR_MS
from ringfinder.graph.columns import NEVER
from ringfinder.model import IntArray


def hour_windows(times_ms: IntArray, *, prefix: str = "") -> tuple[IntArray, pa.StringArray]:
    """Return the clock hour of each time.

    Parameters
    ----------
    times_ms
        int64 (N,): milliseconds since 1970 UTC; `NEVER` where there is none.
    prefix
        Written before each hour, as in ``first:2026-03-01T13Z``.

    Returns
    -------
    codes : int64 (N,)
        Row of each hour in the second array, -1 where there is none.
    hours : pa.StringArray
        Distinct hours, sorted by time.
    """
    return _windows(times_ms, HOUR_MS, "h", prefix, "Z")


def day_windows(times_ms: IntArray) -> tuple[IntArray, pa.StringArray]:
    """Return the UTC day of each time; see `hour_windows`."""
    return _windows(times_ms, DAY_MS, "D", "", "")


def _windows(
    times_ms: IntArray, width_ms: int, unit: str, prefix: str, suffix: str
) -> tuple[IntArray, pa.StringArray]:
    known = times_ms != NEVER
    units, inverse = np.unique(times_ms[known] // width_ms, return_inverse=True)
    texts = np.datetime_as_string(units.astype(f"datetime64[{unit}]"))
    codes = np.full(len(times_ms), -1, dtype=np.int64)
    codes[known] = inverse
    return codes, pa.array([f"{prefix}{text}{suffix}" for text in texts.tolist()], pa.string())
