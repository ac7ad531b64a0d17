"""state.json beside the snapshots: the order in which they came, and which wait for a person.

It may be lost: then each snapshot's own run.json still says whether it waits.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ringfinder.errors import InputError
from ringfinder.publish.staging import RUN_FILE
from ringfinder.store.files import read_small, write_atomically

FILE = "state.json"


@dataclass(frozen=True, slots=True)
class State:
    """What state.json holds.

    Attributes
    ----------
    known
        Ids in the order in which they were made.
    in_force
        Ids in the order in which they came into force; rolled back ones are taken out.
    held
        Id -> why it waits.
    coming
        Ids whose rings were on their way into the store, and that have not come into force.
    """

    known: list[str] = field(default_factory=list)
    in_force: list[str] = field(default_factory=list)
    held: dict[str, list[str]] = field(default_factory=dict)
    coming: list[str] = field(default_factory=list)


def read_state(directory: Path) -> State:
    """Return what is noted; of an unreadable file, what the directories say."""
    try:
        stored = json.loads(read_small(directory / FILE))
        return State(
            [str(one) for one in stored["known"]],
            [str(one) for one in stored["in_force"]],
            {str(one): [str(word) for word in why] for one, why in stored["held"].items()},
            [str(one) for one in stored.get("coming", [])],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _held_by_themselves(directory)


def write_state(directory: Path, state: State) -> None:
    """Note it.

    Raises
    ------
    InputError
        If the disk refuses.
    """
    try:
        content = json.dumps(asdict(state), sort_keys=True, indent=2) + "\n"
        write_atomically(directory / FILE, content.encode())
    except OSError as error:
        raise InputError(
            f"Cannot write to {directory}: {error.strerror or error}. Make room, or its owner."
        ) from error


def _held_by_themselves(directory: Path) -> State:
    """Rebuild the state from the run.json of each: a lost file must not promote anything."""
    known = sorted(path.parent.name for path in directory.glob(f"*/{RUN_FILE}"))
    reasons = {name: _why_held(directory / name / RUN_FILE) for name in known}
    return State(known, [], {name: why for name, why in reasons.items() if why is not None})


def _why_held(run_file: Path) -> list[str] | None:
    """Return why a snapshot waits; None where it does not, or its run.json cannot be read."""
    try:
        gate = json.loads(read_small(run_file)).get("gate", {})
        return [str(word) for word in gate.get("why", [])] if gate.get("held") else None
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
