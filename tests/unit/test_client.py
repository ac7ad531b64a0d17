"""The client answers in time whatever the server does, and loses no sign-up it can keep."""

from __future__ import annotations

import ast
import asyncio
import multiprocessing
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from unresponsive import ANSWER, drips, in_turn, sends, server, silent

from ringfinder import client as module
from ringfinder.client import AsyncClient, Client, NotJson, Reason, Refused, Ring, Unavailable

FILE = Path(module.__file__)
KEY = "rfk_test_secret"
UNKNOWN = ANSWER | {"accepted": False, "degraded": True}
MARGIN_S = 1.0  # what a busy machine may add


def client_of(running, **options):
    return Client(getattr(running, "url", running), KEY, **{"retry": False} | options)


def timed(call):
    began = time.perf_counter()
    result = call()
    return result, time.perf_counter() - began


class TestAnswer:
    def test_an_answer_is_read_whole(self):
        with server(sends(ANSWER)) as running, client_of(running) as client:
            answer = client.signup(account_id="a1", event_id="e1", email="x@example.com")
        assert (answer.decision, answer.score, answer.accepted) == ("challenge", 0.97, True)
        assert answer.ring == Ring("r1", 0.9, "fleet")
        assert answer.reasons == (Reason("c", "device", "device", 3.5, "Because."),)
        assert (answer.event_id, answer.public_reason, answer.degraded, answer.failure) == (
            "e1", "One more step is needed.", False, "",
        )  # fmt: skip
        assert answer.raw["snapshot"] == {"id": "s", "age_s": 1.0}

    def test_the_request_is_what_the_api_takes(self):
        with server(sends(ANSWER)) as running, client_of(running) as client:
            client.signup(account_id="a1", ip="192.0.2.1", phone=None)
        head, body = running.requests[0]
        assert head.startswith("POST /v1/signups HTTP/1.1\r\n")
        assert f"Authorization: Bearer {KEY}\r\n" in head
        assert (body["account_id"], body["ip"]) == ("a1", "192.0.2.1")
        assert "phone" not in body
        assert len(body["event_id"]) == 36
        assert body["created_at"].endswith("Z")

    def test_connections_are_used_again(self):
        with server(sends(ANSWER)) as running, client_of(running) as client:
            for _ in range(5):
                client.signup(account_id="a1")
        assert (running.connections, len(running.requests)) == (1, 5)

    def test_a_connection_that_was_closed_while_idle_is_replaced(self):
        def once(running, connection):
            sends(ANSWER)(running, connection)
            return "close"

        with server(once) as running, client_of(running) as client:
            answers = [client.signup(account_id="a1") for _ in range(3)]
        assert [answer.failure for answer in answers] == ["", "", ""]

    def test_an_answer_of_a_server_that_says_goodbye_is_read(self):
        def goodbye(running, connection):
            sends(ANSWER, extra="Connection: close\r\n")(running, connection)
            return "close"

        with server(goodbye) as running, client_of(running) as client:
            assert [client.signup(account_id="a1").failure for _ in range(3)] == ["", "", ""]
        assert running.connections == 3

    def test_many_threads_may_use_one_client(self):
        with server(sends(ANSWER)) as running, client_of(running, timeout_s=5) as client:
            found = []
            threads = [
                threading.Thread(
                    target=lambda: found.extend(client.signup(account_id="a") for _ in range(10))
                )
                for _ in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert [answer.failure for answer in found] == [""] * 80
        assert running.connections <= 8

    def test_the_other_calls_go_where_they_should(self):
        with server(sends({})) as running, client_of(running) as client:
            client.outcome("e/1", "completed", account_id="a1")
            client.batch("usage", [{"event_id": "u"}])
            client.label("a1", "legitimate", event_id="l")
            client.account("a 1")
            client.account("a1", action="payout")
            client.erase("a/1")
        assert [head.split(" HTTP")[0] for head, _ in running.requests] == [
            "POST /v1/signups/e%2F1/outcome",
            "POST /v1/usage/batch",
            "POST /v1/labels",
            "GET /v1/accounts/a%201",
            "GET /v1/accounts/a1?action=payout",
            "DELETE /v1/accounts/a%2F1/personal-data",
        ]
        assert running.requests[0][1] == {"outcome": "completed", "account_id": "a1"}


def unreachable_name(monkeypatch):
    def hangs(*_, **__):
        time.sleep(2)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hangs)


