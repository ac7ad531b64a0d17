"""A snapshot as arrays: what scoring one sign-up needs, and nothing per account but its row.

The arrays may be memory-mapped: workers on one host then share them. Values and accounts
are found by binary search over 128-bit digests, which takes the same steps whether a digest
is there or not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import pyarrow as pa

from ringfinder.model import BoolArray, FloatArray, IntArray, Verdict

VERDICTS: tuple[Verdict, ...] = tuple(Verdict)
HALF = (1 << 64) - 1


@dataclass(frozen=True, eq=False)
class Arrays:
    """The snapshot's numbers; each one is a file.

    Attributes
    ----------
    value_high, value_low
        uint64 (V,): digests of the values that two accounts or more hold, and of those that
        would link somebody else to the one member of a ring that holds them, sorted.
    value_degree
        int32 (V,): accounts that hold each.
    popular
        int32 (P,): values, ascending, whose rate is known by class.
    popular_rate
        float32 (P, C): share of the class's accounts that hold it.
    class_size
        float64 (C,): accounts of each class.
    class_clock
        float64 (C, 24): share of its sign-ups by UTC hour of day.
    marked
        int32 (W,): values, ascending, that mark a ring.
    mark_key
        int64 (M,): place in `marked` * R + ring, ascending.
    mark_nats
        float64 (M,): lifts.
    mark_inside, mark_holder
        int32 (M,): members that hold the value; the one that alone does, else -1.
    explained
        int32 (B,): values, ascending, that mark an organisation or a household.
    anchor_start, anchor_ring
        int32 (W + 1,), (A,): rings that nobody comes near without an anchor
        (`evidence.anchors`), by place in `marked`.
    ring_size, ring_prior, ring_cap, ring_probability
        float64 (R,): see `evidence.lifts.Lifts`; P(fleet | ring).
    ring_miss
        float64 (R, K).
    ring_verdict
        int8 (R,): index into `VERDICTS`.
    member_start
        int64 (R + 1,): the members of each ring, rows of the members table.
    evidence_start
        int64 (R + 1,): likewise, the evidence table.
    account_high, account_low
        uint64 (N,): digests of the account ids, sorted.
    account_ring
        int32 (N,): -1 outside rings.
    account_membership, account_score
        float64 (N,).
    account_decision
        int8 (N,): index into `model.Decision`.
    reason_start, reason
        int32 (N + 1,), (Q,): rows of the reasons table, by account.
    """

    value_high: IntArray
    value_low: IntArray
    value_degree: IntArray
    popular: IntArray
    popular_rate: FloatArray
    class_size: FloatArray
    class_clock: FloatArray
    marked: IntArray
    mark_key: IntArray
    mark_nats: FloatArray
    mark_inside: IntArray
    mark_holder: IntArray
    explained: IntArray
    anchor_start: IntArray
    anchor_ring: IntArray
    ring_size: FloatArray
    ring_prior: FloatArray
    ring_cap: FloatArray
    ring_probability: FloatArray
    ring_miss: FloatArray
    ring_verdict: IntArray
    member_start: IntArray
    evidence_start: IntArray
    account_high: IntArray
    account_low: IntArray
    account_ring: IntArray
    account_membership: FloatArray
    account_score: FloatArray
    account_decision: IntArray
    reason_start: IntArray
    reason: IntArray


class Views:
    """The same arrays where they are asked for one number at a time.

    A memory view gives a Python number in a third of the time, and lies in the same memory.
    """

    def __init__(self, arrays: Arrays) -> None:
        self.value_degree: Sequence[int] = arrays.value_degree.data
        self.marked: Sequence[int] = arrays.marked.data
        self.mark_key: Sequence[int] = arrays.mark_key.data
        self.mark_nats: Sequence[float] = arrays.mark_nats.data
        self.mark_inside: Sequence[int] = arrays.mark_inside.data
        self.mark_holder: Sequence[int] = arrays.mark_holder.data
        self.explained: Sequence[int] = arrays.explained.data
        self.anchor_start: Sequence[int] = arrays.anchor_start.data
        self.anchor_ring: Sequence[int] = arrays.anchor_ring.data
        self.ring_size: Sequence[float] = arrays.ring_size.data
        self.ring_prior: Sequence[float] = arrays.ring_prior.data
        self.ring_cap: Sequence[float] = arrays.ring_cap.data
        self.ring_probability: Sequence[float] = arrays.ring_probability.data


ARRAY_NAMES: tuple[str, ...] = tuple(field.name for field in fields(Arrays))


@dataclass(frozen=True, eq=False)
class Model:
    """One snapshot: read-only, and safe to use from many threads and processes.

    Attributes
    ----------
    arrays
        Numbers.
    ring_ids
        String array (R,).
    usage
        Whether anybody's use was known to the run.
    silent
        Codes of the kinds that were no evidence in the run, and are none here.
    rings, members, evidence, reasons
        Tables behind the reading endpoints: a row per ring; account_id, membership and
        score by ring; evidence by ring; distinct reasons.
    links
        Which member (row of `members`) holds which evidence (row of `evidence`), by member.
    """

    arrays: Arrays
    ring_ids: pa.StringArray
    usage: bool
    silent: frozenset[int]
    rings: pa.Table
    members: pa.Table
    evidence: pa.Table
    reasons: pa.Table
    links: pa.Table

    @property
    def accounts(self) -> int:
        """Accounts of the snapshot, N."""
        return len(self.arrays.account_high)

    def links_between(self, low: int, high: int) -> tuple[IntArray, IntArray]:
        """Return member and evidence of the links of members low <= row < high."""
        member = self.links["member"].to_numpy()
        begin, end = np.searchsorted(member, [low, high])
        return member[begin:end], self.links["evidence"].to_numpy()[begin:end]

    @cached_property
    def views(self) -> Views:
        """Return the arrays for asking one number at a time."""
        return Views(self.arrays)

    @cached_property
    def ring_number(self) -> dict[str, int]:
        """Return the index of each ring by its id."""
        return {name: number for number, name in enumerate(self.ring_ids.to_pylist())}

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """Return each ring's verdict."""
        return [VERDICTS[code] for code in self.arrays.ring_verdict.tolist()]

    @cached_property
    def fleet(self) -> list[bool]:
        """Return which rings are fleets."""
        return [verdict is Verdict.FLEET for verdict in self.verdicts]

    def find_values(self, pseudonyms: Sequence[str]) -> IntArray:
        """Return the index of each value, int64 (n,), -1 where fewer than two accounts hold it."""
        return self.find_digests(digests(pseudonyms))

    def find_digests(self, keys: IntArray) -> IntArray:
        """Return the same of values given by their digests, uint64 (n, 2)."""
        return find(self.arrays.value_high, self.arrays.value_low, keys)

    def find_account(self, account_id: str) -> int:
        """Return the row of an account in the account arrays, -1 where it is not known."""
        one = account_digest(account_id)
        key = np.array([[one >> 64, one & HALF]], dtype=np.uint64)
        return int(find(self.arrays.account_high, self.arrays.account_low, key)[0])


