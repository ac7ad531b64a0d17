"""From a label over HTTP to what it does: the desk, the audit log, the journal, every worker."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ringfinder.journal import Conflict, Entry, Repeated, encode_event
from ringfinder.normalise.events import NORMALISER
from ringfinder.score.labels import LabelState
from ringfinder.score.policy import Label
from ringfinder.serve.errors import Gone, Unprocessable
from ringfinder.serve.keys import Key
from ringfinder.serve.labels import GivenLabel
from ringfinder.serve.live import State
from ringfinder.serve.rows import EventId, Id, Row, Time, to_ms
from ringfinder.serve.service import Service, now_ms
from ringfinder.store.events import EventType

PATIENCE_S = 2.0
"""Nobody waits for a label as they wait for a sign-up."""

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
    """Labels that wait for a second person."""

    labels: list[dict[str, Any]]


async def give(service: Service, key: Key, body: LabelRow) -> LabelAnswer:
    """Take a label in: effective at once, or waiting for a second person.

    Raises
    ------
    LabelConflict, Unprocessable
        If the event_id was sent before with another label.
    Gone
        If it was sent before, and its account was erased since.
    JournalUnavailable
        If it was not recorded in time: send it again.
    """
    now, rings = now_ms(), partial(ring_of, service.live.state)
    wanted = GivenLabel(
        event_id=body.event_id,
        account_id=body.account_id,
        label=Label(body.label),
        decided_ms=now if body.decided_at is None else to_ms(body.decided_at),
        source=body.source or None,
        ring_id=rings(body.account_id),
        key_id=key.lineage or key.id,
        given_ms=now,
    )
    given = await asyncio.to_thread(service.labels.give, wanted, rings)
    await _note(service, key, "label.given", given, body.note or "")
    return await _carried_out(service, given)


async def decide(
    service: Service, key: Key, event_id: str, *, approve: bool, why: str
) -> LabelAnswer:
    """Approve or refuse a waiting label.

    Raises
    ------
    NotFound, SamePerson, InputError
        If nothing waits, this key gave it, or it was decided otherwise.
    Gone
        If its account was erased since.
    """
    given = await asyncio.to_thread(
        lambda: service.labels.decide(
            event_id, key_id=key.lineage or key.id, approve=approve, now_ms=now_ms()
        )
    )
    await _note(service, key, "label.approved" if approve else "label.refused", given, why)
    return await _carried_out(service, given)


async def pending(service: Service) -> dict[str, Any]:
    """Return the labels that wait for a second person."""
    waiting = await asyncio.to_thread(service.labels.pending)
    return {
        "labels": [
            {
                "event_id": one.event_id, "account_id": one.account_id, "label": one.label,
                "ring_id": one.ring_id, "key_id": one.key_id, "given_ms": one.given_ms,
            }
            for one in waiting
        ]
    }  # fmt: skip


async def _carried_out(service: Service, given: GivenLabel) -> LabelAnswer:
    """Record an effective label; the same one again has no second effect."""
    if given.state is LabelState.EFFECTIVE:
        event = {
            "event_id": given.event_id, "received_ms": given.second_ms or given.given_ms,
            "normaliser": NORMALISER, "account_id": given.account_id,
            "occurred_ms": given.decided_ms, "label": str(given.label), "source": given.source,
        }  # fmt: skip
        entry = Entry(
            EventType.LABELS, given.event_id, _digest(service, given), given.account_id,
            encode_event(EventType.LABELS, event), b"{}",
        )  # fmt: skip
        match await service.journal.commit(entry, PATIENCE_S):
            case Conflict():
                raise Unprocessable("This event_id was sent before with another label.")
            case Repeated(answer=None):
                raise Gone("This account was erased since.")
    return LabelAnswer(
        event_id=given.event_id, account_id=given.account_id, label=given.label,
        state=given.state, accepted=given.state is LabelState.EFFECTIVE,
    )  # fmt: skip


def _digest(service: Service, given: GivenLabel) -> bytes:
    said = {
        "event_id": given.event_id, "account_id": given.account_id, "label": str(given.label),
        "source": given.source,
    }  # fmt: skip
    return service.intake.digest(LabelRow.model_validate(said))


async def _note(service: Service, key: Key, what: str, given: GivenLabel, why: str) -> None:
    details = {
        "label": given.label, "event_id": given.event_id, "state": given.state,
        "ring_id": given.ring_id,
    }  # fmt: skip
    await asyncio.to_thread(
        lambda: service.audit.append(
            f"key:{key.id}", what, about=given.account_id, why=why, details=details
        )
    )


def ring_of(state: State, account_id: str) -> str | None:
    """Return the ring of an account, in the snapshot or since; None outside rings."""
    if state.model is None:
        return None
    row = state.model.find_account(account_id)
    ring = -1 if row < 0 else int(state.model.arrays.account_ring[row])
    if ring >= 0:
        return str(state.model.ring_ids[ring].as_py())
    return None if state.overlay is None else state.overlay.ring_of_account(account_id)
