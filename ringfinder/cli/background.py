"""How a long run gives way to the API on the same machine.

A niced run of as many threads as there are cores still costs the API most of its tail. The kernel
takes a core on which a niced thread runs for a busy one, so the API's processes are left to
queue behind each other on the remaining ones; and where sessions have a weight each
(autogroup), niceness counts inside the run's own session alone. What such a run takes from
sign-ups at 500 a second, by way of it, is in tests/bench/LOG.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import click

from ringfinder.cli.terminal import notice
from ringfinder.places import SERVING

Function = TypeVar("Function", bound=Callable[..., Any])
LOWEST = 19
_AUTOGROUP = Path("/proc/self/autogroup")

background_option = click.option(
    "--background/--foreground",
    default=None,
    help="Leave half the cores to others and take the lowest priority.  "
    "[default: background where `ringfinder serve` has data_dir open]",
)


def give_way(data_dir: Path, wanted: bool | None) -> None:
    """Become a background process, if that is wanted.

    To be called before threads are made for the cores there are.

    Parameters
    ----------
    data_dir
        Whoever serves it comes first.
    wanted
        Whether to give way; None: where somebody serves.
    """
    if wanted is None:
        if not _is_served(data_dir):
            return
        notice(
            "`ringfinder serve` has this data directory open, so this run takes half the cores "
            "and the lowest priority; --foreground takes all"
        )
    elif not wanted:
        return
    os.nice(LOWEST)
    _leave_half_the_cores()
    if not _has_terminal():  # whose Ctrl-C would not reach another session
        _weigh_little()


def _is_served(data_dir: Path) -> bool:
    from ringfinder.store.files import is_locked

    return is_locked(data_dir / SERVING)


def _leave_half_the_cores() -> None:
    """Run on half of the cores this process may use, on one at least."""
    if not hasattr(os, "sched_setaffinity"):
        return
    mine = sorted(os.sched_getaffinity(0))
    half = mine[len(mine) // 2 :][: max(len(mine) // 2, 1)]
    with suppress(OSError):
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(thread.name), half)


def _weigh_little() -> None:
    """Let nice count against other sessions as well: in one of its own, not to slow others'."""
    with suppress(OSError):  # the leader of a group of processes stays in its session
        if os.getsid(0) != os.getpid():
            os.setsid()
        _AUTOGROUP.write_text(f"{LOWEST}\n")


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY))
    except OSError:
        return False
    return True
