"""``ringfinder audit``: files in, rings with evidence out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from ringfinder.cli.arguments import Command, Several, columns, settings_from, settings_options
from ringfinder.cli.memory import keep_freed_memory
from ringfinder.cli.terminal import notice, progress, say, say_json, table
from ringfinder.errors import InputError
from ringfinder.runs import AuditInputs, AuditSummary, RingLine

SHOWN = 10


@click.command(cls=Command)
@click.argument("signups", nargs=-1, metavar="SIGNUPS...")
@click.option("--usage", cls=Several, metavar="FILE...", help="What the accounts used.")
@click.option("--payments", cls=Several, metavar="FILE...", help="Cards they paid with.")
@click.option("--logins", cls=Several, metavar="FILE...", help="Where they logged in from.")
@click.option("--labels", cls=Several, metavar="FILE...", help="What people decided earlier.")
@click.option(
    "--previous",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="An earlier audit; rings keep the ids they have there.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Where to write; made if missing, its results replaced if there.",
)
@click.option(
    "--map",
    "mapping",
    cls=Several,
    metavar="FILE_COLUMN=FIELD",
    help="The field that a column of the files holds.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@settings_options()
def audit(signups: tuple[str, ...], out: Path, mapping: tuple[str, ...], **options: Any) -> None:
    """Find the fleets in sign-up telemetry, and say why.

    SIGNUPS and the other files are .csv, .jsonl, .ndjson or .parquet, also .gz and .zst, or
    globs in quotes; `-` is JSON lines on standard input. Name the sign-ups first, or after `--`.
    """
    inputs = _inputs(signups, mapping, options)
    settings = settings_from(options, notice)
    keep_freed_memory()
    from ringfinder import pipeline

    now_ms = time.time_ns() // 1_000_000
    with progress(quiet=options["as_json"]) as step:
        summary = pipeline.audit(
            inputs, settings, out, now_ms=now_ms, progress=step, notices=notice
        )
    if options["as_json"]:
        say_json(summary.to_dict())
    else:
        show(summary)


def _inputs(
    signups: tuple[str, ...], mapping: tuple[str, ...], options: dict[str, Any]
) -> AuditInputs:
    if not signups:
        raise InputError(
            "No sign-up files were named. Name them first: `ringfinder audit SIGNUPS...`."
        )
    inputs = AuditInputs(
        signups=signups,
        usage=options["usage"],
        payments=options["payments"],
        logins=options["logins"],
        labels=options["labels"],
        columns=columns(mapping),
        previous=options["previous"],
    )
    if sum(files.count("-") for files in inputs.tables().values()) > 1:
        raise InputError("Standard input (`-`) was named twice; it can be read once.")
    if inputs.previous is not None and not inputs.previous.is_dir():
        raise InputError(f"--previous names {inputs.previous}, which is not a directory.")
    return inputs


def show(summary: AuditSummary) -> None:
    """Print what an audit found, for a person."""
    say(summary.headline)
    _rings("Fleets, the most harmful first", summary.fleets)
    _rings("Looked at and not flagged", summary.spared)
    if summary.rejects:
        rows = sum(summary.rejects.values())
        reasons = sorted(summary.rejects.items(), key=lambda item: (-item[1], item[0]))
        listed = ", ".join(f"{reason} ({count:,})" for reason, count in reasons)
        say(f"\nRows left out: {rows:,}, each with its reason in rejects.jsonl: {listed}.")
    say(f"\nReport: {summary.report}")


def _rings(title: str, rings: tuple[RingLine, ...]) -> None:
    if not rings:
        return
    say(f"\n{title}:\n")
    say(
        table(
            ("ring", "verdict", "accounts", "score", "exchanges", "summary"),
            [
                (
                    ring.ring_id,
                    ring.verdict,
                    f"{ring.size:,}",
                    f"{ring.score:.2f}",
                    f"{ring.exchanges:,}",
                    ring.summary,
                )
                for ring in rings[:SHOWN]
            ],
            left=(0, 1),
        )
    )
    if len(rings) > SHOWN:
        say(f"... and {len(rings) - SHOWN:,} more in rings.parquet.")
