"""What each family says of one account: of one observation only the strongest value speaks.

The same as `evidence.membership` does for all accounts at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from ringfinder.evidence.incidence import FAMILY_COUNT
from ringfinder.evidence.lifts import MINIMUM_LIFT
from ringfinder.schema import FAMILY_OF_KIND, OBSERVATION_OF_KIND


class Weighed(Protocol):
    """A value that says something about a ring."""

    @property
    def kind(self) -> int:
        """Code of its kind."""

    @property
    def nats(self) -> float:
        """Its weight."""


def nats_of_families(values: Iterable[Weighed]) -> list[float]:
    """Return what each family says, in nats, by the family's code."""
    best: dict[int, float] = {}
    for value in values:
        observation = OBSERVATION_OF_KIND[value.kind]
        best[observation] = max(best.get(observation, 0.0), value.nats)
    speaks = [0.0] * FAMILY_COUNT
    for observation in sorted(best):  # added up in one order: the same sum whoever asks
        speaks[_FAMILY_OF_OBSERVATION[observation]] += best[observation]
    return speaks


def speaking(speaks: Sequence[float]) -> tuple[int, ...]:
    """Return the codes of the families that say at least `MINIMUM_LIFT`."""
    return tuple([code for code, nats in enumerate(speaks) if nats >= MINIMUM_LIFT])


_FAMILY_OF_OBSERVATION = {
    observation: FAMILY_OF_KIND[kind] for kind, observation in enumerate(OBSERVATION_OF_KIND)
}
