"""What does not fit in memory: nobody's files are swept while they are worked with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from stored import signups

from ringfinder.errors import StoreError
from ringfinder.store import EventLog
from ringfinder.store.memory import workspace

WORKER = """
import sys
from pathlib import Path
from ringfinder.store.spilling import own_directory
with own_directory(Path(sys.argv[1])) as mine:
    (mine / "duckdb_temp_storage-0.tmp").write_text("worked with")
    print(mine, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def log(tmp_path) -> EventLog:
    return EventLog(tmp_path / "events", wait_s=0.1)


def worker(log) -> tuple[subprocess.Popen, Path]:
    """Start a process that spills; return it and the directory it spills to."""
    started = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(log.spill)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return started, Path(started.stdout.readline().strip())


def test_an_append_sweeps_what_the_dead_left_and_nothing_of_the_living(log):
    living, used = worker(log)
    dead, left = worker(log)
    dead.kill()
    dead.communicate()
    assert left.is_dir()
    log.append([signups("a")])
    log.reserve(1)
    assert not left.exists()
    assert {path.name for path in used.iterdir()} == {"duckdb_temp_storage-0.tmp", "lock"}
    living.communicate(input="")
    assert not used.exists()


def test_files_of_an_earlier_version_are_swept(log):
    log.spill.mkdir()
    (log.spill / "duckdb_temp_storage-0.tmp").write_text("left")
    log.append([signups("a")])
    assert [path.name for path in log.spill.iterdir()] == ["lock"]


def test_two_pieces_of_work_never_share_a_directory(log):
    with workspace(log.spill) as one, workspace(log.spill) as other:
        ask = "SELECT current_setting('temp_directory')"
        assert one.execute(ask).fetchone() != other.execute(ask).fetchone()
    assert [path.name for path in log.spill.iterdir()] == ["lock"]


def test_a_place_where_nothing_can_be_written_is_said(tmp_path):
    (tmp_path / "spill").write_text("a file")
    with pytest.raises(StoreError, match="cannot work in"), workspace(tmp_path / "spill"):
        pass
