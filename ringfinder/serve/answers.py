"""What is answered, as schemas for the API's description; `signups` and others fill them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ringfinder.model import Decision, Lifecycle, Verdict
from ringfinder.score.policy import Action
from ringfinder.serve.rows import Exchanges, Id


class RingOfAccount(BaseModel):
    """The ring an account belongs to."""

    ring_id: str = Field(description="The ring; `new-...` for one that formed since the snapshot.")
    membership: float = Field(description="Probability that the account belongs to it, 0-1.")
    verdict: Verdict = Field(description="What the ring was judged to be.")


class ReasonLine(BaseModel):
    """One piece of evidence."""

    code: str = Field(description="Stable machine name.")
    family: str = Field(description="Evidence family.")
    kind: str = Field(description="Kind of value, or feature of the ring.")
    nats: float = Field(description="Weight of evidence, natural logarithm.")
    text: str = Field(description="One sentence without personal data.")


class SnapshotLine(BaseModel):
    """Which snapshot an answer was made from."""

    id: str | None = Field(description="The snapshot; null before the first is published.")
    age_s: float | None = Field(description="Its age when the answer was made, seconds.")


class SignupAnswer(BaseModel):
    """The answer to a sign-up."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "account_id": "acct-1", "decision": "challenge", "score": 0.97,
                    "ring": {"ring_id": "ring-7d21", "membership": 0.99, "verdict": "fleet"},
                    "reasons": [
                        {
                            "code": "shared_device", "family": "device", "kind": "device",
                            "nats": 6.1,
                            "text": "Shares a device with 40 of the ring's 212 accounts.",
                        }
                    ],
                    "public_reason": "One more step is needed to confirm that this is you.",
                    "snapshot": {"id": "20260301T020000Z-000007", "age_s": 27000.5},
                    "degraded": False, "accepted": True,
                }
            ]
        }
    )  # fmt: skip

    account_id: str | None = Field(None, description="The account, where the sign-up named one.")
    attempt_id: str | None = Field(None, description="The attempt, where it named one.")
    decision: Decision = Field(description="What to do with it.")
    score: float = Field(description="0-1, higher is worse.")
    ring: RingOfAccount | None = Field(description="Its ring; null outside rings.")
    reasons: list[ReasonLine] = Field(description="For analysts, strongest first.")
    public_reason: str = Field(description="What may be told to the applicant.")
    snapshot: SnapshotLine
    degraded: bool = Field(
        description="The answer was made with less than usual: no snapshot, an old one, or it "
        "could not be recorded in time."
    )
    accepted: bool = Field(
        description="Recorded, whatever happens now. False: unknown; send the same event_id again "
        "and get the same answer. Not part of what a repetition gets back."
    )


class BatchLine(BaseModel):
    """What became of one row of a batch."""

    event_id: str | None = Field(None, description="Of the row, where it has a usable one.")
    status: str = Field(
        description="`accepted`, `repeated`, `invalid`, `conflict` (same event_id, other row), "
        "`gone` (erased), `refused` (the key probes the score) or `unknown` (not recorded in "
        "time: send it again)."
    )
    errors: list[dict[str, str]] | None = Field(None, description="With `invalid`: by field.")
    answer: SignupAnswer | None = Field(None, description="Of a sign-up.")


class BatchAnswer(BaseModel):
    """What became of the rows, in their order."""

    results: list[BatchLine]


class OutcomeAnswer(BaseModel):
    """What was recorded of a sign-up's end."""

    event_id: str
    outcome: str
    account_id: str | None = Field(description="The account it is known by.")
    accepted: bool


class AccountView(BaseModel):
    """What is known of one account."""

    account_id: str
    decision: Decision
    score: float
    ring: RingOfAccount | None
    reasons: list[ReasonLine]
    source: str = Field(
        description="`snapshot`: as last recomputed; `signup`: as answered when it signed up, "
        "which the snapshot does not know yet; with an action as it would be answered by now, if "
        "a ring has formed around it."
    )
    snapshot: SnapshotLine
    action: Action | None = Field(None, description="As asked for; `decision` is about it.")
    rule: str | None = Field(None, description="The rule of the policy that decided on it.")
    public_reason: str | None = Field(None, description="What may be told to the account's owner.")


