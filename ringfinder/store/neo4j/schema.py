"""The database's schema: constraints, in versions, and the :Store node that knows which."""

from __future__ import annotations

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


def bring_up_to_date(server: Server) -> None:
    """Make the database a store, or bring one of an earlier version up to date.

    Every step may be repeated: two processes may do it at once, and be killed.

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
    if state is None and server.work(lambda w: w.run("count_accounts"), locked=False)["accounts"]:
        raise StoreError(
            f"{server.what} holds accounts that ringfinder did not write: use an empty database"
        )
    for version, statements in steps.items():
        if state is None or version > state.schema_version:
            for statement in statements:
                server.change_schema(statement.text)
    server.work(lambda work: work.run("found_store", schema_version=newest), locked=False)
