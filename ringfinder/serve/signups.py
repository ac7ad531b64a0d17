"""One sign-up: normalise, score, decide, record, answer. No database, and always an answer."""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from ringfinder.explain.online import Answer
from ringfinder.journal import (
    Committed,
    Conflict,
    Entry,
    JournalUnavailable,
    Repeated,
    Result,
    encode_event,
)
from ringfinder.model import Decision
from ringfinder.normalise.events import NORMALISER
from ringfinder.normalise.one import NormalisedSignup
from ringfinder.score.policy import Action, Facts, Label, Ruling, decide, public_reason
from ringfinder.serve import metrics, reading
from ringfinder.serve.errors import Gone, Overloaded, TooMany, Unprocessable
from ringfinder.serve.keys import Key
from ringfinder.serve.live import State
from ringfinder.serve.rows import Signup
from ringfinder.serve.service import Service, now_ms
from ringfinder.store.events import EventType

log = logging.getLogger("ringfinder.serve")
LEAST_S = 0.005
"""The journal is given so long even where scoring has used up the deadline."""
TAKEN = "An account has the name of this attempt: give attempts names of their own."
TAKEN_FIELD = {"field": "attempt_id", "problem": "names an account"}
CONFLICT = "This event_id was sent before with another body."


@dataclass(frozen=True, slots=True)
class Scored:
    """A sign-up that was scored and decided, on its way into the journal.

    Attributes
    ----------
    entries
        The sign-up, with the answer to it; and the decision, where it is not `allow`.
    body
        The answer's JSON without `accepted`: what a repetition gets back.
    """

    entries: list[Entry]
    body: bytes
    decision: Decision
    degraded: bool


async def accept(service: Service, key: Key, row: Signup, *, digest: bytes = b"") -> bytes:
    """Score one sign-up, record it durably, and return the answer as JSON.

    Parameters
    ----------
    digest
        What tells the body from any other under its event_id; `Intake.digest` if not given.

    Raises
    ------
    Unprocessable
        If the event_id was sent before with another body, or a new attempt has an account's name.
    Gone
        If it was, and its account was erased since.
    TooMany
        If the key probes the score, and the settings refuse that.
    """
    began = time.perf_counter()
    await check_attempt(service, row)
    scored = score(service, service.live.state, key, row, digest)
    try:
        return finished(await record(service, scored, began), accepted=True)
    except JournalUnavailable:
        return finished(late(scored.body), accepted=False)


async def check_attempt(service: Service, row: Signup) -> None:
    """Raise an Unprocessable where a new attempt has the name of an account.

    What becomes of an attempt becomes of all that has its name: were it given up, so would the
    account be, and go out of the graph.
    """
    if not row.attempt_id or not service.live.state.has_account(row.attempt_id):
        return
    with suppress(JournalUnavailable):
        # One that was accepted before there was the account is told its answer again.
        if await service.journal.find(EventType.SIGNUPS, row.event_id) is None:
            raise Unprocessable(TAKEN, [TAKEN_FIELD])


async def record(service: Service, scored: Scored, began: float) -> bytes:
    """Record a scored sign-up durably, and return the answer to it as JSON.

    Parameters
    ----------
    began
        When it came, by `time.perf_counter`: the deadline counts from then on.

    Raises
    ------
    JournalUnavailable
        If the journal did not confirm in time.
    Unprocessable, Gone
        As in `accept`.
    """
    left = service.settings.deadline_ms / 1000 - (time.perf_counter() - began)
    try:
        results = await service.journal.commit_many(scored.entries, max(left, LEAST_S))
    except JournalUnavailable:
        count(scored, accepted=False)
        raise
    count(scored, accepted=True)
    return told(scored, results[0])


def score(service: Service, state: State, key: Key, row: Signup, digest: bytes = b"") -> Scored:
    """Score and decide one sign-up with one state, and make its entries."""
    began, now = time.perf_counter(), now_ms()
    signup = service.intake.signup(row)
    digest = digest or service.intake.digest(row)
    notice_probing(service, key, signup, digest, now)
    answer = state.scorer.score(signup)
    age, degraded = state.age_s(now), service.is_degraded(state, now)
    label = reading.label_of(state, service.known_labels, signup.account_id)
    facts = facts_of(answer, degraded=degraded, label=label)
    policy = service.policy.current()
    ruling = decide(policy, facts, Action.SIGNUP)
    if ruling.would_be is not None:
        metrics.WOULD_BE.labels(str(ruling.would_be), ruling.would_be_rule).inc()
    said = public_reason(ruling.decision, service.settings.appeal_contact)
    body = to_json(_content(row, answer, ruling, said, state, age, degraded))
    basis = {"facts": facts.to_record(), "policy": policy.version, "rule": ruling.rule,
             "would_be": ruling.would_be}  # fmt: skip
    stored = b'{"answer":' + body + b',"record":' + to_json(basis) + b"}"
    event = service.intake.signup_event(row, signup, now)
    entries = [Entry(EventType.SIGNUPS, row.event_id, digest, signup.account_id, event, stored)]
    if ruling.decision is not Decision.ALLOW:
        entries.append(_decision(row, signup, digest, answer, ruling, state, now))
    metrics.SCORING.observe(time.perf_counter() - began)
    return Scored(entries, body, ruling.decision, degraded)


