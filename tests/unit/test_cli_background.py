"""A long run gives way to the API: fewer cores, the lowest priority, and only where wanted."""

import json
import os
import subprocess
import sys

import pytest

from ringfinder.places import SERVING
from ringfinder.store.files import locked

CODE = """
import json, os, sys, threading
from pathlib import Path
import numpy
there = threading.Event()
threading.Thread(target=there.wait, daemon=True).start()
from ringfinder.cli.background import give_way
give_way(Path({home!r}), {wanted!r})
cores = [sorted(os.sched_getaffinity(int(t))) for t in os.listdir("/proc/self/task")]
group = Path("/proc/self/autogroup")
print(json.dumps([os.nice(0), cores, group.read_text() if group.exists() else ""]))
"""
needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen on this system"
)


def outcome(home, wanted, *, cores=None):
    """Niceness, cores of every thread, autogroup, and what was said, of a process that asked."""
    ran = subprocess.run(
        [sys.executable, "-c", CODE.format(home=str(home), wanted=wanted)],
        capture_output=True, text=True, check=True, start_new_session=True,
        preexec_fn=None if cores is None else lambda: os.sched_setaffinity(0, cores),
    )  # fmt: skip
    return (*json.loads(ran.stdout), ran.stderr)


@pytest.fixture
def served(tmp_path):
    """A data directory that somebody serves."""
    with locked(tmp_path / SERVING, what="it", exclusive=True, wait_s=0.0):
        yield tmp_path


@needs_affinity
def test_every_thread_of_it_leaves_half_the_cores_to_others(tmp_path):
    mine = sorted(os.sched_getaffinity(0))
    nice, cores, *_ = outcome(tmp_path, True)
    assert nice == 19
    assert len(cores) > 1
    assert all(len(each) == max(len(mine) // 2, 1) and set(each) <= set(mine) for each in cores)


@needs_affinity
def test_one_core_is_not_halved(tmp_path):
    one = {min(os.sched_getaffinity(0))}
    assert outcome(tmp_path, True, cores=one)[1][0] == sorted(one)


@needs_affinity
def test_nobody_is_asked_where_nobody_serves(tmp_path):
    nice, cores, _, said = outcome(tmp_path, None)
    assert (nice, said) == (os.nice(0), "")
    assert cores[0] == sorted(os.sched_getaffinity(0))
    assert not (tmp_path / SERVING).exists()


@needs_affinity
def test_where_somebody_serves_it_gives_way_and_says_so(served):
    nice, _, group, said = outcome(served, None)
    assert nice == 19
    assert "--foreground" in said
    assert group == "" or group.split()[-1] == "19"


def test_a_lock_that_was_left_by_who_served_is_nobody(tmp_path):
    with locked(tmp_path / SERVING, what="it", exclusive=True, wait_s=0.0):
        pass
    assert outcome(tmp_path, None)[0] == os.nice(0)


@needs_affinity
def test_who_wants_all_of_the_machine_gets_it(served):
    nice, cores, _, said = outcome(served, False)
    assert (nice, said) == (os.nice(0), "")
    assert cores[0] == sorted(os.sched_getaffinity(0))


@needs_affinity
def test_who_shares_its_session_is_not_slowed_down(tmp_path):
    code = CODE.format(home=str(tmp_path), wanted=True)
    lines = subprocess.run(
        ["sh", "-c", '"$0" -c "$1"; cat /proc/$$/autogroup || true', sys.executable, code],
        capture_output=True, text=True, check=True, start_new_session=True,
    ).stdout.splitlines()  # fmt: skip
    group = json.loads(lines[0])[2]
    assert group == "" or group.split()[-1] == "19"
    assert not group or lines[1].split()[-1] == "0"


def test_a_shell_is_not_made_slow_for_what_is_started_from_it_later(tmp_path):
    told = subprocess.run(
        ["script", "-qec", f'{sys.executable} -c "{_one_line(tmp_path)}"', "/dev/null"],
        capture_output=True, text=True, check=True, start_new_session=True,
    ).stdout  # fmt: skip
    assert "niced 19" in told
    assert "nice 19" not in told.replace("niced", "")


def _one_line(home):
    return (
        "import os; from pathlib import Path; from ringfinder.cli.background import give_way; "
        f"give_way(Path('{home}'), True); group = Path('/proc/self/autogroup'); "
        "print('niced', os.nice(0), group.read_text() if group.exists() else '')"
    )
