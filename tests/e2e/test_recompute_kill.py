"""Killed with SIGKILL anywhere, a nightly run leaves the last snapshot in force; the next works."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from nights import PEPPER, fill, night, open_home, snapshot

from ringfinder.publish import snapshots
from ringfinder.simulate import WorldSpec, simulate

ROOT = Path(__file__).parents[2]
REST = 1_767_571_200_000 + 60 * 86_400_000
RECOMPUTE = "ringfinder.pipeline.recompute"
BEFORE = {
    "when the lock is taken": f"{RECOMPUTE}.project",
    "with the events in the store": f"{RECOMPUTE}.project+",
    "with the graph read": "ringfinder.pipeline.anew.learn",
    "with rings found": "ringfinder.pipeline.anew.judge",
    "while it writes the tables": f"{RECOMPUTE}.write_lineage",
    "with the files written, not yet moved": "ringfinder.publish.staging._publish",
    "with the snapshot written": "ringfinder.publish.snapshots.record",
    "before it is noted that it was made": "ringfinder.publish.snapshots.write_state",
    "before the rings are in the store": f"{RECOMPUTE}.put_in_force",
    "before it is noted that it is coming": "ringfinder.publish.snapshots.write_state#2",
    "with the rings in the store": "ringfinder.publish.snapshots.put_in_force",
}
AFTER = {
    "before it has noted the order": "ringfinder.publish.snapshots.write_state#3",
    "with the pointer moved": f"{RECOMPUTE}.put_in_force+",
    "before old snapshots are swept": "ringfinder.publish.snapshots.sweep",
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """One night, and new events for the next."""
    world = simulate(WorldSpec(accounts=600, seed=7, prevalence=0.12, rows_per_account=3.0))
    home = open_home(tmp_path_factory.mktemp("killed") / "home")
    fill(home, world, until_ms=REST)
    assert night(home).in_force
    fill(home, world, after_ms=REST)
    return home.directory


@pytest.fixture(scope="module")
def undisturbed(filled, tmp_path_factory):
    """The tables of a second night that nobody killed, and what the store tells of both."""
    directory = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(filled, directory)
    home = open_home(directory)
    return tables(snapshot(home, night(home, 1))), lineage(home)


@pytest.fixture
def directory(filled, tmp_path):
    shutil.copytree(filled, tmp_path / "home")
    return tmp_path / "home"


def tables(path):
    names = ("accounts.parquet", "rings.parquet", "evidence.parquet", "history.parquet")
    return {name: (path / name).read_bytes() for name in names}


def lineage(home, *, of=None):
    """What the store says became of rings, by the order of the runs; of some runs."""
    told = home.store.read_rings().lineage.to_pylist()
    runs = sorted({row["run_id"] for row in told} if of is None else of)
    return sorted(
        (runs.index(row.pop("run_id")), *(str(value) for value in row.values()))
        for row in told
        if row["run_id"] in runs
    )


def start(directory, point):
    words = [sys.executable, str(ROOT / "tests" / "dying_night.py"), str(directory), point]
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
    )


def killed(directory, point):
    process = start(directory, point)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, said


@pytest.mark.parametrize("point", BEFORE.values(), ids=BEFORE)
def test_before_the_pointer_moves_the_last_snapshot_stays_and_the_next_run_works(
    directory, point, undisturbed
):
    before = snapshots.current(directory / "snapshots")
    killed(directory, point)
    assert snapshots.current(directory / "snapshots") == before
    snapshots.check(before)
    home = open_home(directory)
    one = night(home, 2)
    assert (tables(snapshot(home, one)), lineage(home)) == undisturbed
    assert home.store.read_rings().run_id == one.snapshot_id
    assert home.store.applied() == ((1, home.log.last_sequence),)


@pytest.mark.parametrize("point", AFTER.values(), ids=AFTER)
def test_after_the_pointer_moved_the_new_snapshot_is_whole_and_in_force(
    directory, point, undisturbed
):
    first = snapshots.current(directory / "snapshots")
    killed(directory, point)
    now = snapshots.current(directory / "snapshots")
    assert now != first
    snapshots.check(now)
    home = open_home(directory)
    assert (tables(now), lineage(home)) == undisturbed
    assert snapshots.to_roll_back_to(directory / "snapshots") == first.name
    third = night(home, 2)
    assert third.in_force
    assert snapshots.to_roll_back_to(directory / "snapshots") == now.name
    assert lineage(home, of=(first.name, now.name)) == undisturbed[1]
    assert set(third.changes) == {"kept"}


def test_what_several_killed_runs_told_of_rings_goes(directory, undisturbed):
    for _ in range(2):
        killed(directory, BEFORE["with the rings in the store"])
    home = open_home(directory)
    one = night(home, 2)
    assert (tables(snapshot(home, one)), lineage(home)) == undisturbed


def test_a_second_run_ends_with_exit_code_4_while_the_first_goes_on(directory):
    process = start(directory, "wait=ringfinder.pipeline.anew.learn")
    try:
        assert process.stdout.readline() == "waiting\n"
        pepper = directory / "pepper.txt"
        pepper.write_bytes(PEPPER.key)
        second = subprocess.run(
            [sys.executable, "-m", "ringfinder", "recompute", "--no-check", "--data-dir",
             str(directory), "--pepper-file", str(pepper)],
            check=False, capture_output=True, text=True, cwd=ROOT, timeout=120,
        )  # fmt: skip
    finally:
        process.kill()
        process.communicate()
    assert second.returncode == 4
    assert "another run works on the snapshots" in second.stderr
    assert "Traceback" not in second.stderr
