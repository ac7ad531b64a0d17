"""Every error as an RFC 9457 problem document that never echoes what was sent."""

from __future__ import annotations

import http
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ringfinder.errors import DISK_REFUSES, RingfinderError, StoreError, StoreUnavailable
from ringfinder.serve.errors import HttpError, Unprocessable
from ringfinder.serve.rows import NO_CONTROLS, TIME_PATTERN, UNREAD
from ringfinder.sources.checks import EXAMPLE_TIME

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:ringfinder:problem:{}"
MOST_FIELDS = 20
"""Faults named in one answer: a body of a thousand bad rows gets no thousand lines."""

log = logging.getLogger("ringfinder.serve")

DETAILS = {
    404: "There is nothing at this path.",
    405: "This path does not take this method; the Allow header names those it takes.",
    500: "Something went wrong inside ringfinder; the log has the request id.",
}
"""What is said of errors that come without a sentence of ours."""


class Field_(BaseModel):  # noqa: N801 `Field` is pydantic's
    """One fault of a body: where, and what was expected."""

    model_config = ConfigDict(title="FieldProblem")

    field: str = Field(description="Path of the field, such as `items.3.created_at`.")
    problem: str = Field(description="What was expected; never what was given.")


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str = Field(description="A URI that names the kind of problem.")
    title: str = Field(description="The kind of problem, in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What was expected and what to do.")
    code: str = Field(description="Stable machine name, the last part of `type`.")
    errors: list[Field_] | None = Field(None, description="With 422: fault by fault.")


