"""Cypher statements as files: one each, first line what it does, second its parameters.

A statement that says ``:KIND`` is a template: it stands for one statement per attribute
kind, with the kind's label from `ringfinder.schema`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ringfinder.errors import InvalidParameter

_PACKAGE = Path(__file__).parent
PLACES = (_PACKAGE / "_cypher", _PACKAGE.parent / "cypher")
DIRECTORY = next(folder for folder in PLACES if folder.is_dir())
"""Where the files lie: in a wheel inside of the package, in a checkout beside it."""

_PARAMETER = re.compile(r"(\w+)(?: \([^()]*\))?(?:, |$)")
_PLACEHOLDER = ":KIND"


@dataclass(frozen=True, slots=True)
class Statement:
    """One Cypher statement.

    Attributes
    ----------
    name
        Folder and file, without the ending.
    what
        What it does, in one sentence.
    parameters
        Names of its parameters, in the order of the file.
    text
        The statement, comments included.
    """

    name: str
    what: str
    parameters: tuple[str, ...]
    text: str

    @property
    def is_template(self) -> bool:
        """Whether it stands for one statement per attribute kind."""
        return _PLACEHOLDER in self.text

    def for_label(self, label: str) -> str:
        """Return the text of a template for the label of one attribute kind."""
        return re.sub(rf"{_PLACEHOLDER}\b", f":{label}", self.text)


@cache
def read_statement(name: str) -> Statement:
    """Return the statement of a file, such as ``store/read_store``.

    Raises
    ------
    InvalidParameter
        If there is no such file, or its first two lines are not a sentence and
        ``// parameters: NAME (MEANING), ...`` (``none`` where there are none).
    """
    path = DIRECTORY / f"{name}.cypher"
    if not path.is_file():
        raise InvalidParameter(f"there is no statement {name}; expected a file {path}")
    text = path.read_text(encoding="utf-8")
    what, parameters, *_ = (*text.splitlines(), "", "")
    if not what.startswith("// ") or not parameters.startswith("// parameters: "):
        raise InvalidParameter(
            f"{path} begins otherwise than `// what it does` and `// parameters: ...`"
        )
    return Statement(name, what.removeprefix("// "), _names(parameters, path), text)


def read_statements(folder: str) -> Iterator[Statement]:
    """Yield the statements of a folder, by name."""
    for path in sorted((DIRECTORY / folder).glob("*.cypher")):
        yield read_statement(f"{folder}/{path.stem}")


def _names(line: str, path: Path) -> tuple[str, ...]:
    listed = line.removeprefix("// parameters: ").strip()
    if listed == "none":
        return ()
    found = _PARAMETER.findall(listed)
    if "".join(match[0] for match in _PARAMETER.finditer(listed)) != listed:
        raise InvalidParameter(f"{path}, line 2: expected NAME (MEANING), NAME (MEANING), ...")
    return tuple(found)
