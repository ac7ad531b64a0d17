"""What the files under docker/ promise about ringfinder, held against ringfinder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from ringfinder.cli import program
from ringfinder.config import settings_table

DOCKER = Path(__file__).resolve().parents[1] / "docker"
COMPOSE = DOCKER / "compose.yaml"
SCHEDULE = DOCKER / "schedule"


def check_command(words: Sequence[str]) -> None:
    """Parse the words after ``ringfinder`` as it would; raises click.UsageError where it would."""
    command: click.Command = program
    rest, context = list(words), None
    while isinstance(command, click.Group):
        context = command.make_context("ringfinder", rest, parent=context)
        name, found, rest = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        assert found is not None, name
        command = found
    command.make_context(command.name, rest, parent=context)


def unknown_settings(variables: Iterable[str]) -> set[str]:
    """Return the ``RINGFINDER_*`` variables that are no setting."""
    known = {row.variable for row in settings_table()}
    return {name for name in variables if name.startswith("RINGFINDER_")} - known