def code_of(error: type[Exception]) -> str:
    """Return the stable name of a kind of error: `StoreUnavailable` -> ``store_unavailable``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", error.__name__).lower()


def problem(
    status: int,
    detail: str,
    *,
    code: str = "",
    headers: Mapping[str, str] | None = None,
    errors: list[dict[str, Any]] | None = None,
) -> Response:
    """Return an error as an answer."""
    title = http.HTTPStatus(status).phrase
    code = code or title.lower().replace(" ", "_").replace("-", "_")
    body: dict[str, Any] = {
        "type": TYPE.format(code), "title": title, "status": status, "detail": detail, "code": code,
    }  # fmt: skip
    if errors:
        body["errors"] = errors[:MOST_FIELDS]
    return Response(json.dumps(body), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def fields_of(error: ValidationError | RequestValidationError) -> list[dict[str, Any]]:
    """Return the faults of a body, without anything that was in it.

    Names of unknown fields are the caller's own words, and stay out unless they look like names.
    """
    at: dict[str, list[Mapping[str, Any]]] = {}
    for fault in error.errors()[: 4 * MOST_FIELDS]:
        at.setdefault(".".join(_path(fault["loc"])) or "body", []).append(fault)
    return [
        # Only a time may be of several shapes: it fails once for each.
        {"field": field, "problem": _sentence(faults[0]) if len(faults) == 1 else _NO_TIME}
        for field, faults in at.items()
    ][:MOST_FIELDS]


def wrong_fields(error: Exception) -> list[str]:
    """Return the names of the fields that an error is about, as it tells them; often none."""
    if isinstance(error, (RequestValidationError, ValidationError)):
        return [one["field"] for one in fields_of(error)]
    return [one["field"] for one in getattr(error, "fields", None) or ()]


def _path(loc: Sequence[Any]) -> Iterator[str]:
    """Yield the names on the way to a fault; what pydantic adds for its own unions is left out."""
    named = False
    for place, part in enumerate(loc):
        if isinstance(part, int):
            named = False
            yield str(part)
        elif part == UNREAD or (place == 0 and part in {"body", "query", "path"}):
            continue
        elif not named:
            named = True
            yield part if _A_NAME.fullmatch(part) else "(unknown)"


_A_NAME = re.compile(r"[a-z][a-z_]{0,39}")
_NO_TIME = f"is not a time: expected one such as {EXAMPLE_TIME}, or seconds since 1970"
_SENTENCES = {
    "missing": "is required",
    "json_invalid": "is not JSON",
    "string_too_long": "is too long",
    "string_too_short": "is empty",
    "string_unicode": "is not text in UTF-8",
}
_SHAPES = {
    "string": "is not text",
    "bool": "is neither true nor false",
    "int": "is not a whole number",
    "float": "is not a number",
    "finite": "is not a number",
    "list": "is not a list",
    "model": "is not an object",
    "dict": "is not an object",
}
"""By the first word of what pydantic calls the fault, such as ``bool_parsing``."""
_PATTERNS = {TIME_PATTERN: _NO_TIME, NO_CONTROLS: "holds a control character"}
_BOUNDS = {
    "greater_than_equal": ("ge", "is less than"),
    "greater_than": ("gt", "is not more than"),
    "less_than_equal": ("le", "is more than"),
    "less_than": ("lt", "is not less than"),
    "too_long": ("max_length", "has more entries than"),
}


def _sentence(fault: Mapping[str, Any]) -> str:  # noqa: PLR0911 a row per kind
    kind, context = str(fault["type"]), fault.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(fault["loc"])
    if kind in _SENTENCES:
        return _SENTENCES[kind]
    if kind.startswith("ringfinder"):
        return str(fault["msg"])
    if kind in {"enum", "literal_error"}:
        return "is not one of " + str(context["expected"]).replace("'", "").replace(" or ", ", ")
    if kind == "string_pattern_mismatch":
        return _pattern(str(context["pattern"]))
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{words} {context[name]:g}"
    return _SHAPES.get(kind.partition("_")[0], "is not what was expected")


def _unknown(loc: Sequence[Any]) -> str:
    if UNREAD in loc:
        return "holds a list, an object or far too many fields, and no row does"
    what = "parameter of this route" if loc[0] == "query" else "field of this row"
    return f"is not a {what}; /openapi.json lists them"


def _pattern(pattern: str) -> str:
    words = _ONE_OF.fullmatch(pattern)
    if words is not None:
        return f"is not one of {words[1].replace('|', ', ')}"
    return _PATTERNS.get(pattern, "holds characters that it must not, or is not written so")


_ONE_OF = re.compile(r"\^\(([a-z|]+)\)\$")


def answer(error: Exception) -> Response:  # noqa: PLR0911 a row per error
    """Return any error as a problem document; what is not ours says nothing of itself."""
    if isinstance(error, Unprocessable):
        return problem(422, str(error), code="unprocessable", errors=error.fields)
    if isinstance(error, HttpError):
        return problem(
            error.http_status, str(error), code=code_of(type(error)), headers=error.headers
        )
    if isinstance(error, (RequestValidationError, ValidationError)):
        return problem(
            422, "Fields are missing, unknown or of another shape.",
            code="unprocessable", errors=fields_of(error),
        )  # fmt: skip
    if isinstance(error, StoreError):
        log.warning("store failed", extra={"error": type(error).__name__})
        return problem(
            503, "A store cannot be reached now: try again.",
            code=code_of(type(error)), headers={"Retry-After": "1"},
        )  # fmt: skip
    if isinstance(error, OSError) and error.errno in DISK_REFUSES:
        log.error("disk refuses", extra={"why": error.strerror})
        return problem(
            503, "The disk refuses, and this may be done in part: ask again once it has room.",
            code=code_of(StoreUnavailable), headers={"Retry-After": "1"},
        )  # fmt: skip
    if isinstance(error, RingfinderError):
        return problem(error.http_status, str(error), code=code_of(type(error)))
    if isinstance(error, HTTPException) and error.status_code == 400:
        # What FastAPI makes of a body that is not even text.
        error = Unprocessable(
            "The body is not JSON.", [{"field": "body", "problem": "is not JSON"}]
        )
        return answer(error)
    if isinstance(error, ClientDisconnect):  # nobody reads this but the log and the metrics
        return problem(
            400, "The connection was closed before the whole body was there.",
            code=code_of(ClientDisconnect),
        )  # fmt: skip
    if isinstance(error, HTTPException):
        detail = DETAILS.get(error.status_code, "The request cannot be answered.")
        return problem(error.status_code, detail, headers=error.headers)
    log.error("internal error", extra={"error": type(error).__name__}, exc_info=_bare(error))
    return problem(500, DETAILS[500], code="internal")


def _bare(error: Exception) -> tuple[type[Exception], Exception, Any]:
    """Return the traceback with a message that cannot hold what was sent."""
    return type(error), Exception("(message left out)"), error.__traceback__


def install(app: FastAPI) -> None:
    """Answer every error of an application with a problem document."""

    async def handler(request: Request, error: Exception) -> Response:
        request.scope["fields"] = wrong_fields(error)
        return answer(error)

    for kind in (HTTPException, RequestValidationError, ValidationError, RingfinderError):
        app.add_exception_handler(kind, handler)
