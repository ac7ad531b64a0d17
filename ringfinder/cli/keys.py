"""``ringfinder keys``: who may call the API."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from ringfinder.cli.arguments import Group, settings_from, settings_options
from ringfinder.cli.noted import note_act
from ringfinder.cli.terminal import notice, say, say_json, table
from ringfinder.config import Settings
from ringfinder.errors import InputError

if TYPE_CHECKING:
    from ringfinder.serve.keys import KeyStore

_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(cls=Group)
def keys() -> None:
    """Make, list, rotate and revoke the keys of the API."""


@keys.command()
@click.option("--name", required=True, help="Who or what uses the key.")
@click.option(
    "--scope", "scopes", multiple=True, required=True,
    help="What it may do: signups:write, usage:write, labels:write, rings:read, allowance, admin; "
    "repeatable.",
)  # fmt: skip
@click.option("--expires", metavar="TIME", help="How long it works, such as 90d or 12h.")
@_AS_JSON
@settings_options("data_dir")
def create(
    name: str, scopes: tuple[str, ...], expires: str | None, as_json: bool, **options: Any
) -> None:
    """Make a key. It is shown this once; only its hash is kept."""
    settings, now = settings_from(options, notice), _now_ms()
    expires_ms = None if expires is None else now + _span_ms(expires)
    key, secret = _store(settings).create(name, scopes, now_ms=now, expires_ms=expires_ms)
    note_act(settings, "key.created", details={"key": key.id, "scopes": sorted(key.scopes)})
    _show(key.id, secret, as_json)


@keys.command(name="list")
@_AS_JSON
@settings_options("data_dir")
def list_(as_json: bool, **options: Any) -> None:
    """List the keys, those no longer in force included."""
    now = _now_ms()
    found = _store(settings_from(options, notice)).list()
    shown: list[dict[str, Any]] = [key.shown(now) for key in found]
    if as_json:
        say_json({"keys": shown})
        return
    if not shown:
        say("There is no key yet. `ringfinder keys create` makes one.")
        return
    rows = [
        (str(key["id"]), str(key["name"]), " ".join(key["scopes"]),
         "in force" if key["in_force"] else "ended", _day(key["created_ms"]),
         _day(key["revoked_ms"] or key["expires_ms"]))
        for key in shown
    ]  # fmt: skip
    head = ("id", "name", "scopes", "state", "made", "ends")
    say(table(head, rows, left=tuple(range(len(head)))))


@keys.command()
@click.argument("key_id")
@_AS_JSON
@settings_options("data_dir")
def revoke(key_id: str, as_json: bool, **options: Any) -> None:
    """End a key: servers refuse it within seconds."""
    now = _now_ms()
    settings = settings_from(options, notice)
    key = _store(settings).revoke(key_id, now_ms=now)
    note_act(settings, "key.revoked", details={"key": key.id})
    if as_json:
        say_json(key.shown(now))
    else:
        say(f"The key {key.id} ({key.name}) is revoked.")


@keys.command()
@click.argument("key_id")
@click.option(
    "--overlap",
    default="24h",
    metavar="TIME",
    help="How long the old one still works.  [default: 24h]",
)
@_AS_JSON
@settings_options("data_dir")
def rotate(key_id: str, overlap: str, as_json: bool, **options: Any) -> None:
    """Make a successor of a key; both work for a while.

    It works for as long as the key was made for, from now on.
    """
    settings = settings_from(options, notice)
    key, secret = _store(settings).rotate(key_id, now_ms=_now_ms(), overlap_ms=_span_ms(overlap))
    note_act(settings, "key.rotated", details={"key": key.id, "before": key_id})
    _show(key.id, secret, as_json)


def _store(settings: Settings) -> KeyStore:
    from ringfinder.serve.keys import KeyStore

    return KeyStore(settings.data_dir)


def _show(key_id: str, secret: str, as_json: bool) -> None:
    if as_json:
        say_json({"id": key_id, "key": secret})
    else:
        say(secret)
        notice("Keep it now: only its hash is stored, so it cannot be shown again.")


def _day(when_ms: int | None) -> str:
    """Return a time as a person reads it, UTC."""
    if when_ms is None:
        return ""
    return datetime.fromtimestamp(when_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _span_ms(text: str) -> int:
    match = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    if match is None:
        raise InputError(f"{text!r} is no length of time; expected a number with s, m, h or d.")
    return int(match[1]) * _UNITS_MS[match[2]]
