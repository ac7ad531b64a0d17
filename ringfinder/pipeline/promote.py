"""A person decides which snapshot is in force; the rings in the store follow."""

from __future__ import annotations

from collections.abc import Callable

from ringfinder.errors import InputError, NotFound
from ringfinder.pipeline.home import Home
from ringfinder.pipeline.one_run import the_only_run
from ringfinder.pipeline.recompute import put_in_force
from ringfinder.pipeline.writeback import is_owed, made_anew
from ringfinder.places import SNAPSHOTS
from ringfinder.publish import snapshots


def promote(home: Home, name: str | None = None) -> str:
    """Put a snapshot in force.

    Parameters
    ----------
    home
        The data directory.
    name
        Its id; None: the newest that waits for a person.

    Returns
    -------
    str
        The id of the snapshot now in force.

    Raises
    ------
    NotFound
        If there is none of that id, or none waits.
    InputError
        If it was made with another pepper.
    StoreError
        If a file of it is damaged, or the store fails: the one in force stays.
    """
    return _put(home, snapshots.to_promote if name is None else lambda _: name)


def rollback(home: Home, name: str | None = None) -> str:
    """Return to an earlier snapshot: as `promote`, by default to the one in force before.

    The store gets the rings, members and evidence of that snapshot back, under its run, but
    for accounts that were erased since; the lineage keeps what later runs recorded. The next
    run matches its rings with this snapshot.
    """
    return _put(home, snapshots.to_roll_back_to if name is None else lambda _: name)


def _put(home: Home, choose: Callable[..., str]) -> str:
    directory = home.directory / SNAPSHOTS
    if not directory.is_dir():
        raise NotFound("There is no snapshot yet. Run `ringfinder recompute` first.")
    with the_only_run(home.store, directory) as lock:
        if is_owed(home.directory):  # or it would take the place of what a restore brought
            made_anew(home, lock)
        path = snapshots.find(directory, choose(directory))
        made = snapshots.check(path).get("pepper_version", home.pepper.version)
        if made != home.pepper.version:
            raise InputError(
                f"The snapshot {path.name} was made with pepper {made}, and {home.pepper.version} "
                "is in use since `ringfinder pepper rotate`: it would match nobody. Run "
                "`ringfinder recompute`."
            )
        put_in_force(home, path.name, lock)
        return path.name
