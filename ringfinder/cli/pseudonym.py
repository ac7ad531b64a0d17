"""``ringfinder pseudonym``: what a clear value is called in evidence and graph."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import click

from ringfinder.cli.arguments import Command, settings_from, settings_options
from ringfinder.cli.terminal import notice, say, say_json
from ringfinder.config import Settings
from ringfinder.errors import InputError, NotFound
from ringfinder.schema import KIND, KINDS, AttributeKind

if TYPE_CHECKING:
    from ringfinder.normalise import Pepper

# How an analyst writes a value that files hold only as a part of another.
_INSIDE = {"email_domain": "x@{}", "mail_provider": "x@{}"}

_DAY = r"\d{4}-\d\d-\d\d"

# What only evidence shows, such as a network or an hour: no field holds it as it is. How it is
# shown there, and an example.
_SHOWN_ONLY = {
    "activity_window": (rf"(first|last):{_DAY}T\d\dZ", "first:2026-03-01T13Z"),
    "email_pattern": (r"\S+@\S+", "a.a#4@gmail.com"),
    "ip_block": (r"[\da-f.:]+/(16|32)", "81.2.0.0/16"),
    "ip_network": (r"[\da-f.:]+/(24|48)", "81.2.69.0/24"),
    "model_adoption": (rf".+@{_DAY}", "MODEL@2026-03-01"),
    "phone_block": (r"\+\d+", "+442079460"),
    "phone_prefix": (r"\+\d+", "+4420"),
    "signup_window": (rf"{_DAY}T\d\dZ", "2026-03-01T13Z"),
}

_SYSTEM = re.compile(r"(?:as)? ?(\d{1,10})", re.IGNORECASE)
"""An autonomous system as people and lists write it."""


@click.command(cls=Command, epilog=f"Kinds: {', '.join(KIND)}.")
@click.argument("kind")
@click.argument("value")
@click.option(
    "--json", "as_json", is_flag=True, help="Print kind and pseudonyms as one JSON object."
)
@settings_options("data_dir", "pepper_file", "pepper_version", "default_region", "asn_list")
def pseudonym(kind: str, value: str, as_json: bool, **options: Any) -> None:
    """Print the name that evidence has for a value.

    KIND is a kind of evidence, such as ip, email_domain or device, or its label in the graph,
    such as Payment (all are listed below); VALUE is what stands in the files, or `-` to read
    it from standard input, which keeps it out of the shell's history. A prompt has several
    pseudonyms, one a line.
    """
    settings = settings_from(options, notice)
    known = _kind(kind)
    pepper = _pepper(settings)
    try:
        if value == "-":
            value = sys.stdin.read().rstrip("\r\n")
        value.encode()
    except UnicodeError:
        raise InputError("The value is not text in UTF-8.") from None
    found = _pseudonyms(known, value.strip(), pepper, settings)
    if not found:
        raise InputError(
            f"That is no usable {known.words}: it says nothing about an account." + _hint(known)
        )
    if as_json:
        say_json({"kind": known.name, "pseudonyms": list(found)})
    else:
        for one in found:
            say(one)


def _kind(written: str) -> AttributeKind:
    """Return a kind by its name, its label in the graph, or the column of the files it is from."""
    kinds = [kind for kind in KINDS if written in (kind.name, kind.label)]
    if kinds:
        return kinds[0]
    of_field = [kind for kind in KINDS if kind.field == written]
    if len(of_field) == 1:
        return of_field[0]
    if of_field:
        names = ", ".join(kind.name for kind in of_field)
        raise NotFound(f"The column {written} makes several kinds; name one: {names}.")
    raise NotFound(f"There is no kind {written!r}; the kinds are {', '.join(KIND)}.")


def _hint(kind: AttributeKind) -> str:
    if kind.name == "asn":
        return " Give AS64500, or an address that --asn-list knows."
    if kind.name in _SHOWN_ONLY:
        return f" Give it as evidence shows it, such as {_SHOWN_ONLY[kind.name][1]}."
    return ""


def _pepper(settings: Settings) -> Pepper:
    """Return the pepper of the data directory, if it has one, else the configured one."""
    from ringfinder.normalise import Pepper
    from ringfinder.pipeline.pepper import PepperRecord, find_pepper

    key = settings.read_pepper()
    if PepperRecord.read(settings.data_dir) is not None:
        try:
            return find_pepper(settings, used=True)  # with those it replaced
        except InputError:
            if key is None:
                raise  # a configured one may be that of an audit, which knows no data directory
    if key is None:
        raise InputError(
            "No pepper is set, so there is no pseudonym to tell: set RINGFINDER_PEPPER or "
            "--pepper-file to what the audit used, or --data-dir to where `load` made one."
        )
    return Pepper(version=settings.pepper_version, key=key)


def _pseudonyms(kind: AttributeKind, value: str, pepper: Pepper, settings: Settings) -> list[str]:
    """Return the pseudonyms of a value: written as in the files, or as evidence shows it."""
    import pyarrow as pa

    # A model alone does not say the day that it was taken up on.
    canonical = [] if kind.name == "model_adoption" else _canonical(kind, value, settings)
    if not canonical and kind.name in _INSIDE:
        canonical = _canonical(kind, _INSIDE[kind.name].format(value), settings)
    system = _SYSTEM.fullmatch(value) if kind.name == "asn" else None
    if system:
        canonical = [f"AS{int(system[1])}"]
    shown = _SHOWN_ONLY.get(kind.name)
    if not canonical and shown and re.fullmatch(shown[0], value):
        canonical = [value]
    found: list[str] = pepper.pseudonyms(kind.name, pa.array(canonical, pa.string())).to_pylist()
    return found


def _canonical(kind: AttributeKind, value: str, settings: Settings) -> list[str]:
    import numpy as np
    import pyarrow as pa

    from ringfinder.graph.telemetry import RawSightings
    from ringfinder.normalise import NetworkLists
    from ringfinder.normalise.readers import Context, read_field

    once = np.ones(1, dtype=np.int32)
    seen = RawSightings(kind.field, pa.array([value]), once - 1, once - 1, once, once, once)
    context = Context(
        country=pa.nulls(1, pa.string()),
        networks=NetworkLists.from_files(asn=[settings.asn_list]) if settings.asn_list else None,
        default_region=settings.default_region,
    )
    read = read_field(seen, context).columns
    return [one for column in read if column.kind == kind.name for one in column.values.to_pylist()]
