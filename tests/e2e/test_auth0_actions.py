"""The Actions in the examples, whatever ringfinder answers them."""

from __future__ import annotations

import pytest
from auth0_actions import before, needs_node, node
from unresponsive import sends, server, silent

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


def test_a_user_who_could_carry_no_metadata_is_told_of_in_the_log(tmp_path):
    with server(sends({})) as running:
        done = node(tmp_path, running.url, "only-after-nothing")
    assert running.requests == []
    assert "no attempt is known" in done.stderr + done.stdout
