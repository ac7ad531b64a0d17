"""``ringfinder recompute``: the nightly run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ringfinder.cli.arguments import Command, as_given, settings_from, settings_options
from ringfinder.cli.background import background_option, give_way
from ringfinder.cli.memory import keep_freed_memory
from ringfinder.cli.publish import promote
from ringfinder.cli.terminal import notice, progress, say, say_json, table
from ringfinder.config.rows import NIGHTLY, STORE
from ringfinder.places import SNAPSHOTS
from ringfinder.runs import RecomputeSummary, RingLine

SHOWN = 10


@click.command(cls=Command)
@click.option(
    "--touched",
    is_flag=True,
    help="Look again only at what changed since the snapshot in force.",
)
@click.option(
    "--check/--no-check",
    default=True,
    help="Compare the graph with the events first.  [default: check]",
)
@click.option("--repair", is_flag=True, help="Put right what differs from the events.")
@background_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@settings_options(
    "seed", "fdr", "memory_limit", "temp_dir", "pepper_file", "pepper_version", STORE, NIGHTLY
)
def recompute(
    touched: bool,
    check: bool,
    repair: bool,
    background: bool | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Find the rings in the graph anew, publish a snapshot, and write the rings back.

    Rings keep their ids from run to run. A run that would newly flag unusually many accounts
    waits for a person: see `ringfinder publish`. Only one runs at a time; a second one ends
    with exit code 4.
    """
    settings = settings_from(options, notice)
    give_way(settings.data_dir, background)
    keep_freed_memory()
    from ringfinder.pipeline.home import open_home
    from ringfinder.pipeline.recompute import recompute as run

    with open_home(settings, notices=notice) as home, progress(quiet=as_json) as step:
        summary = run(
            settings,
            home,
            touched=touched,
            check=check or repair,
            repair=repair,
            progress=step,
            notices=notice,
        )
    if as_json:
        say_json(summary.to_dict())
        return
    show(summary)
    if not summary.in_force:
        _say_what_next(settings.data_dir, as_given(promote, options))


def show(summary: RecomputeSummary) -> None:
    """Print what a nightly run found, for a person."""
    say(summary.headline)
    say(
        f"Newly flagged: {summary.newly_flagged:,}; no longer: {summary.no_longer_flagged:,}. "
        f"Rings: {summary.rings:,}{_changes(summary)}."
    )
    if summary.touched is not None:
        say(f"Looked again at {summary.touched:,} of {summary.accounts:,} accounts.")
    for sentence in summary.edited:
        say(sentence)
    _rings("Fleets, the most harmful first", summary.fleets)
    _rings("For a person to look at", summary.unclear)
    say(f"\nReport: {summary.report}")
    if summary.in_force:
        say(f"The snapshot {summary.snapshot_id} is in force.")
        return
    say(f"\nThe snapshot {summary.snapshot_id} waits for a person:")
    for sentence in summary.held:
        say(f"  {sentence}")


def _rings(title: str, rings: Sequence[RingLine]) -> None:
    if not rings:
        return
    say(f"\n{title}:\n")
    say(
        table(
            ("ring", "accounts", "score", "exchanges", "summary"),
            [
                (r.ring_id, f"{r.size:,}", f"{r.score:.2f}", f"{r.exchanges:,}", r.summary)
                for r in rings[:SHOWN]
            ],
        )
    )
    if len(rings) > SHOWN:
        say(f"... and {len(rings) - SHOWN:,} more in rings.parquet.")


def _say_what_next(data_dir: Path, flags: str) -> None:
    """Say how a snapshot that waits comes into force, in words that can be copied."""
    from ringfinder.publish.snapshots import current

    there = current(data_dir / SNAPSHOTS) is not None
    otherwise = "leave the earlier one in force" if there else "leave none in force"
    say(f"Read its report; then `ringfinder publish promote{flags}`, or {otherwise}.")


def _changes(summary: RecomputeSummary) -> str:
    told = ", ".join(f"{number:,} {change}" for change, number in summary.changes.items())
    return f" ({told})" if told else ""
