"""What the terminal shows: tables, notices, progress."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from ringfinder.runs import Progress

WIDTH = 100
NARROWEST = 30


def safe(text: str) -> str:
    """Return `text` without the characters that could steer a terminal or reorder a line.

    What attackers typed may be shown here: control characters, escape sequences and
    the invisible characters that change direction become U+FFFD.
    """
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def say(text: str = "") -> None:
    """Print a line on standard output."""
    click.echo(safe(text))


def notice(text: str) -> None:
    """Print a sentence for the person who started the run, on standard error."""
    click.echo(f"note: {safe(text)}", err=True)


def say_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on standard output."""
    click.echo(json.dumps(value, ensure_ascii=True, allow_nan=False, indent=2))


def width() -> int:
    """Return how many columns to use: the terminal's, 100 where there is none."""
    return min(shutil.get_terminal_size((WIDTH, 24)).columns, 160)


def table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, left: Sequence[int] = (0,)
) -> str:
    """Return a table whose last column wraps.

    Parameters
    ----------
    headers, rows
        Of equal length each.
    left
        The columns set to the left; the last one always is, the others to the right.
    """
    cells = [tuple(headers), *(tuple(safe(cell) for cell in row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers) - 1)]
    indent = sum(widths) + 2 * len(widths)
    room = max(width() - indent, NARROWEST)
    lines = []
    for row in cells:
        start = "".join(
            (cell.ljust(size) if i in left else cell.rjust(size)) + "  "
            for i, (cell, size) in enumerate(zip(row[:-1], widths, strict=True))
        )
        folded = textwrap.wrap(row[-1], room) or [""]
        lines += [start + folded[0], *(" " * indent + more for more in folded[1:])]
    return "\n".join(line.rstrip() for line in lines)


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress]:
    """Give a callback that draws a bar on standard error, where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda _step, _behind: None
        return
    from tqdm import tqdm

    with tqdm(
        total=100, file=sys.stderr, leave=False, bar_format="{desc} |{bar}| {n:.0f}% {elapsed}"
    ) as bar:

        def show(step: str, behind: float) -> None:
            bar.set_description_str(f"{step:<32}", refresh=False)
            bar.n = 100 * behind
            bar.refresh()

        yield show
