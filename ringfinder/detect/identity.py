"""Rings keep their identity: matched with an earlier run by members, then by attributes.

Leiden's labels mean nothing from run to run, so a ring is recognised by who is in it. Where
that says nothing, since the accounts are gone, it is recognised by what marks it: an operator
whose accounts were all deleted and who comes back with the same cards and domains is the same
operator. Never the other way round: a ring that shares values with a fleet, but whose
accounts belong to another one, keeps the other one's id.

Four rules, in this order; within each the strongest claim is served first, and an id is
given once:

1. *Members.* More than half of the ring was in the earlier one, or more than half of what is
   left of the earlier one is in the ring; of a remnant of less than a third, most of what marks
   it must have marked the earlier one, or it must hold most of those who first were in it. Of
   the parts of a split ring, the one with most of the accounts that first were in a ring under
   its id, so that of two rings that were merged and part again each is itself; a part that
   still shows what marked the ring counts up to twice. Then the largest part, then more
   founders. Of merged rings the one that brings most accounts.
2. *Attributes.* Of an earlier ring hardly any account is left, and more than half of the
   evidence of each is the other's.
3. *History.* A ring that died or was merged into another comes back: most of the ring first
   was in a ring under that id, or most of what is left of those accounts is in it, and no other
   ring is as much of it, where what shows its marks counts up to twice.
4. *Founders.* Everything else is new, and named after the first accounts that signed up; a
   name that was ever given to others is not given again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa

from ringfinder.detect.known import FoundRings, KnownRings
from ringfinder.detect.lineage import fresh_name, ring_ids
from ringfinder.detect.overlap import MAJORITY, Overlap

PART_SIZE, PART_SHARE = 4, 0.1
"""Accounts, and share of the earlier ring, from which on a piece of it counts as a part:
less is an account here and there that changed sides."""


class Change(StrEnum):
    """What became of a ring since the run before."""

    BORN = "born"
    KEPT = "kept"
    GREW = "grew"
    SHRANK = "shrank"
    SPLIT = "split"
    MERGED = "merged"
    DIED = "died"


@dataclass(frozen=True, slots=True)
class Step:
    """One step in the life of rings.

    Attributes
    ----------
    change
        What happened.
    ring_id, earlier_ring_id
        The ring now (None: died) and before (None: born). A split has a row for every part,
        a merger one for every ring that went in; a ring that comes back after it had died
        is born with its own id as the earlier one.
    shared
        Accounts in both.
    """

    change: Change
    ring_id: str | None
    earlier_ring_id: str | None
    shared: int


@dataclass(frozen=True)
class Identity:
    """Names of this run's rings, and how they came about.

    Attributes
    ----------
    names
        Their ids, (R,).
    first
        Account id -> the id under which it first was in a ring, for members of this run's
        rings. A ring that is new takes its members over: they begin with it.
    steps
        What became of whom, sorted.
    """

    names: list[str]
    first: dict[str, str]
    steps: list[Step]


def match(found: FoundRings, known: KnownRings) -> Identity:
    """Name the rings of a run after those known before.

    Parameters
    ----------
    found
        The rings.
    known
        Those of the run before, and earlier ones.

    Returns
    -------
    Identity
        Unique names; a function of both arguments, whatever the order of their rows.
    """
    overlap = Overlap.of(found, known)
    names = overlap.by_members(known.living)
    for claims in (overlap.by_marks(known.living), overlap.by_history(~known.living)):
        taken = set(names.values())
        for new, old in claims:
            if new not in names and old not in taken:
                names[new] = old
                taken.add(old)
    given = _names(found, known, names)
    first = _first_rings(found, known, names, given)
    return Identity(given, first, sorted(_steps(overlap, known, names, given), key=_in_order))


def _names(found: FoundRings, known: KnownRings, names: dict[int, int]) -> list[str]:
    used = set(known.names)
    out = []
    for new, name in enumerate(ring_ids(found.account_ids, found.created_ms, found.ring)):
        if new in names:
            out.append(known.names[names[new]])
        else:
            out.append(fresh_name(name, used))
            used.add(out[-1])
    return out


def _first_rings(
    found: FoundRings, known: KnownRings, names: dict[int, int], given: list[str]
) -> dict[str, str]:
    before = dict(
        zip(
            known.first_account_id.to_pylist(),
            (known.names[ring] for ring in known.first_ring.tolist()),
            strict=True,
        )
    )
    members = np.flatnonzero(found.ring >= 0)
    ids = found.account_ids.take(pa.array(members)).to_pylist()
    return {
        account: before.get(account, given[ring]) if ring in names else given[ring]
        for account, ring in zip(ids, found.ring[members].tolist(), strict=True)
    }


def _steps(
    overlap: Overlap, known: KnownRings, names: dict[int, int], given: list[str]
) -> Iterator[Step]:
    """Yield what became of every known ring that lived, and where every ring came from."""
    living = known.living
    pairs = [
        (int(new), int(old), int(common))
        for new, old, common in zip(overlap.new, overlap.old, overlap.common, strict=True)
        if living[old]
    ]
    shared = {(new, old): common for new, old, common in pairs}
    parts, sources = _parts(overlap, pairs), _sources(overlap, pairs)
    told, heirs = set(), set(names.values())
    for old, pieces in parts.items():
        for new in pieces:
            yield Step(Change.SPLIT, given[new], known.names[old], shared[new, old])
            told.add(new)
            heirs.add(old)
    for new, brought in sources.items():
        for old in brought:
            yield Step(Change.MERGED, given[new], known.names[old], shared[new, old])
            told.add(new)
            heirs.add(old)
    for new, name in enumerate(given):
        if new not in told:
            yield _told_alone(overlap, known, names.get(new), new, name, shared)
    for old in np.flatnonzero(living).tolist():
        if old not in heirs:
            yield Step(Change.DIED, None, known.names[old], 0)


def _told_alone(
    overlap: Overlap,
    known: KnownRings,
    old: int | None,
    new: int,
    name: str,
    shared: dict[tuple[int, int], int],
) -> Step:
    """Return the step of a ring that neither split nor merged."""
    if old is None:
        return Step(Change.BORN, name, None, 0)
    common = shared.get((new, old), 0)
    if not known.living[old]:
        return Step(Change.BORN, name, name, common)
    size, before = int(overlap.size[new]), int(overlap.before[old])
    change = Change.GREW if size > before else Change.SHRANK if size < before else Change.KEPT
    return Step(change, name, name, common)


def _parts(overlap: Overlap, pairs: list[tuple[int, int, int]]) -> dict[int, list[int]]:
    """Return the rings that each known one was split into, where there are two and more."""
    came = np.zeros(len(overlap.size), np.int64)  # accounts of each ring that were in any before
    for new, _, common in pairs:
        came[new] += common
    parts: dict[int, list[int]] = defaultdict(list)
    for new, old, common in pairs:
        large = common >= max(PART_SIZE, PART_SHARE * overlap.left[old])
        if large and common > MAJORITY * came[new]:
            parts[old].append(new)
    return {old: pieces for old, pieces in parts.items() if len(pieces) >= 2}


def _sources(overlap: Overlap, pairs: list[tuple[int, int, int]]) -> dict[int, list[int]]:
    """Return the known rings that went into each, where there are two and more."""
    sources: dict[int, list[int]] = defaultdict(list)
    for new, old, common in pairs:
        if common >= PART_SIZE and common > MAJORITY * overlap.left[old]:
            sources[new].append(old)
    return {new: brought for new, brought in sources.items() if len(brought) >= 2}


def _in_order(step: Step) -> tuple[str, str, str]:
    return step.change, step.ring_id or "", step.earlier_ring_id or ""
