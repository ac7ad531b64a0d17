"""Where settings come from: flags, then variables, then the file."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ringfinder.config.rows import PREFIX
from ringfinder.config.table import Settings, rows_by_name
from ringfinder.errors import InputError

FILE = "ringfinder.toml"


def load(flags: Mapping[str, Any] | None = None, *, file: Path | None = None) -> Settings:
    """Read the settings from flags, ``RINGFINDER_*`` variables and a file, in that order.

    Parameters
    ----------
    flags
        Setting name -> value from the command line; None means not given.
    file
        The settings file; ``ringfinder.toml`` in the working directory if not given,
        which need not exist.

    Raises
    ------
    InputError
        If the file cannot be read or holds an unknown name, or a value is unusable; names
        the setting and where it came from, never a secret.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    path = file or Path(FILE)
    in_file = _read_file(path) if file is not None or path.exists() else {}

    class FromFile(Settings, toml_file=path if in_file else None):
        """The settings, with this file beneath flags and variables."""

    try:
        settings = FromFile(**given)
    except ValidationError as error:
        raise InputError(_explain(error.errors(), given, path)) from None
    return Settings.model_construct(**{name: getattr(settings, name) for name in rows_by_name()})


def _read_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"Cannot read the settings file {path}: {error.strerror}.") from None
    except (ValueError, RecursionError):  # not TOML, not UTF-8, a number beyond all bounds
        raise InputError(
            f"The settings file {path} is not TOML: expected lines `name = value`."
        ) from None
    for name in values:
        if name not in Settings.model_fields:
            meant = _meant(name, Settings.model_fields)
            raise InputError(f"{path} sets {name!r}, which is not a setting{meant}.")
    return values


def _meant(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}" if close else ""


def _explain(errors: Iterable[ErrorDetails], flags: Mapping[str, Any], path: Path) -> str:
    rows = rows_by_name()
    variables = {name.upper() for name in os.environ}
    sentences = {}
    for error in errors:
        row = rows[str(error["loc"][0])]
        if row.name in flags:
            source = row.flag or "given in code"
        elif row.variable in variables:
            source = row.variable
        else:
            source = str(path)
        own_words = error["type"] == "value_error" and not row.secret
        why = ": " + error["msg"].removeprefix("Value error, ") if own_words else ""
        sentences[row.name] = (
            f"The setting {row.name} ({source}) is unusable{why}. Expected: {row.expected}."
        )
    return " ".join(sentences.values())


def unknown_variables(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return a sentence for each ``RINGFINDER_*`` variable that looks like a misspelt setting.

    Others are left alone: container platforms set variables such as ``RINGFINDER_PORT``
    for a service of that name.
    """
    names = {row.variable for row in rows_by_name().values()}
    found = []
    for name in sorted(os.environ if environ is None else environ):
        upper = name.upper()
        if upper.startswith(PREFIX) and upper not in names:
            close = difflib.get_close_matches(upper, names, n=1, cutoff=0.85)
            if close:
                found.append(f"The variable {name} is no setting; did you mean {close[0]}?")
    return found