def notice_probing(
    service: Service, key: Key, signup: NormalisedSignup, digest: bytes, now: int
) -> None:
    """Note a key that feels for the score's edge; refuse it where the settings say so."""
    if not service.probing.notices(key.id, signup.values, now, digest=digest):
        return
    metrics.PROBING.inc()
    log.warning("probing", extra={"key": key.id})
    if service.settings.probing_refused:
        raise TooMany(
            "Too many sign-ups that are alike but for one thing came from this key.",
            Retry_After="60",
        )


def facts_of(answer: Answer, *, degraded: bool, label: Label | None = None) -> Facts:
    """Return what a policy may look at."""
    ring = answer.ring
    if ring is None:
        return Facts(
            answer.score, families=answer.families, degraded=degraded, label=label,
            suggested=answer.suggested,
        )  # fmt: skip
    return Facts(
        answer.score, ring.verdict, ring.membership, ring.size, answer.families,
        provisional=ring.provisional, degraded=degraded, label=label,
        suggested=answer.suggested,
    )  # fmt: skip


def shown(answer: Answer) -> dict[str, Any]:
    """Return what is answered of score, ring and reasons."""
    ring = answer.ring
    return {
        "score": answer.score,
        "ring": None if ring is None else {
            "ring_id": ring.ring_id, "membership": ring.membership, "verdict": ring.verdict,
        },
        "reasons": [
            {"code": one.code, "family": one.family, "kind": one.kind, "nats": one.nats,
             "text": one.text}
            for one in answer.reasons
        ],
    }  # fmt: skip


def _content(
    row: Signup,
    answer: Answer,
    ruling: Ruling,
    said: str,
    state: State,
    age: float | None,
    degraded: bool,
) -> dict[str, Any]:
    name = {"account_id": row.account_id} if row.account_id else {"attempt_id": row.attempt_id}
    return {
        **name,
        "decision": ruling.decision,
        **shown(answer),
        "public_reason": said,
        "snapshot": {"id": state.snapshot_id, "age_s": age},
        "degraded": degraded,
    }  # fmt: skip


def _decision(
    row: Signup,
    signup: NormalisedSignup,
    digest: bytes,
    answer: Answer,
    ruling: Ruling,
    state: State,
    now: int,
) -> Entry:
    event = encode_event(
        EventType.DECISIONS,
        {
            "event_id": row.event_id, "received_ms": now, "normaliser": NORMALISER,
            "account_id": signup.account_id, "occurred_ms": now, "decision": str(ruling.decision),
            "score": float(answer.score),
            "ring_id": None if answer.ring is None else answer.ring.ring_id,
            "snapshot_id": state.snapshot_id,
        },
    )  # fmt: skip
    return Entry(EventType.DECISIONS, row.event_id, digest, signup.account_id, event, attached=True)


def told(scored: Scored, result: Result) -> bytes:
    """Return the answer's JSON: this one, or what was answered the first time."""
    match result:
        case Committed():
            return scored.body
        case Repeated(answer=None):
            raise Gone("This sign-up was erased; it is not recorded again.")
        case Repeated(answer=stored):
            assert stored is not None  # noqa: S101 the case above
            return to_json(json.loads(stored)["answer"])
        case Conflict():
            raise Unprocessable(CONFLICT, [{"field": "event_id", "problem": "is taken"}])
    raise Overloaded("The journal gave no answer.")  # pragma: no cover


def late(body: bytes) -> bytes:
    """Return the answer's JSON as degraded: it could not be recorded in time."""
    return to_json(json.loads(body) | {"degraded": True})


def finished(body: bytes, *, accepted: bool) -> bytes:
    """Return the whole answer: what is repeated, and whether it is recorded."""
    return body[:-1] + (b',"accepted":true}' if accepted else b',"accepted":false}')


_counts: dict[tuple[Decision, bool, bool], Any] = {}


def count(scored: Scored, *, accepted: bool) -> None:
    """Measure an answer."""
    name = (scored.decision, accepted, scored.degraded or not accepted)
    counter = _counts.get(name)
    if counter is None:
        counter = _counts[name] = metrics.SIGNUPS.labels(
            str(scored.decision), str(accepted).lower(), str(name[2]).lower()
        )
    counter.inc()
