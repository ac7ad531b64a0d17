"""What a person said is not one ring: kept beside the snapshots, read by every later run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.parquet import read_table

from ringfinder.detect.keep_apart import Sides
from ringfinder.detect.known import KnownRings
from ringfinder.errors import NotFound, StoreError
from ringfinder.model import IntArray
from ringfinder.publish.carried import read_known
from ringfinder.store.events import EventType
from ringfinder.store.files import locked, write_atomically
from ringfinder.store.segments import EventLog

FILE = "apart.json"


@dataclass(frozen=True, slots=True)
class Apart:
    """One decision.

    Attributes
    ----------
    what
        ``rings`` or ``accounts``: what is named.
    one, other
        Ids; of accounts, the rings they are in are meant, or were they in one, they themselves.
    decided_ms
        When, in milliseconds since 1970 UTC.
    source
        Who or what decided; may be empty.
    """

    what: str
    one: str
    other: str
    decided_ms: int
    source: str = ""


def read_apart(directory: Path) -> list[Apart]:
    """Return the decisions kept in a data directory, in the order they were taken.

    Raises
    ------
    StoreError
        If the file is damaged: a run without them would undo a person's work.
    """
    path = directory / FILE
    try:
        return [Apart(**row) for row in json.loads(path.read_bytes())]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError):
        raise StoreError(f"{path} cannot be read: restore it from a backup") from None


def check_rings(path: Path | None, *names: str) -> None:
    """Raise a NotFound unless a snapshot has, or remembers, rings of these names.

    Parameters
    ----------
    path
        The snapshot in force; None where there is none.
    names
        Ids of rings.
    """
    known = set(read_known(path).names)
    for name in names:
        if name not in known:
            raise NotFound(
                f"The snapshot in force has no ring {name}, and remembers none: see rings.parquet "
                "for its rings, or name two accounts with --accounts."
            )


def check_accounts(path: Path | None, log: EventLog, *account_ids: str) -> None:
    """Raise a NotFound unless accounts signed up, as far as log and snapshot know.

    Parameters
    ----------
    path
        The snapshot in force, which also has who was in the journal alone then; None where there
        is none.
    log
        Where events are kept.
    account_ids
        Whom the decision names.
    """
    tables = list(log.read(EventType.SIGNUPS, columns=["account_id"]))
    if path is not None:
        tables.append(read_table(path / "accounts.parquet", columns=["account_id"]))
    wanted = pa.array(account_ids, pa.string())
    known = [pc.is_in(wanted, value_set=t["account_id"].combine_chunks()) for t in tables]
    strangers = sum(not any(one[row].as_py() for one in known) for row in range(len(wanted)))
    if strangers:
        raise NotFound(
            f"{strangers} of the two signed up neither in a file nor before the snapshot in force: "
            "see whether the account ids are spelt right; who signed up since is known after the "
            "next `ringfinder recompute`. Rings are named without --accounts."
        )


def add_apart(directory: Path, decision: Apart) -> bool:
    """Keep a decision; return False where the same two were kept apart already."""
    with _changing(directory):
        before = read_apart(directory)
        if any(_pair(one) == _pair(decision) for one in before):
            return False
        _write(directory, [*before, decision])
        return True


def remove_apart(directory: Path, what: str, one: str, other: str) -> None:
    """Forget a decision.

    Raises
    ------
    NotFound
        If there is none about these two.
    """
    with _changing(directory):
        before = read_apart(directory)
        wanted = _pair(Apart(what, one, other, 0))
        left = [decision for decision in before if _pair(decision) != wanted]
        if len(left) == len(before):
            raise NotFound("Nothing was said about these two. `ringfinder apart list` shows all.")
        _write(directory, left)


def erase_apart(directory: Path, account_id: str) -> int:
    """Forget what was decided about an account that is erased; return how many decisions."""
    if not (directory / FILE).exists():
        return 0
    with _changing(directory):
        before = read_apart(directory)
        left = [
            decision
            for decision in before
            if decision.what != "accounts" or account_id not in (decision.one, decision.other)
        ]
        if len(left) < len(before):
            _write(directory, left)
        return len(before) - len(left)


def to_sides(
    decisions: Sequence[Apart], known: KnownRings, account_ids: pa.StringArray
) -> tuple[list[Sides], int]:
    """Return the accounts that each decision keeps apart.

    Parameters
    ----------
    decisions
        In the order they were taken.
    known
        The rings of the snapshot in force, and those it remembers.
    account_ids
        Of the graph, sorted.

    Returns
    -------
    sides
        Of those decisions that name somebody on both sides.
    unknown
        Decisions that do not: a ring that is forgotten, an account that is gone.
    """
    at = _rows(known.account_id, account_ids)
    sides = []
    for decision in decisions:
        find = _of_rings if decision.what == "rings" else _of_accounts
        one, other = find(decision, known, at, account_ids)
        if len(one) and len(other):
            sides.append(Sides(one, other))
    return sides, len(decisions) - len(sides)


def _of_rings(
    decision: Apart, known: KnownRings, at: IntArray, account_ids: pa.StringArray
) -> tuple[IntArray, IntArray]:
    one, other = (_members(known, name, at, account_ids) for name in (decision.one, decision.other))
    return one, other


def _of_accounts(
    decision: Apart, known: KnownRings, at: IntArray, account_ids: pa.StringArray
) -> tuple[IntArray, IntArray]:
    """Return the rings of two accounts, where they had two, or the accounts alone."""
    named = [
        np.asarray(pc.index_in(pa.array([one]), value_set=account_ids).drop_null(), np.int64)
        for one in (decision.one, decision.other)
    ]
    rings = [known.ring[np.isin(at, one)] for one in named]
    if len(rings[0]) and len(rings[1]) and rings[0][0] != rings[1][0]:
        left, right = (at[known.ring == ring[0]] for ring in rings)
        return left[left >= 0], right[right >= 0]
    return named[0], named[1]


def _members(known: KnownRings, name: str, at: IntArray, account_ids: pa.StringArray) -> IntArray:
    """Return the members of a ring, or of one that is gone those who first were in it."""
    if name not in known.names:
        return np.zeros(0, np.int64)
    code = list(known.names).index(name)
    if known.living[code]:
        members = at[known.ring == code]
    else:
        members = _rows(known.first_account_id, account_ids)[known.first_ring == code]
    return np.sort(members[members >= 0])


def _rows(account_id: pa.StringArray, account_ids: pa.StringArray) -> IntArray:
    """Return where accounts stand in the graph; -1: no longer there."""
    at = pc.fill_null(pc.index_in(account_id, value_set=account_ids), -1)
    return np.asarray(at, dtype=np.int64)


def _pair(decision: Apart) -> tuple[str, frozenset[str]]:
    return decision.what, frozenset((decision.one, decision.other))


def _changing(directory: Path) -> AbstractContextManager[None]:
    return locked(
        directory / f"{FILE}.lock", what=f"{directory / FILE}", exclusive=True, wait_s=10.0
    )


def _write(directory: Path, decisions: Sequence[Apart]) -> None:
    content = json.dumps([asdict(one) for one in decisions], indent=2, sort_keys=True) + "\n"
    write_atomically(directory / FILE, content.encode())
