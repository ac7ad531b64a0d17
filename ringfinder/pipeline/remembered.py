"""Which store the events of a data directory were last taken into, so that another is noticed.

`--store` is easily left out once. What then runs finds, or makes, an embedded graph beside the
one in Neo4j and does its work there: nothing fails, and the two part from then on. So a store
that was named is remembered, and whoever opens the graph with another is told. The default needs
no remembering, and does not replace what is remembered: leaving `--store` out is the mistake.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from ringfinder.config import Settings
from ringfinder.errors import InputError
from ringfinder.places import STORE
from ringfinder.runs import Notice
from ringfinder.store.files import write_atomically
from ringfinder.store.open import StoreAddress, parse_address

_LOCAL = {"localhost": "127.0.0.1", "::1": "127.0.0.1"}


def remember_store(settings: Settings) -> None:
    """Note the store that takes in the events, if one was named.

    An address that holds credentials is refused by `parse_address`: none gets into the file.
    """
    if settings.store is None:
        return
    now = _whole(parse_address(settings.store, data_dir=settings.data_dir))
    if now != _remembered(settings.data_dir):
        with suppress(FileNotFoundError):  # two loads at once: the other one has put it there
            write_atomically(settings.data_dir / STORE, f"{now}\n".encode(), private=True)


def tell_other_store(settings: Settings, notices: Notice) -> None:
    """Say in a note if the store is not the one that the events were last taken into."""
    before = _remembered(settings.data_dir)
    now = parse_address(settings.store, data_dir=settings.data_dir)
    if before is None or _place(before) == _place(now):
        return
    asks = "is --store missing?" if settings.store is None else "is --store the right one?"
    shown = now if now.path is None else now.path
    notices(
        f"the events of {settings.data_dir} were taken into {before}; this uses {shown}: {asks}"
    )


def _remembered(directory: Path) -> StoreAddress | None:
    """Return the address that is remembered; None where none is, or it cannot be read."""
    try:
        text = (directory / STORE).read_text(encoding="utf-8")
        return parse_address(text, data_dir=directory)
    except (OSError, ValueError, InputError):  # a note is not worth failing for
        return None


def _whole(address: StoreAddress) -> StoreAddress:
    """Return an address that means the same from wherever it is read."""
    return address if address.path is None else StoreAddress(path=address.path.absolute())


def _place(address: StoreAddress) -> tuple[object, ...]:
    """Return what two ways to write one store have in common."""
    if address.path is not None:
        return (address.path.resolve(),)
    parts = urlsplit(str(address.uri))
    host = str(parts.hostname)
    return _LOCAL.get(host, host), parts.port or 7687, address.database or "neo4j"
