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
    "before the rings are in the store": f"{RECOMPUTE}.put_in_force",
    "with the rings in the store": "ringfinder.publish.snapshots.put_in_force",
}
AFTER = {
    "before it has noted the order": "ringfinder.publish.snapshots.write_state",
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
    """The tables of a second night that nobody killed."""
    directory = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(filled, directory)
    home = open_home(directory)
    return tables(snapshot(home, night(home, 1)))


@pytest.fixture
def directory(filled, tmp_path):
    shutil.copytree(filled, tmp_path / "home")
    return tmp_path / "home"


def tables(path):
    names = ("accounts.parquet", "rings.parquet", "evidence.parquet", "history.parquet")
    return {name: (path / name).read_bytes() for name in names}


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
    assert tables(snapshot(home, one)) == undisturbed
    assert home.store.read_rings().run_id == one.snapshot_id
    assert home.store.applied() == ((1, home.log.last_sequence),)


@pytest.mark.parametrize("point", AFTER.values(), ids=AFTER)
def test_after_the_pointer_moved_the_new_snapshot_is_whole_and_in_force(
    directory, point, undisturbed
):
    first = snapshots.current(directory / "snapshots")
    killed(directory, point)
    now = snapshots.current(directory / "snapshots")
    if "write_state" not in point:  # the first state is written before the pointer moves
        assert now != first
        snapshots.check(now)
        assert tables(now) == undisturbed
    home = open_home(directory)
    assert night(home, 2).in_force
    assert snapshots.to_roll_back_to(directory / "snapshots") in {first.name, now.name}


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
