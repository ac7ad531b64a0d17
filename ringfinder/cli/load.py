"""``ringfinder load``: files into the event log and the graph store."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ringfinder.cli.arguments import Command, Several, columns, settings_from, settings_options
from ringfinder.cli.background import background_option, give_way
from ringfinder.cli.memory import keep_freed_memory
from ringfinder.cli.terminal import notice, progress, say, say_json, table
from ringfinder.config.rows import STORE
from ringfinder.errors import InputError
from ringfinder.runs import AuditInputs, LoadSummary

WAIT_S = 600.0  # another load may be writing: a nightly job waits rather than fails


@click.command(cls=Command)
@click.argument("signups", nargs=-1, metavar="[SIGNUPS]...")
@click.option("--usage", cls=Several, metavar="FILE...", help="What the accounts used.")
@click.option("--payments", cls=Several, metavar="FILE...", help="Cards they paid with.")
@click.option("--logins", cls=Several, metavar="FILE...", help="Where they logged in from.")
@click.option("--labels", cls=Several, metavar="FILE...", help="What people decided about them.")
@click.option(
    "--map",
    "mapping",
    cls=Several,
    metavar="FILE_COLUMN=FIELD",
    help="The field that a column of the files holds.",
)
@click.option(
    "--received-at",
    metavar="TIME",
    help="When the rows became known, where they have no received_at. [default: now]",
)
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to list the rows that cannot be used. [default: rejects-RUN.jsonl in data_dir]",
)
@background_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@settings_options(
    STORE,
    "threads",
    "memory_limit",
    "temp_dir",
    "pepper_file",
    "pepper_version",
    "default_region",
    "asn_list",
)
def load(signups: tuple[str, ...], mapping: tuple[str, ...], **options: Any) -> None:
    """Record telemetry as events, and take them into the graph.

    SIGNUPS and the other files are read as by `ringfinder audit`. All rows are recorded or,
    when this fails or is stopped, none; rows that were loaded before change nothing.
    """
    inputs = _inputs(signups, mapping, options)
    settings = settings_from(options, notice)
    now_ms = time.time_ns() // 1_000_000
    received_ms = _received_ms(options["received_at"], now_ms)
    give_way(settings.data_dir, options["background"])
    keep_freed_memory()
    from ringfinder.pipeline.home import open_home
    from ringfinder.pipeline.load import load as load_files

    with open_home(settings, make=True, wait_s=WAIT_S, notices=notice) as home:
        rejects = options["rejects"] or home.directory / f"rejects-{_run_name(now_ms)}.jsonl"
        with progress(quiet=options["as_json"]) as step:
            summary = load_files(
                inputs,
                settings,
                home,
                received_ms=received_ms,
                rejects_file=rejects,
                now_ms=now_ms,
                progress=step,
                notices=notice,
            )
    if options["as_json"]:
        say_json(summary.to_dict())
    else:
        show(summary)


def _inputs(
    signups: tuple[str, ...], mapping: tuple[str, ...], options: dict[str, Any]
) -> AuditInputs:
    tables = {name: options[name] for name in ("usage", "payments", "logins", "labels")}
    inputs = AuditInputs(signups=signups, columns=columns(mapping), **tables)
    if not any(inputs.tables().values()):
        raise InputError("No files were named: `ringfinder load SIGNUPS... --usage FILE...`.")
    if sum(files.count("-") for files in inputs.tables().values()) > 1:
        raise InputError("Standard input (`-`) was named twice; it can be read once.")
    return inputs


def _received_ms(given: str | None, now_ms: int) -> int:
    received_ms = now_ms if given is None else _time(given)
    if received_ms > now_ms:
        raise InputError(f"--received-at was given {given!r}, which lies in the future.")
    return received_ms


def _time(text: str) -> int:
    """Return milliseconds since 1970 of a time as people write it; UTC where it says no zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"--received-at was given {text!r}; expected a time such as 2026-03-01T06:00:00Z."
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def _run_name(now_ms: int) -> str:
    """Return a name that no other run has, and that sorts by time."""
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    return f"{moment:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def show(summary: LoadSummary) -> None:
    """Print what a load recorded, for a person."""
    from ringfinder.explain.numbers import plural

    tables = {**summary.recorded, **summary.known, **summary.repeated}
    say(
        table(
            ("rows of", "recorded", "known before", "repeated", "without sign-up"),
            [
                (
                    name,
                    *(
                        f"{counts.get(name, 0):,}"
                        for counts in (
                            summary.recorded,
                            summary.known,
                            summary.repeated,
                            summary.strangers,
                        )
                    ),
                )
                for name in tables
            ],
        )
    )
    if summary.rejects_file is not None:
        rows = sum(summary.rejects.values())
        reasons = sorted(summary.rejects.items(), key=lambda item: (-item[1], item[0]))
        listed = ", ".join(f"{reason} ({count:,})" for reason, count in reasons)
        say(f"\nRows left out: {rows:,}, each with its reason in {summary.rejects_file}: {listed}.")
    steps = ", ".join(
        f"{name} {seconds:.1f} s" for name, seconds in summary.seconds.items() if name != "total"
    )
    say(
        f"\nThe graph in {summary.store} holds events up to {summary.last_sequence:,} "
        f"({plural(summary.batches, 'new batch')}). {summary.seconds['total']:.1f} s ({steps}), "
        f"{summary.rows_per_second:,} rows/s."
    )
