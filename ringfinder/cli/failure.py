"""The one place where an error becomes a sentence and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from contextlib import suppress

import click

from ringfinder.cli.terminal import safe
from ringfinder.errors import DISK_REFUSES, InputError, RingfinderError, StoreError

STOPPED = 130  # what a shell reports for Ctrl-C
INTERNAL = RingfinderError.exit_code

# The machine refuses, and the person at it can change that: not an internal error.
_OF_THE_MACHINE = {
    errno.EACCES,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}


def guarded(program: click.Command, arguments: list[str]) -> int:
    """Run a program and return its exit code; say what went wrong on standard error."""
    try:
        # Not program.main(): it ends the process in its own ways, with its own codes.
        with program.make_context("ringfinder", list(arguments)) as context:
            program.invoke(context)
        if sys.stdout is not None:  # the caller may have closed it
            sys.stdout.flush()
    except BaseException as error:  # the last place that can make a sentence of it
        code, sentence = explain(error)
        if sentence and "--debug" in arguments:
            traceback.print_exc()
        if sentence:
            with suppress(OSError):  # standard error may be full or gone; the code still tells
                click.echo(f"ringfinder: {safe(sentence)}", err=True)
        return code
    return 0


def explain(error: BaseException) -> tuple[int, str]:  # noqa: PLR0911 a row per error
    """Return the exit code of an error, and the sentence that says it, if any is due."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code, ""  # --help and --version leave this way
        case RingfinderError():
            return error.exit_code, str(error)
        case click.exceptions.NoArgsIsHelpError():
            click.echo(error.format_message(), err=True)
            return InputError.exit_code, ""
        case click.UsageError():
            return InputError.exit_code, _usage(error)
        case click.ClickException():
            return InputError.exit_code, error.format_message()
        case click.Abort() | KeyboardInterrupt():
            return STOPPED, "Stopped."
        case BrokenPipeError():
            _leave_the_pipe()
            return 0, ""
        case MemoryError():
            return INTERNAL, (
                "There is not enough memory. Lower --memory-limit, or audit a shorter time."
            )
        case OSError() if error.errno in DISK_REFUSES:
            where = error.filename or "data_dir, --out or the temporary directory"
            return StoreError.exit_code, (
                f"The disk refuses ({error.strerror}): {where}. Make room there, or see whether "
                "the disk is sound, and run the same command again."
            )
        case OSError() if error.errno in _OF_THE_MACHINE:
            return InputError.exit_code, f"{error.strerror}: {error.filename or 'a file'}."
    if _is_duckdb_interrupt(error):
        return STOPPED, "Stopped."
    return INTERNAL, (
        f"Something went wrong inside ringfinder ({type(error).__name__}). "
        "Run the same command with --debug to see where."
    )


def _usage(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "ringfinder"
    message = error.format_message().rstrip(".")
    return f"{message}. See `{path} --help`."


def _is_duckdb_interrupt(error: BaseException) -> bool:
    # DuckDB makes one of these of Ctrl-C; the command line does not import DuckDB to ask.
    name, says = type(error).__name__, str(error)
    return name == "InterruptException" or (name, says) == ("RuntimeError", "Query interrupted")


def _leave_the_pipe() -> None:
    # The reader (head, less) went away. Without this the interpreter complains at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
