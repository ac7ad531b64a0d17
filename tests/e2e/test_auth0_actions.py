"""The Actions in the examples, whatever ringfinder answers them."""

from __future__ import annotations

import pytest
from auth0_actions import before, needs_node, node
from unresponsive import in_turn, sends, server, silent

pytestmark = needs_node


def test_a_challenge_lets_the_user_in_and_leaves_word(tmp_path):
    with server(sends({"decision": "challenge", "message": "One more step."})) as running:
        told = before(tmp_path, running.url)
    assert (told["denied"], told["ringfinder_decision"]) == (None, "challenge")


@pytest.mark.parametrize("behave", [silent, sends({}, status="503 Later"), sends(b"no json")])
def test_nobody_is_locked_out_because_ringfinder_is_away(tmp_path, behave):
    with server(behave) as running:
        told = before(tmp_path, running.url)
    assert set(told) == {"denied", "ringfinder_event_id"}
    assert told["denied"] is None


@pytest.mark.parametrize("status", ["404 Not Found", "503 Later"])
def test_which_user_an_attempt_became_is_told_again_until_the_attempt_is_recorded(tmp_path, status):
    allowed = sends({"decision": "allow"})
    with server(in_turn(allowed, sends({}, status=status), sends({}))) as running:
        node(tmp_path, running.url)
    before_, *told = [body for _, body in running.requests]
    assert before_["trigger"] == "pre-user-registration"
    assert len(told) == 2
    assert told[0] == told[1]


def test_what_ringfinder_refuses_for_good_is_told_once(tmp_path):
    refusal = sends({}, status="422 Unprocessable")
    said = pytest.raises(AssertionError, match="ringfinder answered 422")
    with server(in_turn(sends({"decision": "allow"}), refusal)) as running, said:
        node(tmp_path, running.url)
    assert len(running.requests) == 2


def test_a_user_who_could_carry_no_metadata_is_told_of_in_the_log(tmp_path):
    with server(sends({})) as running:
        done = node(tmp_path, running.url, "only-after-nothing")
    assert running.requests == []
    assert "no attempt is known" in done.stderr + done.stdout
