"""Who was erased through one worker goes from what all others hold in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

AGAIN_MS = (0, 3_000, 30_000, 120_000)
"""When an erasure is looked after, by its age: what was being read meanwhile may have brought
the account in once more."""


class Forgetting:
    """Finds who is to be forgotten: erasures are known as keyed hashes of names alone.

    Parameters
    ----------
    erased
        Returns keyed hash -> when it was erased, in ms.
    trace_of
        The keyed hash of an account's id.
    """

    def __init__(
        self, erased: Callable[[], Mapping[str, int]], trace_of: Callable[[str], str]
    ) -> None:
        self._erased, self._trace_of = erased, trace_of
        self._looked: dict[tuple[str, int], int] = {}

    def due(self, now_ms: int) -> frozenset[str]:
        """Return the keyed hashes that are to be looked for now; each a few times.

        Raises
        ------
        StoreError
            If the list of who was erased is damaged.
        """
        found = set()
        for trace, at in self._erased().items():
            round_ = sum(now_ms - at >= age for age in AGAIN_MS)
            if round_ > self._looked.get((trace, at), 0):
                self._looked[trace, at] = round_
                found.add(trace)
        return frozenset(found)

    def among(self, names: Iterable[str], due: frozenset[str]) -> list[str]:
        """Return those of the names whose hashes are among those due; hashes each of them."""
        return [name for name in names if self._trace_of(name) in due]
