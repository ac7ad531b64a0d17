"""From a label over HTTP to what it does: the desk with the audit log, then the journal."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from ringfinder.journal import Conflict, Repeated
from ringfinder.score.labels import LabelState
from ringfinder.score.policy import Label
from ringfinder.serve import labelevents
from ringfinder.serve.errors import Gone, Unprocessable
from ringfinder.serve.givenlabel import GivenLabel
from ringfinder.serve.keys import Key
from ringfinder.serve.labelrows import LabelAnswer, LabelRow
from ringfinder.serve.live import State
from ringfinder.serve.rows import to_ms
from ringfinder.serve.service import Service, now_ms


async def give(service: Service, key: Key, body: LabelRow) -> LabelAnswer:
    """Take a label in: effective at once, or waiting for a second person.

    Raises
    ------
    LabelConflict, Unprocessable
        If the event_id was sent before with another label.
    Gone
        If it was sent before, and its account was erased since.
    TooMany
        If it would have to wait, and too many of its key do already.
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
    note = partial(_note, service, key, "label.given", body.note or "")
    given = await asyncio.to_thread(service.labels.give, wanted, rings, note)
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
    note = partial(_note, service, key, "label.approved" if approve else "label.refused", why)
    given = await asyncio.to_thread(
        lambda: service.labels.decide(
            event_id, key_id=key.lineage or key.id, approve=approve, now_ms=now_ms(), note=note
        )
    )
    return await _carried_out(service, given)


async def pending(service: Service) -> dict[str, Any]:
    """Return the labels that wait for a second person, or to be recorded."""
    waiting = await asyncio.to_thread(service.labels.pending)
    waiting += await asyncio.to_thread(service.labels.unrecorded)
    waiting.sort(key=lambda one: (one.given_ms, one.event_id))
    return {
        "labels": [
            {
                "event_id": one.event_id, "account_id": one.account_id, "label": one.label,
                "ring_id": one.ring_id, "key_id": one.key_id, "given_ms": one.given_ms,
                "state": one.state,
            }
            for one in waiting
        ]
    }  # fmt: skip


async def _carried_out(service: Service, given: GivenLabel) -> LabelAnswer:
    """Record an effective label; the same one again has no second effect."""
    if given.state is LabelState.EFFECTIVE:
        match await labelevents.record(service.labels, service.journal, service.intake, given):
            case Conflict():
                raise Unprocessable("This event_id was sent before with another label.")
            case Repeated(answer=None):
                raise Gone("This account was erased since.")
    return LabelAnswer(
        event_id=given.event_id, account_id=given.account_id, label=given.label,
        state=given.state, accepted=given.state is LabelState.EFFECTIVE,
    )  # fmt: skip


def _note(service: Service, key: Key, what: str, why: str, given: GivenLabel) -> None:
    details = {
        "label": given.label, "event_id": given.event_id, "state": given.state,
        "ring_id": given.ring_id,
    }  # fmt: skip
    service.audit.append(f"key:{key.id}", what, about=given.account_id, why=why, details=details)


def ring_of(state: State, account_id: str) -> str | None:
    """Return the ring of an account, in the snapshot or since; None outside rings."""
    if state.model is None:
        return None
    row = state.model.find_account(account_id)
    ring = -1 if row < 0 else int(state.model.arrays.account_ring[row])
    if ring >= 0:
        return str(state.model.ring_ids[ring].as_py())
    return None if state.overlay is None else state.overlay.ring_of_account(account_id)
