"""The settings table: every setting of ringfinder, declared once.

The class below is the table: name, type, bounds, unit, default and meaning. Flags, the
variables ``RINGFINDER_*``, ``ringfinder.toml`` and the README are derived from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ByteSize, Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ringfinder.errors import InputError

PREFIX = "RINGFINDER_"
MIB = 1 << 20
PEPPER_LENGTH = 32  # as long as the hash that uses it


def _setting(
    default: Any, meaning: str, *, kind: str, bounds: str = "", unit: str = "", **limits: Any
) -> Any:
    """Declare one row of the table; `limits` are pydantic's, `bounds` says them in words."""
    words: dict[str, Any] = {"kind": kind, "bounds": bounds, "unit": unit}
    return Field(default, description=meaning, json_schema_extra=words, **limits)


def _a_file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def _a_directory(path: Path) -> Path:
    if not path.is_dir():
        raise ValueError(f"there is no directory {path}")
    return path


def _enough_memory(size: ByteSize) -> ByteSize:
    if size < 256 * MIB:
        raise ValueError("it is too small to work in")
    return size


def _a_region(region: str) -> str:
    region = region.strip().upper()
    if len(region) != 2 or not region.isascii() or not region.isalpha():
        raise ValueError("it is not a two-letter code")
    return region


def _long_enough(pepper: SecretStr) -> SecretStr:
    if len(pepper.get_secret_value()) < PEPPER_LENGTH:
        raise ValueError("it is too short")
    return pepper


AFile = Annotated[Path, AfterValidator(_a_file)]
ADirectory = Annotated[Path, AfterValidator(_a_directory)]
Memory = Annotated[ByteSize, AfterValidator(_enough_memory)]
Region = Annotated[str, AfterValidator(_a_region)]
Pepper = Annotated[SecretStr, AfterValidator(_long_enough)]


class Settings(BaseSettings):
    """What a person may set. Immutable; `config.load` makes one."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    seed: int = _setting(
        0, "Starts every random choice; the same seed gives the same files.",
        kind="whole number", bounds="at least 0", ge=0, lt=1 << 32,
    )  # fmt: skip
    threads: int | None = _setting(
        None, "How many processor cores reading the files may use; all of them if not set. "
        "Changes no result.",
        kind="whole number", bounds="at least 1", unit="cores", ge=1, le=1024,
    )  # fmt: skip
    memory_limit: Memory = _setting(
        ByteSize(2048 * MIB),
        "What reading the files may hold in memory; beyond it, it goes to temp_dir.",
        kind="size", bounds="at least 256MiB", unit="bytes, or with a unit such as 4GiB",
    )  # fmt: skip
    temp_dir: ADirectory | None = _setting(
        None, "Where files bigger than memory are spilt; the system's directory if not set.",
        kind="path of a directory",
    )  # fmt: skip
    pepper: Pepper | None = _setting(
        None, "The secret key of the pseudonyms, such as `openssl rand -hex 32` makes. "
        "Never a flag: other users could read it there.",
        kind="secret", bounds=f"at least {PEPPER_LENGTH} characters",
    )  # fmt: skip
    pepper_file: AFile | None = _setting(
        None, "A file that holds the pepper, in place of `pepper`, white space around it dropped.",
        kind="path of a file",
    )  # fmt: skip
    pepper_version: int = _setting(
        1, "Which pepper this is; part of every pseudonym, so that two peppers never mix.",
        kind="whole number", bounds="at least 1", ge=1, le=9999,
    )  # fmt: skip
    default_region: Region | None = _setting(
        None, "The country of phone numbers written without a country code.",
        kind="country code", bounds="two letters, ISO 3166-1",
    )  # fmt: skip
    asn_list: AFile | None = _setting(
        None, "CSV of networks and the number of the autonomous system each belongs to.",
        kind="path of a file",
    )  # fmt: skip
    vpn_list: AFile | None = _setting(
        None, "Networks of VPN services, one a line, or systems such as AS64500.",
        kind="path of a file",
    )  # fmt: skip
    hosting_list: AFile | None = _setting(
        None, "Networks of hosting providers, written likewise.", kind="path of a file",
    )  # fmt: skip
    carrier_list: AFile | None = _setting(
        None, "Networks where a carrier puts many subscribers behind one address.",
        kind="path of a file",
    )  # fmt: skip
    clear_values: bool = _setting(
        False, "Write the values themselves into evidence.parquet and the report, not pseudonyms.",
        kind="yes or no",
    )  # fmt: skip
    fdr: float = _setting(
        0.01, "The share of published rings that may be chance.",
        kind="number", bounds="between 0 and 1", unit="share", gt=0, lt=1,
    )  # fmt: skip

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, the one that wins first: flags, variables, the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def read_pepper(self) -> bytes | None:
        """Return the key of the pseudonyms, from `pepper` or `pepper_file`; None if not set.

        Raises
        ------
        InputError
            If both are set, or the file is too short.
        """
        if self.pepper is not None and self.pepper_file is not None:
            raise InputError("Both settings pepper and pepper_file are set; keep one of them.")
        if self.pepper is not None:
            return self.pepper.get_secret_value().encode("utf-8", "surrogateescape")
        if self.pepper_file is None:
            return None
        pepper = self.pepper_file.read_bytes().strip()
        if len(pepper) < PEPPER_LENGTH:
            raise InputError(
                f"The setting pepper_file is unusable: {self.pepper_file} is too short. "
                f"Expected: at least {PEPPER_LENGTH} bytes."
            )
        return pepper

    def public(self) -> dict[str, Any]:
        """Return the settings as plain JSON values, the secret ones as whether they are set."""
        values = self.model_dump(mode="json")
        return values | {
            row.name: values[row.name] is not None for row in settings_table() if row.secret
        }


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


def _row(name: str, info: FieldInfo) -> SettingRow:
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
    )


def settings_table() -> tuple[SettingRow, ...]:
    """Return the settings in words, in the order they are declared."""
    return tuple(_row(name, info) for name, info in Settings.model_fields.items())


def rows_by_name() -> dict[str, SettingRow]:
    """Return the settings table by name."""
    return {row.name: row for row in settings_table()}
