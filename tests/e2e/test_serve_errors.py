"""Every error of every route is a problem document that tells nothing of what was sent."""

from __future__ import annotations

import json
import socket
import time

import httpx
import pytest
from served import signup

from ringfinder.config import load
from ringfinder.serve.access import OPEN, SIGNED
from ringfinder.serve.app import create_app
from ringfinder.serve.bodies import LARGE, SECONDS, SMALL

CANARY = "canary.7391@example.org"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The application, of which only the list of its routes is used."""
    return create_app(load({"data_dir": tmp_path_factory.mktemp("home")}))


def routes(app):
    """(method, a path that fits, route) of every route."""
    for route in app.router.routes:
        path = route.path_format
        for name in route.param_convertors:
            path = path.replace(f"{{{name}}}", "nothing")
        for method in sorted(route.methods):
            yield method, path, route


def assert_problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= set(told)
    assert set(told) <= {"type", "title", "status", "detail", "code", "errors"}
    assert told["status"] == status
    assert told["type"].endswith(told["code"])
    assert CANARY not in answer.text
    assert "x-request-id" in answer.headers


def send(client, method, path, **options):
    return client.request(method, path, **options)


class TestEveryRoute:
    def test_says_who_may_call_it(self, app):
        for _, path, route in routes(app):
            assert route.scope, path

    def test_refuses_a_caller_without_a_key(self, app, shared):
        with shared.client("") as client:
            for method, path, route in routes(app):
                if route.scope not in {OPEN, SIGNED}:
                    answer = send(client, method, path)
                    assert_problem(answer, 401)
                    assert answer.headers["www-authenticate"] == "Bearer"

    def test_refuses_a_key_that_is_none(self, app, shared):
        with shared.client("rfk_000000000000_" + "x" * 43) as client:
            for method, path, route in routes(app):
                if route.scope not in {OPEN, SIGNED}:
                    assert_problem(send(client, method, path), 401)

    def test_refuses_a_key_of_another_scope(self, app, shared):
        keys = {scope: shared.new_key(scope) for scope in ("rings:read", "allowance")}
        time.sleep(1.2)
        for method, path, route in routes(app):
            if route.scope in {OPEN, SIGNED}:
                continue
            other = "allowance" if route.scope != "allowance" else "rings:read"
            with shared.client(keys[other]) as client:
                assert_problem(send(client, method, path), 403)

    def test_refuses_another_method_and_says_which_it_takes(self, app, shared):
        with shared.client() as client:
            for method, path, _ in routes(app):
                wrong = "PUT" if method != "PUT" else "PATCH"
                answer = send(client, wrong, path)
                assert_problem(answer, 405)
                assert answer.headers["allow"]

    def test_that_takes_a_body_takes_json_only(self, app, shared):
        with shared.client(shared.admin) as client:
            for method, path, route in routes(app):
                if route.body_field is None or route.scope == SIGNED:
                    continue
                plain = {"content-type": "text/plain"}
                assert_problem(send(client, method, path, content=CANARY, headers=plain), 415)
                kind, nothing = {"content-type": "application/json"}, (b"", b"null")
                if not route.body_field.field_info.is_required():
                    assert send(client, method, path).status_code == 404  # and not 415
                    nothing = ()
                else:
                    assert_problem(send(client, method, path, content=b""), 415)
                for bad in (*nothing, b"{", b"[]", b"\xff\xfe", b'"' + CANARY.encode() + b'"'):
                    assert_problem(send(client, method, path, content=bad, headers=kind), 422)
                assert_problem(send(client, method, path, json={CANARY: CANARY}), 422)

    def test_that_takes_a_body_takes_no_more_than_it_may(self, app, shared):
        with shared.client(shared.admin) as client:
            for method, path, route in routes(app):
                if route.body_field is None or route.scope == SIGNED:
                    continue
                most = LARGE if route.large else SMALL
                kind = {"content-type": "application/json"}
                big = b'{"x":"' + b"x" * most + b'"}'
                assert_problem(send(client, method, path, content=big, headers=kind), 413)

    def test_is_described_with_its_errors(self, app):
        described = app.openapi()["paths"]
        for method, path, route in routes(app):
            if not route.include_in_schema:
                continue
            told = described[route.path_format][method.lower()]
            assert {"429", "500", "503"} <= set(told["responses"]), path
            if route.scope not in {OPEN, SIGNED}:
                assert {"401", "403", "422"} <= set(told["responses"]), path
                assert told["security"] == [{"key": [route.scope]}]
            for status, answer in told["responses"].items():
                if status[0] in "45" and path != "/readyz":
                    assert list(answer["content"]) == ["application/problem+json"], (path, status)


class TestElsewhere:
    def test_a_path_that_is_not_there(self, shared):
        for path in ("/", "/v1", "/docs", "/v1/signups/", "/v1//signups", f"/{CANARY}"):
            assert_problem(shared.get(path), 404)

    def test_a_chunked_body_is_measured_while_it_comes(self, shared):
        def forever():
            for _ in range(3 * SMALL // 1024):
                yield b" " * 1024

        with shared.client() as client:
            kind = {"content-type": "application/json"}
            assert_problem(client.post("/v1/signups", content=forever(), headers=kind), 413)

    def test_a_field_that_is_wrong_is_named_and_its_value_is_not(self, shared):
        answer = shared.post("/v1/signups", signup("bad", created_at=CANARY, colour=CANARY))
        assert_problem(answer, 422)
        assert {one["field"] for one in answer.json()["errors"]} == {"created_at", "colour"}

    def test_what_is_not_http_is_refused(self, shared):
        answer = raw(shared, b"HELLO " + CANARY.encode() + b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"application/problem+json" in answer
        assert CANARY.encode() not in answer

    def test_headers_without_end_are_refused(self, shared):
        answer = raw(shared, b"GET /healthz HTTP/1.1\r\n" + b"x: " + b"y" * 40_000 + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 431 ")

    def test_headers_that_do_not_come_are_not_waited_for(self, shared):
        began = time.monotonic()
        answer = raw(shared, b"GET /healthz HTTP/1.1\r\nx: ")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began < SECONDS + 2

    def test_a_body_that_does_not_come_is_not_waited_for(self, shared):
        head = (
            "POST /v1/signups HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {shared.key}\r\ncontent-length: 100\r\n\r\n"
        )
        answer = raw(shared, head.encode() + b"{")
        assert answer.startswith(b"HTTP/1.1 408 ")

    @pytest.mark.parametrize("drip", [b"", b"a"])
    def test_nor_are_those_of_a_request_that_began_behind_another(self, shared, drip):
        whole = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
        answer = raw(shared, whole + b"POST /v1/signups HTTP/1.1\r\nx: ", drip=drip)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 408 " in answer

    def test_requests_in_a_row_are_answered_in_a_row(self, shared):
        whole = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
        assert raw(shared, 3 * whole, drip=whole, most_s=SECONDS + 2).count(b"200 OK") > SECONDS

    def test_a_connection_that_says_nothing_is_closed(self, shared):
        assert raw(shared, b"") == b""

    def test_a_request_id_of_the_caller_is_kept_if_it_is_one(self, shared):
        given = shared.get("/healthz", headers={"x-request-id": "abc-123"})
        assert given.headers["x-request-id"] == "abc-123"
        odd = shared.get("/healthz", headers={"x-request-id": CANARY})
        assert odd.headers["x-request-id"] != CANARY

    def test_what_breaks_inside_says_nothing_of_itself(self, tmp_path):
        service_app = create_app(load({"data_dir": tmp_path}))

        async def breaks(*given, **named):
            raise ValueError(CANARY)

        service_app.state.service.journal.find = breaks
        service_app.state.service.keyring.find = lambda secret: _admin()
        transport = httpx.ASGITransport(service_app)

        async def ask():
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                return await client.post("/v1/signups/e/outcome", json={"outcome": "denied"})

        import asyncio

        assert_problem(asyncio.run(ask()), 500)


def _admin():
    from ringfinder.serve.keys import Key

    return Key("000000000000", b"", "test", frozenset({"admin"}), 0)


def raw(served, data, *, drip=b"", most_s=SECONDS + 3):
    """Send bytes, and so many more each second; return what comes back until the end."""
    port = int(served.url.rpartition(":")[2])
    end = time.monotonic() + most_s
    with socket.create_connection(("127.0.0.1", port), timeout=1.0 if drip else most_s) as told:
        told.sendall(data)
        got = b""
        while time.monotonic() < end:
            try:
                if not (piece := told.recv(65536)):
                    return got
                got += piece
            except TimeoutError:
                told.sendall(drip)
        assert drip.endswith(b"\n"), "the connection was not ended"
        return got


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("/v1/accounts/someone?acton=payout", "acton"),
        ("/v1/rings?=1", "(unknown)"),
        ("/v1/rings?min_size=3&query", "query"),
        (f"/v1/rings?{CANARY}=1", "(unknown)"),
        ("/v1/rings/ring-1?limit=5", "limit"),
    ],
)
def test_a_parameter_that_the_route_does_not_know_is_refused_by_name(shared, address, field):
    answer = shared.get(address)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert "not a parameter of this route" in answer.json()["errors"][0]["problem"]
    assert CANARY not in answer.text


def test_a_sign_up_with_parameters_in_its_address_is_not_taken_in(shared):
    answer = shared.post("/v1/signups?dry_run=true", signup("with-parameters"))
    assert answer.status_code == 422
    assert shared.get("/v1/accounts/acct-with-parameters").status_code == 404


def test_an_account_without_a_name_is_none_to_erase(shared):
    with shared.client(shared.admin) as client:
        answer = client.delete("/v1/accounts//personal-data")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "account_id", "problem": "is empty"}]


def test_probes_may_add_parameters_of_their_own(shared):
    assert shared.get("/healthz?probe=7").status_code == 200


def test_the_log_holds_nothing_that_was_sent(shared):
    for body in (signup("canary", email=CANARY, ip="198.51.100.77"), {"email": CANARY}):
        shared.post("/v1/signups", body)
    shared.get(f"/v1/accounts/{CANARY}?q={CANARY}")
    shared.post(f"/v1/signups/{CANARY}/outcome", {"outcome": CANARY})
    time.sleep(0.1)
    assert CANARY not in shared.log
    assert "198.51.100.77" not in shared.log
    lines = [json.loads(line) for line in shared.log.splitlines() if line.startswith("{")]
    assert any(line["event"] == "request" and line["status"] == 422 for line in lines)
    assert all({"time", "level", "event"} <= set(line) for line in lines)


def test_who_sends_far_too_much_can_read_that_it_is_too_much(shared):
    body = b" " * (LARGE + (1 << 20))
    kind = {"content-type": "application/json"}
    with shared.client() as client:
        for _ in range(3):
            assert_problem(client.post("/v1/signups/batch", content=body, headers=kind), 413)