class TestTimeout:
    @pytest.mark.parametrize("behave", [silent, drips(), drips(pause_s=0.1)])
    def test_a_server_that_hangs_or_drips_holds_nobody_up(self, behave):
        with server(behave) as running, client_of(running) as client:
            answer, seconds = timed(lambda: client.signup(account_id="a1"))
        assert answer.decision == "allow"
        assert "no answer" in answer.failure
        assert 0.2 < seconds < 0.3 + MARGIN_S

    def test_nor_does_one_that_takes_no_connection(self):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
            address = listener.getsockname()
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(address)
            with client_of(f"http://127.0.0.1:{address[1]}") as client:
                answer, seconds = timed(lambda: client.signup(account_id="a1"))
            for filler in fillers:
                filler.close()
        assert answer.failure
        assert seconds < 0.3 + MARGIN_S

    def test_nor_one_whose_name_cannot_be_looked_up(self, monkeypatch):
        unreachable_name(monkeypatch)
        with client_of("http://ringfinder.invalid") as client:
            answer, seconds = timed(lambda: client.signup(account_id="a1"))
        assert answer.failure
        assert seconds < 0.3 + MARGIN_S

    def test_nor_do_many_of_them_at_once(self, monkeypatch):
        unreachable_name(monkeypatch)
        with client_of("http://ringfinder.invalid") as client:
            took = []
            threads = [
                threading.Thread(target=lambda: took.append(timed(client.signup)[1]))
                for _ in range(60)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(took) == 60
        assert max(took) < 0.3 + 2 * MARGIN_S

    def test_the_time_is_what_the_caller_says(self):
        with server(silent) as running, client_of(running, timeout_s=0.05) as client:
            _, seconds = timed(lambda: client.signup(account_id="a1"))
        assert seconds < 0.05 + MARGIN_S

    def test_other_calls_have_a_longer_time_of_their_own(self):
        slow = drips({"state": "erased"}, pause_s=0.005)
        with server(slow) as running, client_of(running, timeout_s=0.05) as client:
            assert client.signup(account_id="a1").failure
            told, seconds = timed(lambda: client.erase("a1"))
            assert told == {"state": "erased"}
            assert seconds > 0.05
            assert client.batch("usage", []) == {"state": "erased"}
        assert client.call_timeout_s == 10

    def test_it_ends_as_well_as_the_caller_says(self):
        with server(silent) as running, client_of(running, call_timeout_s=0.05) as client:
            began = time.perf_counter()
            with pytest.raises(Unavailable, match="no answer"):
                client.erase("a1")
            assert time.perf_counter() - began < 0.05 + MARGIN_S

    def test_a_slow_handshake_counts(self):
        with server(silent) as running:
            url = running.url.replace("http:", "https:")
            context = ssl.create_default_context()
            with client_of(url, ssl_context=context) as client:
                answer, seconds = timed(lambda: client.signup(account_id="a1"))
        assert answer.failure
        assert seconds < 0.3 + MARGIN_S

    def test_threads_do_not_pile_up_behind_a_silent_server(self):
        with server(silent) as running, client_of(running, timeout_s=0.05) as client:
            for _ in range(10):
                client.signup(account_id="a1")
            time.sleep(0.2)
            assert client._free._value == module._THREADS


GARBAGE = [
    sends(b"not json"),
    sends(b"[1]"),
    sends({}),
    sends(ANSWER | {"decision": "explode"}),
    sends(ANSWER | {"score": None}),
    sends(ANSWER | {"ring": {"x": 1}}),
    sends(ANSWER, status="500 Oops"),
    sends({"detail": "no such key"}, status="401 Unauthorized"),
    sends({}, status="301 Moved", extra="Location: https://elsewhere.example/\r\n"),
    sends(b"[" * 100_000),
    sends(b'{"decision": "allow", "score": 1' + b"0" * 400 + b"}"),
    lambda _, connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"),
    lambda _, connection: connection.close(),
    lambda _, connection: connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"
    ) or "close",
    lambda _, connection: connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * (9 << 20)
    ),
]  # fmt: skip


