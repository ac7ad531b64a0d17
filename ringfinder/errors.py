"""Everything that ringfinder raises on purpose.

::

    RingfinderError
    ├── InputError            the caller gave something unusable            HTTP 422, exit 2
    │   └── InvalidParameter  a function was called with impossible values  HTTP 422, exit 2
    ├── NotFound              nothing is known under that name              HTTP 404, exit 3
    ├── StoreError            a store failed                                HTTP 503, exit 4
    │   └── StoreUnavailable  a store cannot be reached now: try again      HTTP 503, exit 4
    └── DetectionError        a run ended without a usable partition        HTTP 500, exit 5

A message says what was given, what was expected and what to do. It never holds
personal data: name the file, the line, the field, not the value.
"""

from __future__ import annotations

import errno
from typing import ClassVar

DISK_REFUSES = frozenset({errno.EDQUOT, errno.EIO, errno.ENOSPC})
"""Numbers of errors of a disk that keeps nothing any more, whatever was asked of it."""


class RingfinderError(Exception):
    """The root: catch this to catch everything ringfinder raises on purpose."""

    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 5


class InputError(RingfinderError):
    """The caller gave something unusable."""

    http_status = 422
    exit_code = 2


class InvalidParameter(InputError):
    """A function was called with impossible values."""


class NotFound(RingfinderError):
    """Nothing is known under that name."""

    http_status = 404
    exit_code = 3


class StoreError(RingfinderError):
    """A store failed."""

    http_status = 503
    exit_code = 4


class StoreUnavailable(StoreError):
    """A store cannot be reached now: try again."""


class DetectionError(RingfinderError):
    """A run ended without a usable partition."""
