"""What every route's description has in common: the key, and errors as problem documents."""

from __future__ import annotations

from typing import Any

from ringfinder.serve.problems import MEDIA_TYPE, Field_, Problem

_WORDS = {
    "400": "Not HTTP as this service speaks it.",
    "401": "No key, or one that is not in force.",
    "403": "The key lacks the scope.",
    "404": "Nothing is known under that name.",
    "405": "The path does not take this method.",
    "408": "The body did not arrive in time.",
    "409": "The list has changed since its first page.",
    "410": "It was erased.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "422": "Fields are missing, unknown or of another shape, or the event_id is taken.",
    "429": "The key sends too many requests.",
    "500": "Something went wrong inside ringfinder.",
    "503": "A store cannot be reached, or there is no capacity now.",
}
_ALWAYS = ("429", "500", "503")
_WITH_KEY = ("401", "403", "422")
"""The last for parameters that the route does not know; routes without a key let them pass."""
_WITH_BODY = ("408", "413", "415", "422")


_SIGNED = ("401", "404")
_SIGNED_BODY = {
    "description": "As the sender documents it, signed; the README says by which scheme.",
    "required": True,
    "content": {"application/json": {"schema": {"type": "object"}}},
}


def complete(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the description with the key and every error added to every route."""
    parts = schema.setdefault("components", {})
    parts["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "`ringfinder keys create`"}
    }
    schemas = parts.setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas["Problem"].pop("$defs", None)
    schemas[Field_.__name__] = Field_.model_json_schema()
    for path in schema["paths"].values():
        for operation in path.values():
            _add_errors(operation)
    return schema


def _add_errors(operation: dict[str, Any]) -> None:
    codes = set(_ALWAYS)
    tags = operation.get("tags", ())
    places = {one["in"] for one in operation.get("parameters", ())}
    if operation.get("security"):
        codes |= {*_WITH_KEY}
    if "hooks" in tags:
        operation["requestBody"] = _SIGNED_BODY
        codes |= {*_SIGNED}
    if "requestBody" in operation:
        codes |= {*_WITH_BODY}
    if "path" in places or {"allowance", "hooks"} & {*tags}:
        codes.add("404")
    if "requestBody" in operation and {"sign-ups", "labels", "hooks"} & {*tags}:
        codes.add("410")
    if any(one["name"] == "after" for one in operation.get("parameters", ())):
        codes.add("409")
    responses = operation["responses"]
    responses.pop("422", None)
    for code in sorted(codes):
        if code not in responses:
            responses[code] = {
                "description": _WORDS[code],
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
    operation["responses"] = dict(sorted(responses.items()))