class TestFailure:
    @pytest.mark.parametrize("behave", GARBAGE)
    def test_whatever_comes_back_the_rule_answers(self, behave):
        with server(behave) as running, client_of(running, on_failure="challenge") as client:
            answer, seconds = timed(lambda: client.signup(account_id="a1"))
        assert (answer.decision, answer.accepted) == ("challenge", False)
        assert answer.failure
        assert seconds < 0.3 + MARGIN_S

    @pytest.mark.parametrize("rule", ["allow", "challenge", "deny"])
    def test_the_rule_is_what_the_caller_says(self, rule):
        with client_of("http://127.0.0.1:1", on_failure=rule) as client:
            assert client.signup(account_id="a1").decision == rule

    def test_throw_raises(self):
        client = client_of("http://127.0.0.1:1", on_failure="throw")
        with client, pytest.raises(Unavailable):
            client.signup(account_id="a1")

    def test_throw_raises_what_was_refused_with_its_status(self):
        refusal = sends({"title": "Unauthorized", "detail": "no"}, status="401 Unauthorized")
        with (
            server(refusal) as running,
            client_of(running, on_failure="throw") as client,
            pytest.raises(Refused, match="401: no") as error,
        ):
            client.signup(account_id="a1")
        assert (error.value.status, error.value.problem["title"]) == (401, "Unauthorized")

    @pytest.mark.parametrize(
        ("errors", "told"),
        [
            ([{"field": "ip", "problem": "is too long"}], "422: no (ip is too long)"),
            ([{"field": "x", "problem": "y" * 999}, 3, None], f"422: no (x {'y' * 118})"),
            ("rubbish", "422: no"),
            ({"field": "ip"}, "422: no"),
        ],
    )
    def test_what_is_wrong_with_a_field_is_told(self, errors, told):
        problem = {"title": "Unprocessable", "detail": "no", "errors": errors}
        refusal = sends(problem, status="422 Unprocessable Content")
        with server(refusal) as running, client_of(running) as client:
            assert client.signup(account_id="a1").failure == f"the API answered {told}"

    @pytest.mark.parametrize("wrong", [object(), float("nan"), {1: {2, 3}}, b"bytes"])
    def test_a_field_that_json_cannot_hold_holds_nobody_up_and_is_not_shown(self, wrong, caplog):
        lost = []
        with client_of("http://127.0.0.1:1", retry=True, on_lost=lost.append) as client:
            answer = client.signup(account_id="a1", event_id="e1", email=wrong, ip="192.0.2.77")
            assert client.flush()
        assert (answer.decision, answer.accepted) == ("allow", False)
        assert "no JSON value" in answer.failure
        assert [fields["event_id"] for fields in lost] == ["e1"]
        assert "given up: event_id e1" in caplog.text
        assert "192.0.2.77" not in caplog.text

    def test_with_throw_and_in_other_calls_it_is_raised(self):
        with client_of("http://127.0.0.1:1", on_failure="throw") as client:
            for call in (
                lambda: client.signup(account_id=object()),
                lambda: client.batch("usage", [{"event_id": object()}]),
            ):
                with pytest.raises(NotJson, match="TypeError"):
                    call()

    def test_a_redirect_is_no_answer_to_any_call(self):
        away = sends(b"", status="302 Found", extra="Location: /login\r\n")
        with (
            server(away) as running,
            client_of(running) as client,
            pytest.raises(Unavailable, match="302"),
        ):
            client.erase("a1")

    def test_whatever_the_exchange_raises_the_rule_answers(self, monkeypatch):
        def breaks(*_, **__):
            raise UnicodeError("label too long")

        monkeypatch.setattr(socket, "create_connection", breaks)
        with client_of("http://ringfinder.invalid") as client:
            assert "UnicodeError" in client.signup(account_id="a1").failure

    def test_without_another_thread_the_rule_answers_too(self, monkeypatch):
        def breaks(_):
            raise RuntimeError("can't start new thread")

        with client_of("http://127.0.0.1:1", retry=True) as client:
            monkeypatch.setattr(threading.Thread, "start", breaks)
            answers = [client.signup(account_id="a1") for _ in range(module._THREADS + 1)]
            monkeypatch.undo()
            assert {answer.failure for answer in answers} == {"no thread could be started"}
            assert not client.flush(0)

    def test_what_could_not_be_sent_again_then_is_sent_with_the_next(self, monkeypatch):
        def breaks(_):
            raise RuntimeError("can't start new thread")

        with server(sends(UNKNOWN)) as running, client_of(running, retry=True) as client:
            with monkeypatch.context() as patched:
                patched.setattr(threading.Thread, "start", breaks)
                client.signup(account_id="a1", event_id="e1")
            client.signup(account_id="a2", event_id="e2")
            running.behave = sends(ANSWER)
            assert client.flush()
        assert {"e1", "e2"} == {body["event_id"] for _, body in running.requests}

    def test_other_calls_raise_whatever_the_rule(self):
        with client_of("http://127.0.0.1:1") as client, pytest.raises(Unavailable):
            client.account("a1")

    def test_an_unknown_rule_is_refused(self):
        with pytest.raises(ValueError, match="on_failure"):
            Client("http://127.0.0.1:1", KEY, on_failure="perhaps")

    def test_a_key_read_from_a_file_with_its_newline_is_the_key(self):
        with server(sends(ANSWER)) as running, Client(f"{running.url}\n", f" {KEY}\r\n") as client:
            assert client.signup(account_id="a1").failure == ""
        assert f"Authorization: Bearer {KEY}\r\n" in running.requests[0][0]

    @pytest.mark.parametrize("key", ["", "\n", "two words", "one\ntwo", "schl\u00fcssel", "a\x00"])
    def test_what_no_header_can_hold_is_no_key_and_not_shown(self, key):
        with pytest.raises(ValueError, match="key is") as error:
            Client("http://127.0.0.1:1", key)
        assert not key.strip() or key not in str(error.value)

    @pytest.mark.parametrize(
        "url", ["127.0.0.1:8000", "ftp://x", "http://", "http://a b:80", "http://h:port"]
    )
    def test_what_is_no_address_is_refused(self, url):
        with pytest.raises(ValueError, match="url|Port"):
            Client(url, KEY)

    def test_a_closed_client_answers_by_the_rule(self):
        client = client_of("http://127.0.0.1:1")
        client.close()
        assert client.signup(account_id="a1").decision == "allow"


