"""Labels as they are sent and answered over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ringfinder.score.labels import LabelState
from ringfinder.score.policy import Label
from ringfinder.serve.rows import EventId, Id, Row, Time

Note = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]


class LabelRow(Row):
    """What a person decided about an account."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "event_id": "label-1", "account_id": "acct-1", "label": "legitimate",
                    "decided_at": "2026-03-02T10:00:00Z", "source": "appeal",
                    "note": "Sent the invoice of her company.",
                }
            ]
        }
    )  # fmt: skip

    event_id: EventId
    account_id: Id
    label: str = Field(pattern="^(fraud|legitimate)$", description="`fraud` or `legitimate`.")
    decided_at: Time | None = Field(None, description="When it was decided; now if not given.")
    source: Annotated[str, StringConstraints(max_length=80, pattern=r"^[^\x00-\x1f]*$")] | None = (
        Field(None, description="Where it comes from, such as `appeal` or `chargeback`.")
    )
    note: Note | None = Field(None, description="Why; kept in the audit log alone.")


class Why(BaseModel):
    """Why a waiting label is approved or refused."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    why: Note = Field("", description="Kept in the audit log alone.")


class LabelAnswer(BaseModel):
    """What became of a label."""

    event_id: str
    account_id: str
    label: Label
    state: LabelState = Field(description="`effective`, `pending` (a second key must approve) or "
                              "`refused`.")  # fmt: skip
    accepted: bool = Field(description="An effective label is recorded, whatever happens now.")


class PendingLabels(BaseModel):
    """Labels that wait for a second person (`pending`), or to be recorded (`effective`)."""

    labels: list[dict[str, Any]]
