"""What answers are made from: one snapshot, and what was journalled since it.

A request takes `Live.state` once and uses nothing else, so that it never mixes two
snapshots. A new one is verified, warmed and brought up to the journal's end in the
background, and takes the place of the old one in a single assignment; a broken one is
refused, said so once, and the last good one stays.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringfinder.errors import RingfinderError, StoreError
from ringfinder.explain.online import Answer, Scorer
from ringfinder.journal import Journal, Recorded, decode_event
from ringfinder.model import Decision, Reason
from ringfinder.normalise.one import NormalisedSignup
from ringfinder.pipeline.pepper import check_made_with
from ringfinder.publish import snapshots
from ringfinder.publish.model import open_model
from ringfinder.schema import CODE
from ringfinder.score.online.model import Model
from ringfinder.score.online.overlay import Overlay
from ringfinder.serve import metrics
from ringfinder.store.events import EventType, Outcome
from ringfinder.store.parts import covering
from ringfinder.store.protocol import Interval
from ringfinder.store.segments import EventLog

WATCH_EVERY_S = 0.5
STRETCH_S = 0.001
"""How long entries are taken in before requests have their turn."""
IDLE_S = 0.0001
"""A turn of the loop that took no longer had nothing to do."""
CATCH_UP_S = 60.0
"""How long a new snapshot may take to learn what was journalled since."""
REFUSED_AGAIN_S = 60.0
"""A snapshot that was refused is looked at again so soon: descriptors may have been short, or it
was put right where it is."""
FOLLOW_AGAIN_S, SAY_AGAIN_S = 0.1, 10.0
"""A journal that cannot be followed is tried again so soon, and said to be so this seldom: on a
full disk the log would take what room there is."""

log = logging.getLogger("ringfinder.serve")


class Unscored:
    """Answers before the first snapshot is published: nothing is known of anybody."""

    def score(self, signup: NormalisedSignup) -> Answer:
        """Return that nothing is known."""
        return _NOTHING

    def score_again(self, account_id: str) -> None:
        """Return that nothing is known that was not when they signed up."""


_NOTHING = Answer(
    score=0.0,
    ring=None,
    families=frozenset(),
    reasons=(
        Reason(
            "no_snapshot", "none", "none", 0.0,
            "No snapshot is published yet, so nothing is known of any account; "
            "`ringfinder recompute` publishes one.",
        ),
    ),
    suggested=Decision.ALLOW,
)  # fmt: skip


@dataclass(frozen=True)
class State:
    """Everything one answer is made from.

    Attributes
    ----------
    snapshot_id, created_ms, sequence
        Of the snapshot; None, None and 0 before the first one is published.
    model
        Its arrays; None before the first.
    scorer
        Scores against the model and the overlay.
    overlay
        What was journalled since; shared by nobody else. None before the first snapshot.
    applied
        Sequence numbers that the snapshot's graph had taken in, also beyond `sequence`.
    """

    snapshot_id: str | None
    created_ms: int | None
    sequence: int
    model: Model | None
    scorer: Scorer | Unscored
    overlay: Overlay | None
    applied: tuple[Interval, ...] = ()

    def age_s(self, now_ms: int) -> float | None:
        """Return the snapshot's age in seconds; None without one."""
        return None if self.created_ms is None else round((now_ms - self.created_ms) / 1000, 1)

    def named(self, now_ms: int) -> dict[str, Any]:
        """Return the snapshot as answers name it."""
        return {"id": self.snapshot_id, "age_s": self.age_s(now_ms)}

    def has(self, sequence: int) -> bool:
        """Tell whether the snapshot knows the event of that number."""
        return sequence <= self.sequence or bool(covering(self.applied, sequence))

    def has_account(self, name: str) -> bool:
        """Tell whether an account of that name is in the snapshot, or came since."""
        known = self.model is not None and self.model.find_account(name) >= 0
        return known or (self.overlay is not None and self.overlay.has_account(name))

    @property
    def known_since(self) -> int:
        """Sign-ups since the snapshot that the overlay holds."""
        return 0 if self.overlay is None else len(self.overlay)


Follower = Callable[[Recorded, dict[str, Any]], None]
"""Told every entry beyond the snapshot, decoded, in order; some of them several times."""


