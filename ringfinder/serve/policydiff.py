"""Two policies over recorded traffic: what would have been decided otherwise."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ringfinder.errors import InputError
from ringfinder.journal import Reader
from ringfinder.model import Decision
from ringfinder.places import JOURNAL
from ringfinder.score.policy import Action, Facts, Mode, Policy, decide
from ringfinder.serve.facts import facts_told

EXAMPLES = 5
MOST_LINE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Recorded:
    """One account about to do something, as it was known then."""

    account_id: str
    action: Action
    facts: Facts


@dataclass(frozen=True, slots=True)
class Example:
    """One changed decision, and the rules that made it."""

    account_id: str
    before_rule: str
    after_rule: str


@dataclass(slots=True)
class Difference:
    """What changes from one policy to another.

    Attributes
    ----------
    decided
        Recorded decisions that were made again.
    changed
        (before, after) -> how many.
    examples
        (before, after) -> the first few.
    unreadable
        Records without the facts that a policy decides on.
    """

    decided: int = 0
    changed: Counter[tuple[Decision, Decision]] = field(default_factory=Counter)
    examples: dict[tuple[Decision, Decision], list[Example]] = field(default_factory=dict)
    unreadable: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, the most frequent change first."""
        return {
            "decided": self.decided,
            "changed": sum(self.changed.values()),
            "unreadable": self.unreadable,
            "changes": [
                {
                    "from": before,
                    "to": after,
                    "accounts": count,
                    "examples": [
                        {
                            "account_id": example.account_id,
                            "rule_before": example.before_rule,
                            "rule_after": example.after_rule,
                        }
                        for example in self.examples[before, after]
                    ],
                }
                for (before, after), count in self.changed.most_common()
            ],
        }


def compare(before: Policy, after: Policy, over: Iterable[Recorded | None]) -> Difference:
    """Decide recorded traffic by two policies and count where they differ.

    What counts is what each policy would do if it acted: a policy in shadow mode is compared
    by what it would have decided.

    Parameters
    ----------
    before, after
        The policies.
    over
        Recorded decisions; None for a record that could not be read.
    """
    difference = Difference()
    for recorded in over:
        if recorded is None:
            difference.unreadable += 1
            continue
        difference.decided += 1
        old, new = (_meant(policy, recorded) for policy in (before, after))
        if old[0] != new[0]:
            change = (old[0], new[0])
            difference.changed[change] += 1
            examples = difference.examples.setdefault(change, [])
            if len(examples) < EXAMPLES:
                examples.append(Example(recorded.account_id, old[1], new[1]))
    return difference


def _meant(policy: Policy, recorded: Recorded) -> tuple[Decision, str]:
    """Return what a policy decides, or would decide if it acted, and by which rule."""
    ruling = decide(policy, recorded.facts, recorded.action)
    if policy.mode is Mode.SHADOW and ruling.would_be is not None:
        return ruling.would_be, ruling.would_be_rule
    return ruling.decision, ruling.rule


def read_recorded(path: Path) -> Iterator[Recorded | None]:
    """Yield recorded decisions; None for each record that holds no facts.

    Parameters
    ----------
    path
        A data directory (the answers that its journal keeps), the directory of an audit or a
        snapshot (its accounts.parquet and rings.parquet), or a file of JSON lines: objects
        with `account_id`, `facts` (`Facts.to_record`) and, unless it is a sign-up, `action`.

    Raises
    ------
    InputError
        If there is nothing of the kind.
    """
    try:
        if (path / JOURNAL).is_dir():
            yield from _of_journal(path / JOURNAL)
        elif path.is_dir():
            yield from _of_run(path)
        else:
            yield from _of_lines(path)
    except OSError as error:
        raise InputError(f"Cannot read the recorded traffic {path}: {error.strerror}.") from None


def _of_journal(directory: Path) -> Iterator[Recorded | None]:
    reader, after = Reader(directory), 0
    try:
        while entries := reader.answered(after):
            for entry in entries:
                line = json.loads(entry.answer or b"{}")
                line = line if isinstance(line, dict) else {}
                # That of an attempt is kept once more under the account that it became.
                attempt = (line.get("answer") or {}).get("attempt_id")
                if attempt in (None, entry.account_id):
                    yield _of_record({"account_id": entry.account_id, **(line.get("record") or {})})
            after = entries[-1].sequence
    finally:
        reader.close()


def _of_lines(path: Path) -> Iterator[Recorded | None]:
    with path.open("rb") as file:
        while line := file.readline(MOST_LINE_BYTES + 1):
            if line.strip():
                yield _of_line(line)


def _of_line(line: bytes) -> Recorded | None:
    try:
        return _of_record(_with_facts(json.loads(line), {}) or {})
    except (ValueError, RecursionError):
        return None


def _of_record(found: Mapping[str, Any]) -> Recorded | None:
    name = found.get("account_id") or found.get("attempt_id") or ""
    try:
        action = Action(found.get("action", Action.SIGNUP))
        return Recorded(str(name), action, Facts.from_record(found["facts"]))
    except (KeyError, ValueError):
        return None


def _with_facts(entry: Any, around: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the object that has `facts`, with the names that stand around it."""
    if not isinstance(entry, dict):
        return None
    merged = {**around, **{k: v for k, v in entry.items() if not isinstance(v, dict | list)}}
    if isinstance(entry.get("facts"), dict):
        return {**merged, "facts": entry["facts"]}
    for value in entry.values():
        found = _with_facts(value, merged)
        if found is not None:
            return found
    return None


def _of_run(directory: Path) -> Iterator[Recorded | None]:
    accounts, rings = directory / "accounts.parquet", directory / "rings.parquet"
    if not accounts.is_file() or not rings.is_file():
        raise InputError(
            f"{directory} holds no accounts.parquet and rings.parquet: expected a data directory, "
            "that of an audit or a snapshot, or a file of JSON lines."
        )
    table = pq.read_table(rings, columns=["ring_id", "verdict", "size"])
    judged = {row["ring_id"]: row for row in table.to_pylist()}
    columns = ["account_id", "ring_id", "membership", "score", "reasons", "decision"]
    for batch in pq.ParquetFile(accounts).iter_batches(columns=columns):
        for row in batch.to_pylist():
            yield _of_account(row, judged.get(row["ring_id"]))


def _of_account(row: Mapping[str, Any], ring: Mapping[str, Any] | None) -> Recorded:
    facts = facts_told(
        score=row["score"],
        decision=row["decision"],
        reasons=row["reasons"] or (),
        verdict=ring["verdict"] if ring else None,
        membership=row["membership"],
        ring_size=ring["size"] if ring else 0,
    )
    return Recorded(row["account_id"], Action.SIGNUP, facts)
