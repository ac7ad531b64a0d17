"""A process of `supervisor`: ``python -m ringfinder.serve.child ROLE``.

It reads the settings from its standard input, where secrets stay out of the list of
processes, says ``ready`` on its standard output, and ends when the supervisor does.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from functools import partial
from typing import Any

from ringfinder.config import Settings
from ringfinder.errors import RingfinderError
from ringfinder.places import EVENTS, JOURNAL
from ringfinder.serve.logs import configure

log = logging.getLogger("ringfinder.serve")


def main(role: str) -> int:
    """Do the work of a role until told to stop; return the exit code."""
    told = json.loads(sys.stdin.readline())
    configure()
    settings = Settings(**told["settings"])
    _end_with_parent()
    try:
        _ROLES[role](settings, told)
    except RingfinderError as error:
        log.error("stopped", extra={"role": role, "why": str(error)})
        return error.exit_code
    return 0


def say_ready() -> None:
    """Tell the supervisor that the work has begun."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def _write(settings: Settings, told: dict[str, Any]) -> None:
    from ringfinder.journal.process import run_writer

    home = settings.data_dir
    run_writer(home / JOURNAL, home / EVENTS, ready=say_ready)


def _project(settings: Settings, told: dict[str, Any]) -> None:
    from ringfinder.journal import Caretaker, Projector
    from ringfinder.pipeline.home import open_graph
    from ringfinder.pipeline.remembered import remember_store
    from ringfinder.store import EventLog, GraphStore

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    os.nice(15)  # answers come first
    say_ready()
    home = settings.data_dir
    open_store = partial(open_graph, settings, threads=1)  # and leave the other cores alone
    events = EventLog(home / EVENTS)

    def open_to_fill() -> GraphStore:
        store = open_store(remember_names=True)
        remember_store(settings)
        return store

    caretaker = Caretaker(home / JOURNAL, events, open_store)
    threading.Thread(target=caretaker.run, args=(stop,), daemon=True, name="caretaker").start()
    Projector(home / JOURNAL, events, open_to_fill).run(stop)


def _answer(settings: Settings, told: dict[str, Any]) -> None:
    from ringfinder.serve.worker import run

    run(settings, worker=told["worker"], listening=told["socket"], ready=say_ready)


_ROLES = {"writer": _write, "projector": _project, "worker": _answer}


def _end_with_parent() -> None:
    """Stop when the supervisor is gone, however it went: nobody would restart or stop us."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            threading.Event().wait(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="parent").start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
