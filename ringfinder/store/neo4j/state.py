"""What the :Store node says about the store."""

from __future__ import annotations

from dataclasses import dataclass

from ringfinder.errors import StoreError
from ringfinder.store.neo4j.server import Work
from ringfinder.store.protocol import Interval


@dataclass(frozen=True, slots=True)
class Begun:
    """A batch that is being written slice by slice.

    Attributes
    ----------
    first, last
        Its events.
    many, done
        How many slices it is cut into, and how many of them are written.
    """

    first: int
    last: int
    many: int
    done: int


@dataclass(frozen=True, slots=True)
class State:
    """The :Store node.

    Attributes
    ----------
    schema_version
        Of the migrations that were made.
    applied
        Events taken in.
    begun
        Batches of which a part is taken in.
    clearing
        Whether what follows from events is void, and on its way out.
    has_twins
        Whether values of two kinds have shared a pseudonym: then one of them has its kind in
        its id.
    run_id
        The last run; None before the first.
    lock_token, lock_holder, lock_acquired_ms, lock_expires_ms
        The run lock; no holder: it is free.
    """

    schema_version: int
    applied: tuple[Interval, ...]
    begun: tuple[Begun, ...]
    clearing: bool
    has_twins: bool
    run_id: str | None
    lock_token: int
    lock_holder: str | None
    lock_acquired_ms: int
    lock_expires_ms: int


def find_state(work: Work) -> State | None:
    """Return the state of the store; None where the database holds none."""
    row = work.run("read_store")
    if not row:
        return None
    ends = row.pop("applied")
    begun = iter(row.pop("begun"))
    return State(
        applied=tuple(zip(ends[::2], ends[1::2], strict=True)),
        begun=tuple(Begun(*four) for four in zip(begun, begun, begun, begun, strict=True)),
        **row,
    )


def read_state(work: Work) -> State:
    """Return the state of the store; raise a `StoreError` where it was removed."""
    state = find_state(work)
    if state is None:
        raise StoreError(
            "the Neo4j database no longer holds a ringfinder store; somebody has emptied it: run "
            "`ringfinder rebuild`"
        )
    return state