class Live:
    """The state of a worker, kept fresh.

    Parameters
    ----------
    directory
        The snapshots' directory.
    journal, log_
        What happened since; the log holds what was moved there from the journal.
    follower
        Also told the entries, such as to learn labels.

    Attributes
    ----------
    state
        What answers are made from.
    why_refused
        Which snapshot that was to be in force is not, and why; None where it is.
    """

    def __init__(
        self,
        directory: Path,
        journal: Journal,
        log_: EventLog | None = None,
        follower: Follower = lambda entry, row: None,
    ) -> None:
        self._directory, self._journal = directory, journal
        self._follower, self._log = follower, log_
        self._refused: str | None = None
        self._refused_s = float("-inf")
        self.why_refused: str | None = None
        self._followed: asyncio.Task[None] | None = None
        self.state = State(None, None, 0, None, Unscored(), None)

    async def start(self) -> None:
        """Take the snapshot in force, or begin without one."""
        if not await self._look():
            self._followed = asyncio.create_task(self._follow(self.state, asyncio.Event()))

    async def watch(self) -> None:
        """Take new snapshots for as long as the worker runs."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            try:
                await self._look()
            except Exception as error:  # the watcher must outlive whatever a snapshot does
                log.error("snapshot watcher", extra={"error": type(error).__name__})

    async def close(self) -> None:
        """Stop following the journal."""
        if self._followed is not None:
            self._followed.cancel()
            await asyncio.gather(self._followed, return_exceptions=True)

    async def _look(self) -> bool:
        """Take the snapshot in force if it is another one; return whether it was taken."""
        name = None
        try:
            path = await asyncio.to_thread(snapshots.current, self._directory)
            name = None if path is None else path.name
            if path is None or name == self.state.snapshot_id:
                self._refused = self.why_refused = None
                return False
            if name == self._refused and time.monotonic() - self._refused_s < REFUSED_AGAIN_S:
                return False
            run = await asyncio.to_thread(snapshots.read_run, path)
            made_with = int(run["pepper_version"])
            await asyncio.to_thread(check_made_with, self._directory.parent, made_with)
            model = await asyncio.to_thread(_open, path)
            overlay = Overlay(model)
            state = State(
                path.name, int(run["created_ms"]), int(run["sequence"]), model,
                Scorer(model, overlay), overlay,
                tuple((int(first), int(last)) for first, last in run.get("applied", ())),
            )  # fmt: skip
        except (RingfinderError, KeyError, TypeError, ValueError) as error:
            # A pointer that cannot be read names nothing: what is wrong with it stands for it.
            self._refuse(name or f"{snapshots.POINTER}: {_why(error)}", error)
            return False
        await self._swap(state)
        return True

    def _refuse(self, name: str | None, error: Exception) -> None:
        self._refused_s = time.monotonic()
        if name is not None and name == self._refused:
            return
        self._refused = name
        self.why_refused = _why(error) if name is None else f"{name}: {_why(error)}"
        metrics.SWAPS.labels("refused").inc()
        log.error(
            "snapshot refused",
            extra={"snapshot": name, "kept": self.state.snapshot_id, "why": _why(error)},
        )

    async def _swap(self, state: State) -> None:
        """Bring a state up to the journal's end, then put it in the place of the old one."""
        caught_up = asyncio.Event()
        following = asyncio.create_task(self._follow(state, caught_up))
        try:
            async with asyncio.timeout(CATCH_UP_S):
                await caught_up.wait()
        except TimeoutError:
            log.warning("journal not read in time", extra={"snapshot": state.snapshot_id})
        old, self._followed = self._followed, following
        self.state = state
        self._refused = self.why_refused = None
        if old is not None:
            old.cancel()
        metrics.SWAPS.labels("taken").inc()
        metrics.OVERLAY.set(state.known_since)
        if state.created_ms is not None:
            metrics.SNAPSHOT_CREATED.set(state.created_ms / 1000)
        log.info("snapshot in force", extra={"snapshot": state.snapshot_id})

    async def _follow(self, state: State, caught_up: asyncio.Event) -> None:
        """Take in what the journal holds beyond the snapshot, for as long as it is in force."""
        after, known, said_s = state.sequence, state.applied, float("-inf")
        while True:
            try:
                async for entries in self._journal.tail(after, log=self._log, known=known):
                    if not entries:
                        caught_up.set()
                        continue
                    await self._take_in(state, entries)
                    after = max(after, entries[-1].sequence)
            except Exception as error:  # answers must go on, and the next look may go better
                caught_up.set()
                if time.monotonic() - said_s > SAY_AGAIN_S:
                    said_s = time.monotonic()
                    _say_not_followed(error)
            await asyncio.sleep(FOLLOW_AGAIN_S)

    async def _take_in(self, state: State, entries: Iterable[Recorded]) -> None:
        """Take entries in, a moment at a stretch: in between, requests are answered."""
        until = time.perf_counter() + STRETCH_S
        for entry in entries:
            if entry.event is not None:
                row = decode_event(entry.event)
                self._follower(entry, row)
                if state.overlay is not None:
                    take_in(state.overlay, entry.event_type, row)
            if time.perf_counter() > until:
                await others_first()
                until = time.perf_counter() + STRETCH_S
        metrics.OVERLAY.set(state.known_since)


def _say_not_followed(error: Exception) -> None:
    if isinstance(error, StoreError):
        log.warning("journal cannot be followed", extra={"error": type(error).__name__})
    else:
        log.error("journal cannot be followed", exc_info=error)


async def others_first() -> None:
    """Let requests have their turn, and a while to themselves where there are any.

    Each needs several turns of the loop. With a stretch of other work in every one of them, a
    worker would answer half of what it can for as long as it catches up.
    """
    began = time.perf_counter()
    await asyncio.sleep(0)
    if time.perf_counter() - began > IDLE_S:
        await asyncio.sleep(STRETCH_S)


def take_in(overlay: Overlay, kind: EventType, row: dict[str, Any]) -> None:
    """Take one recorded event into an overlay."""
    account: str = row["account_id"]
    if kind is EventType.OUTCOMES:
        if row["outcome"] == Outcome.COMPLETED:
            overlay.complete(account)
        else:
            overlay.remove(account)  # who never became an account ties nobody to anybody
    elif kind in _SEEN:
        values = [(CODE[one["kind"]], one["pseudonym"]) for one in row["values"]]
        if kind is EventType.SIGNUPS:
            take = overlay.add if row.get("outcome") else overlay.attempt
            take(account, row["occurred_ms"], values)
        else:
            overlay.see(account, values)


_SEEN = {EventType.SIGNUPS, EventType.USAGE, EventType.PAYMENTS, EventType.LOGINS}


def _open(path: Path) -> Model:
    """Verify, map and warm a snapshot: nothing of it waits for the disk afterwards."""
    model = open_model(path)
    for array in vars(model.arrays).values():
        if len(array):
            array.view("u1").reshape(-1)[::4096].max()
    return model


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, RingfinderError) else type(error).__name__
