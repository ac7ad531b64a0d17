"""``ringfinder explore``: saved queries for Neo4j Browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ringfinder.cli.arguments import Command, Several, settings_from, settings_options
from ringfinder.cli.terminal import notice, say, say_json, table
from ringfinder.errors import InputError
from ringfinder.explore import SavedQuery, browser_link, browser_style, saved_queries, saved_query
from ringfinder.places import LOCAL_NEO4J


@click.command(cls=Command)
@click.argument("query", required=False)
@click.option(
    "--set", "values", cls=Several, metavar="NAME=VALUE", help="The value of a parameter."
)
@click.option("--style", is_flag=True, help="Print the style sheet to drop on `:style` there.")
@click.option("--json", "as_json", is_flag=True, help="Print as one JSON object.")
@settings_options("browser_url", "data_dir")
def explore(
    query: str | None, values: tuple[str, ...], style: bool, as_json: bool, **options: Any
) -> None:
    """Print a saved query for Neo4j Browser, and the link that opens it there.

    Without QUERY, list the queries and their parameters. With it, print its Cypher with the
    values of --set in place; with --browser-url, or while `ringfinder neo4j up` runs, also the
    link. Values are ids of accounts and rings, and pseudonyms (`ringfinder pseudonym`): clear
    values are not in the graph.
    """
    settings = settings_from(options, notice)
    if style:
        say(browser_style())
        return
    if query is None:
        if values:
            raise InputError("--set was given without a query; name one, such as `ring`.")
        _list(as_json)
        return
    chosen = saved_query(query)
    cypher = chosen.filled(_pairs(values))
    browser = settings.browser_url or _local_browser(settings.data_dir)
    link = browser_link(browser, cypher) if browser else None
    if as_json:
        say_json({"query": chosen.name, "cypher": cypher, "link": link})
        return
    say(cypher)
    if link:
        say(f"\n{link}")


def _local_browser(data_dir: Path) -> str | None:
    """Return where Browser of the local server is; None while none of this directory runs."""
    folder = data_dir / LOCAL_NEO4J
    if not folder.is_dir():
        return None
    from ringfinder import local

    try:
        server = local.status(folder)
    except InputError:  # without the extra none can be asked; the Cypher needs no link
        return None
    return None if server is None or server.pid is None else server.browser


def _pairs(values: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for given in values:
        name, equals, value = given.partition("=")
        if not equals or not name:
            raise InputError("--set takes NAME=VALUE, such as --set limit=20.")
        pairs[name] = value
    return pairs


def _list(as_json: bool) -> None:
    queries = saved_queries()
    if as_json:
        say_json({"queries": [_shown(query) for query in queries]})
        return
    rows = [(query.name, _takes(query), query.what) for query in queries]
    say(table(("query", "takes", "what it answers"), rows, left=(0, 1)))


def _takes(query: SavedQuery) -> str:
    """Return the parameters in short: those with a default in brackets."""
    return " ".join(
        parameter.name if parameter.default is None else f"[{parameter.name}]"
        for parameter in query.parameters
    )


def _shown(query: SavedQuery) -> dict[str, Any]:
    parameters = [
        {"name": p.name, "type": p.type, "default": p.default, "meaning": p.meaning}
        for p in query.parameters
    ]
    return {"name": query.name, "what": query.what, "parameters": parameters}