def wait_until(what, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not what() and time.monotonic() < deadline:
        time.sleep(0.01)
    return what()


def ours():
    return [thread for thread in threading.enumerate() if thread.name.startswith("ringfinder")]


class TestAgain:
    def test_what_was_not_accepted_is_sent_again_under_the_same_event_id(self):
        behave = in_turn(sends(UNKNOWN), sends(UNKNOWN), sends(ANSWER))
        with server(behave) as running, client_of(running, retry=True) as client:
            answer = client.signup(account_id="a1", email="x@example.com")
            assert (answer.accepted, answer.decision) == (False, "challenge")
            assert client.flush()
        bodies = [body for _, body in running.requests]
        assert len(bodies) == 3
        assert bodies[0] == bodies[1] == bodies[2]

    def test_so_is_what_was_not_answered(self):
        behave = in_turn(silent, sends(ANSWER))
        with server(behave) as running, client_of(running, retry=True, timeout_s=0.1) as client:
            assert client.signup(account_id="a1").failure
            assert client.flush()
        assert len({body["event_id"] for _, body in running.requests}) == 1

    @pytest.mark.parametrize(("status", "times"), [("422 No", 1), ("401 No", 1), ("503 Later", 2)])
    def test_what_was_refused_for_good_is_not(self, status, times):
        behave = in_turn(sends({}, status=status), sends(ANSWER))
        with server(behave) as running, client_of(running, retry=True) as client:
            client.signup(account_id="a1")
            assert client.flush()
        assert len(running.requests) == times

    def test_what_is_given_up_is_told(self):
        lost = []
        with client_of(
            "http://127.0.0.1:1", retry=True, retry_for_s=0.3, on_lost=lost.append
        ) as client:
            client.signup(account_id="a1", event_id="e1")
            assert client.flush()
        assert [fields["event_id"] for fields in lost] == ["e1"]

    def test_what_is_still_waiting_at_the_end_is_told(self):
        lost = []
        client = client_of("http://127.0.0.1:1", retry=True, on_lost=lost.append)
        client.signup(account_id="a1", event_id="e1")
        assert not client.flush(0.01)
        client.close()
        assert wait_until(lambda: lost)
        assert [fields["event_id"] for fields in lost] == ["e1"]

    def test_more_than_a_thousand_are_not_kept_and_each_is_told_of(self, monkeypatch, caplog):
        monkeypatch.setattr(module, "_MOST_WAITING", 2)
        lost = []
        with client_of("http://127.0.0.1:1", retry=True, on_lost=lost.append) as client:
            for number in range(8):
                client.signup(event_id=str(number))
                # no more than two wait to be told of, either
                assert wait_until(lambda: not client._again._lost)
            assert wait_until(lambda: len(lost) >= 5)
        assert wait_until(lambda: len(lost) == 8)  # one may be on its way as the client closes
        assert sorted(fields["event_id"] for fields in lost) == list("01234567")
        for number in range(8):
            assert caplog.text.count(f"given up: event_id {number}: ") == 1

    def test_whoever_signs_up_does_not_wait_for_on_lost(self, monkeypatch):
        monkeypatch.setattr(module, "_MOST_WAITING", 0)
        url = "http://127.0.0.1:1"
        with client_of(url, retry=True, on_lost=lambda fields: time.sleep(3)) as client:
            answer, seconds = timed(lambda: client.signup(account_id="a1"))
        assert answer.failure
        assert seconds < 0.3 + MARGIN_S

    def test_an_on_lost_that_fails_costs_no_other_sign_up(self, caplog):
        told = []

        def on_lost(fields):
            told.append(fields["event_id"])
            raise ConnectionError("the database is away")

        behave = in_turn(sends({}, status="422 No"), sends(UNKNOWN), sends(ANSWER))
        with server(behave) as running, client_of(running, retry=True, on_lost=on_lost) as client:
            client.signup(account_id="a1", event_id="e1")
            assert client.flush()
            client.signup(account_id="a2", event_id="e2")
            assert client.flush()
        assert told == ["e1"]
        assert [body["event_id"] for _, body in running.requests] == ["e1", "e2", "e2"]
        assert "the database is away" in caplog.text

    def test_nor_does_whatever_else_goes_wrong_with_one(self, monkeypatch):
        lost = []
        behave = in_turn(sends(UNKNOWN), sends(UNKNOWN), sends(ANSWER))
        with server(behave) as running, client_of(
            running, retry=True, on_lost=lost.append
        ) as client:  # fmt: skip
            again, request = client._again._wire, client._wire.request
            client.signup(account_id="a1", event_id="e1")
            failing = iter([MemoryError()])

            def breaks(*given):
                for error in failing:
                    raise error
                return request(*given)

            monkeypatch.setattr(again, "request", breaks)
            assert client.flush()
            client.signup(account_id="a2", event_id="e2")
            assert client.flush()
        assert [fields["event_id"] for fields in lost] == ["e1"]
        assert running.requests[-1][1]["event_id"] == "e2"

    def test_what_is_refused_when_it_is_sent_again_is_told(self):
        lost = []
        behave = in_turn(sends(UNKNOWN), sends({}, status="422 No"))
        with server(behave) as running, client_of(
            running, retry=True, on_lost=lost.append
        ) as client:  # fmt: skip
            client.signup(account_id="a1", event_id="e1")
            assert client.flush()
        assert [fields["event_id"] for fields in lost] == ["e1"]

    def test_a_caller_that_is_interrupted_loses_nothing(self, monkeypatch):
        with server(sends(ANSWER)) as running, client_of(running, retry=True) as client:

            def interrupted(*_):
                raise KeyboardInterrupt

            with monkeypatch.context() as patched:
                patched.setattr(client, "_call", interrupted)
                with pytest.raises(KeyboardInterrupt):
                    client.signup(account_id="a1", event_id="e1")
            assert client.flush()
        assert [body["event_id"] for _, body in running.requests] == ["e1"]

    def test_no_thread_is_left_where_nothing_waits(self):
        with server(in_turn(sends(UNKNOWN), sends(ANSWER))) as running:
            client = client_of(running, retry=True)
            client.signup(account_id="a1")
            assert client.flush()
            assert wait_until(lambda: not ours())
            client.close()

    def test_without_retry_it_is_the_callers_to_send_again(self):
        behave = in_turn(sends(UNKNOWN), sends(ANSWER))
        with server(behave) as running, client_of(running) as client:
            first = client.signup(account_id="a1")
            time.sleep(0.01)
            second = client.signup(
                account_id="a1", event_id=first.event_id, created_at=first.created_at
            )
        assert (first.accepted, second.accepted) == (False, True)
        assert running.requests[0][1] == running.requests[1][1]

    def test_without_retry_one_without_an_answer_can_be_sent_again_as_it_was(self):
        behave = in_turn(sends({}, "503 Service Unavailable"), sends(ANSWER))
        with server(behave) as running, client_of(running) as client:
            first = client.signup(account_id="a1")
            time.sleep(0.01)
            client.signup(account_id="a1", event_id=first.event_id, created_at=first.created_at)
        assert "503" in first.failure
        assert running.requests[0][1] == running.requests[1][1]


def test_a_label_that_is_said_again_is_the_same_words():
    with server(sends({})) as running, client_of(running) as client:
        for _ in range(2):
            client.label("a1", "fraud", event_id="l", decided_at=None)
            time.sleep(0.01)
    assert [body for _, body in running.requests] == [
        {"event_id": "l", "account_id": "a1", "label": "fraud"}
    ] * 2


class TestAsync:
    def run(self, running, use, **options):
        async def main():
            url = getattr(running, "url", running)
            async with AsyncClient(url, KEY, **{"retry": False} | options) as client:
                return await use(client)

        return asyncio.run(main())

    def test_it_answers_the_same(self):
        with server(sends(ANSWER)) as running, client_of(running) as client:
            sync = client.signup(account_id="a1", event_id="e")
            found = self.run(running, lambda c: c.signup(account_id="a1", event_id="e"))
        assert found == sync

    def test_the_time_holds_and_the_loop_goes_on(self):
        async def use(client):
            ticks = 0

            async def tick():
                nonlocal ticks
                while True:
                    await asyncio.sleep(0.01)
                    ticks += 1

            ticking = asyncio.create_task(tick())
            began = time.perf_counter()
            answers = await asyncio.gather(*(client.signup(account_id="a") for _ in range(10)))
            ticking.cancel()
            return answers, time.perf_counter() - began, ticks

        with server(drips()) as running:
            answers, seconds, ticks = self.run(running, use)
        assert all(answer.failure for answer in answers)
        assert seconds < 0.3 + 2 * MARGIN_S
        assert ticks > 5

    def test_throw_raises(self):
        with pytest.raises(Unavailable):
            self.run("http://127.0.0.1:1", lambda c: c.signup(), on_failure="throw")

    def test_it_sends_again(self):
        async def use(client):
            await client.signup(account_id="a1")
            return await client.flush()

        with server(in_turn(sends(UNKNOWN), sends(ANSWER))) as running:
            assert self.run(running, use, retry=True)
        assert len(running.requests) == 2

    def test_a_task_that_is_cancelled_loses_nothing(self):
        async def use(client):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.signup(account_id="a1", event_id="e1")
            return await client.flush()

        with server(in_turn(silent, sends(ANSWER))) as running:
            assert self.run(running, use, retry=True)
        assert [body["event_id"] for _, body in running.requests] == ["e1", "e1"]

    def test_the_other_calls_are_there(self):
        async def use(client):
            await client.outcome("e", "abandoned")
            await client.batch("logins", [])
            await client.label("a", "fraud", event_id="l", decided_at="2026-03-01T00:00:00Z")
            await client.erase("a/1")
            return await client.account("a")

        with server(sends({"x": 1})) as running:
            assert self.run(running, use) == {"x": 1}
        assert [head.split(" HTTP")[0] for head, _ in running.requests[2:4]] == [
            "POST /v1/labels",
            "DELETE /v1/accounts/a%2F1/personal-data",
        ]
        assert running.requests[2][1] == {
            "event_id": "l", "account_id": "a", "label": "fraud",
            "decided_at": "2026-03-01T00:00:00Z",
        }  # fmt: skip

    def test_every_call_of_the_one_is_a_call_of_the_other(self):
        calls = {name for name in vars(Client) if not name.startswith("_")}
        assert calls == {name for name in vars(AsyncClient) if not name.startswith("_")}

    def test_other_calls_have_a_longer_time_of_their_own(self):
        with server(drips({"x": 1}, pause_s=0.005)) as running:
            assert self.run(running, lambda c: c.erase("a"), timeout_s=0.05) == {"x": 1}


def _in_child(client, pipe):
    pipe.send(client.signup(account_id="a1").failure)


def _waits_in_child(client, lost, pipe):
    flushed = client.flush(0.2)
    client.close()
    pipe.send((flushed, lost))


class TestForking:
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_a_client_made_before_a_fork_works_after_it(self):
        with server(sends(ANSWER)) as running, client_of(running, timeout_s=3) as client:
            assert client.signup(account_id="a1").failure == ""
            here, there = multiprocessing.Pipe()
            child = multiprocessing.get_context("fork").Process(
                target=_in_child, args=(client, there)
            )
            child.start()
            assert here.poll(10)
            assert here.recv() == ""
            child.join()

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_what_waits_stays_with_the_parent_whatever_locks_were_held(self):
        lost = []
        with client_of("http://127.0.0.1:1", retry=True, on_lost=lost.append) as client:
            client.signup(account_id="a1", event_id="e1")
            here, there = multiprocessing.Pipe()
            child = multiprocessing.get_context("fork").Process(
                target=_waits_in_child, args=(client, lost, there)
            )
            with client._again._changed:
                child.start()
            assert here.poll(10)
            assert here.recv() == (True, [])
            child.join()
        assert wait_until(lambda: lost)
        assert [fields["event_id"] for fields in lost] == ["e1"]

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_a_client_that_was_closed_before_stays_closed(self):
        client = client_of("http://127.0.0.1:1")
        client.close()
        here, there = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=_in_child, args=(client, there))
        child.start()
        assert here.poll(10)
        assert here.recv() == "the client was closed"
        child.join()


