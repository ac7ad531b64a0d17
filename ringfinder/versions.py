"""Which versions are at work: for run.json, ``doctor`` and ``--version``."""

from __future__ import annotations

import platform
import re
from importlib import metadata

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def own_version() -> str:
    """Return ringfinder's version, ``unknown`` where it runs without being installed."""
    try:
        return metadata.version("ringfinder")
    except metadata.PackageNotFoundError:
        return "unknown"


def dependencies() -> dict[str, str | None]:
    """Return the version of every package ringfinder needs; None where it is missing.

    Empty where ringfinder itself is not installed, for then nothing says what it needs.
    """
    try:
        needs = metadata.requires("ringfinder") or []
    except metadata.PackageNotFoundError:
        return {}
    names = [match[0] for need in needs if "extra ==" not in need and (match := _NAME.match(need))]
    return {name: _version_of(name) for name in names}


def _version_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def python_version() -> str:
    """Return the interpreter's version, such as ``3.11.7``."""
    return platform.python_version()


def versions() -> dict[str, str]:
    """Return the versions of ringfinder, Python and every package found, by name."""
    found = {name: version for name, version in dependencies().items() if version}
    return {"ringfinder": own_version(), "python": python_version(), **found}
