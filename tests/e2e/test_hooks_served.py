"""Hooks, labels and policies against a real `ringfinder serve`."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import closing
from itertools import pairwise

import hook_payloads as sent
import httpx
import pytest
from auth0_actions import before, needs_node, node
from click.testing import CliRunner
from hook_payloads import OTHER, STANDARD, STRIPE, encoded, standard_headers, stripe_headers
from served import Served, serving, signup, wait_for

from ringfinder.cli import program
from ringfinder.journal import Reader, decode_event
from ringfinder.places import JOURNAL
from ringfinder.serve.auditlog import AuditLog
from ringfinder.store.events import EventType

OPEN = '[[rules]]\nname = "open"\nthen = "allow"\n'
CLOSED = '[[rules]]\nname = "closed"\nactions = ["signup"]\nthen = "deny"\n'


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    home = tmp_path_factory.mktemp("served")
    (home / "policy.toml").write_text(OPEN)
    (home / "hooks.toml").write_text(
        f'supabase = ["v1,{STANDARD}"]\nauth0 = ["{STANDARD}"]\nstripe = ["{STRIPE}"]\n'
        f'webhook = ["{STANDARD}", "{OTHER}"]\n'
    )
    with serving(
        home,
        deadline_ms=5000,
        workers=2,
        policy_file=home / "policy.toml",
        hook_secrets_file=home / "hooks.toml",
        appeal_contact="appeals@example.com",
    ) as running:
        yield running


@pytest.fixture
def closed(served):
    """A policy that a person set to deny every sign-up, for the length of a test."""
    policy = served.home / "policy.toml"
    policy.write_text(CLOSED)
    wait_for(lambda: _all_say(served, "deny"))
    yield served
    policy.write_text(OPEN)
    wait_for(lambda: _all_say(served, "allow"))


def _all_say(served, decision):
    """Ask as often as makes it next to certain that every worker was asked."""
    return all(
        served.post("/v1/signups", signup(f"probe-{time.time_ns()}")).json()["decision"] == decision
        for _ in range(12)
    )


def _answers(served):
    try:
        return served.get("/healthz").status_code == 200
    except httpx.HTTPError:
        return False


def hook(served, name, payload, headers=standard_headers, **options):
    body = payload if isinstance(payload, bytes) else encoded(payload)
    return httpx.post(
        f"{served.url}/v1/hooks/{name}", content=body, headers=headers(body, **options), timeout=10
    )


def recorded(served, account, kind):
    """What the journal holds of an account: the events of one type, decoded."""
    with closing(Reader(served.home / JOURNAL)) as reader:
        return [
            decode_event(one.event)
            for one in reader.held(0)[0]
            if (one.account_id, one.event_type) == (account, kind)
        ]


class TestSupabase:
    def test_a_registration_is_let_in_recorded_and_readable_at_once(self, served):
        answer = hook(served, "supabase", sent.supabase("user-1", "uuid-1"))
        assert (answer.status_code, answer.json()) == (200, {})
        assert answer.headers["content-type"] == "application/json"
        assert served.get("/v1/accounts/user-1").json()["decision"] == "allow"

    def test_the_same_registration_again_is_answered_the_same(self, served):
        first = hook(served, "supabase", sent.supabase("user-2", "uuid-2"))
        again = hook(served, "supabase", sent.supabase("user-2", "uuid-2"), message="msg_other")
        assert first.json() == again.json() == {}

    def test_a_denial_is_what_supabase_shows_and_says_how_to_appeal(self, closed):
        answer = hook(closed, "supabase", sent.supabase("user-3", "uuid-3"))
        assert answer.status_code == 200
        error = answer.json()["error"]
        assert (error["http_code"], set(error)) == (403, {"http_code", "message"})
        assert "appeals@example.com" in error["message"]

    def test_what_is_not_understood_locks_nobody_out(self, served):
        answer = hook(served, "supabase", {"metadata": {}, "user": {}})
        assert (answer.status_code, answer.json()) == (200, {})

    def test_without_a_good_signature_nothing_is_read(self, served):
        body = encoded(sent.supabase("user-4", "uuid-4"))
        bad = standard_headers(body + b" ")
        answer = httpx.post(f"{served.url}/v1/hooks/supabase", content=body, headers=bad)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert served.get("/v1/accounts/user-4").status_code == 404

    def test_a_body_beyond_64_kib_is_refused_before_it_is_read(self, served):
        answer = hook(served, "supabase", b'{"x": "' + b"x" * (64 << 10) + b'"}')
        assert answer.status_code == 413


class TestAuth0:
    def test_an_attempt_becomes_an_account(self, served):
        answer = hook(served, "auth0", sent.auth0("attempt-1"))
        assert answer.json() == {
            "event_id": "attempt-1", "decision": "allow", "message": "Nothing more is needed.",
        }  # fmt: skip
        after = {
            "trigger": "post-user-registration", "event_id": "attempt-1",
            "event": {"user": {"user_id": "auth0|77"}},
        }  # fmt: skip
        assert hook(served, "auth0", after).status_code == 200
        assert served.get("/v1/accounts/auth0%7C77").status_code == 200

    def test_a_registration_that_is_delivered_again_is_answered_the_same(self, served):
        told = [hook(served, "auth0", sent.auth0("attempt-3")) for _ in range(2)]
        assert [answer.status_code for answer in told] == [200, 200]  # at two times of the day
        assert told[0].json() == told[1].json()

    def test_a_denial_carries_the_public_reason_alone(self, closed):
        answer = hook(closed, "auth0", sent.auth0("attempt-2")).json()
        assert (answer["decision"], set(answer)) == ("deny", {"event_id", "decision", "message"})

    @needs_node
    def test_the_actions_in_the_examples_speak_this_protocol(self, served, tmp_path):
        metadata = json.loads(node(tmp_path, served.url).stdout)
        assert metadata["denied"] is None
        assert len(metadata["ringfinder_event_id"]) == 36
        assert served.get("/v1/accounts/auth0%7Cnode").status_code == 200

    @needs_node
    def test_the_action_denies_where_the_policy_does(self, closed, tmp_path):
        assert "appeals@example.com" in before(tmp_path, closed.url)["denied"]


class TestStripe:
    def test_a_card_is_recorded_for_the_account_that_the_customer_is(self, served):
        created = sent.stripe(
            "customer.created", sent.customer("cus_7", account_id="acct-7"), "evt_c"
        )
        card = sent.stripe("payment_method.attached", sent.payment_method("cus_7"), "evt_p")
        for event in (created, card, card):
            answer = hook(served, "stripe", event, stripe_headers)
            assert (answer.status_code, answer.json()) == (200, {"received": True})
        assert "Xt5EWLLDS7FJjR1c" not in served.log
        (payment,) = recorded(served, "acct-7", EventType.PAYMENTS)
        assert {one["kind"] for one in payment["values"]} == {"payment_fingerprint"}
        assert recorded(served, "cus_7", EventType.PAYMENTS) == []

    def test_a_customer_that_is_told_of_again_is_not_named_anew(self, served):
        for account, event_id in (("acct-8", "evt_8"), ("acct-9", "evt_9"), ("acct-8", "evt_8")):
            about = sent.customer("cus_8", account_id=account)
            event = sent.stripe("customer.updated", about, event_id)
            assert hook(served, "stripe", event, stripe_headers).status_code == 200
        card = sent.stripe("charge.succeeded", sent.charge("cus_8", "Card8"), "evt_10")
        hook(served, "stripe", card, stripe_headers)
        assert len(recorded(served, "acct-9", EventType.PAYMENTS)) == 1
        assert recorded(served, "acct-8", EventType.PAYMENTS) == []

    def test_events_that_tell_of_no_card_are_taken_as_read(self, served):
        answer = hook(served, "stripe", sent.stripe("invoice.paid", {}), stripe_headers)
        assert answer.json() == {"received": True}

    def test_an_old_signature_is_refused(self, served):
        event = sent.stripe("customer.created", sent.customer())
        answer = hook(served, "stripe", event, stripe_headers, now=time.time() - 600)
        assert answer.status_code == 401


class TestGeneric:
    def test_a_hook_without_a_secret_is_not_there(self, tmp_path):
        with serving(tmp_path, workers=1) as bare:
            for name in ("supabase", "auth0", "stripe", "webhook"):
                answer = hook(bare, name, {"type": "signup", "data": {}})
                assert answer.status_code == 404
                assert f"RINGFINDER_HOOK_{name.upper()}_SECRET" in answer.json()["detail"]

    def test_a_sign_up_is_decided_under_the_messages_id(self, served):
        data = {"account_id": "generic-1", "email": "g@example.org", "ip": "192.0.2.8"}
        payload = {"type": "signup", "timestamp": "2026-03-01T00:00:00Z", "data": data}
        told = [hook(served, "webhook", payload, message="msg_g1").json() for _ in range(2)]
        assert told[0] == told[1] == {
            "event_id": "msg_g1", "decision": "allow", "public_reason": "Nothing more is needed.",
        }  # fmt: skip
        assert len(recorded(served, "generic-1", EventType.SIGNUPS)) == 1

    @pytest.mark.parametrize(
        ("kind", "table", "more"),
        [
            ("usage", EventType.USAGE, {"exchanges": 3}),
            ("payment", EventType.PAYMENTS, {"payment_fingerprint": "Card9"}),
            ("login", EventType.LOGINS, {"ip": "192.0.2.9"}),
        ],
    )
    def test_what_an_account_did_is_recorded_once(self, served, kind, table, more):
        account, message = f"generic-{kind}", f"msg_{kind}"
        payload = {
            "type": kind, "timestamp": "2026-03-01T00:00:00Z",
            "data": {"account_id": account} | more,
        }  # fmt: skip
        for secret in (STANDARD, OTHER):
            answer = hook(served, "webhook", payload, message=message, secret=secret)
            assert answer.json() == {"event_id": message, "accepted": True}
        (event,) = recorded(served, account, table)
        assert event["occurred_ms"] == 1_772_323_200_000

    def test_an_outcome_ends_its_sign_up(self, served):
        data = {"attempt_id": "generic-attempt", "event_id": "generic-e"}
        stamp = "2026-03-01T00:00:00Z"
        hook(served, "webhook", {"type": "signup", "timestamp": stamp, "data": data})
        data = {"event_id": "generic-e", "outcome": "completed", "account_id": "generic-done"}
        payload = {"type": "signup.outcome", "timestamp": stamp, "data": data}
        for _ in range(2):
            answer = hook(served, "webhook", payload, message="msg_o")
            assert answer.json() == {"event_id": "generic-e", "accepted": True}
        assert served.get("/v1/accounts/generic-done").status_code == 200


class TestLabels:
    def label(self, served, number, key=None, **fields):
        body = {
            "event_id": f"label-{number}", "account_id": f"labelled-{number}",
            "label": "legitimate", "decided_at": "2026-03-02T00:00:00Z",
        } | fields  # fmt: skip
        with served.client(key) as client:
            return client.post("/v1/labels", json=body)

    def test_a_legitimate_label_clears_an_account_at_once(self, closed):
        closed.post("/v1/signups", signup("appeal"))
        assert closed.get("/v1/accounts/acct-appeal").json()["decision"] == "deny"
        answer = self.label(closed, "appeal", account_id="acct-appeal", source="appeal")
        assert (answer.status_code, answer.json()["state"]) == (200, "effective")

        def cleared():
            return closed.get("/v1/accounts/acct-appeal").json()["decision"] == "allow"

        began = time.monotonic()
        wait_for(cleared)
        assert time.monotonic() - began < 5
        assert closed.get("/v1/accounts/acct-appeal").json()["reasons"][0]["code"] == (
            "labelled_legitimate"
        )

    def test_so_does_one_from_the_command_line_within_seconds(self, closed):
        closed.post("/v1/signups", signup("by-hand"))
        name = "acct-by-hand"
        command = ["label", "legitimate", name, "--data-dir", str(closed.home)]
        done = CliRunner().invoke(program, command)
        assert done.exit_code == 0, done.output
        wait_for(
            lambda: all(
                closed.get(f"/v1/accounts/{name}").json()["decision"] == "allow" for _ in range(8)
            )
        )

    def test_the_audit_log_tells_who_did_it_and_why(self, served):
        self.label(served, "why", note="Known customer since 2019.")
        log = AuditLog(served.home)
        assert log.verify().entries > 0
        (act,) = [act for act in log.read() if act.about == "labelled-why"]
        assert (act.what, act.why) == ("label.given", "Known customer since 2019.")
        assert act.who.startswith("key:")

    def test_more_than_twenty_wait_for_another_key(self, served):
        many, second = served.new_key("labels:write"), served.new_key("labels:write")
        time.sleep(1.2)  # both workers read the keys once a second
        assert self.label(served, "m-0", many).status_code == 200
        states = [self.label(served, f"m-{n}", many).json()["state"] for n in range(1, 22)]
        assert states == ["effective"] * 19 + ["pending"] * 2
        path = "/v1/labels/label-m-20/approve"
        with served.client(many) as client:
            assert client.post(path, json={}).status_code == 403
            waiting = client.get("/v1/labels/pending").json()["labels"]
            assert [one["account_id"] for one in waiting] == ["labelled-m-20", "labelled-m-21"]
        with served.client(second) as client:
            wait_for(lambda: client.get("/v1/labels/pending").status_code == 200)
            done = client.post(path, json={"why": "Looked at it."}).json()
            assert (done["state"], done["accepted"]) == ("effective", True)
            refused = client.post("/v1/labels/label-m-21/refuse", json={}).json()
            assert (refused["state"], refused["accepted"]) == ("refused", False)

    def test_another_label_under_the_same_event_id_is_422(self, served):
        self.label(served, "twice")
        answer = self.label(served, "twice", label="fraud")
        assert answer.status_code == 422

    @pytest.mark.parametrize("fields", [{"label": "nice"}, {"note": "x" * 2001}, {"other": 1}])
    def test_what_is_no_label_is_422_and_not_echoed(self, served, fields):
        answer = self.label(served, "bad", **fields)
        assert answer.status_code == 422
        assert "nice" not in answer.text


class TestPolicy:
    def test_a_bad_file_changes_nothing(self, closed):
        (closed.home / "policy.toml").write_text("[[rules]]\nthen = 'destroy'\n")
        wait_for(lambda: closed.get("/readyz").json()["policy_refused"])
        assert _all_say(closed, "deny")
        assert "ringfinder_policy_refused 1.0" in closed.get("/metrics").text
        assert "policy refused" in closed.log

    def test_a_worker_that_is_restarted_after_a_bad_edit_decides_as_before(self, closed):
        (closed.home / "policy.toml").write_text("[[rules]]\nthen = 'destroy'\n")
        before = closed.children("worker")
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not set(closed.children("worker")) & {*before}, seconds=20)
        wait_for(lambda: _answers(closed), seconds=30)
        assert closed.get("/readyz").json()["policy_refused"]
        assert _all_say(closed, "deny")

    def test_serve_does_not_start_with_a_bad_file(self, tmp_path):
        (tmp_path / "policy.toml").write_text(OPEN)
        settings = {"policy_file": tmp_path / "policy.toml"}
        with serving(tmp_path / "home", **settings) as one:
            wait_for((one.home / "run" / "policy.toml").exists)
        (tmp_path / "policy.toml").write_text("[[rules]]\nthen = 'destroy'\n")
        with pytest.raises(AssertionError, match="then is one of"):
            Served(tmp_path / "home", **settings).start()

    def test_a_change_of_policy_is_in_the_audit_log(self, closed):
        changes = [act for act in AuditLog(closed.home).read() if act.what == "policy.changed"]
        assert changes
        pairs = [(act.details["before"], act.details["after"]) for act in changes]
        assert all(one != other for one, other in pairwise(pairs))  # each once
        assert set(changes[-1].details) == {"before", "after"}

    def test_two_policies_are_compared_over_what_was_decided(self, served, tmp_path):
        for n in range(3):
            served.post("/v1/signups", signup(f"diff-{n}"))
        (tmp_path / "open.toml").write_text(OPEN)
        (tmp_path / "closed.toml").write_text(CLOSED)
        files = [str(tmp_path / name) for name in ("open.toml", "closed.toml")]
        command = ["policy", "diff", *files, "--over", str(served.home), "--json"]
        found = json.loads(CliRunner().invoke(program, command, catch_exceptions=False).output)
        assert found["decided"] == found["changed"] >= 3
        assert [(one["from"], one["to"]) for one in found["changes"]] == [("allow", "deny")]
        assert found["unreadable"] == 0
