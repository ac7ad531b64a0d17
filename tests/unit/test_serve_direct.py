"""Sign-ups pass by FastAPI's layers: an error there is answered like any other."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from ringfinder.config import load
from ringfinder.serve import signups
from ringfinder.serve.app import create_app
from ringfinder.serve.keys import KeyScope, KeyStore

BODY = {"event_id": "e1", "account_id": "a1", "created_at": "2026-01-01T00:00:00Z"}


@pytest.fixture
def asked(tmp_path):
    """Ask an application whose writer is not there; status, headers and body of its answer."""
    app = create_app(load({"data_dir": tmp_path}))
    secret = KeyStore(tmp_path).create("test", {KeyScope.SIGNUPS}, now_ms=0)[1]
    app.state.service.keyring.refresh()

    app.state.service.hook_secrets["webhook"] = ("whsec_c2VjcmV0",)

    def ask(method="POST", body=BODY, path="/v1/signups", *, hangs_up=False):
        raw, sent = json.dumps(body).encode(), []
        arriving = [{"type": "http.request", "body": raw[:5], "more_body": True}] * hangs_up
        scope = {
            "type": "http", "method": method, "path": path, "query_string": b"", "root_path": "",
            "headers": [
                (b"authorization", b"Bearer " + secret.encode()),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(raw)).encode()),
            ],
        }  # fmt: skip

        async def receive():
            if arriving:
                return arriving.pop()
            if hangs_up:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": raw}

        async def send(message):
            sent.append(message)

        asyncio.run(app(scope, receive, send))
        headers = dict(sent[0]["headers"])
        return sent[0]["status"], headers, b"".join(one.get("body", b"") for one in sent)

    return ask


def is_problem(answer, status):
    found, headers, body = answer
    assert found == status == json.loads(body)["status"]
    assert headers[b"content-type"].startswith(b"application/problem+json")
    assert headers[b"x-request-id"]
    assert headers[b"cache-control"] == b"no-store"
    return json.loads(body)


def test_whatever_breaks_inside_is_a_problem_document_that_tells_nothing(asked, monkeypatch):
    async def broken(*arguments):
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(signups, "accept", broken)
    problem = is_problem(asked(), 500)
    assert "secret" not in str(problem)


def test_a_body_that_is_no_sign_up_is_refused_by_its_fields(asked):
    problem = is_problem(asked(body={"event_id": "e1"}), 422)
    assert {one["field"] for one in problem["errors"]} >= {"created_at"}


@pytest.mark.parametrize("path", ["/v1/signups", "/v1/signups/batch", "/v1/hooks/webhook"])
def test_who_hangs_up_in_the_middle_of_a_body_is_no_error_of_ours(asked, caplog, path):
    problem = is_problem(asked(path=path, hangs_up=True), 400)
    assert problem["code"] == "client_disconnect"
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_refused_there(asked, method):
    is_problem(asked(method), 405)


def test_two_answers_never_bear_one_id(asked):
    assert len({asked(body={})[1][b"x-request-id"] for _ in range(20)}) == 20
