"""How a sign-up ended, and the account that an attempt became."""

from __future__ import annotations

from ringfinder.errors import NotFound
from ringfinder.journal import Conflict, Entry, Recorded, Repeated, decode_event, encode_event
from ringfinder.serve.answers import OutcomeAnswer
from ringfinder.serve.errors import Gone, Unprocessable
from ringfinder.serve.rows import BECAME, Outcome, to_ms
from ringfinder.serve.service import Service, now_ms
from ringfinder.serve.signups import CONFLICT
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
        If another end was recorded before, or an attempt completed without an account.
    JournalUnavailable
        If it could not be recorded in time: send it again.
    """
    signup = await service.journal.find(EventType.SIGNUPS, event_id)
    if signup is None:
        raise NotFound("No sign-up of that event_id was accepted.")
    if signup.account_id is None:
        raise Gone("This sign-up was erased.")
    entries, account = _entries(service, event_id, body, signup)
    results = await service.journal.commit_many(entries, PATIENCE_S)
    if any(isinstance(result, Conflict) for result in results):
        raise Unprocessable(CONFLICT, [{"field": "outcome", "problem": "was told differently"}])
    if any(isinstance(result, Repeated) and result.answer is None for result in results):
        raise Gone("This sign-up was erased.")
    return OutcomeAnswer(event_id=event_id, outcome=body.outcome, account_id=account, accepted=True)


def _entries(
    service: Service, event_id: str, body: Outcome, signup: Recorded
) -> tuple[list[Entry], str]:
    """Return what to record, and the account that the sign-up is known by from now on."""
    now = now_ms()
    name = str(signup.account_id)
    became = body.account_id if body.account_id not in {None, name} else None
    digest = service.intake.digest(body)
    at = now if body.occurred_at is None else to_ms(body.occurred_at)
    entries = []
    ended: str = body.outcome
    if became is None and ended == Ended.COMPLETED and body.account_id is None:
        _check_is_account(signup)
    if became is not None:
        if ended != Ended.COMPLETED:
            raise Unprocessable(
                "Only a completed sign-up becomes another account.",
                [{"field": "account_id", "problem": "goes with completed"}],
            )
        entries.append(_as_account(event_id, became, digest, signup))
        # The attempt itself is no account: the graph counts the account it became.
        ended = Ended.ABANDONED.value
    event = service.intake.outcome_event(event_id, name, ended, occurred_ms=at, now_ms=now)
    end = Entry(EventType.OUTCOMES, event_id, digest, name, event, b"{}")
    # The end first: nobody is to be tied to the attempt that was their own.
    return [end, *entries], became or name


def _check_is_account(signup: Recorded) -> None:
    """Raise an Unprocessable where an attempt, which is no account yet, ended well namelessly."""
    if signup.event is not None and "outcome" not in decode_event(signup.event):
        raise Unprocessable(
            "An attempt that completed is an account now: name it.",
            [{"field": "account_id", "problem": "is the account that the attempt became"}],
        )


def _as_account(event_id: str, became: str, digest: bytes, signup: Recorded) -> Entry:
    """Return the attempt's sign-up once more, as that of the account it became."""
    if signup.event is None:
        raise Unprocessable(
            "The attempt is too old to be carried over: send the sign-up of the account itself.",
            [{"field": "account_id", "problem": "names an account of an old attempt"}],
        )
    row = decode_event(signup.event)
    name = f"{event_id}{BECAME}"
    event = row | {"event_id": name, "account_id": became, "outcome": Ended.COMPLETED.value}
    return Entry(
        EventType.SIGNUPS, name, digest, became, encode_event(EventType.SIGNUPS, event),
        signup.answer or b"{}", attached=True,
    )  # fmt: skip
