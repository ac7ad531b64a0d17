"""Builds what `evaluate` compares, from a few words per account."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ringfinder.evaluate import Groups, Outcomes


def outcomes(
    *,
    fleet: Sequence[int],
    ring: Sequence[int],
    verdicts: Sequence[bool] | None = None,
    score: Sequence[float] | None = None,
    fdr: Sequence[float] | None = None,
    past_allow: Sequence[bool] | None = None,
    established: Sequence[bool] | None = None,
    **groups: Sequence[str | None],
) -> Outcomes:
    """Return outcomes where every ring is a fleet and scores are 1 or 0, unless told."""
    rings = max(ring, default=-1) + 1
    ring_is_fleet = np.ones(rings, bool) if verdicts is None else np.array(verdicts, bool)
    flagged = np.append(ring_is_fleet, False)[np.array(ring, dtype=np.int64)]
    return Outcomes(
        fraud=np.array(fleet, dtype=np.int64) >= 0,
        score=flagged.astype(float) if score is None else np.array(score, dtype=float),
        past_allow=flagged if past_allow is None else np.array(past_allow, bool),
        ring=np.array(ring, dtype=np.int64),
        ring_is_fleet=ring_is_fleet,
        ring_fdr=np.full(rings, np.nan) if fdr is None else np.array(fdr, dtype=float),
        fleet=np.array(fleet, dtype=np.int64),
        groups={name: grouped(names) for name, names in groups.items()},
        established=None if established is None else np.array(established, bool),
    )


def grouped(names: Sequence[str | None]) -> Groups:
    """Return the groups of accounts that `names` gives one by one."""
    known = sorted({name for name in names if name is not None})
    codes = [-1 if name is None else known.index(name) for name in names]
    return Groups(np.array(codes, dtype=np.int32), tuple(known))
