"""What is refused before anything runs, what a log line holds, and the keys' command line."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import logging
import os
import socket

import pytest
from shell import run

from ringfinder.config import load
from ringfinder.errors import InputError, StoreUnavailable
from ringfinder.serve import live
from ringfinder.serve import supervisor as supervisor_module
from ringfinder.serve.logs import JsonLines
from ringfinder.serve.safety import check_safe
from ringfinder.serve.supervisor import Child, Supervisor, _failed, _plain, listen

GOOD = "c0ffee5ba5eba11d15ea5edb1ab1ab1adeadbeefcafef00d0ddba11feedface1"


class TestSafety:
    @pytest.mark.parametrize("pepper", ["changeme" * 4, "0123456789abcdef" * 2, "ab" * 20])
    def test_a_placeholder_is_no_pepper(self, tmp_path, pepper):
        with pytest.raises(InputError, match="openssl rand"):
            check_safe(load({"data_dir": tmp_path, "pepper": pepper}))

    def test_a_random_pepper_will_do(self, tmp_path):
        check_safe(load({"data_dir": tmp_path, "pepper": GOOD}))

    @pytest.mark.parametrize("store", ["neo4j://db.internal:7687", "bolt://192.0.2.1:7687"])
    def test_nothing_is_sent_in_the_clear_to_another_host(self, tmp_path, store):
        settings = {"data_dir": tmp_path, "store": store}
        with pytest.raises(InputError, match=r"neo4j\+s"):
            check_safe(load(settings))
        check_safe(load(settings | {"neo4j_allow_plain": True}))

    @pytest.mark.parametrize("store", ["neo4j+s://db.internal", "bolt://127.0.0.1:7687"])
    def test_encrypted_or_on_this_host_is_fine(self, tmp_path, store):
        check_safe(load({"data_dir": tmp_path, "store": store}))

    def test_a_default_password_is_refused_on_this_host_too(self, tmp_path):
        settings = {"data_dir": tmp_path, "store": "bolt://localhost:7687"}
        with pytest.raises(InputError, match="default one"):
            check_safe(load(settings | {"neo4j_password": "neo4j"}))


class TestListening:
    def test_a_port_that_is_taken_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(InputError, match=f"port {port}: .*--port"):
                listen("127.0.0.1", port)

    def test_an_address_of_another_host_is_refused(self):
        with pytest.raises(InputError, match="Cannot listen"):
            listen("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("code", "words"), [(4, "stands above"), (-15, "ended before"), (0, "ended before")]
)
def test_a_child_that_said_nothing_is_not_quoted(code, words):
    assert words in str(_failed("writer", code))


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(errno.ENOSPC, 4, "Make room"), (errno.EROFS, 2, "Cannot write to")],
)
def test_a_full_disk_is_no_unusable_setting(tmp_path, monkeypatch, number, code, words):
    def refuses(*given):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(supervisor_module, "begin_policy", refuses)
    ran = run("serve", "--data-dir", tmp_path, "--port", 0)
    assert (ran.code, words in ran.err) == (code, True), ran.err


def test_a_worker_that_catches_up_as_long_as_it_may_is_waited_for():
    assert live.CATCH_UP_S <= supervisor_module.START_S / 2


@pytest.mark.parametrize("error", [BlockingIOError(11, "no process"), OSError(24, "no file"), StoreUnavailable("not ready")])  # fmt: skip  # noqa: E501
def test_a_child_that_cannot_be_started_now_is_tried_again(tmp_path, monkeypatch, error):
    async def keeps():
        supervisor = Supervisor(load({"data_dir": tmp_path}), notices=lambda words: None)
        child, tries, back = Child("writer", {}), [], asyncio.Event()
        child.process = Process(ended=True)

        async def start():
            tries.append(child)
            if len(tries) < 3:
                raise error
            child.process = Process(ended=False)
            back.set()

        monkeypatch.setattr(child, "start", start)
        keeper = asyncio.create_task(supervisor._keep(child))
        async with asyncio.timeout(5):
            await asyncio.wait(
                [keeper, asyncio.create_task(back.wait())], return_when="FIRST_COMPLETED"
            )
        assert not keeper.done()
        keeper.cancel()
        return len(tries)

    monkeypatch.setattr(supervisor_module, "FIRST_WAIT_S", 0.001)
    assert asyncio.run(keeps()) == 3


def test_a_child_that_has_just_ended_says_why_by_its_own_exit_code():
    """One in ten that ended for a setting told 255, and was started again for ever."""

    async def codes():
        found = []
        for _ in range(100):
            child = Child("writer", {})
            child.process = await asyncio.create_subprocess_exec(
                "sh", "-c", "exit 2", stdout=asyncio.subprocess.PIPE
            )
            await child.process.stdout.read()  # its end is the process's, about
            found.append(await child.stop())
        return found

    assert set(asyncio.run(codes())) == {2}


def test_a_start_without_a_process_leaves_the_ended_one_to_be_waited_for(monkeypatch):
    child = Child("writer", {})
    child.process = ended = Process(ended=True)

    async def refuses(*words, **options):
        raise BlockingIOError(11, "no process")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuses)
    with pytest.raises(OSError, match="no process"):
        asyncio.run(child.start())
    assert child.process is ended


class Process:
    """A process of a child, which has ended or does not end."""

    pid = 1

    def __init__(self, *, ended):
        self.ended = ended

    async def wait(self):
        while not self.ended:
            await asyncio.sleep(60)
        return -9


def test_who_is_told_to_stop_while_it_starts_does_not_wait_for_that(tmp_path, monkeypatch):
    stopped = []

    async def start(child):
        child.process = Process(ended=False)
        await asyncio.sleep(60)

    async def stop(child):
        stopped.append(child.role)
        return 0

    async def serves():
        settings = load({"data_dir": tmp_path, "port": 0})
        supervisor = Supervisor(settings, notices=stopped.append)
        asyncio.get_running_loop().call_later(0.05, supervisor._stopping.set)
        async with asyncio.timeout(5):
            await supervisor.run()

    monkeypatch.setattr(Child, "start", start)
    monkeypatch.setattr(Child, "stop", stop)
    asyncio.run(serves())
    assert stopped == ["worker", "projector", "writer"]


def test_children_are_told_every_setting_as_it_is(tmp_path):
    settings = load({"data_dir": tmp_path, "pepper": GOOD, "workers": 3})
    told = json.loads(json.dumps(_plain(settings)))
    again = load(told)
    assert again == settings
    assert again.read_pepper() == GOOD.encode()


def test_a_log_line_says_where_it_broke_and_not_what_was_said():
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonLines())
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        raise ValueError("ada@example.org")
    except ValueError:
        logger.exception("internal error", extra={"request_id": "r"})
    line = json.loads(out.getvalue())
    assert (line["event"], line["error"], line["request_id"]) == ("internal error", "ValueError", "r")  # fmt: skip  # noqa: E501
    assert "test_a_log_line" in line["where"][-1]
    assert "example.org" not in out.getvalue()


class TestKeysCommand:
    def test_a_key_is_printed_once_and_listed_without_its_secret(self, tmp_path):
        made = json.loads(run("keys", "create", "--name", "shop", "--scope", "signups:write", "--scope", "rings:read", "--json", "--data-dir", tmp_path).out)  # fmt: skip  # noqa: E501
        assert set(made) == {"id", "key"}
        listed = run("keys", "list", "--json", "--data-dir", tmp_path).out
        assert made["key"] not in listed
        assert json.loads(listed)["keys"][0]["scopes"] == ["rings:read", "signups:write"]

    def test_it_is_revoked_and_rotated_by_its_id(self, tmp_path):
        def keys(*words):
            return run("keys", *words, "--data-dir", tmp_path)

        made = json.loads(keys("create", "--name", "a", "--scope", "admin", "--json").out)
        new = json.loads(keys("rotate", made["id"], "--overlap", "1h", "--json").out)
        assert keys("revoke", made["id"]).code == 0
        states = {one["id"]: one["in_force"] for one in
                  json.loads(keys("list", "--json").out)["keys"]}  # fmt: skip
        assert states == {made["id"]: False, new["id"]: True}

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (("create", "--name", "a", "--scope", "everything"), 2),
            (("create", "--name", "a", "--scope", "admin", "--expires", "soon"), 2),
            (("revoke", "nobody"), 3),
            (("rotate", "nobody"), 3),
        ],
    )
    def test_what_cannot_be_is_said(self, tmp_path, words, code):
        assert run("keys", *words, "--data-dir", tmp_path).code == code
