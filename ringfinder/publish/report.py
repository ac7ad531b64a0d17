"""report.html: one file that opens offline, and in which no one else's text can act.

Three fences, each enough alone: jinja escapes every value; every value first passes
`shown.visible`, whether or not the template asks for it; the page's own policy allows no
script and no address, only the style sheet with this hash.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from ringfinder.explain import numbers
from ringfinder.explain.features import is_relative, measure
from ringfinder.explain.reasons import log_odds
from ringfinder.explain.view import RunView
from ringfinder.explore import browser_link, saved_query
from ringfinder.publish import charts
from ringfinder.publish.shown import fitted, visible
from ringfinder.publish.staging import Staging
from ringfinder.score.verdicts import FEW, FLEET, FLEET_OF_FEW, FLEET_WITHOUT_USE

VERDICT_WORDS = {
    "fleet": "Fleet",
    "unclear": "For review",
    "organisation": "Organisation",
    "household": "Household",
}
FAMILY_WORDS = {
    "network": "Network",
    "payment": "Payment",
    "identity": "Identity",
    "device": "Device",
    "behaviour": "Behaviour",
}

_NOTHING_ELSE = "base-uri 'none'; form-action 'none'"


def write_report(view: RunView, staging: Staging, *, browser: str | None = None) -> None:
    """Write report.html into a staged output directory; `browser` as in `render_report`."""
    staging.write_bytes("report.html", render_report(view, browser=browser).encode("utf-8"))


def render_report(view: RunView, *, browser: str | None = None) -> str:
    """Return the report of a run as one self-contained HTML document.

    Parameters
    ----------
    view
        The run as `explain.build_run_view` returns it; its text may be hostile.
    browser
        Address of the Neo4j Browser that has the rings; with it each ring gets a link there.

    Returns
    -------
    str
        The same view gives the same document.
    """
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    window = _window(view)
    return (
        _environment()
        .get_template("report.html")
        .render(
            run=view,
            style=Markup(style),  # noqa: S704  # our own file
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; {_NOTHING_ELSE}",
            window=window,
            in_browser=lambda ring_id: _link(browser, ring_id),
            most_nats=max(
                (row.nats for ring in _rings(view) for row in ring.evidence), default=1.0
            ),
        )
    )


def _link(browser: str | None, ring_id: str) -> Markup | None:
    """Return the address that opens a ring in Neo4j Browser, escaped for an attribute."""
    if browser is None:
        return None
    return escape(browser_link(browser, saved_query("ring").filled({"ring": ring_id})))


def _rings(view: RunView) -> tuple[Any, ...]:
    return (*view.fleets, *view.unclear, *view.benign)


def _window(view: RunView) -> tuple[int, int]:
    days = view.all_timeline.days
    return (days[0], days[-1]) if days else (0, 0)


def _style() -> str:
    return resources.files("ringfinder.publish").joinpath("templates/report.css").read_text("utf-8")


def _finalize(value: object) -> object:
    """Pass every value a template prints through `visible`; marked-up text is ours."""
    if value is None or isinstance(value, Markup):
        return "" if value is None else value
    return visible(str(value))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ringfinder.publish"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": numbers.count,
        "big": numbers.big,
        "share": numbers.share,
        "signed": numbers.signed,
        "number": numbers.number,
        "plural": numbers.plural,
        "day": numbers.day,
        "moment": numbers.moment,
        "measure": measure,
        "is_relative": is_relative,
        "short": visible,
        "fitted": fitted,
        "capital": lambda text: text[:1].upper() + text[1:],
        "verdict": lambda name: VERDICT_WORDS.get(name, name),
        "family": lambda name: FAMILY_WORDS.get(name, name),
    }
    environment.globals |= {
        "day_chart": charts.day_chart,
        "hour_chart": charts.hour_chart,
        "hours_in_words": charts.hours_in_words,
        "log_odds": log_odds,
        "asked": {
            "usual": FLEET,
            "few": FEW,
            "of_few": FLEET_OF_FEW,
            "without_use": FLEET_WITHOUT_USE,
        },
    }
    return environment
