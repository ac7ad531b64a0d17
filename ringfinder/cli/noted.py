"""What a person did on the command line goes into the audit log, like what is done over HTTP."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import Any

from ringfinder.config import Settings


def note_act(
    settings: Settings, what: str, *, about: str | None = None, details: Mapping[str, Any]
) -> None:
    """Record an act in the data directory's audit log.

    Parameters
    ----------
    settings
        `data_dir`, `audit_key_file`.
    what
        What was done, such as ``key.created``.
    about
        The account it was done to; None where there is none.
    details
        Plain JSON values.
    """
    from ringfinder.serve.auditlog import AuditLog

    log = AuditLog(settings.data_dir, key_file=settings.audit_key_file)
    log.append(f"cli:{_user()}", what, about=about, details=details)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
