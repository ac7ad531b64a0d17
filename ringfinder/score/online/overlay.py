"""What was journalled since the snapshot: sign-ups, what they were seen with, and who ties them.

Fed in the order of the journal, so every worker that has read as far holds the same. A
sign-up that belongs to a ring of the snapshot is counted there, as long as there is room; all
others are held against each other and may form *newborn* rings (`score.online.births`). Memory
is bounded: the oldest newcomers are forgotten, a value remembers its latest holders alone, and
a flood of distinct values fills and leaves the same window as everybody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ringfinder.score.online.belonging import Belonging
from ringfinder.score.online.births import Births
from ringfinder.score.online.holders import Table
from ringfinder.score.online.known import Standing, stand
from ringfinder.score.online.model import Model, digests
from ringfinder.score.online.newborn import Newborn, Newcomer
from ringfinder.score.online.rates import Rates, Value

MOST_NEWCOMERS = 1 << 15
"""Newcomers remembered, some 100 MB a worker: a day's at eleven million sign-ups a year."""

MOST_VALUES = 64
"""Values of one newcomer that are remembered: who shows more touches everything."""


LOOKED = 256
"""Sign-ups scored here whose place in the snapshot is remembered until they are taken in."""


class Looked(NamedTuple):
    """A sign-up as the snapshot and the overlay see it.

    Attributes
    ----------
    standing
        Among the rings of the snapshot.
    belonging
        To a newborn ring; None where it belongs to none, or to a ring of the snapshot that has
        room for it.
    """

    standing: Standing
    belonging: Belonging | None


