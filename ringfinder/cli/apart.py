"""``ringfinder apart``: what a person knows not to be one ring."""

from __future__ import annotations

import time
from typing import Any

import click

from ringfinder.cli.arguments import Group, settings_from, settings_options
from ringfinder.cli.terminal import notice, say, say_json, table
from ringfinder.errors import InputError

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_ACCOUNTS = click.option("--accounts", is_flag=True, help="The two are accounts, not rings.")


@click.group(cls=Group)
def apart() -> None:
    """Keep two rings apart in every later run, or the rings of two accounts."""


@apart.command()
@click.argument("one")
@click.argument("other")
@_ACCOUNTS
@click.option("--source", default="", help="Who decided, or on what ground.")
@_AS_JSON
@settings_options("data_dir")
def add(one: str, other: str, accounts: bool, source: str, as_json: bool, **options: Any) -> None:
    """Say that two rings are not one, such as two operators on one proxy pool."""
    settings = settings_from(options, notice)
    from ringfinder.pipeline.apart import Apart, add_apart, check_accounts, check_rings
    from ringfinder.places import EVENTS, SNAPSHOTS
    from ringfinder.publish import snapshots
    from ringfinder.store import EventLog

    if one == other:
        raise InputError("The two are the same; name two different rings or accounts.")
    in_force = snapshots.current(settings.data_dir / SNAPSHOTS)
    if accounts:
        check_accounts(in_force, EventLog(settings.data_dir / EVENTS), one, other)
    else:
        check_rings(in_force, one, other)
    what = "accounts" if accounts else "rings"
    fresh = add_apart(settings.data_dir, Apart(what, one, other, int(time.time() * 1000), source))
    if as_json:
        say_json({"what": what, "one": one, "other": other, "recorded": fresh})
    else:
        say("Kept apart from the next run on." if fresh else "They were kept apart already.")


@apart.command()
@click.argument("one")
@click.argument("other")
@_ACCOUNTS
@_AS_JSON
@settings_options("data_dir")
def remove(one: str, other: str, accounts: bool, as_json: bool, **options: Any) -> None:
    """Take back that two are not one."""
    settings = settings_from(options, notice)
    from ringfinder.pipeline.apart import remove_apart

    what = "accounts" if accounts else "rings"
    remove_apart(settings.data_dir, what, one, other)
    if as_json:
        say_json({"what": what, "one": one, "other": other, "removed": True})
    else:
        say("No longer kept apart; the next run decides.")


@apart.command(name="list")
@_AS_JSON
@settings_options("data_dir")
def list_(as_json: bool, **options: Any) -> None:
    """List what is kept apart."""
    settings = settings_from(options, notice)
    from dataclasses import asdict

    from ringfinder.pipeline.apart import read_apart

    decisions = read_apart(settings.data_dir)
    if as_json:
        say_json({"apart": [asdict(one) for one in decisions]})
        return
    if not decisions:
        say("Nothing is kept apart.")
        return
    rows = [(one.what, one.one, one.other, one.source) for one in decisions]
    say(table(("what", "one", "other", "source"), rows, left=(0, 1, 2)))
