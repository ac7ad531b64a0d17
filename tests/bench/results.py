"""Where measurements are kept: one JSON line each, with the commit they were made on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "results"


def commit() -> str:
    """The commit, with a plus sign where the product's sources differ from it."""
    root = HERE.parents[1]
    try:
        head = _git(root, "rev-parse", "--short=10", "HEAD")
        changed = _git(root, "status", "--porcelain", "--", "ringfinder")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def _git(root: Path, *words: str) -> str:
    return subprocess.run(
        ("git", *words), cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


def keep(bench: str, row: str, figures: Mapping[str, Any]) -> None:
    """Append one measurement."""
    FOLDER.mkdir(exist_ok=True)
    line = {
        "bench": bench,
        "row": row,
        "commit": commit(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        **figures,
    }
    with (FOLDER / f"{bench}.jsonl").open("a") as out:
        out.write(json.dumps(line, default=str) + "\n")


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns also line up as plain text."""
    cells = [list(head), *map(list, rows)]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    rule = "|" + "|".join("-" * (w + 2) for w in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
