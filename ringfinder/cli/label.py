"""``ringfinder label``: what a person decided about accounts."""

from __future__ import annotations

from typing import Any

import click

from ringfinder.cli.arguments import Command, settings_from, settings_options
from ringfinder.cli.noted import note_act
from ringfinder.cli.terminal import notice, say, say_json
from ringfinder.config.rows import STORE

SHOWN = 10


@click.command(cls=Command)
@click.argument("word", type=click.Choice(("fraud", "legitimate")), metavar="fraud|legitimate")
@click.argument("account_ids", nargs=-1, required=True, metavar="ACCOUNT_ID...")
@click.option("--source", help="Who decided, or on what ground.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@settings_options("pepper_file", "pepper_version", STORE)
def label(
    word: str, account_ids: tuple[str, ...], source: str | None, as_json: bool, **options: Any
) -> None:
    """Record that accounts are fraud, or legitimate; the next run takes it into account.

    `legitimate` clears the accounts named, whatever ring they are in, and never their ring;
    `fraud` speaks against the ring of the accounts named. The last label of an account counts.

    However many they are, none of these waits for a second person, as over HTTP: whoever holds
    the data directory decides alone.
    """
    settings = settings_from(options, notice)
    from ringfinder.explain.numbers import plural
    from ringfinder.pipeline.home import open_home
    from ringfinder.pipeline.label import into_graph, is_level, never_seen, record_labels
    from ringfinder.places import JOURNAL

    with open_home(settings, notices=notice) as home:
        level = is_level(home)  # else a load's worth of events would be taken in with the label
        recorded = record_labels(home.log, word, account_ids, source=source)
        details = {"label": word} | ({"source": source} if source else {})
        for account_id in account_ids:  # at once: the look for strangers may fail
            note_act(settings, "label.given", about=account_id, details=details)
        if not (level and into_graph(home)):
            notice(
                "the label is in the event log; the graph has it from the next `ringfinder "
                "recompute` on"
            )
        strangers = never_seen(home.directory / JOURNAL, home.log, account_ids)
    if strangers:
        named = ", ".join(strangers[:SHOWN]) + (", ..." if len(strangers) > SHOWN else "")
        notice(
            f"No sign-up is known of {plural(len(strangers), 'account')}: {named}. See whether "
            "that is spelt right; the label is kept, and counts once there is one."
        )
    if as_json:
        say_json({"label": word, "recorded": recorded, "never_seen": strangers})
    else:
        say(f"Recorded for {plural(recorded, 'account')}.")