class TestEnding:
    """A program that ends: its threads keep it from nothing, and it loses nothing unsaid."""

    def run(self, program):
        head = "import atexit, logging, socket, time\nfrom ringfinder.client import Client\n"
        return timed(
            lambda: subprocess.run(
                [sys.executable, "-c", head + program], cwd=FILE.parents[1], capture_output=True,
                text=True, timeout=30, check=True,
            )
        )  # fmt: skip

    def test_what_still_waits_is_logged_and_told(self):
        done, _ = self.run(
            "client = Client('http://127.0.0.1:1', 'k', on_lost=lambda f: print(f['event_id']))\n"
            "client.signup(event_id='e1')\n"
        )
        assert done.stdout == "e1\n"
        assert "given up: event_id e1" in done.stderr

    def test_a_look_up_that_is_stuck_does_not_hold_it_up(self):
        done, seconds = self.run(
            "socket.getaddrinfo = lambda *_, **__: time.sleep(20)\n"
            "client = Client('http://ringfinder.invalid', 'k', retry=False)\n"
            "print(client.signup().decision)\n"
        )
        assert done.stdout == "allow\n"
        assert seconds < 10

    def test_a_sign_up_as_it_ends_is_answered(self):
        done, _ = self.run(
            "client = Client('http://127.0.0.1:1', 'k')\n"
            "atexit.register(lambda: print(client.signup(event_id='e1').decision))\n"
        )
        assert done.stdout == "allow\n"
        assert "given up: event_id e1" in done.stderr


class TestAlone:
    def test_it_runs_copied_elsewhere_with_nothing_but_python(self, tmp_path):
        (tmp_path / "rf.py").write_bytes(FILE.read_bytes())
        program = (
            "import sys; sys.path.insert(0, '.'); import rf\n"
            "answer = rf.Client(sys.argv[1], 'k').signup(account_id='a1')\n"
            "print(answer.decision, [m for m in sys.modules if m.startswith('ringfinder')])\n"
        )
        with server(sends(ANSWER)) as running:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", program, running.url],
                cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False,
            )  # fmt: skip
        assert done.stdout.strip() == "challenge []", done.stderr

    def test_it_imports_nothing_but_the_standard_library(self):
        imported = set()
        for node in ast.walk(ast.parse(FILE.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                imported.add(node.module.partition(".")[0])
        assert imported <= sys.stdlib_module_names | {"__future__"}

    def test_it_carries_a_permissive_licence_of_its_own(self):
        text = FILE.read_text("utf-8")
        assert text.startswith("# SPDX-License-Identifier: MIT\n")
        assert "Permission is hereby granted, free of charge" in " ".join(text.split())
