"""The examples are true: what they show is what a real server answers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from served import serving

from ringfinder.client import Client

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "examples"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("served"), deadline_ms=5000) as running:
        yield running


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_every_call_of_the_curl_examples_is_answered_as_they_say(served):
    script = EXAMPLES / "curl.sh"
    done = subprocess.run(
        ["sh", str(script)], capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | {"RINGFINDER_URL": served.url, "RINGFINDER_KEY": served.admin},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line]
    calls = re.findall(r"^call (\w+) (\S+)", script.read_text(), re.MULTILINE)
    assert len(answers) == len(calls)
    first, again, attempt, outcome, usage, payment, label, waiting, account, rings, erased = answers
    assert (first["decision"], first["accepted"]) == ("allow", True)
    assert again == first
    assert attempt["attempt_id"] == "attempt-2"
    assert (outcome["outcome"], outcome["account_id"]) == ("completed", "example-two")
    assert usage["results"][0]["status"] == payment["results"][0]["status"] == "accepted"
    assert label["state"] == "effective"
    assert waiting == {"labels": []}
    assert account["account_id"] == "example-account"
    assert rings["rings"] == []
    assert erased["account_id"] == "example-account"


class TestClient:
    """`ringfinder/client.py` against the API that it is written for."""

    def test_a_signup_is_accepted_and_repeated_under_its_event_id(self, served):
        with Client(served.url, served.key, timeout_s=5) as client:
            row = {"account_id": "c-1", "email": "c1@example.org", "ip": "192.0.2.9"}
            first = client.signup(created_at="2026-03-01T09:30:00Z", **row)
            again = client.signup(created_at="2026-03-01T09:30:00Z", event_id=first.event_id, **row)
        assert (first.failure, first.accepted, first.decision) == ("", True, "allow")
        assert again == first
        assert first.public_reason == "Nothing more is needed."

    def test_what_is_sent_again_without_times_of_its_own_is_no_other(self, served):
        with Client(served.url, served.admin, timeout_s=5, retry=False) as client:
            first = client.signup(account_id="c-4")
            again = client.signup(
                account_id="c-4", event_id=first.event_id, created_at=first.created_at
            )
            told = [client.label("c-4", "fraud", event_id="c-label") for _ in range(2)]
        assert (first.failure, again.failure, again.accepted) == ("", "", True)
        assert [one["state"] for one in told] == ["effective"] * 2

    def test_an_attempt_becomes_an_account_that_can_be_labelled_and_erased(self, served):
        with Client(served.url, served.admin, timeout_s=10) as client:
            attempt = client.signup(attempt_id="try-1")
            done = client.outcome(attempt.event_id, "completed", account_id="c-2")
            assert done["account_id"] == "c-2"
            rows = [{"event_id": "cu", "account_id": "c-2", "occurred_at": "2026-03-01T09:30:00Z"}]
            assert client.batch("usage", rows)["results"][0]["status"] == "accepted"
            assert client.label("c-2", "legitimate", note="Known.")["state"] == "effective"
            assert client.account("c-2")["account_id"] == "c-2"
            assert client.erase("c-2")["entries"] > 0

    def test_a_key_that_is_not_in_force_lets_the_rule_decide(self, served):
        with Client(served.url, "rfk_no_key", timeout_s=5, on_failure="challenge") as client:
            answer = client.signup(account_id="c-3")
        assert answer.decision == "challenge"
        assert "401" in answer.failure
