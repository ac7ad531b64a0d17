"""What is decided on an account after its sign-up, when a fleet has grown around it since."""

from __future__ import annotations

import asyncio

import pytest
from served import signup
from served_in_place import ServedInPlace

from ringfinder.pipeline.home import open_home
from ringfinder.pipeline.recompute import recompute

FLEET = range(20)


@pytest.fixture
def served(tmp_path):
    """Three hundred who share nothing, taken in by a night."""
    served = ServedInPlace(tmp_path)
    items = [honest(number) for number in range(300)]
    assert served.ask("POST", "/v1/signups/batch", {"items": items}).status_code == 200
    with open_home(served.settings) as home:
        served.journal.settle(home.store)
        recompute(served.settings, home)
    asyncio.run(taken(served))
    return served


def honest(number):
    return signup(
        f"old-{number}", ip=f"81.2.{number % 250}.{number // 250}", email=f"p{number}@mail.example",
        payment_fingerprint=f"card-{number}", user_agent=f"agent {number % 9}",
        created_at=f"2026-03-01T{number % 24:02}:30:00Z",
    )  # fmt: skip


def machine(number):
    """One of a fleet: all its cards and devices were dealt out before."""
    return signup(
        f"new-{number}", ip=f"91.3.{number}.9", email=f"q{number}@mail.example",
        payment_fingerprint=f"reused-{number % 3}", device_id=f"machine-{number % 2}",
        user_agent="odd build", created_at=f"2026-03-02T01:{number:02}:00Z",
    )  # fmt: skip


async def taken(served):
    """Let the worker take the newest snapshot."""
    assert await served.service.live._look()
    await served.service.live.close()


def follow(served):
    """Let the worker learn what was recorded since the snapshot."""
    live = served.service.live

    async def until_told():
        caught_up = asyncio.Event()
        following = asyncio.create_task(live._follow(live.state, caught_up))
        await caught_up.wait()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    asyncio.run(until_told())


def asked(served, number, action="?action=usage"):
    return served.ask("GET", f"/v1/accounts/acct-new-{number}{action}").json()


def test_the_first_of_a_fleet_are_not_allowed_what_they_do_next(served):
    told = []
    for number in FLEET:
        told.append(served.ask("POST", "/v1/signups", machine(number)).json()["decision"])
        follow(served)
    assert told[0] == "allow"
    now = [asked(served, number) for number in FLEET]
    assert "allow" not in {one["decision"] for one in now}
    assert {one["ring"]["ring_id"][:4] for one in now} == {"new-"}
    assert {one["reasons"][0]["code"] for one in now} == {"ring_newborn"}
    assert asked(served, 0, action="")["decision"] == "allow"


def test_nor_are_attempts_that_were_all_made_before_the_first_completes(served):
    for number in FLEET:
        body = machine(number) | {"attempt_id": f"try-{number}"}
        del body["account_id"]
        assert served.ask("POST", "/v1/signups", body).json()["decision"] == "allow"
    follow(served)
    for number in FLEET:
        path, became = f"/v1/signups/evt-new-{number}/outcome", f"acct-new-{number}"
        told = served.ask("POST", path, {"outcome": "completed", "account_id": became})
        assert told.json()["accepted"]
    follow(served)
    assert "allow" not in {asked(served, number)["decision"] for number in FLEET}


def test_a_person_who_cleared_one_of_them_is_heeded(served):
    for number in FLEET:
        served.ask("POST", "/v1/signups", machine(number))
    body = {"event_id": "label-1", "account_id": "acct-new-0", "label": "legitimate"}
    assert served.ask("POST", "/v1/labels", body).json()["accepted"]
    follow(served)
    assert asked(served, 0)["decision"] == "allow"
    assert asked(served, 1)["decision"] != "allow"


def test_who_shares_nothing_with_them_is_allowed_as_before(served):
    for number in FLEET:
        served.ask("POST", "/v1/signups", machine(number))
    served.ask("POST", "/v1/signups", honest(1000))
    follow(served)
    told = served.ask("GET", "/v1/accounts/acct-old-1000?action=payment").json()
    assert (told["decision"], told["ring"]) == ("allow", None)
