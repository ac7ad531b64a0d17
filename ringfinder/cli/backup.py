"""``ringfinder backup`` and ``restore``: a data directory in one sealed file, and back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from ringfinder.cli.arguments import Command, settings_from, settings_options
from ringfinder.cli.noted import note_act
from ringfinder.cli.terminal import notice, say, say_json
from ringfinder.config import Settings
from ringfinder.config.rows import BACKUP, STORE
from ringfinder.errors import InputError, RingfinderError, StoreUnavailable

WAIT_S = 600.0
MOST_NOTED = 200
"""Keys that one line of the audit log names; it takes some 8 KB."""


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

    again: list[str] | None = None

    def placed(before: Path | None, created_ms: int) -> None:
        nonlocal again
        again = _tell_keys(settings.data_dir, before)
        details = {"created_ms": created_ms, "keys_in_force_again": (again or [])[:MOST_NOTED]}
        try:
            note_act(settings, "backup.restored", details=details)
        except RingfinderError as error:  # what was restored is to be used all the same
            notice(f"the restore is not in the audit log: {error}")

    done = put_back(file, settings, passphrase, force=force, notices=notice, placed=placed)
    if done.fingerprint is False:
        notice(
            "the graph is not the one that was backed up: another version of ringfinder made it, "
            "or somebody had edited it by hand; it is what the events say"
        )
    if as_json:
        say_json(done.to_dict() | {"keys_in_force_again": again})
    else:
        say(
            f"{done.directory} holds events up to {done.last_sequence:,}; the store was rebuilt "
            f"from them in {plural(done.batches, 'batch')}."
        )


def _tell_keys(directory: Path, before: Path | None) -> list[str] | None:
    """Say which keys are in force again that had ended; None where nobody can know.

    A backup has the keys as they were: it does not know which were revoked since.
    """
    from ringfinder.serve.keys import Key, KeyStore

    def listed(place: Path) -> list[Key]:
        try:
            return KeyStore(place).list()
        except StoreUnavailable as error:
            notice(str(error))
            return []

    now_ms = time.time_ns() // 1_000_000
    in_force = {key.id for key in listed(directory) if key.in_force(now_ms)}
    known = [] if before is None else listed(before)
    if in_force and not known:
        notice(
            "keys that were revoked since the backup was made are in force again, and which ones "
            "is not known here: `ringfinder keys list` shows all, `ringfinder keys revoke` ends one"
        )
        return None
    again = sorted({key.id for key in known if not key.in_force(now_ms)} & in_force)
    if again:
        notice(
            f"keys that had ended here are in force again: {', '.join(again)}; "
            "`ringfinder keys revoke` ends one"
        )
    return again


def _passphrase(settings: Settings) -> str:
    passphrase = settings.read_backup_passphrase()
    if passphrase is None:
        raise InputError(
            "Backups are encrypted: set RINGFINDER_BACKUP_PASSPHRASE or --backup-passphrase-file."
        )
    return passphrase
