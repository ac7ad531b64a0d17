"""Effective labels on their way from the desk into the journal, from where they take effect."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from ringfinder.errors import StoreUnavailable
from ringfinder.journal import Entry, Journal, Result, encode_event
from ringfinder.normalise.events import NORMALISER
from ringfinder.serve.errors import Gone
from ringfinder.serve.givenlabel import GivenLabel
from ringfinder.serve.intake import Intake
from ringfinder.serve.labelrows import LabelRow
from ringfinder.serve.labels import LabelDesk
from ringfinder.store.events import EventType

PATIENCE_S = 2.0
"""Nobody waits for a label as they wait for a sign-up."""


async def record(desk: LabelDesk, journal: Journal, intake: Intake, given: GivenLabel) -> Result:
    """Record an effective label, and have the desk know; the same again has no second effect.

    Raises
    ------
    JournalUnavailable
        If it was not recorded in time: `record_left` does it later.
    Gone
        If its account was erased meanwhile.
    """
    result = await journal.commit(_entry(intake, given), PATIENCE_S)
    try:
        with suppress(StoreUnavailable):  # then it is found, and recorded, once more
            await asyncio.to_thread(desk.recorded, given.event_id)
    except Gone:
        # The desk forgot it, then the journal what it had by then: this may have come after.
        await journal.erase(given.account_id, PATIENCE_S)
        raise
    return result


async def record_left(desk: LabelDesk, journal: Journal, intake: Intake) -> None:
    """Record the labels whose requests ended before the journal had them.

    Raises
    ------
    StoreUnavailable
        If desk or journal are away: try again.
    """
    for given in await asyncio.to_thread(desk.unrecorded):
        with suppress(Gone):
            await record(desk, journal, intake, given)


def _entry(intake: Intake, given: GivenLabel) -> Entry:
    said = {
        "event_id": given.event_id, "account_id": given.account_id, "label": str(given.label),
        "source": given.source,
    }  # fmt: skip
    event = said | {
        "received_ms": given.second_ms or given.given_ms, "normaliser": NORMALISER,
        "occurred_ms": given.decided_ms,
    }  # fmt: skip
    return Entry(
        EventType.LABELS, given.event_id, intake.digest(LabelRow.model_validate(said)),
        given.account_id, encode_event(EventType.LABELS, event), b"{}",
    )  # fmt: skip