class Erased(BaseModel):
    """What an erasure removed."""

    account_id: str
    entries: int = Field(description="Entries of the journal.")
    events: int = Field(description="Events of the log.")
    graph: bool = Field(description="Whether the graph store has dropped it already.")
    note: str


class RingLine(BaseModel):
    """One ring."""

    ring_id: str
    size: int
    score: float = Field(description="Probability that one operator runs it.")
    verdict: Verdict
    lifecycle: Lifecycle
    first_seen_ms: int | None
    last_seen_ms: int | None
    exchanges: int
    output_tokens: int
    false_discovery_rate: float
    summary: str


class Page(BaseModel):
    """One page of a list."""

    snapshot: SnapshotLine
    next: str | None = Field(description="Give it as `after` for the next page; null at the end.")


class RingPage(Page):
    """Rings, the surest fleets first."""

    rings: list[RingLine]


class RingView(RingLine):
    """One ring, and the snapshot it was read from."""

    snapshot: SnapshotLine


class MemberLine(BaseModel):
    """One account of a ring."""

    account_id: str
    membership: float
    score: float


class MemberPage(Page):
    """Accounts of a ring."""

    members: list[MemberLine]


class EvidenceLine(BaseModel):
    """One value that marks a ring."""

    family: str
    kind: str
    value: str = Field(description="Its pseudonym.")
    accounts_inside: int
    accounts_total: int
    nats: float


class EvidencePage(Page):
    """Values that mark a ring, strongest first."""

    evidence: list[EvidenceLine]


class RingGraph(BaseModel):
    """A ring as nodes and edges, at most as many as can be looked at."""

    snapshot: SnapshotLine
    nodes: list[dict[str, Any]] = Field(
        description="`{id, type, label, ...}`; type `account` or `value`."
    )
    edges: list[dict[str, Any]] = Field(description="`{source, target}`: an account holds a value.")
    accounts_left_out: int
    values_left_out: int


class Reserve(BaseModel):
    """Exchanges that an account asks to make."""

    model_config = ConfigDict(
        extra="forbid", strict=True, hide_input_in_errors=True,
        json_schema_extra={
            "examples": [{"event_id": "r-1", "account_id": "acct-1", "exchanges": 20}]
        },
    )  # fmt: skip

    event_id: Id
    account_id: Id
    exchanges: Exchanges


class Settle(BaseModel):
    """Exchanges that were made of those reserved."""

    model_config = ConfigDict(
        extra="forbid", strict=True, hide_input_in_errors=True,
        json_schema_extra={"examples": [{"event_id": "r-1", "exchanges": 17}]},
    )  # fmt: skip

    event_id: Id
    exchanges: Exchanges


class AllowanceAnswer(BaseModel):
    """What may be used."""

    event_id: str
    granted: int = Field(description="Exchanges that may be made, or were.")
    remaining: int | None = Field(description="Left to the fleet today; null: not limited.")
    ring_id: str | None = Field(description="The fleet that limits it; null outside fleets.")


class Health(BaseModel):
    """The process answers."""

    status: str


class Readiness(BaseModel):
    """Whether this worker can take sign-ups, and from what it answers."""

    status: str = Field(description="`ready` or `not ready`.")
    snapshot: SnapshotLine
    snapshot_held: str | None = Field(
        None, description="The newest snapshot, while it waits for a person; null: none does."
    )
    snapshot_refused: str | None = Field(
        None, description="Which snapshot was to be in force and is not, and why; null: none."
    )
    policy_refused: str | None = Field(
        None, description="That the policy file is bad, and an older policy in force; null: it is."
    )
    degraded: bool = Field(description="Answers say `degraded`: no snapshot, or an old one.")
    journal: bool = Field(description="The journal's writer answers, and records.")
    overlay: int = Field(description="Sign-ups since the snapshot that this worker knows.")
    projector_lag_events: int | None = Field(description="Events the graph store lacks.")
    projector_lag_s: float | None = Field(description="Age of the oldest of them, seconds.")
    problem: str | None = Field(
        None, description="What stands in the way of the journal, or of the projector."
    )
