"""The command line as a real process: pipes, signals, what it loads."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

RINGFINDER = [sys.executable, "-m", "ringfinder"]


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    """An empty working directory from which ringfinder can be imported."""
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    monkeypatch.chdir(tmp_path)


def start(*words, **options):
    return subprocess.Popen(
        [*RINGFINDER, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_ctrl_c_ends_a_command_in_one_line_with_code_130(monkeypatch):
    monkeypatch.setenv("RINGFINDER_PEPPER", "0123456789abcdef0123456789abcdef")
    monkeypatch.setenv("RINGFINDER_THREDS", "2")  # its note tells that the command has begun
    with start("pseudonym", "ip", "-") as waiting:
        assert waiting.stderr.readline().startswith("note: ")
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=20)
    assert waiting.returncode == 130
    assert (out, err.strip()) == ("", "ringfinder: Stopped.")


def test_a_reader_that_goes_away_is_no_error():
    with start("audit", "--help") as speaking:
        speaking.stdout.close()
        err = speaking.stderr.read()
        assert speaking.wait(timeout=20) == 0
    assert not err


def test_an_error_leaves_standard_output_empty():
    with start("audit", "none.csv") as failing:
        out, err = failing.communicate(timeout=20)
    assert failing.returncode == 2
    assert not out
    assert err.startswith("ringfinder: Missing option '--out'")


def test_help_loads_none_of_the_heavy_libraries():
    heavy = ["pyarrow", "duckdb", "igraph", "leidenalg", "scipy", "networkx", "jinja2"]
    code = f"import sys, ringfinder.cli; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