class Overlay:
    """Newcomers since a snapshot.

    Parameters
    ----------
    model
        The snapshot.
    most
        Newcomers remembered.

    Attributes
    ----------
    joined
        Sign-ups since the snapshot by ring of the snapshot (its index): what marks a ring stays
        as the snapshot measured it, only its size is told with them.
    """

    def __init__(self, model: Model, *, most: int = MOST_NEWCOMERS) -> None:
        self.model, self.most = model, most
        self.rates = Rates(model)
        self.joined: dict[int, int] = {}
        self._table = Table()
        self._births = Births(self.rates, self._table)
        self._number: dict[str, int] = {}
        self._ring_of: dict[str, int] = {}
        self._attempts: dict[str, tuple[int, Sequence[tuple[int, str]]]] = {}
        self._next = 0
        self._looked: dict[tuple[tuple[int, str], ...], tuple[Standing, list[Value]]] = {}

    def __len__(self) -> int:
        return len(self._table.newcomers)

    def look(self, values: Sequence[tuple[int, str]]) -> Looked:
        """Hold a sign-up against the snapshot and the newcomers; no answer depends on it."""
        standing, keyed = self._held_against_snapshot(values)
        self._looked[tuple(values)] = standing, keyed
        if len(self._looked) > LOOKED:
            del self._looked[next(iter(self._looked))]
        # newcomers are looked at whatever the snapshot says: an answer takes as long
        belonging = self._births.find(keyed)
        return Looked(standing, belonging if self._ring_joined(standing) is None else None)

    def look_again(self, account_id: str) -> Looked | None:
        """Hold a newcomer against the others of the newborn ring that it is in by now.

        With all it was seen with since it signed up. None for whoever is no newcomer, or in none.
        """
        number = self._number.get(account_id)
        if number is None:
            return None
        newcomer = self._table.newcomers[number]
        belonging = self._births.of(newcomer)
        if belonging is None:
            return None
        kinds = [kind for kind, _, _ in newcomer.values]
        index = np.array([index for _, _, index in newcomer.values], dtype=np.int64)
        return Looked(stand(self.model, kinds, index), belonging)

    def _held_against_snapshot(
        self, values: Sequence[tuple[int, str]]
    ) -> tuple[Standing, list[Value]]:
        values = self._heard(values)
        keys = digests([pseudonym for _, pseudonym in values])
        index = self.model.find_digests(keys)
        kinds = [kind for kind, _ in values]
        keyed = list(zip(kinds, keys[:, 0].tolist(), index.tolist(), strict=True))
        return stand(self.model, kinds, index), keyed

    def _heard(self, values: Sequence[tuple[int, str]]) -> Sequence[tuple[int, str]]:
        """Return the values of kinds that are evidence in this snapshot."""
        silent = self.model.silent
        return [one for one in values if one[0] not in silent] if silent else values

    def add(self, account_id: str, created_ms: int, values: Sequence[tuple[int, str]]) -> None:
        """Take a sign-up in; one that was taken in before changes nothing."""
        if account_id in self._number or account_id in self._ring_of:
            return
        held = self._looked.pop(tuple(values), None)
        standing, keyed = held or self._held_against_snapshot(values)
        self._table.seen += 1
        ring = self._ring_joined(standing)
        if ring is not None:
            self._join(account_id, ring)
            self._table.count(keyed)
            self.rates.show(keyed)
            return
        people = self.rates.people(keyed)
        newcomer = Newcomer(self._next, self._table.seen, account_id, created_ms, people, [])
        self._number[account_id] = self._next
        self._next += 1
        self._births.take(newcomer, keyed)
        while len(self) > self.most:
            self._forget(next(iter(self._table.newcomers)))

    def attempt(self, attempt_id: str, created_ms: int, values: Sequence[tuple[int, str]]) -> None:
        """Keep a sign-up that is no account yet: until it completes it ties nobody to anybody.

        Else whoever types somebody's address often enough would have them challenged, and
        somebody who tries again would be a ring of their own.
        """
        self._attempts[attempt_id] = created_ms, values
        if len(self._attempts) > self.most:
            del self._attempts[next(iter(self._attempts))]

    def complete(self, attempt_id: str) -> None:
        """Take an attempt in that is an account now, under the same name."""
        kept = self._attempts.pop(attempt_id, None)
        if kept is not None:
            self.add(attempt_id, *kept)

    def see(self, account_id: str, values: Sequence[tuple[int, str]]) -> None:
        """Take in what a newcomer was seen with since: use, payments, logins."""
        number = self._number.get(account_id)
        if number is None:
            return
        newcomer = self._table.newcomers[number]
        values = self._heard(values)
        known = {key for _, key, _ in newcomer.values}
        keys = digests([pseudonym for _, pseudonym in values])
        fresh = [place for place, key in enumerate(keys[:, 0].tolist()) if key not in known]
        fresh = fresh[: max(MOST_VALUES - len(newcomer.values), 0)]
        if fresh:
            kinds = [values[place][0] for place in fresh]
            index = self.model.find_digests(keys[fresh])
            keyed = zip(kinds, keys[fresh, 0].tolist(), index.tolist(), strict=True)
            self._births.take(newcomer, list(keyed))

    def remove(self, account_id: str) -> None:
        """Forget somebody: an attempt that was abandoned, an account that was erased.

        The ring that a newcomer was in is what it would be without it; a large one, when more of
        its members have gone.
        """
        self._attempts.pop(account_id, None)
        number = self._number.get(account_id)
        if number is not None:
            ring = self._table.ring_of.get(number)
            self._forget(number)
            if ring is not None:
                ring.lose_one()
                ring.judge(self.rates)
        joined = self._ring_of.pop(account_id, None)
        if joined is not None:
            self.joined[joined] -= 1

    def names(self) -> list[str]:
        """Return the accounts and attempts that are remembered by name."""
        return [*self._number, *self._ring_of, *self._attempts]

    def has_account(self, name: str) -> bool:
        """Tell whether an account of that name signed up since the snapshot; no attempt is one."""
        return name in self._number or name in self._ring_of

    def newcomers(self) -> Iterable[Newcomer]:
        """Return the newcomers that are remembered, oldest first."""
        return self._table.newcomers.values()

    def ring_of(self, newcomer: Newcomer) -> Newborn | None:
        """Return the newborn ring that a newcomer is in, None where it is in none."""
        return self._table.ring_of.get(newcomer.number)

    def ring_of_account(self, account_id: str) -> str | None:
        """Return the ring that a sign-up since the snapshot is in, as answers name it."""
        joined = self._ring_of.get(account_id)
        if joined is not None:
            return str(self.model.ring_ids[joined].as_py())
        number = self._number.get(account_id)
        ring = None if number is None else self._table.ring_of.get(number)
        return None if ring is None else ring.name

    def _ring_joined(self, standing: Standing) -> int | None:
        """Return the ring of the snapshot that a sign-up is counted in, None where in none.

        One that is no fleet takes in as many as it has members. Whoever comes after them is held
        against the other newcomers, too: what few were judged to be says little of the many, and a
        fleet would send a household ahead.
        """
        if not standing.member or standing.tie is None:
            return None
        ring = standing.tie.ring
        has_room = self.joined.get(ring, 0) < self.model.views.ring_size[ring]
        return ring if has_room or self.model.fleet[ring] else None

    def _join(self, account_id: str, ring: int) -> None:
        """Count a sign-up in a ring of the snapshot; the oldest stay counted for good."""
        self.joined[ring] = self.joined.get(ring, 0) + 1
        self._ring_of[account_id] = ring
        if len(self._ring_of) > self.most:
            del self._ring_of[next(iter(self._ring_of))]

    def _forget(self, number: int) -> None:
        del self._number[self._table.forget(number).account_id]
