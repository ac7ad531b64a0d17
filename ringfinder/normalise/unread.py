"""How much of what a field holds could not be read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.normalise.readers import FieldRead
from ringfinder.normalise.text import flags


@dataclass(frozen=True)
class Unread:
    """Values of one input field that say nothing: malformed, reserved, or words for none.

    Attributes
    ----------
    field
        The input field.
    values, of_values
        Distinct raw values that say nothing, of all.
    seen, of_seen
        Pairs of account and value with such a value, of all.
    need_country
        Of `seen`, phone numbers without a country code of accounts without a country.
    """

    field: str
    values: int
    of_values: int
    seen: int
    of_seen: int
    need_country: int = 0

    def __add__(self, other: Unread) -> Unread:
        """Return what two pieces of one field hold; distinct values of both count twice."""
        return Unread(
            self.field,
            self.values + other.values,
            self.of_values + other.of_values,
            self.seen + other.seen,
            self.of_seen + other.of_seen,
            self.need_country + other.need_country,
        )

    def by_seen(self) -> Unread:
        """Return the counts of what was seen in the place of those of distinct values."""
        return replace(self, values=self.seen, of_values=self.of_seen)

    @property
    def share(self) -> float:
        """The larger of the two shares, 0-1: one address may stand on every row."""
        return max(self.values / max(self.of_values, 1), self.seen / max(self.of_seen, 1))


def unread_of(read: FieldRead) -> Unread:
    """Count what a field held that said nothing."""
    seen = read.sightings
    mute = np.flatnonzero(~read.said)
    times = np.bincount(seen.value, minlength=len(seen.values))[mute] if len(mute) else mute
    need = 0
    if read.needs_country is not None:
        need = int((~read.said[seen.value] & read.needs_country).sum())
    return Unread(seen.field, len(mute), len(seen.values), int(times.sum()), len(seen.value), need)


def unread_countries(raw: pa.StringArray, canonical: pa.StringArray) -> Unread:
    """Count countries that are given and are no code of one."""
    given = flags(pc.not_equal(pc.utf8_trim_whitespace(raw), ""))
    mute = given & ~np.asarray(canonical.is_valid())
    values, of_values = (len(pc.unique(raw.filter(pa.array(rows)))) for rows in (mute, given))
    return Unread("country", values, of_values, int(mute.sum()), int(given.sum()))
