"""Everything a route needs, put together once per worker: the composition root of the API."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from ringfinder.config import Settings
from ringfinder.errors import RingfinderError
from ringfinder.journal import Journal, JournalUnavailable
from ringfinder.normalise.events import Rules
from ringfinder.pipeline.home import network_lists
from ringfinder.pipeline.pepper import find_pepper
from ringfinder.places import EVENTS, JOURNAL, POLICY, RATES, RUN, SNAPSHOTS
from ringfinder.publish.snapshots import waiting
from ringfinder.serve import metrics
from ringfinder.serve.allowance import Allowance
from ringfinder.serve.auditlog import AuditLog
from ringfinder.serve.erasure import ErasedAccounts
from ringfinder.serve.forgetting import Forgetting
from ringfinder.serve.hooks.customers import Customers
from ringfinder.serve.hooks.secrets import read_secrets
from ringfinder.serve.intake import Intake
from ringfinder.serve.keyring import Keyring
from ringfinder.serve.keys import KeyStore
from ringfinder.serve.knownlabels import KnownLabels
from ringfinder.serve.labelevents import record_left
from ringfinder.serve.labels import LabelDesk
from ringfinder.serve.limits import Limits, Rates
from ringfinder.serve.live import Live, State
from ringfinder.serve.policyfile import CHECK_EVERY_S, PolicyFile, note_change
from ringfinder.serve.probing import Probing
from ringfinder.serve.unfinished import Unfinished
from ringfinder.serve.unrecorded import Unrecorded
from ringfinder.store.segments import EventLog

LABELS_S = 2.0
ERASED_S = 1.0
MEASURE_S = 5.0
REACH_S = 1.0
AGAIN_S = 1.0
log = logging.getLogger("ringfinder.serve")


Watcher: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


def now_ms() -> int:
    """Return the time, milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


async def keep_up(watcher: Watcher) -> None:
    """Begin a watcher again whenever it fails: what it looks at may be mended meanwhile.

    Without it a worker would go on answering, and never again learn of a key that is revoked.
    """
    while True:
        try:
            await watcher()
        except Exception as error:
            log.error("watcher failed", exc_info=error)
        await asyncio.sleep(AGAIN_S)


