"""One sign-up, fast: the same values as the columnar path gives a column of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NormalisedSignup:
    """One sign-up as scoring, overlay and journal see it: no clear value.

    Attributes
    ----------
    account_id
        The account, or the attempt where the account does not exist yet.
    created_ms
        Milliseconds since 1970 UTC.
    country
        ISO 3166 two-letter code, None unknown.
    values
        (kind code, pseudonym) of every value, by kind; the hour of sign-up included.
    """

    account_id: str
    created_ms: int
    country: str | None
    values: tuple[tuple[int, str], ...]
