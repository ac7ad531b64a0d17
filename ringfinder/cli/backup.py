"""``ringfinder backup`` and ``restore``: a data directory in one sealed file, and back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from ringfinder.cli.arguments import Command, settings_from, settings_options
from ringfinder.cli.terminal import notice, say, say_json
from ringfinder.config import Settings
from ringfinder.config.table import BACKUP, STORE
from ringfinder.errors import InputError

WAIT_S = 600.0


@click.command(cls=Command)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="The archive to write; must not exist.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what it holds as one JSON object.")
@settings_options(STORE, BACKUP, "memory_limit", "pepper_file", "pepper_version")
def backup(out: Path, as_json: bool, **options: Any) -> None:
    """Write events, journal, keys, pepper and snapshot into one encrypted file.

    The passphrase comes from RINGFINDER_BACKUP_PASSPHRASE or a file. Keep it elsewhere than
    the archive: without it nobody opens that again.
    """
    settings = settings_from(options, notice)
    passphrase = _passphrase(settings)
    from ringfinder.pipeline.backup import backup as write
    from ringfinder.pipeline.home import open_home

    with open_home(settings, wait_s=WAIT_S, notices=notice) as home:
        made = write(home, out, passphrase, created_ms=time.time_ns() // 1_000_000)
    if as_json:
        say_json(made.to_dict())
    else:
        say(
            f"{made.files:,} files ({made.bytes / 1e6:,.1f} MB), events up to "
            f"{made.last_sequence:,}, are in {made.file}."
        )


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--force",
    is_flag=True,
    help="Replace what directory and graph hold; the files are moved into before-* in it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
@settings_options(STORE, BACKUP, "memory_limit", "pepper_file", "pepper_version")
def restore(file: Path, force: bool, as_json: bool, **options: Any) -> None:
    """Put a backup in the place of the data directory, and rebuild the store from its events.

    Nothing is changed unless the whole archive is sound and the passphrase right. Where the
    store is away, `ringfinder rebuild` finishes it later.
    """
    settings = settings_from(options, notice, whole=False)
    passphrase = _passphrase(settings)
    from ringfinder.explain.numbers import plural
    from ringfinder.pipeline.restore import restore as put_back

    done = put_back(file, settings, passphrase, force=force, notices=notice)
    if done.fingerprint is False:
        notice(
            "the graph is not the one that was backed up: another version of ringfinder made it, "
            "or somebody had edited it by hand; it is what the events say"
        )
    if as_json:
        say_json(done.to_dict())
    else:
        say(
            f"{done.directory} holds events up to {done.last_sequence:,}; the store was rebuilt "
            f"from them in {plural(done.batches, 'batch')}."
        )


def _passphrase(settings: Settings) -> str:
    passphrase = settings.read_backup_passphrase()
    if passphrase is None:
        raise InputError(
            "Backups are encrypted: set RINGFINDER_BACKUP_PASSPHRASE or --backup-passphrase-file."
        )
    return passphrase
