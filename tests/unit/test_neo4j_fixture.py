"""What keeps test servers apart, and clears away those that a killed pytest left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import neo4j_server
import psutil
import pytest

from ringfinder.local.home import Home, State

ROOT = Path(__file__).resolve().parents[2]
GONE = 2**22 + 1  # above the greatest pid there can be


@pytest.fixture
def ground(tmp_path, monkeypatch):
    monkeypatch.setattr(neo4j_server, "GROUND", tmp_path)
    return tmp_path


def a_server(home) -> int:
    """Start something that looks like the server of a home."""
    words = ["import time; time.sleep(60)", f"--home-dir={home}"]
    process = subprocess.Popen([sys.executable, "-c", *words])
    process.returncode = 0  # it is ended by its pid
    Home(home).make()
    Home(home).write_state(State(1, 2, 3, process.pid))
    return process.pid


def test_a_server_whose_pytest_is_gone_is_ended_and_its_directory_removed(ground):
    pid = a_server(ground / str(GONE) / "shared")
    neo4j_server.sweep()
    assert not psutil.pid_exists(pid)
    assert list(ground.iterdir()) == []


def test_a_server_whose_pytest_lives_is_left_alone(ground):
    pid = a_server(ground / str(os.getpid()) / "shared")
    neo4j_server.sweep()
    assert psutil.Process(pid).is_running()
    neo4j_server.remove(ground / str(os.getpid()) / "shared")
    assert not psutil.pid_exists(pid)


class TestMarks:
    def item(self, *fixtures: str) -> SimpleNamespace:
        marks: list[object] = []
        return SimpleNamespace(
            fixturenames=fixtures,
            marks=marks,
            add_marker=lambda mark: marks.append(getattr(mark, "name", mark)),
            get_closest_marker=lambda _: None,
        )

    def modify(self, *items, dist: str = "no") -> None:
        config = SimpleNamespace(getoption=lambda *_: dist)
        neo4j_server.pytest_collection_modifyitems(config, list(items))

    def test_what_asks_for_a_server_can_be_left_out(self, monkeypatch):
        monkeypatch.delenv("NEO4J_URI", raising=False)
        with_server, without = self.item("tmp_path", "own_neo4j_server"), self.item("tmp_path")
        self.modify(with_server, without)
        assert (with_server.marks, without.marks) == (["neo4j"], [])

    def test_a_test_on_every_store_is_left_out_for_this_store_only(self, monkeypatch):
        monkeypatch.delenv("NEO4J_URI", raising=False)
        here, there = self.item("store"), self.item("store")
        here.callspec = SimpleNamespace(params={"address": "neo4j"})
        there.callspec = SimpleNamespace(params={"address": "embedded"})
        self.modify(here, there)
        assert (here.marks, there.marks) == (["neo4j"], [])

    def test_on_a_given_server_tests_take_turns(self, monkeypatch):
        monkeypatch.setenv("NEO4J_URI", "neo4j://localhost")
        item = self.item("neo4j_server")
        self.modify(item, dist="loadgroup")
        assert item.marks == ["neo4j", "xdist_group"]

    def test_on_a_given_server_two_workers_without_turns_are_refused(self, monkeypatch):
        monkeypatch.setenv("NEO4J_URI", "neo4j://localhost")
        with pytest.raises(pytest.UsageError, match="--dist loadgroup"):
            self.modify(self.item("neo4j_server"), dist="load")
        self.modify(self.item("tmp_path"), dist="load")


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ([], '-m ""'),
        (["NEO4J=0"], '-m "not neo4j"'),
        (["BROWSER=0"], '-m "not browser"'),
        (["BROWSER=0", "NEO4J=0"], '-m "not browser and not neo4j"'),
    ],
)
def test_make_leaves_out_what_it_is_told_to(words, chosen):
    told = subprocess.run(
        ["make", "-n", "test", *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert chosen in told
    assert (".ci/tools/neo4j.sh" in told) == ("NEO4J=0" not in words)
