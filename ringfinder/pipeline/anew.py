"""From what was read to judged rings with names: all anew, or only what changed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.detect.identity import Identity, match
from ringfinder.detect.known import FoundRings, KnownRings
from ringfinder.durations import DAY_MS
from ringfinder.graph.columns import AttributeGraph, Rings
from ringfinder.model import IntArray
from ringfinder.normalise import NORMALISER
from ringfinder.pipeline.analyse import Analysis, Namer, detect, judge, learn
from ringfinder.pipeline.apart import read_apart, to_sides
from ringfinder.pipeline.epoch import (
    Epoch,
    communities_before,
    detect_again,
    first_of,
    held_population,
    read_epoch,
    touched_since,
)
from ringfinder.pipeline.night import Read, Run
from ringfinder.pipeline.record import echo_sentences
from ringfinder.pipeline.steps import Steps
from ringfinder.publish import snapshots
from ringfinder.publish.carried import marks_of
from ringfinder.score.assess import Assessment


def analysed(
    run: Run, read: Read, steps: Steps, *, touched: bool
) -> tuple[Analysis, Identity, Epoch, int | None]:
    """Learn, detect, judge and name: see `Night`."""
    seed, graph = run.settings.seed, read.graph
    with steps.step("background"):
        epoch = _epoch(run, read) if touched else None
        held = None if epoch is None else held_population(graph, epoch)
        population = learn(graph, seed=seed) if held is None else held
        for sentence in echo_sentences(population.echoes):
            run.notice(sentence)
    with steps.step("detect"):
        if epoch is None or held is None:
            found, looked_at = detect(population, seed=seed), None
            epoch = first_of(run.snapshot_id, run.created_ms, population, found)
        else:
            fresh = touched_since(graph, epoch)
            found, looked_at = detect_again(graph, population, epoch, fresh, seed=seed)
    with steps.step("judge"):
        said = read_apart(run.home.directory)
        apart, unknown = to_sides(said, read.earlier.known, graph.account_ids)
        if unknown:
            run.notice(
                f"{unknown} of {len(said)} decisions to keep two apart name nobody who is there."
            )
        told: list[Identity] = []
        done = judge(
            graph,
            population,
            found,
            read.labels,
            run.settings,
            named_after(read.earlier.known, told),
            before=rings_before(read.earlier.known, graph.account_ids),
            raw=communities_before(read.earlier.path, graph.account_ids),
            apart=apart,
        )
    return done, told[0], epoch, looked_at


def _epoch(run: Run, read: Read) -> Epoch | None:
    """Return the epoch of the snapshot in force; None where all must be computed anew."""
    path = read.earlier.path
    if path is None:
        return None
    record = snapshots.read_run(path)
    epoch = read_epoch(path, record)
    same = (record.get("seed"), record.get("normaliser"), record.get("pepper_version")) == (
        run.settings.seed, NORMALISER, run.home.pepper.version,
    )  # fmt: skip
    if epoch is None or not same:
        run.notice("The snapshot in force cannot be gone on from: all was computed anew.")
        return None
    if not 0 <= run.created_ms - epoch.began_ms < run.settings.epoch_days * DAY_MS:
        run.notice(
            f"The background of the snapshot in force was learned {run.settings.epoch_days} days "
            "ago or longer: it was learned anew, and all was computed."
        )
        return None
    return epoch


def named_after(known: KnownRings, told: list[Identity]) -> Namer:
    """Name rings after those known before; how that came about is added to `told`."""

    def namer(graph: AttributeGraph, judged: Assessment, rings: Rings) -> list[str]:
        marks = marks_of(graph, rings)
        found = FoundRings(graph.account_ids, graph.created_ms, judged.ring, marks)
        told.append(match(found, known))
        return told[-1].names

    return namer


def rings_before(known: KnownRings, account_ids: pa.StringArray) -> IntArray:
    """Return int32 (N,): the ring that each account was in, -1 for none.

    Who was in none that night, but in one earlier, is counted to the ring where most of those
    are now who first were in the same one; to that one itself where they are in no ring together:
    an account that is not found for a night must not come back as somebody new.
    """
    ring = _rings_of(known.account_id, known.ring, account_ids)
    first = _rings_of(known.first_account_id, known.first_ring, account_ids)
    heir = _heirs(first, ring, len(known.names))
    return np.where(ring < 0, np.append(heir, -1)[first], ring).astype(np.int32)


def _heirs(first: IntArray, ring: IntArray, many: int) -> IntArray:
    """Return int32 (K,): where more than half are of those who first were in each ring.

    `first` and `ring`, int32 (N,): the first ring of each account and its present one, -1 for
    none. The ring itself where no other holds so many.
    """
    heir = np.arange(many, dtype=np.int32)
    both = (first >= 0) & (ring >= 0)
    key, count = np.unique(first[both].astype(np.int64) * many + ring[both], return_counts=True)
    was, now = np.divmod(key, max(many, 1))
    most = 2 * count > np.bincount(first[first >= 0], minlength=many)[was]
    heir[was[most]] = now[most]
    return heir


def _rings_of(account_id: pa.StringArray, ring: IntArray, account_ids: pa.StringArray) -> IntArray:
    at = pc.fill_null(pc.index_in(account_id, value_set=account_ids), -1).to_numpy()
    out = np.full(len(account_ids), -1, dtype=np.int32)
    out[at[at >= 0]] = ring[at >= 0]
    return out
