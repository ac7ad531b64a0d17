"""``ringfinder pepper rotate``: a new secret behind every pseudonym."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ringfinder.cli.arguments import Group, settings_from, settings_options
from ringfinder.cli.terminal import notice, say, say_json
from ringfinder.config.rows import STORE
from ringfinder.errors import InputError


@click.group(cls=Group)
def pepper() -> None:
    """Change the secret that pseudonyms are made with."""


@pepper.command()
@click.option(
    "--new-pepper-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A file that holds the new pepper. [default: one is made and kept in data_dir]",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
@settings_options(STORE, "memory_limit", "pepper_file", "pepper_version")
def rotate(new_pepper_file: Path | None, as_json: bool, **options: Any) -> None:
    """Wrap every pseudonym in a new pepper: events, graph and the evidence of rings.

    Stop `ringfinder serve` first, and run `ringfinder recompute` afterwards: the snapshot in
    force keeps its old pseudonyms. Interrupted, run the same command again.
    """
    settings = settings_from(options, notice)
    new_key = None if new_pepper_file is None else _read(new_pepper_file)
    from ringfinder.pipeline.remembered import remember_store, tell_other_store
    from ringfinder.pipeline.rotate import rotate as turn

    tell_other_store(settings, notice)
    done = turn(settings, new_key)
    remember_store(settings)
    if new_key is not None:
        notice(
            f"from now on set pepper_version to {done.version}, and pepper_file (or pepper) to the "
            "new one; the old one is kept in pepper.json, for values that were seen before"
        )
    if done.damaged:
        notice(
            f"the journal's damaged entries stay as they are ({done.damaged:,}): `ringfinder "
            "journal check` names them"
        )
    if as_json:
        say_json(asdict(done))
    else:
        from ringfinder.explain.numbers import plural

        say(
            f"Pseudonyms have version {done.version} now, in {plural(done.segments, 'segment')} of "
            f"events; the graph was rebuilt in {plural(done.batches, 'batch')}. Run "
            "`ringfinder recompute` before `ringfinder serve`."
        )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes().strip()
    except OSError as error:
        raise InputError(f"Cannot read the new pepper {file}: {error.strerror}.") from None