@dataclass
class Service:
    """What routes ask; one per worker.

    Attributes
    ----------
    settings
        As started with.
    keyring, limits, probing
        Who may call, how much, and who asks too curiously.
    journal, events
        Where everything accepted goes; the log that it moves to from there.
    live
        What scores are made from.
    intake
        Rows to events.
    policy
        From what is known to a decision.
    allowance
        Exchanges that fleets may still make today.
    audit
        What people did, and why.
    labels, known_labels
        Where labels are handed in; those that the snapshot does not know yet.
    customers, hook_secrets
        Whose customer of a payment provider it is; what hooks are signed with.
    erased, unfinished
        Accounts that snapshots still name; erasures that are to be asked for again.
    unrecorded
        Sign-ups of hooks that the journal is still to take.
    readers
        Threads for reading rings: few, so that they cannot starve scoring.
    snapshot_held
        The newest snapshot, while it waits for a person.
    """

    settings: Settings
    keyring: Keyring
    limits: Limits
    probing: Probing
    journal: Journal
    events: EventLog
    live: Live
    intake: Intake
    policy: PolicyFile
    allowance: Allowance
    audit: AuditLog
    labels: LabelDesk
    known_labels: KnownLabels
    customers: Customers
    erased: ErasedAccounts
    unfinished: Unfinished
    unrecorded: Unrecorded
    hook_secrets: dict[str, tuple[str, ...]]
    readers: ThreadPoolExecutor
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    snapshot_held: str | None = None

    @classmethod
    def assemble(cls, settings: Settings, *, worker: int = 0) -> Service:
        """Put a worker's service together; nothing is connected or read yet.

        Raises
        ------
        InputError, StoreError
            If the pepper, a list of networks or the policy is unusable.
        """
        home = settings.data_dir
        rules = Rules(
            find_pepper(settings, used=False), network_lists(settings), settings.default_region
        )
        journal, events = Journal(home / JOURNAL), EventLog(home / EVENTS)
        rates = Rates(settings.key_rate, home / RUN / RATES, index=worker, workers=settings.workers)
        audit = AuditLog(home, key_file=settings.audit_key_file)
        known_labels = KnownLabels()
        return cls(
            settings=settings,
            keyring=Keyring(KeyStore(home), now_ms),
            limits=Limits(rates, concurrency=settings.key_concurrency),
            probing=Probing(settings.probing_limit),
            journal=journal,
            events=events,
            live=Live(home / SNAPSHOTS, journal, events, known_labels.follow),
            intake=Intake(rules),
            policy=PolicyFile(
                settings.policy_file,
                kept=home / RUN / POLICY,
                on_change=lambda before, after: note_change(audit, before, after),
            ),
            allowance=Allowance(home, ceiling=settings.fleet_allowance),
            audit=audit,
            labels=LabelDesk(home),
            known_labels=known_labels,
            customers=Customers(home),
            erased=ErasedAccounts(home, audit.trace_of),
            unfinished=Unfinished(home),
            unrecorded=Unrecorded(),
            hook_secrets=read_secrets(settings),
            readers=ThreadPoolExecutor(2, thread_name_prefix="reader"),
        )

    async def start(self) -> None:
        """Read the keys, take the snapshot in force, and begin to watch both."""
        await asyncio.to_thread(self.keyring.refresh)
        self.intake.warm()
        with suppress(JournalUnavailable):  # its writer may come later
            await self.journal.reach(1.0)
        await self._learn_labels()  # ahead of the first answer, which may need them
        await self.live.start()
        watchers: tuple[Watcher, ...] = (
            self.keyring.keep_fresh, self.live.watch, self._measure,
            self._read_labels, self._forget_erased, self._watch_policy,
            partial(self.unrecorded.keep_trying, self.journal),
        )  # fmt: skip
        for watcher in watchers:
            self.tasks.append(asyncio.create_task(keep_up(watcher)))

    async def close(self) -> None:
        """End what `start` began; what was being committed is awaited by its request."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.live.close()
        await self.unrecorded.close(self.journal)
        await self.journal.close()
        self.readers.shutdown(wait=False, cancel_futures=True)

    async def _measure(self) -> None:
        """Keep what nobody's request measures: the journal, the graph store, a night that waits."""
        while True:
            with suppress(RingfinderError):
                metrics.JOURNAL_LAG.set((await self.journal.lag()).events)
            metrics.JOURNAL_UP.set(await self.journal.is_up(REACH_S))
            await self._look_for_held()
            await asyncio.sleep(MEASURE_S)

    async def _look_for_held(self) -> None:
        """Learn whether the newest snapshot waits for a person; say it once."""
        try:
            held = await asyncio.to_thread(waiting, self.settings.data_dir / SNAPSHOTS)
        except (RingfinderError, OSError) as error:
            log.warning("snapshots cannot be listed", extra={"error": type(error).__name__})
            return
        if held is not None and held != self.snapshot_held:
            log.warning("snapshot waits for a person", extra={"snapshot": held})
        self.snapshot_held = held
        metrics.SNAPSHOT_HELD.set(held is not None)

    async def _read_labels(self) -> None:
        """Learn the labels that came by file or command line; record those of the desk."""
        while True:
            await asyncio.sleep(LABELS_S)
            await self._learn_labels()
            await self._record_labels()

    async def _learn_labels(self) -> None:
        journal = self.settings.data_dir / JOURNAL
        try:
            await asyncio.to_thread(self.known_labels.read, journal, self.events)
        except (RingfinderError, OSError) as error:
            log.warning("labels cannot be read", extra={"error": type(error).__name__})

    async def _record_labels(self) -> None:
        try:
            await record_left(self.labels, self.journal, self.intake)
        except RingfinderError as error:
            log.warning("labels cannot be recorded", extra={"error": type(error).__name__})

    async def _forget_erased(self) -> None:
        """Learn who was erased through other workers."""
        forgetting = Forgetting(self.erased.traces, self.audit.trace_of)
        while True:
            try:
                due = await asyncio.to_thread(forgetting.due, now_ms())
                if due:
                    found = await asyncio.to_thread(forgetting.among, self._remembered(), due)
                    for name in found:
                        self.forget(name)
            except (RingfinderError, OSError) as error:
                log.warning("erasures cannot be read", extra={"error": type(error).__name__})
            await asyncio.sleep(ERASED_S)

    async def _watch_policy(self) -> None:
        """Take in a changed policy; no answer waits for the disk it is on."""
        while True:
            try:
                await asyncio.to_thread(self.policy.look)
            except (RingfinderError, OSError) as error:
                log.warning("policy not noted", extra={"error": type(error).__name__})
            metrics.POLICY_REFUSED.set(bool(self.policy.problem))
            await asyncio.sleep(CHECK_EVERY_S)

    def _remembered(self) -> set[str]:
        """Return the names that this worker holds in memory."""
        overlay = self.live.state.overlay
        held = [] if overlay is None else overlay.names()
        return {*held, *self.known_labels.names(), *self.unrecorded.names()}

    def is_degraded(self, state: State, now_ms: int) -> bool:
        """Tell whether there is no snapshot to answer from, or one that is too old."""
        age = state.age_s(now_ms)
        return age is None or age > self.settings.snapshot_max_age_hours * 3600

    def forget(self, name: str) -> None:
        """Forget somebody who was erased, in all that this worker holds in memory."""
        self.known_labels.forget(name)
        self.unrecorded.forget(name)
        if self.live.state.overlay is not None:
            self.live.state.overlay.remove(name)

    async def read(self, function: Any, *given: Any) -> Any:
        """Run what reads rings in its own few threads, in turn."""
        async with self.limits.reading:
            return await asyncio.get_running_loop().run_in_executor(self.readers, function, *given)

    async def offload(self, function: Any, *given: Any) -> Any:
        """Run what keeps a core busy in the readers' threads, without a turn of its own."""
        return await asyncio.get_running_loop().run_in_executor(self.readers, function, *given)
