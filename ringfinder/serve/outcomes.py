"""How a sign-up ended, and the account that an attempt became."""

from __future__ import annotations

import json
from dataclasses import replace

from ringfinder.errors import NotFound
from ringfinder.journal import (
    Conflict,
    Entry,
    Recorded,
    Repeated,
    decode_event,
    encode_event,
    find_moved,
)
from ringfinder.serve.accounts import NEWEST
from ringfinder.serve.answers import OutcomeAnswer
from ringfinder.serve.errors import Gone, Unprocessable
from ringfinder.serve.rows import BECAME, Outcome, to_ms
from ringfinder.serve.service import Service, now_ms
from ringfinder.serve.signups import CONFLICT, TAKEN, TAKEN_FIELD
from ringfinder.store.events import EventType
from ringfinder.store.events import Outcome as Ended

PATIENCE_S = 2.0
"""Nobody waits for an outcome as they wait for a sign-up."""


async def record_outcome(service: Service, event_id: str, body: Outcome) -> OutcomeAnswer:
    """Record how a sign-up ended.

    Raises
    ------
    NotFound
        If no sign-up of that event_id was accepted.
    Unprocessable
        If another end was recorded before, an attempt completed without an account, or one that
        is given up has an account's name.
    JournalUnavailable
        If it could not be recorded in time: send it again.
    Overloaded
        If the log was to be read, and others are in line for that: send it again.
    """
    signup = await service.journal.find(EventType.SIGNUPS, event_id)
    if signup is None:
        raise NotFound("No sign-up of that event_id was accepted.")
    if signup.account_id is None:
        raise Gone("This sign-up was erased.")
    end, became = _end(service, event_id, body, signup.account_id)
    entries = [end]
    completed = Ended(body.outcome) is Ended.COMPLETED
    # What was told before has its answer, whatever has become of the sign-up since.
    if await service.journal.find(EventType.OUTCOMES, event_id) is None:
        if became is not None:
            event = await _event_of(service, signup)
            # The end first: nobody is to be tied to the attempt that was their own.
            entries.append(_as_account(event_id, became, end.body_digest, signup, event))
        elif completed and body.account_id is None:
            _check_is_account(signup)
        if became is not None or not completed:
            await _check_apart(service, signup, signup.account_id)
    results = await service.journal.commit_many(entries, PATIENCE_S)
    if any(isinstance(result, Conflict) for result in results):
        raise Unprocessable(CONFLICT, [{"field": "outcome", "problem": "was told differently"}])
    if any(isinstance(result, Repeated) and result.answer is None for result in results):
        raise Gone("This sign-up was erased.")
    account = became or signup.account_id
    return OutcomeAnswer(event_id=event_id, outcome=body.outcome, account_id=account, accepted=True)


def denial(service: Service, signup: Entry) -> Entry:
    """Return the end of a sign-up that is denied as it is recorded: it goes with it, or not."""
    body = Outcome.model_validate({"outcome": "denied"})
    end, _ = _end(service, signup.event_id, body, signup.account_id)
    return replace(end, attached=True)


def _end(service: Service, event_id: str, body: Outcome, name: str) -> tuple[Entry, str | None]:
    """Return the end of a sign-up to record, and the other account that it became."""
    now = now_ms()
    became = body.account_id if body.account_id not in {None, name} else None
    at = now if body.occurred_at is None else to_ms(body.occurred_at)
    ended: str = body.outcome
    if became is not None:
        if ended != Ended.COMPLETED:
            raise Unprocessable(
                "Only a completed sign-up becomes another account.",
                [{"field": "account_id", "problem": "goes with completed"}],
            )
        # The attempt itself is no account: the graph counts the account it became.
        ended = Ended.ABANDONED.value
    event = service.intake.outcome_event(event_id, name, ended, occurred_ms=at, now_ms=now)
    digest = service.intake.digest(body)
    return Entry(EventType.OUTCOMES, event_id, digest, name, event, b"{}"), became


async def _check_apart(service: Service, signup: Recorded, name: str) -> None:
    """Raise an Unprocessable where an account has the name of an attempt that is given up.

    It would go out of the graph with the attempt. `signups.check_attempt` knows those of the
    snapshot and the newcomers in memory alone, and none that came after the attempt.
    """
    if _attempt_of(signup) is None:
        return
    recorded = await service.journal.signups_of(name, NEWEST)
    if service.live.state.has_account(name) or any(_attempt_of(one) != name for one in recorded):
        raise Unprocessable(TAKEN, [TAKEN_FIELD])


def _attempt_of(signup: Recorded) -> str | None:
    """Return the attempt that a sign-up was at first; None of one that named its account.

    Told by what was answered: the event may be in the log by now.
    """
    answer = json.loads(signup.answer or b"{}").get("answer", {})
    attempt: str | None = answer.get("attempt_id")
    return attempt


def _check_is_account(signup: Recorded) -> None:
    """Raise an Unprocessable where an attempt, which is no account yet, ended well namelessly."""
    if _attempt_of(signup) is not None:
        raise Unprocessable(
            "An attempt that completed is an account now: name it.",
            [{"field": "account_id", "problem": "is the account that the attempt became"}],
        )


async def _event_of(service: Service, signup: Recorded) -> bytes | None:
    """Return the event of a sign-up, wherever it is now; None where it is gone."""
    if signup.event is not None:
        return signup.event
    log, kind = service.events, signup.event_type
    found: Recorded | None = await service.read(find_moved, log, kind, signup.sequence)
    return None if found is None else found.event


def _as_account(
    event_id: str, became: str, digest: bytes, signup: Recorded, event: bytes | None
) -> Entry:
    """Return the attempt's sign-up once more, as that of the account it became."""
    if event is None:
        raise Unprocessable(
            "The attempt's own sign-up is gone: send the sign-up of the account itself.",
            [{"field": "account_id", "problem": "names an account of an attempt that is gone"}],
        )
    name = f"{event_id}{BECAME}"
    row = decode_event(event) | {
        "event_id": name, "account_id": became, "outcome": Ended.COMPLETED.value,
    }  # fmt: skip
    return Entry(
        EventType.SIGNUPS, name, digest, became, encode_event(EventType.SIGNUPS, row),
        signup.answer or b"{}", attached=True,
    )  # fmt: skip
