"""``ringfinder evaluate``: how good an audit was, where the truth is known."""

from __future__ import annotations

from pathlib import Path

import click

from ringfinder.cli.arguments import Command
from ringfinder.cli.terminal import notice, say, say_json


@click.command(cls=Command)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--truth",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What is true: account_id with fleet_id, or with label (fraud, legitimate).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
def evaluate(directory: Path, truth: Path, as_json: bool) -> None:
    """Compare the audit in DIR with the truth.

    Prints precision, recall and the false-positive rate of benign accounts with 95%
    intervals, by style, size of fleet, cohort and network; calibration; purity and
    completeness of rings.
    """
    from ringfinder.evaluate import evaluate as compare
    from ringfinder.evaluate import to_text

    evaluation, notices = compare(directory, truth)
    for sentence in notices:
        notice(sentence)
    if as_json:
        say_json(evaluation.to_dict())
    else:
        say(to_text(evaluation))
