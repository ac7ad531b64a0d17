"""An account that a person cleared stays so when it signs up again, after a night too."""

from __future__ import annotations

import asyncio

import pytest
from served import signup
from served_in_place import ServedInPlace

from ringfinder.pipeline.home import open_home
from ringfinder.pipeline.recompute import recompute

CLOSED = '[[rules]]\nname = "closed"\nthen = "deny"\n'


@pytest.fixture
def served(tmp_path):
    """A policy that a person set to deny everybody, whatever is known of them."""
    (tmp_path / "policy.toml").write_text(CLOSED)
    return ServedInPlace(tmp_path / "home", policy_file=tmp_path / "policy.toml")


def night(served):
    """A nightly run, whose snapshot the worker takes."""
    with open_home(served.settings) as home:
        recompute(served.settings, home)
        served.journal.settle(home.store)
    service = served.service

    async def look():
        assert await service.live._look()
        await service.live.close()

    asyncio.run(look())
    service.known_labels.read(served.journal.directory, served.log)
    assert service.live.state.snapshot_id is not None


def give(served, number, label):
    body = {"event_id": f"{label}-{number}", "account_id": f"acct-{number}", "label": label}
    assert served.ask("POST", "/v1/labels", body).json()["accepted"]


def decisions(served, number, event_id):
    """What a sign-up of an account is answered, and what is decided on its payout then."""
    told = served.ask("POST", "/v1/signups", signup(number, event_id=event_id)).json()
    payout = served.ask("GET", f"/v1/accounts/acct-{number}?action=payout").json()
    return told["decision"], payout["decision"]


def test_a_label_that_a_night_took_in_clears_its_account_when_it_signs_up_again(served):
    for number in range(3):
        assert decisions(served, number, f"first-{number}") == ("deny", "deny")
    give(served, 0, "legitimate")
    night(served)
    assert decisions(served, 0, "second-0") == ("allow", "allow")
    assert decisions(served, 1, "second-1") == ("deny", "deny")


def test_so_does_one_that_was_given_before_the_account_signed_up(served):
    decisions(served, 1, "first-1")
    give(served, 0, "legitimate")
    night(served)
    assert decisions(served, 0, "first-0") == ("allow", "allow")


def test_a_newer_label_says_else(served):
    decisions(served, 0, "first-0")
    give(served, 0, "legitimate")
    night(served)
    give(served, 0, "fraud")
    served.service.known_labels.read(served.journal.directory, served.log)
    asyncio.run(_followed(served))
    assert decisions(served, 0, "second-0")[0] == "deny"


async def _followed(served):
    """Let the worker learn what was recorded since the snapshot."""
    service = served.service
    following = asyncio.create_task(service.live._follow(service.live.state, asyncio.Event()))
    await asyncio.sleep(0.05)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
