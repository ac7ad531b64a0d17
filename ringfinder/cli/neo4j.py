"""``ringfinder neo4j``: a real Neo4j on this machine, without Docker, Java or Maven."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from ringfinder.cli.arguments import Group, as_given, settings_from, settings_options, size
from ringfinder.cli.terminal import notice, progress, say, say_json
from ringfinder.config import Settings
from ringfinder.errors import NotFound
from ringfinder.places import LOCAL_NEO4J

_PORT = click.IntRange(1, 65535)


@click.group(cls=Group)
def neo4j() -> None:
    """Start, end and ask a Neo4j Community server on this machine.

    It needs neither Docker nor Java nor Maven, only the extra neo4j-local: in a clone of
    ringfinder, pip install '.[neo4j-local]'. It listens on this machine's own address alone,
    with a password made for it, and keeps everything in DATA_DIR/neo4j.
    """


@neo4j.command()
@click.option(
    "--bolt-port", type=_PORT, help="For drivers. [default: that of last time, or a free one]"
)
@click.option("--http-port", type=_PORT, help="For Neo4j Browser. [default: likewise]")
@click.option(
    "--memory",
    type=size,
    metavar="SIZE",
    default="512MiB",
    show_default=True,
    help="The Java heap. The whole process takes about this, the page cache and 200MiB.",
)
@click.option(
    "--page-cache",
    type=size,
    metavar="SIZE",
    default="128MiB",
    show_default=True,
    help="What Neo4j keeps of its files in memory.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=120,
    show_default=True,
    help="Seconds it may take until it answers.",
)
@click.option("--json", "as_json", is_flag=True, help="Print how to connect as one JSON object.")
@settings_options("data_dir", "neo4j_cache")
def up(
    bolt_port: int | None,
    http_port: int | None,
    memory: int,
    page_cache: int,
    timeout: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Start the server, if it does not run, and wait until it answers.

    The first start downloads about 190 MB. Told to start what runs already, it says where.
    """
    from ringfinder import local

    settings = settings_from(options, notice, whole=False)
    wanted = local.Options(
        bolt_port=bolt_port,
        http_port=http_port,
        memory=memory,
        page_cache=page_cache,
        timeout_s=timeout,
        cache=settings.neo4j_cache,
    )
    with progress(quiet=as_json) as show:
        server = local.up(_directory(settings), wanted, show)
    if as_json:
        say_json(server.to_dict())
    else:
        _tell(server)
        say("\nFor every command in this shell:")
        say(f"export RINGFINDER_STORE={server.uri}")
        say(f"export RINGFINDER_NEO4J_PASSWORD_FILE={shlex.quote(str(server.password_file))}")
        say(f"In Neo4j Browser, log in as {server.user} with the content of {server.password_file}")


@neo4j.command()
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=60,
    show_default=True,
    help="Seconds it may take; then it is killed, which loses nothing that was committed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
@settings_options("data_dir")
def down(timeout: float, as_json: bool, **options: Any) -> None:
    """End the server and wait until it is gone; the graph stays."""
    from ringfinder import local

    ended = local.down(_directory(settings_from(options, notice, whole=False)), timeout_s=timeout)
    if ended is False:
        notice(
            f"Neo4j did not end within {timeout:g} s and was killed; the next start recovers it."
        )
    if as_json:
        say_json({"ended": ended is not None})
    elif ended is None:
        notice("no local Neo4j was running.")
    else:
        say("The local Neo4j has ended.")


@neo4j.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as one JSON object.")
@settings_options("data_dir")
def status(as_json: bool, **options: Any) -> None:
    """Say whether the server runs, whether it answers, and how to connect.

    Exit code 3 where it does not run.
    """
    from ringfinder import local

    directory = _directory(settings_from(options, notice, whole=False))
    start = f"ringfinder neo4j up{as_given(up, options)}"
    server = local.status(directory)
    if server is None:
        if as_json:
            say_json({"running": False})
        raise NotFound(f"No local Neo4j is in {directory}; start one: {start}")
    running = server.pid is not None
    answers = running and local.answers(server)
    if as_json:
        say_json({**server.to_dict(), "running": running, "answers": answers, "pid": server.pid})
    elif running:
        _tell(server)
        say(f"answers:  {'yes' if answers else 'not yet'}")
    if not running:
        raise NotFound(f"The local Neo4j does not run; start it: {start}")


def _tell(server: Any) -> None:
    for name, value in server.to_dict().items():
        say(f"{name + ':':<15}{value}")


def _directory(settings: Settings) -> Path:
    return settings.data_dir / LOCAL_NEO4J
