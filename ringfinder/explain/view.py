"""One run as a person sees it: plain values, ready to be set on a page.

Nothing here computes. `explain.build` fills these from the graph, the rings and their
judgement; `publish.report` sets them. Text in them may come from an attacker: whoever
shows it escapes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ringfinder.model import FloatArray, IntArray, Reason


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
class FeatureView:
    """One feature of a ring beside the population's; `value` None: a group of features."""

    name: str
    words: str
    value: float | None
    unit: str
    population: float | None
    nats: float

    @property
    def weighs(self) -> bool:
        """Whether it moves the verdict enough to be told (nats that do not round to 0.0)."""
        return abs(self.nats) >= 0.05


@dataclass(frozen=True)
class EvidenceView:
    """One shared value: who holds it, inside the ring and anywhere."""

    family: str
    kind: str
    words: str
    value: str
    inside: int
    total: int
    nats: float
    text: str


@dataclass(frozen=True)
class MemberView:
    """One account of a ring, and what it would take to clear it."""

    account_id: str
    created_ms: int
    membership: float
    shared: int
    exchanges: int
    clearing: str


@dataclass(frozen=True)
class Timeline:
    """Counts by day; `days` are consecutive days since 1970-01-01 (UTC)."""

    days: tuple[int, ...]
    signups: tuple[int, ...]
    exchanges: tuple[int, ...]


@dataclass(frozen=True)
class Hours:
    """Counts by UTC hour of day (24 each), and the population's shares beside them."""

    use: tuple[int, ...]
    signups: tuple[int, ...]
    population_use: tuple[float, ...]
    population_signups: tuple[float, ...]


@dataclass(frozen=True)
class DrawnNode:
    """A circle of accounts, or a box for a shared value, at its place on the drawing.

    `width` and `height` are the box's, or twice the circle's radius. `family` is empty
    for accounts. `heading` is the first line of a box, `label` the value (empty where the
    box stands for several; may come from an attacker) or a circle's number, `note` what
    stands behind it (or under a circle too small for its number), `detail` all in words.
    """

    x: float
    y: float
    width: float
    height: float
    family: str
    heading: str
    label: str
    note: str
    detail: str
    accounts: int

    @property
    def is_value(self) -> bool:
        """Whether this node is a shared value, not accounts."""
        return bool(self.family)


@dataclass(frozen=True)
class DrawnEdge:
    """`accounts` of the bubble `source` hold the value `target` (indices into nodes)."""

    source: int
    target: int
    accounts: int
    width: float


@dataclass(frozen=True)
class RingDrawing:
    """A ring's graph as coordinates; y grows downwards."""

    width: float
    height: float
    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]
    caption: str


@dataclass(frozen=True)
class RingRow:
    """A ring in one line."""

    ring_id: str
    verdict: str
    lifecycle: str
    size: int
    score: float
    exchanges: int
    output_tokens: int
    summary: str


@dataclass(frozen=True)
class RingView(RingRow):
    """A ring as a person looks at it."""

    first_seen_ms: int
    last_seen_ms: int
    false_discovery_rate: float
    why: str
    reasons: tuple[Reason, ...]
    prior_nats: float
    features: tuple[FeatureView, ...]
    evidence: tuple[EvidenceView, ...]
    evidence_left_out: tuple[str, ...]
    members: tuple[MemberView, ...]
    timeline: Timeline
    hours: Hours
    drawing: RingDrawing


@dataclass(frozen=True)
class RejectCount:
    """Rows of one table left out for one reason."""

    table: str
    reason: str
    rows: int


@dataclass(frozen=True)
class NullWorld:
    """What the same pipeline found where nothing can be found (values permuted)."""

    worlds: int
    rings: int
    accounts: int


@dataclass(frozen=True)
class LabelUse:
    """Labels that were given, and what they did."""

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


@dataclass(frozen=True)
class VerdictTotals:
    """What the rings of one verdict add up to."""

    verdict: str
    rings: int
    accounts: int
    exchanges: int
    output_tokens: int


@dataclass(frozen=True)
class RunView:
    """One audit as a person looks at it.

    `fleets`, `unclear` and `benign` hold the rings shown in full, most harm first; `rest`
    those shown in one line, and `rest_left_out` counts what only the tables hold.
    """

    finding: str
    accounts: int
    flagged: int
    totals: tuple[VerdictTotals, ...]
    exchanges: int
    output_tokens: int
    first_ms: int
    last_ms: int
    all_timeline: Timeline
    fleet_timeline: Timeline
    fleets: tuple[RingView, ...]
    unclear: tuple[RingView, ...]
    benign: tuple[RingView, ...]
    rest: tuple[RingRow, ...]
    rest_left_out: int
    facts: RunFacts

    def total(self, verdict: str) -> VerdictTotals:
        """Return the totals of one verdict; zeros where no ring has it."""
        for row in self.totals:
            if row.verdict == verdict:
                return row
        return VerdictTotals(verdict, 0, 0, 0, 0)
