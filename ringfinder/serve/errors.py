"""What only a caller over HTTP can do wrong; the rest is in `ringfinder.errors`.

::

    RingfinderError
    ├── Unauthorised      no key, or one that is not in force              HTTP 401
    ├── Forbidden         the key may not do this                          HTTP 403
    ├── TooSlow           the request took too long to arrive              HTTP 408
    ├── Moved             the list has changed since its first page        HTTP 409
    ├── Gone              it was there, and was erased                     HTTP 410
    ├── TooLarge          the body is larger than this route takes         HTTP 413
    ├── WrongMediaType    the body is not JSON                             HTTP 415
    ├── Unprocessable     fields are missing, unknown or of another shape  HTTP 422
    ├── TooMany           more than this key may send                      HTTP 429
    └── Overloaded        no capacity for this now: try again              HTTP 503
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ringfinder.errors import RingfinderError


class HttpError(RingfinderError):
    """The root of what only HTTP knows.

    Attributes
    ----------
    headers
        Sent with the answer.
    """

    headers: dict[str, str]

    def __init__(self, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Unauthorised(HttpError):
    """No key, or one that is not in force."""

    http_status = 401


class Forbidden(HttpError):
    """The key may not do this."""

    http_status = 403


class TooSlow(HttpError):
    """The request took too long to arrive."""

    http_status = 408


class Moved(HttpError):
    """The list has changed since its first page."""

    http_status = 409


class Gone(HttpError):
    """It was there, and was erased."""

    http_status = 410


class TooLarge(HttpError):
    """The body is larger than this route takes."""

    http_status = 413


class WrongMediaType(HttpError):
    """The body is not JSON."""

    http_status = 415


class Unprocessable(HttpError):
    """Fields are missing, unknown or of another shape.

    Attributes
    ----------
    fields
        Per fault `field` (its path) and `problem` (what was expected), never a value.
    """

    http_status = 422

    def __init__(self, sentence: str, fields: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(sentence)
        self.fields = list(fields)


class TooMany(HttpError):
    """More than this key may send."""

    http_status = 429


class Overloaded(HttpError):
    """No capacity for this now: try again."""

    http_status = 503
