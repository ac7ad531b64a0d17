"""The two ends of a run: what it is given, and what it tells when it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

Notice: TypeAlias = Callable[[str], None]
"""Called with one sentence for the person who started the run."""

Progress: TypeAlias = Callable[[str, float], None]
"""Called when a step begins: its name in words, and how much of the run is behind (0-1)."""


@dataclass(frozen=True, slots=True)
class AuditInputs:
    """The files an audit reads; each entry a path, a glob, or ``-`` for standard input.

    Attributes
    ----------
    signups, usage, payments, logins, labels
        Files by table; only `signups` is needed.
    columns
        Column name in the files -> field name of ringfinder.
    previous
        Directory of an earlier audit, whose ring ids live on.
    """

    signups: tuple[str, ...]
    usage: tuple[str, ...] = ()
    payments: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    previous: Path | None = None

    def tables(self) -> dict[str, tuple[str, ...]]:
        """Return the files of every table by the table's name, sign-ups first."""
        return {
            "signups": self.signups,
            "usage": self.usage,
            "payments": self.payments,
            "logins": self.logins,
            "labels": self.labels,
        }


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """What a load recorded, short enough for a terminal.

    Attributes
    ----------
    recorded
        Input table -> events recorded now.
    known
        Input table -> rows that had been recorded before, and changed nothing.
    repeated
        Input table -> rows whose event_id stood in these files before.
    strangers
        Input table -> recorded or known rows of accounts without a sign-up so far.
    rejects
        Reason -> rows left out.
    rejects_file
        Where they are listed; None without any.
    last_sequence
        Number of the newest event in the log.
    batches
        Pieces that the store took in.
    store
        Its address.
    seconds
        Wall time by step, and of the whole run (`total`).
    rows_per_second
        Rows given, rejects included, by wall time.
    """

    recorded: Mapping[str, int]
    known: Mapping[str, int]
    repeated: Mapping[str, int]
    strangers: Mapping[str, int]
    rejects: Mapping[str, int]
    rejects_file: Path | None
    last_sequence: int
    batches: int
    store: str
    seconds: Mapping[str, float]
    rows_per_second: int

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain JSON values."""
        file = None if self.rejects_file is None else str(self.rejects_file)
        return asdict(self) | {"rejects_file": file}


@dataclass(frozen=True, slots=True)
class RingLine:
    """One ring, as a line on the terminal.

    Attributes
    ----------
    ring_id, verdict, summary
        As in rings.parquet.
    size
        Accounts.
    score
        0-1, higher is worse.
    exchanges
        Of all its accounts together; 0 without usage.
    """

    ring_id: str
    verdict: str
    size: int
    score: float
    exchanges: int
    summary: str


@dataclass(frozen=True, slots=True)
class AuditSummary:
    """What an audit found, short enough for a terminal.

    Attributes
    ----------
    headline
        What was found, in one sentence.
    accounts, flagged
        Accounts judged, and those in a ring whose verdict is `fleet`.
    fleets
        Every ring judged a fleet, the most harmful first.
    spared
        The rings that were looked at and not flagged: first those that a person should look
        at, and the largest first.
    rejects
        Reason -> rows left out.
    report
        Path of report.html.
    seconds
        Wall time of the run.
    """

    headline: str
    accounts: int
    flagged: int
    fleets: tuple[RingLine, ...]
    spared: tuple[RingLine, ...]
    rejects: Mapping[str, int]
    report: Path
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain JSON values."""
        return asdict(self) | {"rejects": dict(self.rejects), "report": str(self.report)}


@dataclass(frozen=True, slots=True)
class RecomputeSummary:
    """What a nightly run found, short enough for a terminal.

    Attributes
    ----------
    snapshot_id
        The snapshot it wrote.
    in_force
        Whether that is in force; False: it waits for `publish promote`.
    held
        Why it waits: sentences.
    headline
        What was found, in one sentence.
    accounts, flagged, newly_flagged, no_longer_flagged
        Accounts judged; those in a ring whose verdict is `fleet`, and how that differs from
        the snapshot in force before.
    rings
        Rings in all.
    changes
        What became of rings (born, grew, ..., died) -> how many of them.
    fleets
        Every ring judged a fleet, the most harmful first.
    unclear
        Every ring that a person should look at, in the same order.
    edited
        Differences found between the graph and the events, in sentences; empty if there are
        none or nobody looked.
    sequence
        The events that the snapshot knows, up to this number.
    touched
        Accounts looked at again, where only what changed was recomputed; None: all.
    steps
        Step -> seconds.
    report
        Path of report.html.
    seconds
        Wall time of the run.
    """

    snapshot_id: str
    in_force: bool
    held: tuple[str, ...]
    headline: str
    accounts: int
    flagged: int
    newly_flagged: int
    no_longer_flagged: int
    rings: int
    changes: Mapping[str, int]
    fleets: tuple[RingLine, ...]
    unclear: tuple[RingLine, ...]
    edited: tuple[str, ...]
    sequence: int
    touched: int | None
    steps: Mapping[str, float]
    report: Path
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain JSON values."""
        plain = {"changes": dict(self.changes), "steps": dict(self.steps)}
        return asdict(self) | plain | {"report": str(self.report)}
