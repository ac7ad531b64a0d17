"""The nightly run: the graph out of a store, rings with their old names into a snapshot.

::

    lock -> project -> check -> read -> background -> detect -> judge -> write -> report
         -> gate -> rings into the store -> pointer -> release

Killed anywhere before the pointer moves, the last snapshot stays in force; the next run
sweeps what was left, of lineage too. Rings go into the store before the pointer moves, in one
transaction with the run's token: a run that lost its lock changes neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.config import Settings
from ringfinder.errors import InputError, StoreError, StoreUnavailable
from ringfinder.explain.build import build_run_view
from ringfinder.explain.view import RunView
from ringfinder.journal import settle
from ringfinder.pipeline.analyse import (
    Labels,
    last_labels,
    write_tables,
)
from ringfinder.pipeline.anew import analysed
from ringfinder.pipeline.check import check_graph, check_rings
from ringfinder.pipeline.contradiction import contradicted_labels
from ringfinder.pipeline.epoch import (
    write_epoch,
)
from ringfinder.pipeline.home import Home
from ringfinder.pipeline.judgement import decisions
from ringfinder.pipeline.night import Earlier, Night, Read, Run, flagged
from ringfinder.pipeline.nightly import nightly_facts, nightly_record, nightly_summary
from ringfinder.pipeline.one_run import the_only_run
from ringfinder.pipeline.steps import Steps
from ringfinder.pipeline.writeback import is_owed, known_accounts, made_anew
from ringfinder.places import JOURNAL, SNAPSHOTS
from ringfinder.publish import snapshots
from ringfinder.publish.carried import (
    read_in_force,
    read_known,
    ring_tables,
    write_history,
    write_lineage,
)
from ringfinder.publish.gate import Limits, why_held
from ringfinder.publish.model import write_model
from ringfinder.publish.report import write_report
from ringfinder.publish.staging import Staging, staged
from ringfinder.runs import Notice, Progress, RecomputeSummary
from ringfinder.store.open import parse_address
from ringfinder.store.parts import missing
from ringfinder.store.protocol import Interval, RunLock
from ringfinder.store.replay import project, read_attribute_graph, rebuild

STEPS = 8


def recompute(
    settings: Settings,
    home: Home,
    *,
    touched: bool = False,
    check: bool = True,
    repair: bool = False,
    progress: Progress = lambda name, done: None,
    notices: Notice = lambda sentence: None,
    clock: Callable[[], float] = time.time,
) -> RecomputeSummary:
    """Find rings in the graph of a store, publish them, and write them back.

    Parameters
    ----------
    settings
        See `config.Settings`: analysis, gate, how many snapshots to keep.
    home
        The data directory: events, store, snapshots.
    touched
        Look again only at what changed since the snapshot in force, against its background,
        while that is younger than the setting `epoch_days`; else, and by default, at all.
    check, repair
        Whether to compare the graph with the events first, and to put right what differs.
    progress, notices
        Called with the step that begins, and with sentences worth telling.
    clock
        Seconds since 1970: the snapshot's name and age.

    Returns
    -------
    RecomputeSummary
        The tables of the snapshot hold the same bytes for the same events, settings, seed and
        snapshot in force.

    Raises
    ------
    StoreUnavailable
        While another run is on its way, or the store cannot be reached. The snapshot in force
        stays.
    StoreError
        If the disk is full, or fails; the snapshot in force stays.
    InputError
        If the graph holds no account.
    """
    steps = Steps(progress, STEPS + check)
    with the_only_run(home.store, home.directory / SNAPSHOTS) as lock:
        run = Run(settings, home, lock, notices, int(clock() * 1000))
        with steps.step("project"):
            if is_owed(home.directory):
                made_anew(home, lock)
                notices("The restore was finished: the store has its graph and its rings back.")
            project(home.log, home.store)
            settle(home.directory / JOURNAL, home.log, home.store, notices)
            home.taken_in()
            taken_in = home.store.applied()
        edited: list[str] = []
        if check:
            with steps.step("check"):
                edited = _checked(run, repair=repair)
            if edited and repair:
                taken_in = home.store.applied()
        with steps.step("read"):
            read = _read(run, taken_in)
        done, identity, epoch, again = analysed(run, read, steps, touched=touched)
        held = why_held(read.graph, flagged(done), read.earlier.flags, limits(settings))
        night = Night(read, done, identity, epoch, again, held, edited)
        view = _written(run, night, steps)
        with steps.step("publish"):
            snapshots.record(run.directory, run.snapshot_id, held=held)
            if not held:
                put_in_force(home, run.snapshot_id, lock)
            snapshots.sweep(run.directory, keep=settings.keep_snapshots)
    return nightly_summary(run, night, view, steps)


def put_in_force(home: Home, name: str, lock: RunLock) -> None:
    """Write a snapshot's rings into the store, then point to it.

    The store refuses where another run has taken the lock since; the pointer stays then. Who
    was erased since the snapshot's graph was read is left out, and what runs that were killed
    here have said about lineage is removed.

    Parameters
    ----------
    home, name, lock
        The data directory and its store, the snapshot's id, the run's lock.
    """
    directory = home.directory / SNAPSHOTS
    rings = ring_tables(directory / name)
    there = pc.is_in(rings.members["account_id"], known_accounts(home))
    rings = replace(rings, members=rings.members.filter(there))
    home.store.write_rings(rings, lock, void=snapshots.announce(directory, name))
    snapshots.put_in_force(directory, name)


def read_earlier(directory: Path, notice: Notice) -> Earlier:
    """Read what the snapshot in force hands on; where it is damaged, the newest whole one."""
    try:
        path = snapshots.current(directory)
        if path is not None:
            snapshots.check(path)
    except StoreError as error:
        notice(f"{error}. Rings are matched with the newest whole snapshot instead.")
        lines = snapshots.listing(directory, verify=True)
        whole = [line.snapshot_id for line in lines if line.state == "ready"]
        path = directory / whole[0] if whole else None
    return Earlier(path, read_known(path), read_in_force(path))


def limits(settings: Settings) -> Limits:
    """Return from where on a run waits."""
    return Limits(
        share=settings.gate_share,
        first_share=settings.gate_first_share,
        old_days=settings.gate_old_days,
        old_accounts=settings.gate_old_accounts,
        organisation_accounts=settings.gate_organisation_accounts,
    )


def _checked(run: Run, *, repair: bool) -> list[str]:
    """Compare the graph with the events, put right if asked to, and the rings with their run's.

    Return what differs.
    """
    told = _checked_graph(run, repair=repair)
    rings = check_rings(run.home.store, run.directory)
    if rings.found:
        told.append(
            f"The rings in the store differed from those of their run: {rings.words}. The next "
            "snapshot that comes into force replaces them; so does `ringfinder publish promote ID`."
        )
    return told


def _checked_graph(run: Run, *, repair: bool) -> list[str]:
    log, store = run.home.log, run.home.store
    found = check_graph(log, store, temp_dir=run.settings.temp_dir)
    if not found.found:
        return []
    said = f"The graph differed from its events: {found.words}."
    if repair:
        rebuild(log, store)
        return [f"{said} It was rebuilt from them."]
    return [f"{said} `ringfinder rebuild --repair` makes it what they say."]


def _read(run: Run, taken_in: Sequence[Interval]) -> Read:
    """Read the graph, labels, and what the snapshot in force hands on.

    What the graph is known to hold is read first: events that come in meanwhile are then
    counted twice by the overlay, rather than not at all. What the store had taken in before
    must still be there afterwards: a graph that is being made anew is none to judge by.
    """
    applied = run.home.store.applied()
    graph = read_attribute_graph(run.home.log, run.home.store)
    table = run.home.store.read_labels()
    _check_still_there(taken_in, applied, run.home.store.applied())
    if not graph.accounts:
        where = parse_address(run.settings.store, data_dir=run.home.directory)
        raise InputError(
            f"The graph in {where} holds no account yet. Load sign-ups with `ringfinder load` "
            "first, or name the store that has them with --store."
        )
    counts = pc.value_counts(table["label"]).to_pylist()
    given = {entry["values"]: entry["counts"] for entry in counts}
    labels = _labels(table, graph.account_ids)
    return Read(applied, graph, labels, given, read_earlier(run.directory, run.notice))


def _check_still_there(taken_in: Sequence[Interval], *later: Sequence[Interval]) -> None:
    """Raise StoreUnavailable where the store later lacked what it had taken in."""
    for has in later:
        if any(missing(part, has) for part in taken_in):
            raise StoreUnavailable(
                "the store was emptied while this run was on its way, as `ringfinder rebuild` "
                "does: nothing was published. Let that finish, and run again"
            )


def _labels(table: pa.Table, account_ids: pa.StringArray) -> Labels:
    """Return the accounts whose last label says fraud, and legitimate."""
    at = pc.index_in(table["account_id"], value_set=account_ids)
    table = table.filter(pc.is_valid(at))
    return last_labels(
        at.drop_null().to_numpy().astype(np.int64),
        table["decided_ms"].to_numpy(),
        np.asarray(pc.equal(table["label"], "fraud"), dtype=bool),
    )


def _written(run: Run, night: Night, steps: Steps) -> RunView:
    """Write the snapshot's directory, whole or not at all; return the view of its report."""
    with staged(run.directory / run.snapshot_id) as stage:
        with steps.step("write"):
            _write_files(stage, run, night)
        with steps.step("report"):
            view = build_run_view(night.done.run, nightly_facts(run, night, steps))
            write_report(view, stage, browser=run.settings.browser_url)
        stage.write_run(nightly_record(run, night, steps))
    return view


def _write_files(stage: Staging, run: Run, night: Night) -> None:
    done, earlier = night.done, night.read.earlier
    fraud, cleared = night.read.labels
    returned = contradicted_labels(
        run.home.log, run.home.store.read_labels(), done.run.graph, done.run.rings, done.judged,
        cleared,
    )  # fmt: skip
    if len(returned):
        run.notice(
            f"{len(returned):,} accounts labelled legitimate were seen with a fleet's card or "
            "address since: a person should look again (decision review)."
        )
    reasons = write_tables(stage, done, night.read.labels, returned)
    write_lineage(stage, run.snapshot_id, night.identity.steps)
    write_history(stage, earlier.path, night.identity.first, done.run.graph.account_ids)
    write_epoch(stage, done.run.graph, done.population, done.found)
    write_model(
        stage,
        shared=done.population.shared,
        back=done.population.back,
        judged=done.judged,
        run=replace(done.run, clear_values=False),
        reasons=reasons,
        decision=decisions(done.judged, returned, fraud=fraud),
        silent=[echo.kind for echo in done.population.echoes],
    )
