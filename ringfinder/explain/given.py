"""What explaining starts from: what was judged of each ring, and what only the pipeline knows.

`explain.build` makes the views of `explain.view` of these, of the graph and of the rings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ringfinder.model import FloatArray, IntArray


@dataclass(frozen=True)
class FeatureWords:
    """How a feature of a ring is called.

    Attributes
    ----------
    words
        What a sentence calls it, without its unit.
    unit
        ``share`` (0-1, shown in percent), ``ratio`` (shown with a times sign), ``sd``
        (standard deviations), ``ln`` or ``ln ratio`` (logarithms, shown as what they are
        of), each with or without more words; or a plural noun such as ``hours``; empty for
        a bare number.
    """

    words: str
    unit: str = ""


@dataclass(frozen=True)
class Judgement:
    """What detection and scoring say of each ring, one row per ring of `graph.Rings`.

    Attributes
    ----------
    ring_id
        Length R; stable between runs.
    verdict, lifecycle
        Length R; values of `model.Verdict` and `model.Lifecycle`.
    score
        float (R,): P(fleet | ring), 0-1.
    fdr
        float (R,): estimated false discovery rate at which the ring is published.
    first_seen_ms, last_seen_ms
        int64 (R,); `graph.columns.NEVER` where unknown.
    exchanges, output_tokens
        int64 (R,): sums over the members.
    features
        Name -> float (R,), in the order in which to show them; NaN: not known.
    contributions
        Name -> float (R,): nats that a feature (or a group of features) adds to the log
        odds of being a fleet. They and `prior_nats` add up to the score.
    population
        Name -> the population's value of that feature, where it has one.
    words
        Name -> how to call the feature; names not found here are made readable.
    prior_nats
        Log odds of a ring before its features are looked at: one number, or float (R,).
    """

    ring_id: Sequence[str]
    verdict: Sequence[str]
    lifecycle: Sequence[str]
    score: FloatArray
    fdr: FloatArray
    first_seen_ms: IntArray
    last_seen_ms: IntArray
    exchanges: IntArray
    output_tokens: IntArray
    features: Mapping[str, FloatArray] = field(default_factory=dict)
    contributions: Mapping[str, FloatArray] = field(default_factory=dict)
    population: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, FeatureWords] = field(default_factory=dict)
    prior_nats: FloatArray | float = 0.0

    def prior_of(self, ring: int) -> float:
        """Return the log odds of one ring before its features are looked at."""
        return float(np.broadcast_to(self.prior_nats, len(self.ring_id))[ring])


@dataclass(frozen=True)
class RejectCount:
    """Rows of one table left out for one reason."""

    table: str
    reason: str
    rows: int


@dataclass(frozen=True)
class NullWorld:
    """What the same search found where nothing can be found (values permuted)."""

    worlds: int
    rings: int
    accounts: int


@dataclass(frozen=True)
class LabelUse:
    """Labels that were given, and what they did.

    Attributes
    ----------
    fraud, legitimate
        Labels given, every one of an account that has several.
    cleared
        Accounts outside rings because their last label says `legitimate`.
    """

    fraud: int
    legitimate: int
    cleared: int


@dataclass(frozen=True)
class StepCost:
    """What one step of the pipeline took; peak memory of the process in megabytes."""

    step: str
    seconds: float
    peak_mb: float


@dataclass(frozen=True)
class RunFacts:
    """What only the pipeline knows of a run; every part has an honest default."""

    settings: Mapping[str, object] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    rejects: Sequence[RejectCount] = ()
    notices: Sequence[str] = ()
    costs: Sequence[StepCost] = ()
    fdr_limit: float = 0.01
    null_world: NullWorld | None = None
    labels: LabelUse | None = None
    has_usage: bool = True
    finished_at: str = ""
