"""``ringfinder publish``: which snapshot is in force."""

from __future__ import annotations

from typing import Any

import click

from ringfinder.cli.arguments import Group, settings_from, settings_options
from ringfinder.cli.noted import note_act
from ringfinder.cli.terminal import notice, say, say_json, table
from ringfinder.config.rows import STORE

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(cls=Group)
def publish() -> None:
    """Look at the snapshots, and decide which one is in force."""


@publish.command(name="list")
@click.option("--verify", is_flag=True, help="Read every file and compare its checksum.")
@_AS_JSON
@settings_options("data_dir")
def list_(verify: bool, as_json: bool, **options: Any) -> None:
    """List the snapshots, the newest first."""
    settings = settings_from(options, notice)
    from ringfinder.places import SNAPSHOTS
    from ringfinder.publish.snapshots import listing

    lines = listing(settings.data_dir / SNAPSHOTS, verify=verify)
    if as_json:
        say_json({"snapshots": [line.to_dict() for line in lines]})
        return
    if not lines:
        say("There is no snapshot yet. `ringfinder recompute` makes one.")
        return
    head = ("snapshot", "state", "made at", "accounts", "flagged", "rings", "why")
    rows = [
        (line.snapshot_id, line.state, line.created_at, f"{line.accounts:,}",
         f"{line.flagged:,}", f"{line.rings:,}", " ".join(line.why))
        for line in lines
    ]  # fmt: skip
    say(table(head, rows, left=(0, 1, 2)))


@publish.command()
@click.argument("snapshot_id", required=False)
@_AS_JSON
@settings_options("pepper_file", "pepper_version", STORE)
def promote(snapshot_id: str | None, as_json: bool, **options: Any) -> None:
    """Put a snapshot in force: the newest that waits for a person, or the one named."""
    _move("promote", snapshot_id, as_json, options)


@publish.command()
@click.argument("snapshot_id", required=False)
@_AS_JSON
@settings_options("pepper_file", "pepper_version", STORE)
def rollback(snapshot_id: str | None, as_json: bool, **options: Any) -> None:
    """Return to the snapshot that was in force before, or to the one named.

    The rings in the store follow; the next run matches its rings with that snapshot.
    """
    _move("rollback", snapshot_id, as_json, options)


def _move(how: str, name: str | None, as_json: bool, options: dict[str, Any]) -> None:
    settings = settings_from(options, notice)
    from ringfinder.pipeline import promote as moves
    from ringfinder.pipeline.home import open_home

    with open_home(settings, notices=notice) as home:
        now = getattr(moves, how)(home, name)
    note_act(settings, f"snapshot.{how}", details={"snapshot": now})
    if as_json:
        say_json({"snapshot_id": now, "state": "in force"})
    else:
        say(f"The snapshot {now} is in force, and its rings are in the store.")
