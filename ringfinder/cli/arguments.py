"""Options that click does not know: several values after one flag, and the settings table."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import ByteSize, TypeAdapter, ValidationError

from ringfinder.config import Settings, load, settings_table, unknown_variables
from ringfinder.config.rows import ANALYSIS
from ringfinder.errors import InputError
from ringfinder.places import RESTORING

_BYTES = TypeAdapter(ByteSize)
# A command keeps the help option it was first asked with: were these inherited, what it offers
# would depend on whether that first call was made below `program`.
_HELP: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
Function = TypeVar("Function", bound=Callable[..., Any])


class Several(click.Option):
    """An option that takes every value up to the next flag, and may be repeated.

    ``--usage a b --usage c``, ``--usage a b c`` (what a shell makes of ``--usage *.csv``)
    and ``--usage=a --usage=b --usage=c`` are the same.
    """

    def __init__(self, param_decls: Sequence[str], **kwargs: Any) -> None:
        super().__init__(param_decls, **kwargs | {"multiple": True})


def size(text: str) -> int:
    """Return an amount of memory such as ``512MiB`` or ``2GB`` in bytes.

    Raises
    ------
    click.BadParameter
        If it is none.
    """
    try:
        return int(_BYTES.validate_python(text))
    except ValidationError:
        raise click.BadParameter(
            f"{text!r} is no size; expected one such as 512MiB or 2GiB."
        ) from None


class Command(click.Command):
    """A command that knows `Several` options and shows tracebacks on ``--debug``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.context_settings = _HELP | dict(self.context_settings)
        self.params.append(
            click.Option(
                ["--debug"],
                is_flag=True,
                expose_value=False,
                help="Show the traceback of an error.",
            )
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, each value of a `Several` option under a flag of its own."""
        flags = {
            flag for option in self.params if isinstance(option, Several) for flag in option.opts
        }
        return super().parse_args(ctx, spread(args, flags))


class Group(click.Group):
    """A group of commands, listed in the order of their use and not of the alphabet."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.context_settings = _HELP | dict(self.context_settings)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order in which they were added."""
        return list(self.commands)


def spread(arguments: Sequence[str], flags: Iterable[str]) -> list[str]:
    """Give every value after one of `flags` a flag of its own: ``-u a b`` -> ``-u=a -u=b``.

    The values end at the next token that begins with a dash and is more than a dash
    (``-`` alone is standard input) and at ``--``, after which everything is an argument.

    Raises
    ------
    InputError
        If one of `flags` has no value.
    """
    flags = set(flags)
    spreaded: list[str] = []
    current, empty = None, False
    for index, word in enumerate([*arguments, "--"]):
        if word.startswith("-") and word != "-":
            if current and empty:
                raise InputError(f"The option {current} needs at least one value.")
            if word == "--":
                return spreaded + list(arguments[index:])
            current, empty = (word, True) if word in flags else (None, False)
            if current is None:
                spreaded.append(word)
        else:
            spreaded.append(f"{current}={word}" if current else word)
            empty = False
    return spreaded


def columns(pairs: Iterable[str]) -> dict[str, str]:
    """Return ``FILE_COLUMN=FIELD`` pairs as a mapping.

    Raises
    ------
    InputError
        If a pair has no ``=``, an empty side, or two pairs name one column.
    """
    mapping: dict[str, str] = {}
    for pair in pairs:
        column, _, field = (side.strip() for side in pair.rpartition("="))
        if not column or not field:
            raise InputError(f"--map was given {pair!r}; expected FILE_COLUMN=FIELD.")
        if mapping.setdefault(column, field) != field:
            raise InputError(f"--map names the column {column!r} twice, for two fields.")
    return mapping


def settings_options(*only: str) -> Callable[[Function], Function]:
    """Add flags of the settings table and ``--config``.

    Parameters
    ----------
    only
        Names of settings and of whole parts of the table (`config.rows.STORE`); none: what
        an audit reads.
    """
    wanted = set(only or (ANALYSIS,))
    rows = [
        row
        for row in settings_table()
        if not row.secret and not wanted.isdisjoint((row.name, row.part))
    ]

    def decorate(function: Function) -> Function:
        function = click.option(
            "--config",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The settings file. [default: ringfinder.toml, where there is one]",
        )(function)
        for row in reversed(rows):
            switch = row.kind == "yes or no"
            known = [] if switch or row.kind.startswith("path") else [row.expected]
            known += [f"default: {row.default}"] if row.default and not switch else []
            function = click.option(
                row.flag,
                row.name,
                default=None,
                help=row.meaning + (f" [{'; '.join(known)}]" if known else ""),
                **({"is_flag": True} if switch else {"metavar": row.kind.split()[-1].upper()}),
            )(function)
        return function

    return decorate


def as_given(command: click.Command, options: Mapping[str, Any]) -> str:
    """Return the flags of a call that another command takes as well, for a line to copy.

    Parameters
    ----------
    command
        The other command.
    options
        What this call was given of `settings_options`; what it was not given is None.

    Returns
    -------
    str
        As a shell reads them, with a space before each; empty if there are none.
    """
    words: list[str] = []
    for option in command.params:
        given = options.get(str(option.name))
        if isinstance(option, click.Option) and given is not None and given is not False:
            words += [option.opts[0]] if option.is_flag else [option.opts[0], str(given)]
    return "".join(f" {shlex.quote(word)}" for word in words)


def settings_from(
    options: Mapping[str, Any], notice: Callable[[str], None], *, whole: bool = True
) -> Settings:
    """Return the settings of a command decorated with `settings_options`.

    Parameters
    ----------
    options
        The command's options, ``config`` among them; others are left alone.
    notice
        Called with a sentence for each variable that looks like a misspelt setting.
    whole
        Whether the data directory, where the command has one, must not be half restored: not
        for `restore`, which mends that, and for what no restore moves.

    Raises
    ------
    InputError
        If a setting is unusable.
    StoreError
        If a restore into the data directory is on its way, or was interrupted.
    """
    for sentence in unknown_variables():
        notice(sentence)
    flags = {name: options.get(name) for name in Settings.model_fields}
    settings = load(flags, file=options.get("config"))
    if whole and "data_dir" in options and (settings.data_dir / RESTORING).exists():
        from ringfinder.pipeline.switch import check_whole  # and the store: slow to load

        check_whole(settings.data_dir)
    return settings
