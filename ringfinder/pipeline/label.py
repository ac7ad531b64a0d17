"""Labels given by hand: events like any other."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.errors import StoreError
from ringfinder.journal import Reader
from ringfinder.normalise import NORMALISER
from ringfinder.pipeline.home import Home
from ringfinder.store import project
from ringfinder.store.events import EVENT_SCHEMAS, EventType
from ringfinder.store.parts import pending_work
from ringfinder.store.segments import EventLog


def record_labels(
    log: EventLog,
    word: str,
    account_ids: Sequence[str],
    *,
    source: str | None = None,
    clock: Callable[[], float] = time.time,
) -> int:
    """Append a label for each account; return how many were recorded.

    Parameters
    ----------
    log
        Where events are kept.
    word
        ``fraud`` or ``legitimate``.
    account_ids
        Whom it is about; one that never signed up is remembered in case it does.
    source
        Who decided, or on what ground.
    clock
        Seconds since 1970.
    """
    now_ms = int(clock() * 1000)
    rows = [
        {
            "event_id": str(uuid.uuid4()),
            "received_ms": now_ms,
            "normaliser": NORMALISER,
            "account_id": account_id,
            "occurred_ms": now_ms,
            "label": word,
            "source": source,
        }
        for account_id in dict.fromkeys(account_ids)
    ]
    table = pa.Table.from_pylist(rows, schema=EVENT_SCHEMAS[EventType.LABELS])
    return log.append([(EventType.LABELS, table)]).recorded[EventType.LABELS]


def is_level(home: Home) -> bool:
    """Tell whether the store has taken in all that the log holds."""
    done, begun = home.store.applied(), home.store.begun()
    return not pending_work(home.log.segments(), done, begun, home.store.batch_events)


def into_graph(home: Home) -> bool:
    """Take labels that were recorded into a store that was level; tell whether it has them."""
    try:
        project(home.log, home.store)
    except StoreError:  # they are recorded, and whoever takes in events next goes on with them
        return False
    home.taken_in()
    return True


def never_seen(journal: Path, log: EventLog, account_ids: Sequence[str]) -> list[str]:
    """Return those of some accounts of which neither journal nor log has a sign-up.

    Parameters
    ----------
    journal
        The journal's directory: who was accepted over HTTP stands there alone for up to a day.
        It is read first, for what leaves it meanwhile is in the log by then.
    log
        Where events are kept.
    account_ids
        Whom to look for.

    Raises
    ------
    StoreError
        If journal or log cannot be read.
    """
    names = list(dict.fromkeys(account_ids))
    with closing(Reader(journal)) as reader:
        names = [name for name in names if not reader.signups_of(name, 1)]
    wanted = pa.array(names, pa.string())
    for table in log.read(EventType.SIGNUPS, columns=["account_id"]):
        wanted = _without(wanted, table["account_id"])
    return [str(name) for name in wanted.to_pylist()]


def _without(names: pa.Array, known: pa.ChunkedArray) -> pa.Array:
    return names.filter(pc.invert(pc.is_in(names, known.combine_chunks())))
