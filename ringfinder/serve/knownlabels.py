"""Labels as a worker knows them: from journal and log, until the snapshot knows them too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ringfinder.explain.reasons import label_reason
from ringfinder.journal import Reader, Recorded, decode_event
from ringfinder.model import Decision, Verdict
from ringfinder.score.policy import Label
from ringfinder.store.events import EventType
from ringfinder.store.segments import EventLog

Reasons: TypeAlias = Iterable[Mapping[str, Any]]
_TOLD = {label_reason(label).code for label in Label} | {"label_legitimate", "label_contradicted"}


@dataclass(frozen=True, slots=True)
class Known:
    """The newest label of an account, and its number in the journal."""

    label: Label
    decided_ms: int
    sequence: int

    @property
    def rank(self) -> tuple[int, bool, int]:
        """The highest of an account counts; of two at one time `legitimate`, as in a run."""
        return self.decided_ms, self.label is Label.LEGITIMATE, self.sequence


class KnownLabels:
    """Labels as a worker learns them: from the journal within 100 ms, from the log in seconds.

    A `legitimate` label that the snapshot in force had taken in is the snapshot's business: it
    may have found evidence against it since. A `fraud` label stands until a person says else.
    """

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        self._read: set[str] = set()
        self._caught_up = False

    def follow(self, entry: Recorded, row: Mapping[str, Any]) -> None:
        """Take in an entry of the journal, and its event."""
        if entry.event_type is EventType.LABELS:
            self._take(row, entry.sequence)

    def read(self, journal: Path, log: EventLog) -> None:
        """Take in the labels of the log that are new: those of files and of the command line.

        A snapshot that was rolled back to knows none that were given after it.

        Parameters
        ----------
        journal
            The journal's directory. Its labels are read the first time: whoever follows it
            from where the snapshot ends is not told those that the snapshot had taken in.
        log
            Where the journal's events move to. It is read second: what leaves the journal
            meanwhile is there by then.
        """
        try:
            if not self._caught_up:
                self._catch_up(journal)
        finally:  # labels of the log count whatever became of the journal
            for segment in log.segments(EventType.LABELS):
                if segment.events.name not in self._read:
                    for row in log.table(segment).to_pylist():
                        self._take(row, row["sequence"])
                    self._read.add(segment.events.name)

    def _catch_up(self, journal: Path) -> None:
        with closing(Reader(journal)) as reader:
            for entry in reader.held_of(EventType.LABELS):
                if entry.event is not None:
                    self.follow(entry, decode_event(entry.event))
        self._caught_up = True

    def _take(self, row: Mapping[str, Any], sequence: int) -> None:
        now = Known(Label(row["label"]), row["occurred_ms"], sequence)
        before = self._known.get(row["account_id"])
        if before is None or now.rank > before.rank:
            self._known[row["account_id"]] = now

    def find(
        self,
        account_id: str,
        *,
        is_known: Callable[[int], bool],
        reasons_of: Callable[[str], Reasons | None] = lambda account_id: (),
    ) -> Label | None:
        """Return the label that counts beside what is said of an account.

        Parameters
        ----------
        account_id
            The account.
        is_known
            Whether the snapshot had taken in the event of a number.
        reasons_of
            What the snapshot says of an account, None where it does not know it: asked where a
            label is its business. Not given where what it says is what is shown.
        """
        known = self._known.get(account_id)
        if known is None:
            return None
        if known.label is Label.LEGITIMATE and is_known(known.sequence):
            said = reasons_of(account_id)
            return known.label if said is None else label_told(said)
        return known.label

    def names(self) -> list[str]:
        """Return the accounts whose labels are known here."""
        return list(self._known)

    def forget(self, account_id: str) -> None:
        """Forget an account that was erased."""
        self._known.pop(account_id, None)


def with_label(found: dict[str, Any], label: Label | None) -> dict[str, Any]:
    """Return what is known of an account as a person's label leaves it."""
    if label is None:
        return found
    cleared = label is Label.LEGITIMATE
    # what the snapshot says of a label is told once, and not where a newer one says else
    rest = [one for one in found.get("reasons") or [] if one["code"] not in _TOLD]
    decision = Decision.ALLOW if cleared else max(
        Decision(found["decision"]), Decision.REVIEW, key=list(Decision).index
    )  # fmt: skip
    return found | {"decision": decision, "reasons": [asdict(label_reason(label)), *rest]}


def label_told(reasons: Reasons) -> Label | None:
    """Return what a person said of an account, as the reasons that a snapshot gives tell it."""
    codes = {one["code"] for one in reasons}
    if "label_legitimate" in codes:
        return Label.LEGITIMATE
    return Label.FRAUD if label_reason(Label.FRAUD).code in codes else None


def before_label(decision: Decision, verdict: Verdict | None, label: Label | None) -> Decision:
    """Return what the scoring itself would do, of what a snapshot decided on an account.

    Only a label has those reviewed who are in no fleet.
    """
    raised = label is Label.FRAUD and verdict is not Verdict.FLEET
    return Decision.ALLOW if raised else decision
