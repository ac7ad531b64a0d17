"""kill -9 under load, round after round: what was acknowledged is there once, and only once.

Clients commit as fast as they can and note what was acknowledged, on disk, before they go
on. Writer, projector and compaction are killed at random moments and started again.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from journals import WriterProcess, entries_in, mixed, rows_in
from stores import OPENERS

from ringfinder.journal import (
    Committed,
    Compaction,
    Journal,
    JournalUnavailable,
    Projector,
    Repeated,
    errands,
)
from ringfinder.journal.batches import to_events
from ringfinder.journal.check import check_journal
from ringfinder.journal.compact import MIN_AGE_S
from ringfinder.store import EventLog, EventType, GraphStore, project

TASKS = 40
DEADLINE_S = 0.08
STEP = 1_000_000


@dataclass
class Outcome:
    """What came of the rounds.

    Attributes
    ----------
    acknowledged
        Events that a client was told to be recorded.
    unanswered
        Commits that missed their deadline, and were sent again.
    repeated
        Acknowledgements of an event that had been recorded before.
    lost, doubled, strange
        Acknowledged events that are missing, are there twice, or have another number.
    sound, same_graph
        Whether journal and log are whole, and whether the store that followed has the graph
        of one that took everything in at once.
    """

    rounds: int = 0
    acknowledged: int = 0
    unanswered: int = 0
    repeated: int = 0
    lost: int = 0
    doubled: int = 0
    strange: int = 0
    compacted: int = 0
    sound: bool = False
    same_graph: bool = False

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return self.sound and self.same_graph and not (self.lost + self.doubled + self.strange)


def crash(home: Path, rounds: int, *, seed: int = 0, clients: int = 2) -> Outcome:
    """Kill and restart for some rounds under load, then count.

    Parameters
    ----------
    home
        A fresh data directory.
    rounds
        How often the writer is killed.
    seed
        Of the moments.
    clients
        Processes that commit.
    """
    chance = random.Random(seed)
    writer = WriterProcess(home).ready()
    loads = [start("commit", home, str(number)) for number in range(clients)]
    followers = [start("follow", home)]
    try:
        for _ in range(rounds):
            writer = one_round(home, writer, followers, chance)
        time.sleep(0.3)
        (home / "stop").touch()
        for process in (*loads, followers[-1]):
            assert process.wait(timeout=120) == 0
        assert writer.end() == 0
    finally:
        for process in (*loads, *followers):
            process.kill()
            process.wait()
        writer.process.kill()
    return count(home, rounds)


def one_round(
    home: Path,
    writer: WriterProcess,
    followers: list[subprocess.Popen[bytes]],
    chance: random.Random,
) -> WriterProcess:
    """Kill the writer, often whoever follows it too, and start them again."""
    time.sleep(chance.uniform(0.05, 0.5))
    writer.end(signal.SIGKILL)
    if chance.random() < 0.5:
        followers[-1].kill()
        followers[-1].wait()
        followers.append(start("follow", home))
    return WriterProcess(home).ready()


def start(what: str, *arguments: object) -> subprocess.Popen[bytes]:
    """Start one of the parts below in a process of its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, __file__, what, *map(str, arguments)]
    return subprocess.Popen(command, env=environment)


async def commit(home: Path, number: int) -> None:
    """Commit event after event; each again until it is acknowledged."""
    journal = Journal(home / "journal")
    names = iter(range(number * STEP, (number + 1) * STEP))
    with (home / f"acknowledged{number}").open("w") as told:

        async def one_after_the_other() -> None:
            for name in names:
                if (home / "stop").exists():
                    return
                unanswered = 0
                while True:
                    try:
                        result = await journal.commit(mixed(name), DEADLINE_S)
                        break
                    except JournalUnavailable:
                        unanswered += 1
                        await asyncio.sleep(0.01)
                assert isinstance(result, Committed | Repeated)
                if isinstance(result, Repeated):
                    assert result.answer == mixed(name).answer
                again = isinstance(result, Repeated)
                told.write(f"{name} {result.sequence} {unanswered} {again:d}\n")

        await asyncio.gather(*(one_after_the_other() for _ in range(TASKS)))
    await journal.close()


