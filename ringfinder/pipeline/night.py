"""What a nightly run carries along: what it was started with, and what it finds out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ringfinder.config import Settings
from ringfinder.detect.identity import Identity
from ringfinder.detect.known import KnownRings
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import BoolArray, Verdict
from ringfinder.pipeline.analyse import Analysis, Labels
from ringfinder.pipeline.epoch import Epoch
from ringfinder.pipeline.home import Home
from ringfinder.places import SNAPSHOTS
from ringfinder.publish import snapshots
from ringfinder.publish.gate import InForce
from ringfinder.runs import Notice
from ringfinder.store.protocol import Interval, RunLock


@dataclass(frozen=True)
class Run:
    """One nightly run on its way.

    Attributes
    ----------
    settings, home, lock, notices
        What it was started with.
    created_ms
        When, in milliseconds since 1970 UTC.
    said
        Sentences told so far.
    """

    settings: Settings
    home: Home
    lock: RunLock
    notices: Notice
    created_ms: int
    said: list[str] = field(default_factory=list)

    @property
    def snapshot_id(self) -> str:
        """The id of the snapshot that the run makes."""
        return snapshots.snapshot_id(self.created_ms, self.lock.token)

    @property
    def directory(self) -> Path:
        """Where snapshots are kept."""
        return self.home.directory / SNAPSHOTS

    def notice(self, sentence: str) -> None:
        """Tell a person, now and in the report."""
        self.said.append(sentence)
        self.notices(sentence)


@dataclass(frozen=True)
class Earlier:
    """What the snapshot in force hands on.

    Attributes
    ----------
    path
        Its directory; None before the first.
    known
        Its rings, and those it remembers.
    flags
        What it says of accounts; None before the first.
    """

    path: Path | None
    known: KnownRings
    flags: InForce | None


@dataclass(frozen=True)
class Read:
    """What is read before anything is computed.

    Attributes
    ----------
    applied
        Events that the graph is known to hold.
    graph
        The graph.
    labels
        Accounts whose last label says fraud, and legitimate; and all labels ever given, by
        word.
    given
        Labels that were given, by word.
    earlier
        What the snapshot in force hands on.
    """

    applied: tuple[Interval, ...]
    graph: AttributeGraph
    labels: Labels
    given: dict[str, int]
    earlier: Earlier

    @property
    def sequence(self) -> int:
        """Every event up to this number is in the graph."""
        return self.applied[0][1] if self.applied and self.applied[0][0] == 1 else 0


@dataclass(frozen=True)
class Night:
    """What a run found out.

    Attributes
    ----------
    read, done
        What was read, and what was found in it.
    identity
        Names of the rings, and what became of them.
    epoch
        What the run was judged against: it began with this run, or was held fast.
    touched
        Accounts looked at again, where only what changed was; None: all.
    held
        Why the snapshot waits for a person; empty: it does not.
    edited
        What differs between graph and events, in sentences.
    """

    read: Read
    done: Analysis
    identity: Identity
    epoch: Epoch
    touched: int | None
    held: Sequence[str]
    edited: Sequence[str]

    @property
    def flagged(self) -> BoolArray:
        """Bool (N,): accounts whose ring is a fleet."""
        return flagged(self.done)


def flagged(done: Analysis) -> BoolArray:
    """Return bool (N,): accounts whose ring is a fleet."""
    ring = done.judged.ring
    fleet = np.array([verdict is Verdict.FLEET for verdict in done.judged.verdict] + [False])
    return fleet[ring] & (ring >= 0)
