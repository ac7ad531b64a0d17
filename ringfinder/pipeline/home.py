"""The data directory opened: event log, graph store, pepper. Every command but `audit` lives here.

What lies where in it: see `ringfinder.places`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from ringfinder.config import Settings
from ringfinder.errors import NotFound, StoreError
from ringfinder.normalise import NetworkLists, Pepper
from ringfinder.pipeline.pepper import PEPPER_FILE, find_pepper, in_use
from ringfinder.pipeline.remembered import remember_store, tell_other_store
from ringfinder.pipeline.switch import check_whole, sweep
from ringfinder.places import EVENTS
from ringfinder.runs import Notice
from ringfinder.store.open import open_store
from ringfinder.store.protocol import GraphStore
from ringfinder.store.segments import EventLog

WAIT_S = 30.0


@dataclass(frozen=True)
class Home:
    """A data directory in use; a context manager that closes the store.

    Attributes
    ----------
    directory
        The data directory.
    log
        Its events.
    store
        The graph of those events.
    pepper
        What the pseudonyms in both are made with. It stays so while this is open.
    """

    directory: Path
    log: EventLog
    store: GraphStore
    pepper: Pepper
    _held: ExitStack = field(default_factory=ExitStack, repr=False, compare=False)
    _remember: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)

    def taken_in(self) -> None:
        """Note that the store has taken in the events: another one is told of from then on."""
        self._remember()

    def close(self) -> None:
        """Close the store; the pepper may be rotated then."""
        with self._held:
            self.store.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the store."""
        self.close()


def open_home(
    settings: Settings,
    *,
    make: bool = False,
    wait_s: float = WAIT_S,
    notices: Notice = lambda sentence: None,
) -> Home:
    """Open the data directory and the store that the settings name.

    Parameters
    ----------
    settings
        `data_dir`, `store`, the credentials of a Neo4j, the pepper.
    make
        Whether to make the data directory, and a pepper where none is configured; else
        the directory must be there.
    wait_s
        Seconds to wait for other processes that write to the log or an embedded store, or
        rotate the pepper.
    notices
        Told when a pepper was made, and when the store is not the one that the events were
        last taken into.

    Raises
    ------
    NotFound
        If there is no data directory and none is to be made.
    InputError
        If a setting is unusable, or the pepper is not the one of this data directory.
    StoreError
        If the event log or the store cannot be opened, or a restore was interrupted;
        `StoreUnavailable`: try again.
    """
    directory = settings.data_dir
    check_whole(directory)
    if not make and not (directory / EVENTS).is_dir() and not (directory / PEPPER_FILE).is_file():
        raise NotFound(
            f"{directory} is no data directory of ringfinder: run `ringfinder load` first, "
            "or name the right one with --data-dir."
        )
    make_directory(directory)
    with ExitStack() as held:
        held.enter_context(in_use(directory, wait_s=wait_s))
        sweep(directory)
        log = EventLog(directory / EVENTS, wait_s=wait_s)
        pepper = find_pepper(settings, used=log.last_sequence > 0, notices=notices)
        tell_other_store(settings, notices)
        store = open_graph(settings, wait_s=wait_s)
        return Home(
            directory, log, store, pepper, held.pop_all(), partial(remember_store, settings)
        )


def open_graph(
    settings: Settings,
    *,
    wait_s: float = WAIT_S,
    threads: int | None = None,
    remember_names: bool = False,
) -> GraphStore:
    """Open the store that the settings name: see `store.open.open_store`."""
    return open_store(
        settings.store,
        data_dir=settings.data_dir,
        user=settings.neo4j_user,
        password=settings.read_neo4j_password(),
        allow_plain=settings.neo4j_allow_plain,
        memory_mb=int(settings.memory_limit) >> 20,
        threads=threads,
        wait_s=wait_s,
        remember_names=remember_names,
    )


def network_lists(settings: Settings) -> NetworkLists | None:
    """Read the operator's lists of networks; None without any."""
    lists = {
        name: [path]
        for name, path in (
            ("vpn", settings.vpn_list),
            ("hosting", settings.hosting_list),
            ("carrier", settings.carrier_list),
            ("asn", settings.asn_list),
        )
        if path is not None
    }
    return NetworkLists.from_files(**lists) if lists else None


def make_directory(directory: Path) -> None:
    """Make the data directory, closed to other users.

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreError(f"cannot make the data directory {directory}: {error.strerror}") from error