def follow(home: Path) -> None:
    """Project and compact over and over."""
    log = EventLog(home / "events")
    with closing(Projector(home / "journal", log, lambda: opened(home, "followed"))) as projector:
        while not (home / "stop").exists():
            projector.drain()
            try:
                with errands(home / "journal") as writer:
                    compaction = Compaction(home / "journal", log, projector.store, writer)
                    compaction.run(min_age_s=min(MIN_AGE_S, 0.2))
            except JournalUnavailable:
                time.sleep(0.05)  # the writer was killed meanwhile


def opened(home: Path, name: str) -> GraphStore:
    """Open a store beside the journal."""
    return OPENERS["embedded"](str(home / f"{name}.duckdb"))


def count(home: Path, rounds: int) -> Outcome:
    """Compare what was acknowledged with what is there."""
    lines = [
        tuple(map(int, line.split()))
        for path in home.glob("acknowledged*")
        for line in path.read_text().splitlines()
    ]
    in_log: Counter[str] = Counter()
    numbers_of: dict[str, set[int]] = {}
    log = EventLog(home / "events")
    held = entries_in(home / "journal")
    tables, unusable = to_events(held)
    assert not unusable
    moved = [table for kind in EventType for table in log.read(kind)]
    for table in moved:
        in_log.update(table["event_id"].to_pylist())
    for table in (*moved, *tables.values()):
        numbers = table["sequence"].to_pylist()
        for name, number in zip(table["event_id"].to_pylist(), numbers, strict=True):
            numbers_of.setdefault(name, set()).add(number)
    outcome = Outcome(rounds, len(lines))
    outcome.unanswered = sum(line[2] for line in lines)
    outcome.repeated = sum(line[3] for line in lines)
    outcome.lost = sum(f"e{line[0]}" not in numbers_of for line in lines)
    # On its way from the journal to the log an event may stand in both, under one number.
    outcome.doubled = sum(len(numbers) > 1 for numbers in numbers_of.values())
    outcome.doubled += sum(times > 1 for times in in_log.values())
    outcome.strange = sum(line[1] not in numbers_of.get(f"e{line[0]}", ()) for line in lines)
    outcome.compacted = sum(len(table) for table in moved)
    recorded = rows_in(home / "journal", "SELECT count(*), count(DISTINCT id) FROM entry")[0]
    outcome.sound = check_journal(home / "journal").sound and recorded == (len(numbers_of),) * 2
    log.check()
    outcome.same_graph = followed(home, log) == at_once(home, [*moved, *tables.values()])
    return outcome


def followed(home: Path, log: EventLog) -> str:
    """Complete the store that followed, the journal through the log, and return its print."""
    store = opened(home, "followed")
    with closing(Projector(home / "journal", log, lambda: store)) as projector:
        projector.drain()
        with errands(home / "journal") as writer:
            Compaction(home / "journal", log, projector.store, writer).run(min_age_s=-60)
    store = opened(home, "followed")
    project(log, store)
    return store.fingerprint()


def at_once(home: Path, tables: list[object]) -> str:
    """Return the print of a store that takes all events from one fresh log."""
    fresh, store = EventLog(home / "fresh"), opened(home, "fresh")
    kinds = {"country": EventType.SIGNUPS, "exchanges": EventType.USAGE}
    for table in tables:
        names = table.column_names  # type: ignore[attr-defined]
        kind = next((k for name, k in kinds.items() if name in names), EventType.LOGINS)
        fresh.append([(kind, table.drop_columns(["sequence"]))])  # type: ignore[attr-defined]
    project(fresh, store)
    return store.fingerprint()


if __name__ == "__main__":
    if sys.argv[1] == "commit":
        asyncio.run(commit(Path(sys.argv[2]), int(sys.argv[3])))
    else:
        follow(Path(sys.argv[2]))
