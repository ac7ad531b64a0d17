"""``ringfinder journal``: look after what the API accepted."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ringfinder.cli.arguments import Group, settings_from, settings_options
from ringfinder.cli.terminal import notice, say, say_json
from ringfinder.errors import NotFound, StoreError
from ringfinder.places import EVENTS, JOURNAL

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(cls=Group)
def journal() -> None:
    """Check, export or compact what was accepted over HTTP and awaits the event log."""


@journal.command()
@AS_JSON
@settings_options("data_dir")
def check(as_json: bool, **options: Any) -> None:
    """Read the whole journal and say whether it is what was written.

    Exits with 4 where it is not, naming the damaged entries. The service may run meanwhile.
    """
    from ringfinder.journal.check import SHOWN, check_journal

    report = check_journal(_directory(options))
    if as_json:
        say_json({**asdict(report), "sound": report.sound})
    else:
        say(
            f"{report.entries:,} entries ({report.first:,} to {report.last:,}), "
            f"{report.held:,} of them not in the event log yet, {report.erased:,} erased."
        )
        if report.damaged:
            named = ", ".join(map(str, report.damaged[:SHOWN]))
            more = ", ..." if len(report.damaged) > SHOWN else ""
            say(f"Damaged: {len(report.damaged):,} entries: {named}{more}")
        for first, last in report.missing[:SHOWN]:
            say(f"Missing: entries {first:,} to {last:,}")
        for problem in report.problems:
            say(problem)
        if report.sound:
            say("Everything is as it was written.")
    if not report.sound:
        raise StoreError(
            "The journal is damaged: the entries named above are left out of graph and log. "
            "Senders that repeat them are taken as new; a broken file is repaired by the service."
        )


@journal.command()
@click.option("--after", default=0, metavar="NUMBER", help="Leave out entries up to this one.")
@settings_options("data_dir")
def export(after: int, **options: Any) -> None:
    """Print the events that are not in the event log yet, one JSON object a line.

    They hold pseudonyms, no clear values.
    """
    from ringfinder.journal import Reader, decode_event

    directory = _directory(options)
    reader = Reader(directory)
    if not reader.path.exists():
        raise NotFound(f"{directory} holds no journal; it begins with the first event over HTTP.")
    while True:
        entries, through = reader.held(after)
        for entry in entries:
            said = {"sequence": entry.sequence, "type": entry.event_type}
            click.echo(json.dumps(said | decode_event(entry.event or b"{}")))
        if through == after:
            break
        after = through
    reader.close()
    if reader.damaged:
        raise StoreError(
            f"{len(reader.damaged)} entries are damaged and were left out: "
            "`ringfinder journal check` says which."
        )


@journal.command()
@AS_JSON
@click.option(
    "--min-age",
    "min_age_s",
    default=60.0,
    metavar="SECONDS",
    help="Younger events stay in the journal. [default: 60]",
)
@click.option(
    "--retention-days",
    default=30.0,
    metavar="DAYS",
    help="How long the answer to a repeated event_id is kept. [default: 30]",
)
@settings_options("data_dir", "store", "neo4j_user", "neo4j_password_file", "neo4j_allow_plain")
def compact(as_json: bool, min_age_s: float, retention_days: float, **options: Any) -> None:
    """Take the journal into the graph, then move it into the event log's segments.

    The service may run meanwhile; killed anywhere, it goes on when started again.
    """
    from ringfinder.journal import Compaction, Projector, errands
    from ringfinder.pipeline.home import WAIT_S, open_graph
    from ringfinder.pipeline.pepper import in_use
    from ringfinder.pipeline.remembered import remember_store, tell_other_store
    from ringfinder.store import EventLog

    settings = settings_from(options, notice)
    directory = settings.data_dir / JOURNAL
    if not directory.is_dir():
        raise NotFound(f"{directory} holds no journal; it begins with the first event over HTTP.")
    with in_use(settings.data_dir, wait_s=WAIT_S):
        tell_other_store(settings, notice)
        log = EventLog(settings.data_dir / EVENTS)
        projector = Projector(directory, log, lambda: open_graph(settings))
        try:
            projected = projector.drain()
            remember_store(settings)
            with errands(directory) as writer:
                work = Compaction(directory, log, projector.store, writer)
                done = work.run(min_age_s=min_age_s, retention_days=retention_days)
        finally:
            projector.close()
    if done.duplicates:
        notice(f"{done.doubled}.")
    if done.stuck:
        notice(
            f"damaged entries stay in the journal, up to number {done.stuck:,}: `ringfinder "
            "journal check` names them"
        )
    if as_json:
        say_json({"projected": projected, **asdict(done)})
    else:
        say(
            f"Took {projected:,} events into the graph and moved {done.moved:,} into the event "
            f"log ({done.duplicates:,} were in it already); {done.left:,} stay in the journal, "
            f"{done.pruned:,} old answers were dropped."
        )


def _directory(options: dict[str, Any]) -> Path:
    return settings_from(options, notice).data_dir / JOURNAL
