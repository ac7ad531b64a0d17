"""Write the parts of the README that are derived from the code.

``python .ci/tools/readme.py`` rewrites README.md in place; a test fails where that changes it.
Two conventions mark what is derived::

    <!-- begin: settings -->          a table made from the code
    <!-- end: settings -->

    <!-- output of: ringfinder audit --help -->
    ```console                        the command, and what it prints
    ```

``python .ci/tools/readme.py --demo`` also runs the demo and puts what it prints into the block
marked ``<!-- output of: make demo -->``, which is left alone otherwise.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DEMO = "make demo"
_SECTION = re.compile(r"(<!-- begin: (\w+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)
_OUTPUT = re.compile(r"(<!-- output of: ([^\n]+) -->\n```console\n).*?(```\n)", re.DOTALL)
_NEED = re.compile(r'^\s*"([A-Za-z0-9._-]+)[^"]*",\s*# (.+)$', re.MULTILINE)


def table(*rows: tuple[str, ...]) -> str:
    """Return a Markdown table; the first row is its head."""
    head, *body = [tuple(cell.replace("|", "\\|") for cell in row) for row in rows]
    lines = [head, ("---",) * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def settings() -> str:
    """Return the settings table."""
    from ringfinder.config import settings_table

    rows = [
        (
            f"`{row.name}`",
            f"`{row.flag}`" if row.flag else "none",
            row.expected + (f" ({row.unit})" if row.unit else ""),
            f"`{row.default}`" if row.default else "",
            row.meaning,
        )
        for row in settings_table()
    ]
    return table(("setting", "flag", "value", "default", "meaning"), *rows)


def inputs() -> str:
    """Return the columns of every input table."""
    from ringfinder.sources.columns import TABLES, WORDS

    rows = [
        (
            WORDS[name] if index == 0 else "",
            f"`{column.name}`" + (" (required)" if column.required else ""),
            column.meaning,
        )
        for name, columns in TABLES.items()
        for index, column in enumerate(columns)
    ]
    return table(("table", "column", "meaning"), *rows)


def outputs() -> str:
    """Return the columns of every table that an audit writes."""
    from ringfinder.publish.tables import MEANINGS, RINGS_FIRST
    from ringfinder.score.features import FEATURES

    measured = {f.name: f"{f.words[0].upper()}{f.words[1:]} ({f.unit})." for f in FEATURES}
    rows = []
    for name, columns in MEANINGS.items():
        told = dict(columns)
        if name == "rings":
            first = {column: told.pop(column) for column in RINGS_FIRST.names}
            told = first | measured | told
        rows += [
            (f"`{name}.parquet`" if index == 0 else "", f"`{column}`", meaning)
            for index, (column, meaning) in enumerate(told.items())
        ]
    return table(("table", "column", "meaning"), *rows)


def kinds() -> str:
    """Return the kinds of evidence."""
    from ringfinder.schema import KINDS

    rows = [
        (f"`{kind.name}`", kind.family.value, kind.standing.value, kind.meaning) for kind in KINDS
    ]
    return table(("kind", "family", "standing", "meaning"), *rows)


def presets() -> str:
    """Return the worlds that have a name."""
    from ringfinder.simulate.presets import PRESETS

    return table(
        ("preset", "what it is"), *((f"`{name}`", what[0]) for name, what in PRESETS.items())
    )


def needs() -> list[tuple[str, str]]:
    """Return every dependency with the reason that pyproject.toml gives for it."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    declared = tomllib.loads(text)["project"]["dependencies"]
    reasons = dict(_NEED.findall(text))
    names = [re.split(r"[^A-Za-z0-9._-]", need)[0] for need in declared]
    return [(name, reasons[name]) for name in names]


def dependencies() -> str:
    """Return the dependencies with their reasons."""
    rows = [(f"`{name}`", reason[0].upper() + reason[1:] + ".") for name, reason in needs()]
    return table(("package", "what for"), *rows)


SECTIONS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "inputs": inputs,
    "outputs": outputs,
    "kinds": kinds,
    "presets": presets,
    "dependencies": dependencies,
}


def output_of(command: str) -> str:
    """Return a command line of ringfinder and what it prints, as a reader would see it."""
    from click.testing import CliRunner

    from ringfinder.cli import program

    name, *arguments = shlex.split(command)
    if name != "ringfinder":
        raise SystemExit(f"readme: {command!r} is not a ringfinder command")
    result = CliRunner(env={"COLUMNS": "100"}).invoke(program, arguments, prog_name="ringfinder")
    return f"$ {command}\n{result.output}"


def refresh(text: str) -> str:
    """Return the README with every derived part written anew, but for the demo."""

    def section(match: re.Match[str]) -> str:
        return match[1] + SECTIONS[match[2]]() + match[3]

    def output(match: re.Match[str]) -> str:
        return match[0] if match[2] == DEMO else match[1] + output_of(match[2]) + match[3]

    return _OUTPUT.sub(output, _SECTION.sub(section, text))


def block(text: str, command: str) -> str:
    """Return what the README shows as the output of a command."""
    for match in _OUTPUT.finditer(text):
        if match[2] == command:
            return match[0][len(match[1]) : -len(match[3])]
    raise SystemExit(f"readme: no block is marked as the output of {command!r}")


def demo_output() -> str:
    """Run the demo with this interpreter and return what it prints."""
    with tempfile.TemporaryDirectory() as out:
        ran = subprocess.run(
            [ROOT / ".ci" / "tools" / "demo.sh"],
            env=os.environ
            | {"RINGFINDER": f"{sys.executable} -m ringfinder", "OUT": out, "COLUMNS": "100"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return ran.stdout.replace(out, "demo")


def with_demo(text: str, printed: str) -> str:
    """Return the README with `printed` as the output of the demo."""
    shown = f"$ {DEMO}\n{printed}"

    def output(match: re.Match[str]) -> str:
        return match[1] + shown + match[3] if match[2] == DEMO else match[0]

    return _OUTPUT.sub(output, text)


def main(arguments: list[str]) -> None:
    """Rewrite README.md."""
    text = README.read_text(encoding="utf-8")
    if arguments[:1] == ["--demo"]:
        text = with_demo(text, demo_output())
    README.write_text(refresh(text), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(sys.argv[1:])
