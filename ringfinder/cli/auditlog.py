"""``ringfinder auditlog``: what people did, and whether anybody changed the record of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from ringfinder.cli.arguments import Group, settings_from, settings_options
from ringfinder.cli.terminal import notice, say, say_json, table

if TYPE_CHECKING:
    from ringfinder.serve.auditchain import Act
    from ringfinder.serve.auditlog import AuditLog


@click.group(cls=Group)
def auditlog() -> None:
    """Show and verify the log of what people did: labels, keys, policies, promotions, erasures."""


@auditlog.command()
@settings_options("data_dir", "audit_key_file")
@click.option(
    "--expect",
    default="",
    metavar="NUMBER:HASH",
    help="The last line as noted earlier: shows whether the whole log was set back.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def verify(expect: str, as_json: bool, **options: Any) -> None:
    """Check every line of the log, and that none is missing.

    Note the hash that it prints where those who run the service cannot write.
    """
    found = _open(options).verify(expect=expect)
    if as_json:
        say_json({"entries": found.entries, "erased": found.erased, "head": found.head})
    else:
        say(f"{found.entries:,} entries, {found.erased:,} of them erased: as written.")
        say(f"last line: {found.head}")


@auditlog.command()
@settings_options("data_dir", "audit_key_file")
@click.option("--account", metavar="ID", help="Only what was done to this account.")
@click.option(
    "--last", type=click.IntRange(1), default=50, show_default=True, help="How many entries."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(account: str | None, last: int, as_json: bool, **options: Any) -> None:
    """Show the newest entries: when, who, what, to which account, and why."""
    acts = [act for act in _open(options).read() if account is None or act.about == account]
    acts = acts[-last:]
    if as_json:
        say_json({"acts": [_plain(act) for act in acts]})
        return
    rows = [
        (str(act.seq), _time(act), act.who, act.what, act.about or "", _why(act)) for act in acts
    ]
    say(table(("no", "time", "who", "what", "account", "why"), rows, left=(1, 2, 3, 4)))


def _open(options: dict[str, Any]) -> AuditLog:
    from ringfinder.errors import NotFound
    from ringfinder.serve.auditlog import LOG, AuditLog

    settings = settings_from(options, notice)
    if not (settings.data_dir / LOG).is_file():
        raise NotFound(
            f"There is no audit log in {settings.data_dir}; name the data directory of the "
            "service with --data-dir."
        )
    return AuditLog(settings.data_dir, key_file=settings.audit_key_file)


def _time(act: Act) -> str:
    return datetime.fromtimestamp(act.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _why(act: Act) -> str:
    if act.erased:
        return "(erased)"
    facts = ", ".join(f"{name}={value}" for name, value in act.details.items())
    return "; ".join(part for part in (act.why, facts) if part)


def _plain(act: Act) -> dict[str, Any]:
    return {
        "seq": act.seq, "at": _time(act), "who": act.who, "what": act.what, "about": act.about,
        "why": act.why, "details": dict(act.details), "erased": act.erased,
    }  # fmt: skip
