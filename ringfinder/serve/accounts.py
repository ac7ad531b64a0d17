"""One account: what snapshot and journal know of it, and what erasing it means."""

from __future__ import annotations

import json
import logging
from asyncio import to_thread
from dataclasses import replace
from functools import partial
from typing import Any

from ringfinder.errors import NotFound
from ringfinder.journal import Recorded
from ringfinder.journal.salvage import damaged_files, remove
from ringfinder.model import Decision
from ringfinder.pipeline.apart import erase_apart
from ringfinder.pipeline.home import open_graph
from ringfinder.places import JOURNAL
from ringfinder.score.policy import Action, Facts, decide, public_reason
from ringfinder.serve import reading
from ringfinder.serve.erasure import Kept, accounts_in, attempt_events, erase_kept
from ringfinder.serve.facts import facts_told
from ringfinder.serve.knownlabels import with_label
from ringfinder.serve.live import State
from ringfinder.serve.service import Service, now_ms
from ringfinder.serve.signups import facts_of, shown
from ringfinder.store.events import EventType

log = logging.getLogger("ringfinder.serve")
PATIENCE_S = 10.0
NEWEST = 20
"""Sign-ups of one account that are looked at: it has one, seldom a few."""


async def view(service: Service, account_id: str, action: Action | None = None) -> dict[str, Any]:
    """Return what is known of an account; with an action, what the policy decides on it.

    Raises
    ------
    NotFound
        If neither the snapshot nor the journal knows it.
    """
    state = service.live.state
    known = await service.read(reading.account, state.model, account_id)
    if known is not None and await service.read(service.erased.hides, account_id, state.created_ms):
        known = None
    # Whoever signs up again under a name that the snapshot knows is still who it knows: else a
    # member of a fleet would be cleared by it, or somebody else's account made one.
    recorded = [] if known else await service.journal.signups_of(account_id, NEWEST)
    stored = _answered(recorded)
    found = stored["answer"] if stored else known
    if found is None:
        raise NotFound("No account of that id is in the snapshot or was accepted since.")
    labels = service.known_labels
    if stored:
        label = await service.read(reading.label_of, state, labels, account_id)
    else:
        label = labels.find(account_id, is_known=state.has)
    if action is not None:
        found, facts = _by_now(state, account_id, found, stored)
    said = with_label(found, label)
    fields = {name: said.get(name) for name in ("decision", "score", "ring", "reasons")}
    if action is not None:
        degraded = facts.degraded or service.is_degraded(state, now_ms())
        facts = replace(facts, label=label or facts.label, degraded=degraded)
        fields |= _ruled(service, facts, action)
    return fields | {
        "account_id": account_id,
        "source": "signup" if stored else "snapshot",
        "snapshot": found.get("snapshot", state.named(now_ms())),
    }


def _by_now(
    state: State, account_id: str, found: dict[str, Any], stored: dict[str, Any] | None
) -> tuple[dict[str, Any], Facts]:
    """Return what is known of an account, and what a policy may look at.

    Of one that signed up since the snapshot what it was answered, or what it would be answered by
    now if that is worse.
    """
    if not stored:
        return found, _facts_of(found, state)
    facts = Facts.from_record(stored["record"]["facts"])
    again = state.scorer.score_again(account_id)
    worse = list(Decision).index
    if again is None or worse(again.suggested) <= worse(facts.suggested):
        return found, facts
    return found | shown(again), facts_of(again, degraded=facts.degraded)


def _ruled(service: Service, facts: Facts, action: Action) -> dict[str, Any]:
    """Return what the policy in force decides on an account that is about to do something."""
    ruling = decide(service.policy.current(), facts, action)
    return {
        "action": action,
        "decision": ruling.decision,
        "rule": ruling.rule or None,
        "public_reason": public_reason(ruling.decision, service.settings.appeal_contact),
    }


def _facts_of(found: dict[str, Any], state: State) -> Facts:
    """Return what a policy may look at, of an account as `reading.account` has it."""
    told = {name: found[name] for name in ("score", "decision", "reasons")}
    ring = found["ring"]
    if ring is None or state.model is None:
        return facts_told(**told)
    size = int(state.model.views.ring_size[state.model.ring_number[ring["ring_id"]]])
    return facts_told(
        **told, verdict=ring["verdict"], membership=ring["membership"], ring_size=size
    )


def _answered(recorded: list[Recorded]) -> dict[str, Any] | None:
    """Return the newest answer to a sign-up of an account, and what it was decided on."""
    for one in recorded:
        if one.answer is not None:
            found: dict[str, Any] = json.loads(one.answer)
            if "answer" in found:
                return found
    return None


async def erase(service: Service, account_id: str, *, who: str) -> dict[str, Any]:
    """Erase an account from journal, event log, graph, labels, audit log and what is shown.

    With it goes what else it was called: the attempt that it was before there was an account,
    customers of a payment provider. These are noted ahead of all else, for what ties them to it
    is gone first, and whoever asks again asks for the account alone.

    Raises
    ------
    Overloaded
        If too many erasures wait for their turn: each reads the whole event log.
    """
    async with service.limits.erasing:
        return await _erase(service, account_id, who)


async def _erase(service: Service, account_id: str, who: str) -> dict[str, Any]:
    also = await _other_names(service, account_id)
    names = [account_id, *await to_thread(service.unfinished.begin, account_id, also)]
    entries = 0
    for name in names:
        # What the journal has not taken yet is not to come into it after the erasure: here, nor
        # by other workers, who look whether it is noted once they have recorded something.
        await to_thread(service.erased.add, name, now_ms())
        service.unrecorded.forget(name)
        await to_thread(service.labels.erase, name)
        entries += await service.journal.erase(name, PATIENCE_S)
    kept = await to_thread(_erase_kept, service, names, who)
    for name in names:
        # The others look for it from now on: what they read till now may have named it still.
        await to_thread(service.erased.add, name, now_ms())
        service.forget(name)
    if kept.graph:
        await to_thread(service.unfinished.end, account_id, names)
    log.info("erased", extra={"entries": entries, "events": kept.events, "graph": kept.graph})
    note = "Snapshots of before are not asked for it any more, and go with newer ones."
    if not kept.graph:
        note = "The graph store is away, or is being loaded: ask again after that. " + note
    return {"account_id": account_id, "entries": entries, "events": kept.events,
            "graph": kept.graph, "note": note}  # fmt: skip


async def _other_names(service: Service, account_id: str) -> list[str]:
    """Return the attempts that became an account, and the customers that it is.

    A customer's events are recorded under its own name until somebody says whose it is.
    """
    recorded = await service.journal.signups_of(account_id)
    found = {*await to_thread(service.customers.of, account_id)}
    events = await to_thread(attempt_events, account_id, recorded, service.events)
    if events:
        found |= {*await to_thread(accounts_in, service.events, events)}
    for event_id in events:
        attempt = await service.journal.find(EventType.SIGNUPS, event_id)
        if attempt is not None and attempt.account_id is not None:
            found.add(attempt.account_id)
    return sorted(found - {account_id})


def _erase_kept(service: Service, names: list[str], who: str) -> Kept:
    settings = service.settings
    kept = erase_kept(
        names, service.events, lambda: open_graph(settings),
        service.allowance.erase, service.customers.erase, partial(erase_apart, settings.data_dir),
    )  # fmt: skip
    # What could be read of them was taken over; what could not may still name somebody.
    for path in damaged_files(settings.data_dir / JOURNAL):
        log.warning("a damaged journal file is removed: it may name who was erased")
        remove(path)
    service.audit.erase(names, who=who)
    return kept
