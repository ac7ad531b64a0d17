"""One row of the settings table: how it is declared, and what it says in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ByteSize, Field
from pydantic.fields import FieldInfo

PREFIX = "RINGFINDER_"

ANALYSIS, STORE, SERVE, NIGHTLY, LOCAL = "analysis", "store", "serve", "nightly", "local"
BACKUP = "backup"
"""What a setting is for: reading files and finding rings; where events and graph are kept; the
scoring API; the nightly run and what of it waits for a person; the local Neo4j; backups."""


def setting(
    default: Any,
    meaning: str,
    *,
    kind: str,
    bounds: str = "",
    unit: str = "",
    part: str = ANALYSIS,
    **limits: Any,
) -> Any:
    """Declare one row of the table; `limits` are pydantic's, `bounds` says them in words."""
    words: dict[str, Any] = {"kind": kind, "bounds": bounds, "unit": unit, "part": part}
    return Field(default, description=meaning, json_schema_extra=words, **limits)


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One row of the settings table, in words."""

    name: str
    kind: str
    bounds: str
    unit: str
    default: str
    meaning: str
    secret: bool
    part: str = ANALYSIS

    @property
    def flag(self) -> str:
        """The command-line flag; a secret has none."""
        return "" if self.secret else "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.name.upper()

    @property
    def expected(self) -> str:
        """What a usable value is."""
        return f"{self.kind}, {self.bounds}" if self.bounds else self.kind


def row_of(name: str, info: FieldInfo) -> SettingRow:
    """Return a declared row in words."""
    words: Any = info.json_schema_extra
    default = info.default
    if isinstance(default, ByteSize):
        shown = default.human_readable(separator="")
    elif isinstance(default, bool):
        shown = "yes" if default else "no"
    else:
        shown = "" if default is None else str(default)
    return SettingRow(
        name=name,
        kind=words["kind"],
        bounds=words["bounds"],
        unit=words["unit"],
        default=shown,
        meaning=info.description or "",
        secret=words["kind"] == "secret",
        part=words["part"],
    )
