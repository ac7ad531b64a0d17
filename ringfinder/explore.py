"""What an analyst asks of the graph: saved queries, and links that open them in Neo4j Browser.

The queries are files in ``cypher/explore``. Their second line declares the parameters::

    // parameters: ring (string: the ring's id), limit (integer = 100: rows)

A link carries the query with its values written in, so it shows ids of rings and accounts and
pseudonyms, never an address: there is no clear value in the graph to link to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from ringfinder.cypher import Statement, read_statement, read_statements
from ringfinder.errors import InputError, InvalidParameter, NotFound
from ringfinder.model import Family
from ringfinder.schema import KINDS

FOLDER = "explore"
TYPES = ("string", "integer", "float")

COLOURS = {
    Family.NETWORK: "#2f6fb0",
    Family.PAYMENT: "#3d8b40",
    Family.IDENTITY: "#8e5bb5",
    Family.DEVICE: "#c77700",
    Family.BEHAVIOUR: "#a8487a",
}
"""Evidence family -> colour of its values in Neo4j Browser."""

_DECLARED = re.compile(
    r"(?P<name>\w+) \((?P<type>\w+)(?: = (?P<default>[^:()]+))?: (?P<meaning>[^()]+)\)(?:, |$)"
)
_USED = re.compile(r"\$(\w+)")
_ESCAPED = str.maketrans({
    "\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\u0000",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a saved query.

    Attributes
    ----------
    name
        As in the text, without the dollar.
    type
        One of `TYPES`.
    default
        What it is where nobody says; None: it must be given.
    meaning
        What it stands for, in a few words.
    """

    name: str
    type: str
    default: str | None
    meaning: str

    def literal(self, value: str) -> str:
        """Return a value as Cypher writes it.

        Raises
        ------
        InputError
            If the value is not of the parameter's type.
        """
        if self.type == "string":
            return f"'{value.translate(_ESCAPED)}'"
        try:
            return str(int(value)) if self.type == "integer" else repr(float(value))
        except (ValueError, OverflowError):
            raise InputError(f"{self.name} is not of the type {self.type}.") from None


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """One question with its Cypher.

    Attributes
    ----------
    name
        Name of the file, without folder and ending.
    what
        What it answers, in one sentence.
    parameters
        In the order of the file.
    text
        The statement, its comments included.
    """

    name: str
    what: str
    parameters: tuple[Parameter, ...]
    text: str

    def defaults(self) -> dict[str, str | int | float]:
        """Return the values of the parameters that need not be given."""
        known: dict[str, str | int | float] = {}
        for parameter in self.parameters:
            if parameter.default is not None:
                of = {"string": str, "integer": int, "float": float}[parameter.type]
                known[parameter.name] = of(parameter.default)
        return known

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the statement with its values in place of the parameters, comments left out.

        Raises
        ------
        InputError
            If a value is missing, unknown, or not of its parameter's type.
        """
        unknown = sorted(set(values) - {parameter.name for parameter in self.parameters})
        if unknown:
            raise InputError(
                f"The query {self.name} has no parameter {unknown[0]!r}; it has "
                f"{', '.join(p.name for p in self.parameters) or 'none'}."
            )
        literals: dict[str, str] = {}
        for parameter in self.parameters:
            value = values.get(parameter.name, parameter.default)
            if value is None:
                raise InputError(
                    f"The query {self.name} needs {parameter.name} ({parameter.meaning}); "
                    f"give it with --set {parameter.name}=..."
                )
            literals[parameter.name] = parameter.literal(value)
        body = "\n".join(self.text.splitlines()[2:])
        return _USED.sub(lambda match: literals[match[1]], body)


def saved_queries() -> tuple[SavedQuery, ...]:
    """Return every saved query, by name."""
    return tuple(_to_query(statement) for statement in read_statements(FOLDER))


def saved_query(name: str) -> SavedQuery:
    """Return one saved query.

    Raises
    ------
    NotFound
        If there is none of that name.
    """
    names = [statement.name.removeprefix(f"{FOLDER}/") for statement in read_statements(FOLDER)]
    if name not in names:
        raise NotFound(f"There is no query {name!r}; the queries are {', '.join(names)}.")
    return _to_query(read_statement(f"{FOLDER}/{name}"))


def browser_link(browser: str, cypher: str) -> str:
    """Return the address that opens Neo4j Browser with a statement in its editor, not yet run.

    Parameters
    ----------
    browser
        Address of Neo4j Browser, such as ``http://127.0.0.1:7474/browser/``.
    cypher
        The statement.
    """
    return f"{browser.rstrip('/')}/?cmd=edit&arg={quote(cypher, safe='')}"


def style_rules() -> dict[str, dict[str, str]]:
    """Return how Neo4j Browser is to draw the graph: a colour for each evidence family.

    Rings are large and red, accounts grey, values have the colour of their family; an account
    or a value is captioned with its id, a ring with its verdict.
    """
    rules = {
        "node": _node("#8e9aa6", "40px", "<id>"),
        "node.Account": _node("#8e9aa6", "40px", "{id}"),
        "node.Ring": _node("#b3261e", "80px", "{verdict}"),
        "node.RingName": _node("#d98880", "65px", "{id}"),
        "node.Change": _node("#5d6d7e", "50px", "{change}"),
    }
    for kind in KINDS:
        rules[f"node.{kind.label}"] = _node(COLOURS[kind.family], "50px", "{id}")
    return rules | {
        "relationship": _line("#b8c0c8", "1px", "<type>"),
        "relationship.MEMBER_OF": _line("#d98880", "2px", ""),
        "relationship.SEEN_WITH": _line("#b8c0c8", "1px", ""),
        "relationship.MARKED_BY": _line("#b3261e", "3px", ""),
    }


def browser_style() -> str:
    """Return `style_rules` as a style sheet for Neo4j Browser (GRaSS)."""
    blocks = []
    for selector, values in style_rules().items():
        lines = [
            f"  {name}: '{value}';" if name == "caption" else f"  {name}: {value};"
            for name, value in values.items()
        ]
        blocks.append("\n".join([f"{selector} {{", *lines, "}", ""]))
    return "\n".join(blocks)


def _node(colour: str, diameter: str, caption: str) -> dict[str, str]:
    return {
        "diameter": diameter,
        "color": colour,
        "border-color": colour,
        "text-color-internal": "#ffffff",
        "caption": caption,
    }


def _line(colour: str, width: str, caption: str) -> dict[str, str]:
    return {"color": colour, "shaft-width": width, "caption": caption}


def _to_query(statement: Statement) -> SavedQuery:
    lines = statement.text.splitlines()
    listed = lines[1].removeprefix("// parameters: ").strip()
    found = [] if listed == "none" else list(_DECLARED.finditer(listed))
    if listed != "none" and "".join(match[0] for match in found) != listed:
        raise InvalidParameter(
            f"{statement.name}, line 2: expected NAME (TYPE = DEFAULT: MEANING), ..."
        )
    parameters = tuple(
        Parameter(match["name"], match["type"], match["default"], match["meaning"])
        for match in found
    )
    name = statement.name.removeprefix(f"{FOLDER}/")
    return SavedQuery(name, statement.what, parameters, statement.text)
