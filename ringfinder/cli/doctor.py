"""``ringfinder doctor``: whether this machine can run an audit, and with what."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import click

from ringfinder.cli.arguments import Command, settings_from, settings_options
from ringfinder.cli.terminal import notice, say, say_json, table
from ringfinder.config import Settings
from ringfinder.errors import InputError
from ringfinder.versions import dependencies, own_version, python_version

GIB = 1 << 30
LITTLE_DISK = 2 * GIB  # a run over 10 million rows spills less


class State(StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: its name, how it went, and what was seen."""

    name: str
    state: State
    seen: str


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print the checks as one JSON object.")
@settings_options("threads", "memory_limit", "temp_dir", "pepper_file")
def doctor(as_json: bool, **options: Any) -> None:
    """Check that this machine can run an audit."""
    settings = settings_from(options, notice)
    checks = list(examine(settings))
    if as_json:
        say_json({"checks": [asdict(check) for check in checks]})
    else:
        rows = [(check.name, check.state.value, check.seen) for check in checks]
        say(table(("check", "state", "what was seen"), rows, left=(0, 1)))
    failed = [check.name for check in checks if check.state is State.FAILED]
    if failed:
        raise InputError(f"This machine cannot run an audit yet: {', '.join(failed)}.")


def examine(settings: Settings) -> Iterator[Check]:
    """Yield one check after the other."""
    yield Check("ringfinder", State.OK, own_version())
    yield Check("python", State.OK, python_version())
    yield from _packages()
    yield _cores(settings)
    yield _memory(settings, available_memory())
    yield _temp_dir(settings.temp_dir or Path(tempfile.gettempdir()))
    yield _pepper(settings)


def _packages() -> Iterator[Check]:
    found = dependencies()
    if not found:
        yield Check("packages", State.WARNING, "ringfinder runs without being installed")
    for name, version in found.items():
        state = State.OK if version else State.FAILED
        yield Check(name, state, version or "missing; install ringfinder again")


def _cores(settings: Settings) -> Check:
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Check("cores", State.OK, f"{settings.threads or there} of {there} will be used")


def available_memory() -> int | None:
    """Return how many bytes of memory can be had now; None where the system does not say."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _memory(settings: Settings, available: int | None) -> Check:
    limit = f"memory_limit is {settings.memory_limit.human_readable(separator=' ')}"
    if available is None:
        return Check("memory", State.WARNING, f"the system does not say how much there is; {limit}")
    state = State.OK if available > settings.memory_limit else State.WARNING
    return Check("memory", state, f"{available / GIB:.1f} GiB available; {limit}")


def _temp_dir(path: Path) -> Check:
    try:
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"ringfinder")
        free = shutil.disk_usage(path).free
    except OSError as error:
        return Check("temp_dir", State.FAILED, f"{path}: {error.strerror}")
    state = State.OK if free > LITTLE_DISK else State.WARNING
    return Check("temp_dir", state, f"{path}: {free / GIB:.1f} GiB free")


def _pepper(settings: Settings) -> Check:
    if settings.read_pepper() is None:
        return Check(
            "pepper",
            State.WARNING,
            "not set: each audit makes one from its files, so pseudonyms of two audits differ",
        )
    seen = f"set, version {settings.pepper_version}"
    file = settings.pepper_file
    if file is not None and os.name == "posix" and file.stat().st_mode & 0o077:
        return Check("pepper", State.WARNING, f"{seen}; others can reach it: chmod 600 {file}")
    return Check("pepper", State.OK, seen)
