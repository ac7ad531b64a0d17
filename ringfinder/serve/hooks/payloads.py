"""Reading what others send: what is not as expected counts as not said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ringfinder.serve.errors import Unprocessable

MOST_CHARACTERS = 4096
MOST_ID = 256


def read_json(body: bytes) -> Mapping[str, Any]:
    """Return the object that a body holds.

    Raises
    ------
    Unprocessable
        If it is none.
    """
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise Unprocessable("The body is not a JSON object.")
    return payload


def part(value: Any, *path: str) -> Mapping[str, Any]:
    """Return the object at a path of names; an empty one where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """Return a text that a row may hold; None where it is empty, too long or no text."""
    if not isinstance(value, str) or not value.strip() or len(value) > MOST_CHARACTERS:
        return None
    return None if "\x00" in value else value


def name(value: Any) -> str | None:
    """Return an id that a row may hold; None where it is none."""
    found = text(value)
    return found if found and len(found) <= MOST_ID and found.isprintable() else None


def row(**fields: Any) -> dict[str, Any]:
    """Return the fields that are known."""
    return {field: value for field, value in fields.items() if value is not None}
