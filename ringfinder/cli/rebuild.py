"""``ringfinder rebuild``: the graph made anew from the events, or compared with them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from ringfinder.cli.arguments import Command, settings_from, settings_options
from ringfinder.cli.background import background_option, give_way
from ringfinder.cli.terminal import notice, say, say_json, table
from ringfinder.config.rows import STORE
from ringfinder.errors import InputError, StoreError
from ringfinder.places import SNAPSHOTS

if TYPE_CHECKING:
    from ringfinder.store.compare import Differences

WAIT_S = 600.0  # a load may be writing


@click.command(cls=Command)
@click.option(
    "--check", is_flag=True, help="Only compare graph and events; exit code 4 if unequal."
)
@click.option("--repair", is_flag=True, help="Compare, and rebuild only if they are unequal.")
@background_option
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
@settings_options(STORE, "memory_limit", "temp_dir", "pepper_file", "pepper_version")
def rebuild(
    check: bool, repair: bool, background: bool | None, as_json: bool, **options: Any
) -> None:
    """Empty the store and take all events into it again.

    Rings and their history stay: they are results of runs, not of events. What a restore
    could not bring into the store is finished. While a run is on its way: exit code 4.
    """
    if check and repair:
        raise InputError("--check changes nothing and --repair does: give one of them.")
    settings = settings_from(options, notice)
    give_way(settings.data_dir, background)
    from ringfinder.pipeline.check import check_graph
    from ringfinder.pipeline.home import open_home
    from ringfinder.pipeline.one_run import the_only_run
    from ringfinder.pipeline.writeback import is_owed, made_anew

    begun = time.perf_counter()
    found: Differences | None = None
    batches = 0
    with open_home(settings, wait_s=WAIT_S, notices=notice) as home:
        if check or repair:
            found = check_graph(home.log, home.store, temp_dir=settings.temp_dir)
        unequal = found is not None and bool(found.found)
        rebuilt = not check and (found is None or unequal or is_owed(home.directory))
        if rebuilt:  # no run may meet a graph that is being made
            with the_only_run(home.store, home.directory / SNAPSHOTS) as lock:
                batches = made_anew(home, lock)
        events = home.log.last_sequence
    told = {
        "equal": None if found is None else not unequal,
        "differences": [] if found is None else [one.to_dict() for one in found.found],
        "rebuilt": rebuilt,
        "batches": batches,
        "events": events,
        "seconds": round(time.perf_counter() - begun, 3),
    }
    if as_json:
        say_json(told)
    else:
        show(told, found)
    if check and found is not None and unequal:
        raise StoreError(
            f"The graph differs from its events: {found.words}. "
            "Run `ringfinder rebuild --repair` to make it what they say"
        )


def show(told: dict[str, Any], found: Differences | None) -> None:
    """Print what was compared and done, for a person."""
    from ringfinder.explain.numbers import plural

    if found is not None and found.found:
        rows = [
            (one.what, one.how, f"{one.rows:,}", "; ".join(one.examples)) for one in found.found
        ]
        say(table(("what", "how", "rows", "such as"), rows, left=(0, 1)))
    elif found is not None:
        say(f"The graph is what its events say, up to event {told['events']:,}.")
    if told["rebuilt"]:
        say(
            f"Rebuilt from {plural(told['events'], 'event')} in "
            f"{plural(told['batches'], 'batch')}, {told['seconds']:.1f} s."
        )
