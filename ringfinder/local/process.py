"""The process of a local server: started, recognised by what it was started with, ended."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ringfinder.local.home import Home, Options
from ringfinder.local.jars import java, not_installed

_MAIN = "org.neo4j.server.Neo4jCommunity"
_OPENED = ("java.nio", "java.io", "sun.nio.ch", "java.lang")
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
"""What the server sees of the environment: no pepper, no password."""


_LOOKS, _PAUSE_S = 50, 0.01


def command(home: Home, jars: Sequence[Path], options: Options) -> list[str]:
    """Return the command line that starts the server."""
    return [
        str(java()),
        "-cp",
        os.pathsep.join(str(jar) for jar in (*jars, *options.jars)),
        f"-Xms{options.memory // 2}",
        f"-Xmx{options.memory}",
        "-XX:+ExitOnOutOfMemoryError",  # rather than live on half dead
        "-XX:-UsePerfData",
        f"-Djava.io.tmpdir={home.temporary}",
        f"-Djna.tmpdir={home.temporary}",
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        _MAIN,
        _mark(home),
        f"--config-dir={home.conf.parent}",
    ]


def _mark(home: Home) -> str:
    """Return the argument that no other process has."""
    return f"--home-dir={home.directory}"


def start(home: Home, words: list[str]) -> int:
    """Start a process that outlives this one; return its pid."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    return os.posix_spawn(
        words[0],
        words,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, home.console, flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,  # Ctrl-C in this terminal is not meant for it
    )


def is_ours(home: Home, pid: int | None) -> bool:
    """Return whether a process is the server of this home, and not another that got its pid."""
    process = _process(pid)
    if process is None:
        return False
    try:
        for _ in range(_LOOKS):
            words = process.cmdline()
            if words:
                return _mark(home) in words
            time.sleep(_PAUSE_S)  # in the middle of being started it has none yet
    except _psutil().Error:  # ended, or not ours to look at
        pass
    return False


def end(pid: int, *, timeout_s: float) -> bool:
    """Ask a process to end; return whether it did so in time."""
    process = _process(pid)
    if process is None:
        return True
    psutil = _psutil()
    try:
        process.terminate()
        process.wait(timeout_s)
    except psutil.TimeoutExpired:
        return False
    except psutil.NoSuchProcess:
        pass
    return True


def kill(pid: int) -> None:
    """End a process at once, and wait until it is gone."""
    process = _process(pid)
    if process is None:
        return
    psutil = _psutil()
    try:
        process.kill()
        process.wait(30)
    except psutil.NoSuchProcess:
        pass


def _process(pid: int | None) -> Any:
    """Return a running process; None if there is none of that pid."""
    psutil = _psutil()
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            process.wait(1)  # where it is a child of this process, it is gone now
            return None
    except psutil.Error:
        return None
    return process


def _psutil() -> Any:
    try:
        import psutil
    except ImportError:
        raise not_installed() from None
    return psutil
