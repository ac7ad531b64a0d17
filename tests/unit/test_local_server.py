"""Starting, ending and recognising the local server, with a script in place of Java."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from shell import run

from ringfinder import local
from ringfinder.errors import InputError, StoreError, StoreUnavailable
from ringfinder.local import process, server
from ringfinder.local.home import Home, Options, State, choose_ports

MIB = 1 << 20


@pytest.fixture
def home(tmp_path):
    """A directory whose server is ended with the test."""
    yield tmp_path / "neo4j"
    local.down(tmp_path / "neo4j")


@pytest.fixture
def acts(tmp_path, monkeypatch):
    """Let a shell script act as Java; it is given the home of the server as $home."""
    monkeypatch.setattr(server, "fetch", lambda *_, **__: (Path("a.jar"), Path("b.jar")))

    def put(script: str, *, answers: bool = False) -> None:
        java = tmp_path / "java"
        java.write_text(f"#!/bin/sh\nhome={tmp_path / 'neo4j'}\n{script}\n")
        java.chmod(0o755)
        monkeypatch.setattr(process, "java", lambda: java)
        monkeypatch.setattr(server, "answers", lambda _: answers)

    return put


RUNS = "echo $$ >>$home/started; while :; do sleep 0.05; done"


class TestUp:
    def test_a_server_that_ends_while_it_starts_is_told_with_its_last_words(self, acts, home):
        acts("echo 'There is no room left.' >&2; printf '\\tat some.java.Class\\n' >&2; exit 1")
        with pytest.raises(
            StoreError, match=r"ended while it was starting.*no room left"
        ) as caught:
            local.up(home)
        assert "some.java" not in str(caught.value)
        assert local.status(home).pid is None

    def test_a_server_that_never_answers_is_ended(self, acts, home):
        acts(RUNS)
        with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.3 s"):
            local.up(home, Options(timeout_s=0.3))
        assert not psutil.pid_exists(int((home / "started").read_text()))

    def test_ctrl_c_leaves_nothing_behind(self, acts, home, monkeypatch):
        acts(RUNS)
        monkeypatch.setattr(server, "answers", lambda _: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            local.up(home)
        assert local.status(home).pid is None

    def test_a_server_that_runs_is_not_ended_because_it_is_slow(self, acts, home):
        acts(RUNS, answers=True)
        first = local.up(home)
        acts(RUNS, answers=False)
        with pytest.raises(StoreUnavailable):
            local.up(home, Options(timeout_s=0.2))
        assert local.status(home).pid == first.pid

    def test_two_at_once_start_one(self, acts, home):
        acts(RUNS, answers=True)
        with ThreadPoolExecutor(4) as pool:
            pids = {one.pid for one in pool.map(lambda _: local.up(home), range(4))}
        assert len(pids) == 1

    def test_ports_and_password_stay_over_a_restart(self, acts, home):
        acts(RUNS, answers=True)
        first = local.up(home)
        password = first.password
        assert local.down(home)
        again = local.up(home)
        assert (again.uri, again.browser, again.pid != first.pid) == (
            first.uri,
            first.browser,
            True,
        )
        (home / "data" / "databases" / "system").mkdir(parents=True)
        local.down(home)
        assert local.up(home).password == password

    def test_a_store_whose_password_is_gone_is_not_given_a_new_one(self, acts, home):
        acts(RUNS, answers=True)
        local.up(home)
        local.down(home)
        (home / "data" / "databases" / "system").mkdir(parents=True)
        (home / "password").unlink()
        with pytest.raises(StoreError, match=r"put it back, or remove"):
            local.up(home)

    def test_what_is_told_to_java(self, acts, home, monkeypatch):
        monkeypatch.setenv("RINGFINDER_PEPPER", "x" * 40)
        acts('printf "%s\\n" "$@" >$home/words; env >$home/env;' + RUNS, answers=True)
        options = Options(memory=300 * MIB, jars=(Path("c.jar"),), settings={"a.b": "c"})
        local.up(home, options)
        while not (home / "started").exists():
            time.sleep(0.01)
        words = (home / "words").read_text().splitlines()
        assert words[words.index("-cp") + 1] == "a.jar:b.jar:c.jar"
        assert f"-Xmx{300 * MIB}" in words
        assert f"--home-dir={home}" in words
        assert "a.b=c\n" in (home / "conf" / "neo4j.conf").read_text()
        assert "RINGFINDER" not in (home / "env").read_text()


class TestPorts:
    def test_a_port_that_is_taken_is_said(self, acts, home):
        acts(RUNS, answers=True)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(InputError, match=rf"The port {port} of --bolt-port is taken"):
                local.up(home, Options(bolt_port=port))

    def test_ports_that_are_asked_for_are_used(self, acts, home):
        acts(RUNS, answers=True)
        bolt, http = choose_ports(Options(), None)
        found = local.up(home, Options(bolt_port=bolt, http_port=http))
        assert found.uri == f"neo4j://127.0.0.1:{bolt}"
        assert found.browser == f"http://127.0.0.1:{http}/browser/"

    def test_a_port_of_last_time_that_is_taken_now_is_replaced(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            last = State(
                bolt_port=taken.getsockname()[1],
                http_port=choose_ports(Options(), None)[0],
                memory=1,
            )
            bolt, http = choose_ports(Options(), last)
        assert bolt != last.bolt_port
        assert http == last.http_port

    def test_a_port_asked_for_is_not_given_to_the_other_side(self):
        last = State(*choose_ports(Options(), None), memory=1)
        bolt, http = choose_ports(Options(http_port=last.bolt_port), last)
        assert http == last.bolt_port
        assert bolt != http

    def test_a_free_port_that_another_was_quicker_to_take_is_replaced(self, acts, home):
        busy = "mkdir $home/tried 2>/dev/null && echo 'Address already in use' && exit 1;"
        acts(busy + RUNS, answers=False)
        with pytest.raises(StoreUnavailable):  # the second one runs; it is only never answered
            local.up(home, Options(timeout_s=0.5))
        assert (home / "started").exists()

    def test_a_port_asked_for_that_another_was_quicker_to_take_is_told(self, acts, home):
        acts("echo 'Address already in use'; exit 1")
        bolt, http = choose_ports(Options(), None)
        with pytest.raises(StoreError, match="already in use"):
            local.up(home, Options(bolt_port=bolt, http_port=http))

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (Options(memory=64 * MIB), "at least 256 MiB"),
            (Options(bolt_port=7000, http_port=7000), "one number"),
        ],
    )
    def test_what_cannot_be_is_refused(self, options, says, home):
        with pytest.raises(InputError, match=says):
            local.up(home, options)
        assert not home.exists()


class TestDown:
    def test_nothing_that_runs_is_nothing_to_end(self, home):
        assert local.down(home) is None
        assert not home.exists()

    def test_it_waits_until_the_server_is_gone(self, acts, home):
        acts("trap 'sleep 0.3; exit 0' TERM;" + RUNS, answers=True)
        pid = local.up(home).pid
        while not (home / "started").exists():
            time.sleep(0.01)
        assert local.down(home) is True
        assert not psutil.pid_exists(pid)

    def test_a_server_that_does_not_end_is_killed(self, acts, home):
        acts("trap '' TERM;" + RUNS, answers=True)
        pid = local.up(home).pid
        while not (home / "started").exists():
            time.sleep(0.01)
        assert local.down(home, timeout_s=0.2) is False
        assert not psutil.pid_exists(pid)

    def test_another_process_that_got_the_pid_is_left_alone(self, acts, home):
        acts(RUNS, answers=True)
        bolt, http = choose_ports(Options(), None)
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Home(home).make()
        Home(home).write_state(State(bolt, http, 512 * MIB, other.pid))
        assert local.status(home).pid is None
        assert local.down(home) is None
        assert other.poll() is None
        assert local.up(home).pid != other.pid
        other.kill()
        other.wait()

    def test_a_state_that_cannot_be_read_is_no_server(self, home):
        Home(home).make()
        (home / "server.json").write_text("{")
        assert local.status(home) is None
        assert local.down(home) is None


class TestAnswers:
    def test_a_port_where_nobody_listens_does_not(self, home):
        bolt, http = choose_ports(Options(), None)
        Home(home).make()
        (home / "password").write_text("x")
        assert not local.answers(Home(home).server(State(bolt, http, 1), pid=1))

    def test_a_port_where_something_else_listens_does_not(self, home):
        Home(home).make()
        (home / "password").write_text("x")
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]

            def hang_up() -> None:
                for _ in range(2):
                    other.accept()[0].close()

            thread = threading.Thread(target=hang_up, daemon=True)
            thread.start()
            assert not local.answers(Home(home).server(State(port, port, 1), pid=1))
            thread.join(5)


class TestTheCommandLine:
    @pytest.fixture
    def data(self, home):
        return home.parent

    def test_up_status_down(self, acts, data):
        acts(RUNS, answers=True)
        up = run("neo4j", "up", "--json", "--data-dir", data).json()
        assert set(up) == {"uri", "user", "password_file", "browser"}
        assert up["user"] == "neo4j"
        assert len(Path(up["password_file"]).read_text().strip()) >= 24
        asked = run("neo4j", "status", "--json", "--data-dir", data)
        assert asked.code == 0
        assert asked.json() | up == asked.json()
        assert asked.json()["running"] is True
        assert run("neo4j", "down", "--json", "--data-dir", data).json() == {"ended": True}
        asked = run("neo4j", "status", "--json", "--data-dir", data)
        assert (asked.code, asked.json()["running"], asked.json()["pid"]) == (3, False, None)

    def test_for_a_person_it_says_what_to_do_next(self, acts, data):
        acts(RUNS, answers=True)
        said = run("neo4j", "up", "--data-dir", data).out
        password_file = data.resolve() / "neo4j" / "password"
        assert "\nexport RINGFINDER_STORE=neo4j://127.0.0.1:" in said
        assert f"\nexport RINGFINDER_NEO4J_PASSWORD_FILE={password_file}\n" in said
        assert f"log in as neo4j with the content of {password_file}" in said
        assert "browser:" in run("neo4j", "status", "--data-dir", data).out

    def test_a_saved_query_is_linked_to_its_browser_while_it_runs(self, acts, data):
        acts(RUNS, answers=True)
        asks = ("explore", "fleets", "--json", "--data-dir", data)
        assert run(*asks).json()["link"] is None
        browser = run("neo4j", "up", "--json", "--data-dir", data).json()["browser"]
        assert run(*asks).json()["link"].startswith(f"{browser}?cmd=edit")
        named = run(*asks, "--browser-url", "http://elsewhere.example/browser/")
        assert named.json()["link"].startswith("http://elsewhere.example/browser/?cmd=edit")
        run("neo4j", "down", "--data-dir", data)
        assert run(*asks).json()["link"] is None

    def test_the_password_is_never_printed(self, acts, data):
        acts(RUNS, answers=True)
        ran = run("neo4j", "up", "--data-dir", data)
        password = (data / "neo4j" / "password").read_text().strip()
        assert password not in ran.out + ran.err

    def test_where_none_was_started_status_says_how(self, data):
        ran = run("neo4j", "status", "--data-dir", data)
        assert ran.code == 3
        assert ran.err.endswith(f"start one: ringfinder neo4j up --data-dir {data}\n")

    def test_down_twice_is_no_error(self, data):
        ran = run("neo4j", "down", "--data-dir", data)
        assert (ran.code, ran.err) == (0, "note: no local Neo4j was running.\n")

    def test_a_failed_start_has_the_exit_code_of_a_store(self, acts, data):
        acts("exit 1")
        assert run("neo4j", "up", "--data-dir", data).code == 4

    def test_a_size_that_is_none_is_refused(self, data):
        ran = run("neo4j", "up", "--memory", "3 apples", "--data-dir", data)
        assert ran.code == 2
        assert "expected one such as 512MiB" in ran.err

    def test_options_other_than_what_runs_are_refused(self, acts, data):
        acts(RUNS, answers=True)
        run("neo4j", "up", "--data-dir", data)
        ran = run("neo4j", "up", "--memory", "1GiB", "--data-dir", data)
        assert ran.code == 2
        assert "neo4j down" in ran.err
        assert run("neo4j", "up", "--data-dir", data).code == 0


def test_the_home_is_for_its_owner_only(tmp_path):
    os.umask(os.umask(0))
    (tmp_path / "neo4j").mkdir(mode=0o755)
    Home(tmp_path / "neo4j").make()
    assert (tmp_path / "neo4j").stat().st_mode & 0o777 == 0o700
