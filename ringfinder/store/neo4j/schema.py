"""The database's schema: constraints, in versions, and the :Store node that knows which."""

from __future__ import annotations

import re
from collections.abc import Callable

from ringfinder.cypher import Statement, read_statements
from ringfinder.errors import StoreError
from ringfinder.store.neo4j.server import Server
from ringfinder.store.neo4j.state import find_state

_FOLDER = "schema"


def migrations() -> dict[int, list[Statement]]:
    """Return the statements of each version: ``cypher/schema/VERSION_NAME.cypher``."""
    found: dict[int, list[Statement]] = {}
    for statement in read_statements(_FOLDER):
        version = int(statement.name.removeprefix(f"{_FOLDER}/").partition("_")[0])
        found.setdefault(version, []).append(statement)
    return dict(sorted(found.items()))


def bring_up_to_date(server: Server, *, clock: Callable[[], float]) -> None:
    """Make the database a store, or bring one of an earlier version up to date.

    A store whose :Store node was deleted by hand is founded again: what follows from events is
    void then, since nobody knows how much of them it holds; rings and lineage stay. Every step
    may be repeated: two processes may do it at once, and be killed.

    Parameters
    ----------
    server
        The database.
    clock
        Seconds since 1970. Tokens of the run lock go on there in a store that is founded again:
        more seconds have gone by than runs, so that none is ever given twice.

    Raises
    ------
    StoreError
        If a later version of ringfinder wrote it, or something else has filled it.
    """
    steps = migrations()
    newest = max(steps)
    state = server.work(find_state, locked=False)
    if state is not None and state.schema_version > newest:
        raise StoreError(
            f"{server.what} was written by a later version of ringfinder (schema "
            f"{state.schema_version}; this one knows {newest}): use that version, or another server"
        )
    if state is not None and state.schema_version == newest:
        return
    again = state is None and _was_a_store(server)
    for version, statements in steps.items():
        if state is None or version > state.schema_version:
            for statement in statements:
                server.change_schema(statement.text)
    given = {"schema_version": newest, "again": again, "token": int(clock()) if again else 0}
    server.work(lambda work: work.run("found_store", **given), locked=False)


def _was_a_store(server: Server) -> bool:
    """Tell whether a database without a :Store node has been a store, by its constraints.

    Raises
    ------
    StoreError
        If it holds accounts, and they are not such as a store leaves.
    """
    names = set(server.work(lambda work: work.run("read_constraints"), locked=False)["names"])
    first = next(iter(migrations().values()))
    ours = {name for one in first for name in re.findall(r"CREATE CONSTRAINT (\w+)", one.text)}
    left = server.work(lambda work: work.run("count_left"), locked=False)
    strange = left["accounts"] and not (ours <= names and left["seen"])
    # Looked for once more: another process may have founded it since, and begun to fill it.
    if strange and server.work(find_state, locked=False) is None:
        raise StoreError(
            f"{server.what} holds accounts that ringfinder did not write: use an empty database"
        )
    return ours <= names
