"""A disk with no room left: what is asked meanwhile, and who has to start then."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress

import httpx
import pytest
from served import serving, signup, wait_for


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk):
    """Take all the room that there is."""
    with (disk / "filler").open("ab", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 20)):
            pass


def accepted(served, number):
    """Whether a sign-up was accepted; None where nobody answered it."""
    try:
        return served.post("/v1/signups", signup(number)).json()["accepted"]
    except httpx.TransportError:
        return None


def counted(served):
    """How many sign-ups the metrics say were answered."""
    lines = served.get("/metrics").text.splitlines()
    return sum(float(x.split()[-1]) for x in lines if x.startswith("ringfinder_signups_total{"))


def test_workers_answer_on_a_full_disk_also_one_that_starts_then(disk):
    with serving(disk / "home", workers=2) as served:
        assert accepted(served, "before") is True
        fill(disk)
        workers = served.children("worker")
        assert {accepted(served, number) for number in range(40)} == {False}
        # routes, and so series, that nobody has counted yet
        for path in ("/v1/rings", "/v1/accounts/acct-1", "/v1/nothing", "/metrics", "/readyz"):
            assert served.get(path).status_code in {200, 404, 503}
        assert served.children("worker") == workers
        os.kill(workers[0], signal.SIGKILL)
        wait_for(lambda: set(served.children("worker")) - set(workers), seconds=30)
        wait_for(lambda: {accepted(served, f"full-{n}") for n in range(40)} == {False}, seconds=30)
        assert "does not start" not in served.log
        assert counted(served) >= 81  # those of the one that was killed are not forgotten
        (disk / "filler").unlink()
        wait_for(lambda: accepted(served, "after") is True, seconds=40)


def test_nothing_that_workers_map_lies_on_the_disk(tmp_path):
    with serving(tmp_path / "home", workers=2) as served:
        served.post("/v1/signups", signup())
        served.get("/metrics")
        run = served.home / "run"
        shared = [run / "rates", *(run / "metrics").iterdir()]
        assert len(shared) > 1
        assert [path.name for path in shared if not path.is_symlink()] == []
