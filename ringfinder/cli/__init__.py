"""The command line: ``ringfinder audit``, ``simulate``, ``evaluate``, ``pseudonym``, ``doctor``."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

import click

from ringfinder.cli import (
    apart,
    audit,
    auditlog,
    backup,
    doctor,
    evaluate,
    explore,
    journal,
    keys,
    label,
    load,
    neo4j,
    pepper,
    policy,
    pseudonym,
    publish,
    rebuild,
    recompute,
    serve,
    simulate,
)
from ringfinder.cli.arguments import Group
from ringfinder.cli.failure import guarded
from ringfinder.versions import own_version

__all__ = ["main", "program"]


@click.group(cls=Group)
@click.version_option(own_version(), message="%(version)s")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def program() -> None:
    """Find fleets of accounts that are run as one machine, and say why.

    Exit codes: 0 done, 2 unusable input or settings, 3 not found, 4 a store is unavailable,
    5 internal.
    """


program.add_command(audit.audit)
program.add_command(simulate.simulate)
program.add_command(evaluate.evaluate)
program.add_command(load.load)
program.add_command(rebuild.rebuild)
program.add_command(pepper.pepper)
program.add_command(backup.backup)
program.add_command(backup.restore)
program.add_command(recompute.recompute)
program.add_command(publish.publish)
program.add_command(label.label)
program.add_command(apart.apart)
program.add_command(pseudonym.pseudonym)
program.add_command(neo4j.neo4j)
program.add_command(explore.explore)
program.add_command(serve.serve)
program.add_command(keys.keys)
program.add_command(policy.policy)
program.add_command(auditlog.auditlog)
program.add_command(journal.journal)
program.add_command(doctor.doctor)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code.

    Being told to stop (SIGTERM) is taken like Ctrl-C, so that what was put on the disk for a
    while is cleared away.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(guarded(program, list(sys.argv[1:] if arguments is None else arguments)))