def digests(pseudonyms: Sequence[str]) -> IntArray:
    """Return the 128 bits of pseudonyms as uint64 (n, 2)."""
    text = "".join([pseudonym[-32:] for pseudonym in pseudonyms])
    return np.frombuffer(bytes.fromhex(text), dtype=">u8").reshape(-1, 2).astype(np.uint64)


def account_digest(account_id: str) -> int:
    """Return 128 bits of an account id."""
    found = hashlib.blake2b(account_id.encode("utf-8", "surrogatepass"), digest_size=16)
    return int.from_bytes(found.digest(), "big")


def find(high: IntArray, low: IntArray, keys: IntArray) -> IntArray:
    """Return the place of each key, int64 (n,), -1 where it is not there.

    Parameters
    ----------
    high, low
        uint64 (V,): sorted by high, then low.
    keys
        uint64 (n, 2).

    Notes
    -----
    Of digests that agree in their upper 64 bits the first alone is found: at 20 million
    values there is such a pair in one snapshot of a hundred thousand.
    """
    if not len(high):
        return np.full(len(keys), -1, dtype=np.int64)
    at = high.searchsorted(keys[:, 0])
    other: BoolArray = high.take(at, mode="clip") != keys[:, 0]
    other |= low.take(at, mode="clip") != keys[:, 1]
    at[other] = -1
    return at
