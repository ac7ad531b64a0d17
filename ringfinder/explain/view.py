"""One run as a person sees it: plain values, ready to be set on a page.

Nothing here computes. `explain.build` fills these from the graph, the rings and their
judgement; `publish.report` sets them. Text in them may come from an attacker: whoever
shows it escapes it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringfinder.explain.given import RunFacts
from ringfinder.model import Reason


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
