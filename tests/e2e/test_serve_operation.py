"""What a person on call needs to see: at start, in the log, at /readyz and in the metrics."""

from __future__ import annotations

import json
import os
import signal

import pytest
from served import Served, serving, signup, wait_for

from ringfinder.publish import snapshots
from ringfinder.publish.staging import staged
from ringfinder.serve.auditlog import AuditLog

DENIES = "otherwise = 'deny'\n"
ALLOWS = "otherwise = 'allow'\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("operation")) as running:
        yield running


def measured(served, name):
    """A metric's value; None where it is not there."""
    lines = served.get("/metrics").text.splitlines()
    found = [line for line in lines if line.startswith(f"{name} ")]
    return float(found[0].split()[1]) if found else None


def logged(served, **fields):
    """Lines of the log that have these fields."""
    rows = [json.loads(line) for line in served.log.splitlines() if line.startswith("{")]
    return [row for row in rows if fields.items() <= row.items()]


def policies(home):
    return [act.details for act in AuditLog(home).read() if act.what == "policy.changed"]


def test_a_service_without_snapshot_says_at_start_that_it_lets_everybody_in(served):
    assert "no snapshot is in" in served.log
    assert "`ringfinder recompute`" in served.log


def test_one_without_a_key_says_how_to_make_one(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Served, "new_key", lambda *given, **named: "none")
        running = Served(tmp_path)
    try:
        running.start()
        assert "there is no key yet: `ringfinder keys create`" in running.log
    finally:
        running.stop()


def test_the_log_names_the_fields_that_were_wrong_and_the_key_that_lacks_a_scope(served):
    body = signup("wrong") | {"created_at": "yesterday"}
    body["Canary Field 7"] = 1
    assert served.post("/v1/signups", body).status_code == 422
    wait_for(lambda: logged(served, status=422))
    (line,) = logged(served, status=422)
    assert line["fields"] == ["created_at", "(unknown)"]
    with served.client(served.new_key("allowance")) as client:
        wait_for(lambda: client.get("/v1/rings").status_code == 403)
    wait_for(lambda: logged(served, status=403))
    assert logged(served, status=403)[0]["key"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_monitor_may_ask_with_head(served, path):
    with served.client("") as client:
        answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_night_that_waits_for_a_person_shows_until_it_is_let_in(served):
    place = served.home / "snapshots"
    assert served.get("/readyz").json()["snapshot_held"] is None
    with staged(place / "s-1") as stage:
        stage.write_run({"created_ms": 0})
    snapshots.record(place, "s-1", held=["It would newly flag 9 accounts."])
    wait_for(lambda: served.get("/readyz").json()["snapshot_held"] == "s-1", seconds=20)
    assert measured(served, "ringfinder_snapshot_held") == 1
    assert logged(served, event="snapshot waits for a person", snapshot="s-1")
    snapshots.record(place, "s-1")
    wait_for(lambda: served.get("/readyz").json()["snapshot_held"] is None, seconds=20)
    assert measured(served, "ringfinder_snapshot_held") == 0


def test_a_writer_that_stands_still_is_measured(served):
    wait_for(lambda: measured(served, "ringfinder_journal_up") == 1, seconds=20)
    (writer,) = served.children("writer")
    os.kill(writer, signal.SIGSTOP)
    try:
        wait_for(lambda: measured(served, "ringfinder_journal_up") == 0, seconds=20)
    finally:
        os.kill(writer, signal.SIGCONT)
    wait_for(lambda: measured(served, "ringfinder_journal_up") == 1, seconds=20)


def test_a_policy_that_comes_with_a_restart_is_in_the_audit_log_once(tmp_path):
    policy = tmp_path / "ours.toml"
    home = tmp_path / "home"
    home.mkdir()
    with serving(home):  # the default policy
        pass
    assert policies(home) == []
    for text, changes in ((DENIES, 1), (DENIES, 1), (ALLOWS, 2)):
        policy.write_text(text)
        with serving(home, policy_file=policy, workers=2):
            wait_for(lambda: (home / "run" / "policy.toml").read_text() == text)  # noqa: B023
        assert len(policies(home)) == changes
    with serving(home):
        pass
    first, *_, last = policies(home)
    assert last["after"] == first["before"]


def test_it_does_not_start_with_a_bad_policy_whatever_was_in_force_before(tmp_path):
    policy = tmp_path / "ours.toml"
    policy.write_text(ALLOWS)
    with serving(tmp_path, policy_file=policy):
        pass
    policy.write_text("[[rules]]\nthen = 'destroy'\n")
    with pytest.raises(AssertionError, match="rule 1: then is one of"):
        Served(tmp_path, policy_file=policy).start()
