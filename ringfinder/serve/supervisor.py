"""``ringfinder serve``: starts the processes, restarts those that die, drains them at the end.

::

    supervisor     holds the listening socket, and answers nothing itself
    ├── writer     the one process that writes the journal
    ├── projector  takes the journal into the graph store
    └── worker 1…N answers requests; watches snapshots and keys
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import sys
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from ringfinder.config import Settings
from ringfinder.errors import (
    DISK_REFUSES,
    InputError,
    RingfinderError,
    StoreError,
    StoreUnavailable,
)
from ringfinder.pipeline.home import make_directory, network_lists
from ringfinder.pipeline.pepper import find_pepper, in_use
from ringfinder.places import EVENTS, POLICY, RATES, RUN, SERVING, SNAPSHOTS
from ringfinder.publish.snapshots import current
from ringfinder.runs import Notice
from ringfinder.serve import metrics
from ringfinder.serve.auditlog import AuditLog
from ringfinder.serve.inmemory import make_in_memory
from ringfinder.serve.keys import KeyStore
from ringfinder.serve.logs import configure
from ringfinder.serve.policyfile import begin as begin_policy
from ringfinder.serve.policyfile import kept_policy
from ringfinder.serve.safety import check_safe
from ringfinder.store.files import locked
from ringfinder.store.segments import EventLog

log = logging.getLogger("ringfinder.serve")
START_S = 120.0
"""How long a child may take to be ready: a worker waits for the journal for half of that
(`live.CATCH_UP_S`), and would else be ended, and started again, as often as it began."""
DRAIN_S = 20.0
FIRST_WAIT_S, LONGEST_WAIT_S, STEADY_S = 0.1, 10.0, 30.0
LOCK_WAIT_S = 1.0
"""Held while serving; children of a server that was killed end within a second."""


@dataclass
class Child:
    """One process to keep alive.

    Attributes
    ----------
    role
        ``writer``, ``projector`` or ``worker``.
    told
        What it reads from its standard input, as JSON.
    inherits
        File descriptors it keeps.
    """

    role: str
    told: dict[str, Any]
    inherits: tuple[int, ...] = ()
    process: asyncio.subprocess.Process | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        """Start the process, and wait until it says that it is ready.

        Raises
        ------
        StoreUnavailable, InputError, StoreError
            If it ended before; its own sentence is on standard error.
        """
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ringfinder.serve.child", self.role,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            pass_fds=self.inherits, start_new_session=True,
            env=os.environ | {metrics.WORKER: str(self.told.get("worker", ""))},
        )  # fmt: skip
        assert self.process.stdin is not None  # noqa: S101 it was asked for
        assert self.process.stdout is not None  # noqa: S101 likewise
        self.process.stdin.write(json.dumps(self.told).encode() + b"\n")
        try:
            async with asyncio.timeout(START_S):
                await self.process.stdin.drain()
                line = await self.process.stdout.readline()
        except TimeoutError:
            await self.stop()
            raise StoreUnavailable(
                f"The {self.role} was not ready within {START_S:g} s: try again."
            ) from None
        except OSError:
            line = b""
        if line.strip() != b"ready":
            code = await self.stop()
            raise _failed(self.role, code)
        self.ready.set()

    async def stop(self) -> int:
        """Ask it to end, wait, and end it if it does not; return its exit code."""
        process = self.process
        if process is None:
            return 0
        _send(process, signal.SIGTERM)
        try:
            async with asyncio.timeout(DRAIN_S):
                return await process.wait()
        except TimeoutError:
            log.error("killed", extra={"role": self.role})
            _send(process, signal.SIGKILL)
            return await process.wait()


class Supervisor:
    """The processes of one installation on one host.

    Parameters
    ----------
    settings
        As read.
    notices
        Told where it listens.
    """

    def __init__(self, settings: Settings, notices: Notice) -> None:
        self._settings, self._notices = settings, notices
        self._stopping = asyncio.Event()
        self._keepers: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Serve until told to stop.

        Raises
        ------
        InputError
            If the address is taken, or a setting is unusable.
        StoreError
            If the journal or the store cannot be opened, another `serve` is there, or the
            pepper is being rotated.
        OSError
            If the disk is full.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        home = self._settings.data_dir
        what = f"{home}, which one `ringfinder serve` at a time may serve,"
        with (
            locked(home / SERVING, what=what, exclusive=True, wait_s=LOCK_WAIT_S),
            in_use(home, wait_s=LOCK_WAIT_S),
            closing(listen(self._settings.host, self._settings.port)) as listening,
        ):
            await self._serve(listening)

    async def _serve(self, listening: socket.socket) -> None:
        """Start the processes, wait until told to stop, drain them."""
        self._prepare()
        order = self._children(listening)
        try:
            await self._start(order)
            self._keepers += [asyncio.create_task(self._keep(child)) for child in order]
            host, port = listening.getsockname()[:2]
            where = f"[{host}]" if ":" in host else host
            if not self._stopping.is_set():
                self._notices(f"ringfinder listens on http://{where}:{port}")
            await self._stopping.wait()
        finally:
            self._stopping.set()
            listening.close()
            # First who hands over, then who takes: nothing accepted is left on the way.
            await asyncio.gather(*(one.stop() for one in order if one.role == "worker"))
            for child in reversed([one for one in order if one.role != "worker"]):
                await child.stop()
            for keeper in self._keepers:
                keeper.cancel()
            await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _start(self, order: list[Child]) -> None:
        """Start the processes, and wait until all are ready, or this one is told to stop."""
        starting = [asyncio.create_task(child.start()) for child in order]
        stopping = asyncio.create_task(self._stopping.wait())
        ready = asyncio.gather(*starting, return_exceptions=True)
        first: set[asyncio.Future[Any]] = {ready, stopping}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, *starting):
            task.cancel()
        for failure in await ready:
            if isinstance(failure, Exception):  # and not that it was given up
                raise failure

    def _prepare(self) -> None:
        """Make the directory of what only matters while running, empty."""
        settings, run = self._settings, self._settings.data_dir / RUN
        before = kept_policy(run / POLICY)
        shutil.rmtree(run, ignore_errors=True)
        try:
            for directory in (run, run / "metrics"):  # the mode is the last one's alone
                directory.mkdir(mode=0o700)
            audit = AuditLog(settings.data_dir, key_file=settings.audit_key_file)
            begin_policy(settings.policy_file, run / POLICY, before, audit)
            if settings.workers > 1:
                metrics.share(run / "metrics", settings.workers)
                make_in_memory(run / RATES)
        except OSError as error:
            if error.errno in DISK_REFUSES:
                raise  # no setting is to blame, and whoever supervises this tries again
            raise InputError(f"Cannot write to {run}: {error.strerror}.") from None

    def _children(self, listening: socket.socket) -> list[Child]:
        told = {"settings": _plain(self._settings)}
        workers = [
            Child(
                "worker", told | {"worker": number, "socket": listening.fileno()},
                (listening.fileno(),),
            )
            for number in range(self._settings.workers)
        ]  # fmt: skip
        return [Child("writer", told), *workers, Child("projector", told)]

    async def _keep(self, child: Child) -> None:
        """Restart a child whenever it ends, later each time it does so soon."""
        loop, wait = asyncio.get_running_loop(), FIRST_WAIT_S
        began = loop.time()
        while not self._stopping.is_set():
            assert child.process is not None  # noqa: S101 it was started
            code = await child.process.wait()
            if self._stopping.is_set():
                return
            if child.role == "worker":
                metrics.forget(child.told["worker"])
            wait = FIRST_WAIT_S if loop.time() - began > STEADY_S else wait
            log.error("restarting", extra={"role": child.role, "code": code, "after_s": wait})
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stopping.wait()
                    return
            wait, began = min(2 * wait, LONGEST_WAIT_S), loop.time()
            try:
                await child.start()
            except (RingfinderError, OSError) as error:  # also: no process or file to be had now
                log.error("does not start", extra={"role": child.role, "why": str(error)})


def serve(settings: Settings, notices: Notice) -> None:
    """Serve until told to stop; returns once everything is drained.

    Raises
    ------
    InputError
        If a setting is unusable or unsafe, or the address is taken.
    StoreError
        If the journal or the store cannot be opened.
    """
    check_safe(settings)
    make_directory(settings.data_dir)
    with in_use(settings.data_dir, wait_s=LOCK_WAIT_S):
        log_ = EventLog(settings.data_dir / EVENTS)
        find_pepper(settings, used=log_.last_sequence > 0, notices=notices)
    network_lists(settings)
    _tell_what_lacks(settings, notices)
    configure()
    asyncio.run(Supervisor(settings, notices).run())


def _tell_what_lacks(settings: Settings, notices: Notice) -> None:
    """Say what a service that has just been set up lacks; so does one in the wrong directory."""
    with suppress(RingfinderError):
        if current(settings.data_dir / SNAPSHOTS) is None:
            notices(
                f"no snapshot is in {settings.data_dir}: every sign-up is allowed, and answers say "
                "degraded, until `ringfinder recompute` has published one"
            )
        if not KeyStore(settings.data_dir).list():
            notices("there is no key yet: `ringfinder keys create` makes one")


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket that the workers share.

    Raises
    ------
    InputError
        If the address is taken or not this host's.
    """
    listening = None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
        listening.setblocking(False)
    except OSError as error:
        if listening is not None:
            listening.close()
        raise InputError(
            f"Cannot listen on {host}, port {port}: {error.strerror}. Choose another --port, or "
            "end what listens there."
        ) from None
    listening.set_inheritable(True)
    return listening


def _send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to a process unless it has ended.

    Its own methods would look first, and take the exit code of one that has just ended from
    the loop that waits for it: that would tell 255 then.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _failed(role: str, code: int) -> RingfinderError:
    sentence = f"The {role} did not start; what it said stands above."
    if code <= 0:  # ended by a signal, or told to stop: it said nothing
        sentence = f"The {role} was ended before it was ready (exit code {code})."
    kinds = {2: InputError, 4: StoreUnavailable}
    return kinds.get(code, StoreError)(sentence)


def _plain(settings: Settings) -> dict[str, Any]:
    """Return the settings as JSON values, secrets included: for a pipe, never for a file."""
    plain = settings.model_dump(mode="json")
    for name in plain:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            plain[name] = value.get_secret_value()
    return plain
