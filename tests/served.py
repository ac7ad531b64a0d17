"""A real `ringfinder serve` on a free port of this machine, and what tests say to it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx

from ringfinder.serve.keys import KeyScope, KeyStore

ROOT = Path(__file__).parents[1]
SCOPES = [scope.value for scope in KeyScope if scope is not KeyScope.ADMIN]


class Served:
    """One installation: its data directory, its process, its keys."""

    def __init__(self, home: Path, **settings: object) -> None:
        self.home, self.settings = home, settings
        self.process: subprocess.Popen[str] | None = None
        self.url = ""
        self.key = self.new_key(*SCOPES)
        self.admin = self.new_key("admin")

    def new_key(self, *scopes: str, expires_ms: int | None = None) -> str:
        now = time.time_ns() // 1_000_000
        return KeyStore(self.home).create("test", scopes, now_ms=now, expires_ms=expires_ms)[1]

    @property
    def log(self) -> str:
        return (self.home / "test.log").read_text()

    def start(self, *, port: int = 0) -> Served:
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in self.settings.items()
                 if value is not True]  # fmt: skip
        flags += [f"--{name.replace('_', '-')}" for name, value in self.settings.items()
                  if value is True]  # fmt: skip
        before = len(self.log) if (self.home / "test.log").exists() else 0
        with (self.home / "test.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ringfinder", "serve", f"--port={port}",
                 f"--data-dir={self.home}", *flags],
                stderr=log, stdout=log, cwd=self.home,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while (match := re.search(r"listens on (http://\S+)", self.log[before:])) is None:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)
        self.url = match[1]
        return self

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)

    def children(self, role: str) -> list[int]:
        """Process ids of a role."""
        assert self.process is not None
        listed = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)],
            capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
        return [int(line.split()[0]) for line in listed.splitlines()
                if line.rstrip().endswith(f"ringfinder.serve.child {role}")]  # fmt: skip

    def kill_all(self) -> None:
        """Kill -9 every process of the installation at once."""
        assert self.process is not None
        for pid in [self.process.pid, *(one for role in ("worker", "writer", "projector")
                                        for one in self.children(role))]:  # fmt: skip
            os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=10)

    def client(self, key: str | None = None) -> httpx.Client:
        key = self.key if key is None else key
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=10)

    def post(self, path: str, body: object, **options: object) -> httpx.Response:
        with self.client() as client:
            return client.post(path, json=body, **options)

    def get(self, path: str, **options: object) -> httpx.Response:
        with self.client() as client:
            return client.get(path, **options)


def signup(number: object = 1, **fields: object) -> dict[str, object]:
    """A sign-up as a body."""
    return {
        "event_id": f"evt-{number}", "account_id": f"acct-{number}",
        "created_at": "2026-03-01T09:30:00Z", "email": f"person{number}@example.org",
        "ip": "81.2.69.17", "device_id": f"dev-{number}", "country": "GB",
    } | fields  # fmt: skip


@contextmanager
def serving(home: Path, **settings: object):
    """A served installation for as long as the block lasts."""
    home.mkdir(parents=True, exist_ok=True)
    served = Served(home, **settings).start()
    try:
        yield served
    finally:
        served.stop()


def wait_for(what, *, seconds: float = 30.0):
    """What a function returns, once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)
    return found
