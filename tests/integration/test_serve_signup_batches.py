"""A batch of sign-ups through the whole API, on a real journal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from served import signup
from served_in_place import ServedInPlace

from ringfinder.serve.batches import PIECE
from ringfinder.serve.probing import Probing


@pytest.fixture
def served(tmp_path):
    return ServedInPlace(tmp_path)


def lines(served, items):
    """What became of each sign-up."""
    answer = served.ask("POST", "/v1/signups/batch", {"items": items})
    assert answer.status_code == 200
    return answer.json()["results"]


def test_all_rows_are_answered_from_one_snapshot_though_another_comes_into_force(
    served, monkeypatch
):
    live, commit_many = served.service.live, served.journal.commit_many
    live.state = replace(live.state, snapshot_id="before")

    async def then_another(entries, deadline_s):
        told = await commit_many(entries, deadline_s)
        live.state = replace(live.state, snapshot_id="after")
        return told

    monkeypatch.setattr(served.journal, "commit_many", then_another)
    found = lines(served, [signup(number) for number in range(2 * PIECE)])
    assert {one["answer"]["snapshot"]["id"] for one in found} == {"before"}
    assert lines(served, [signup("next")])[0]["answer"]["snapshot"]["id"] == "after"


def test_one_that_probes_is_refused_and_the_other_rows_are_not(served):
    service = served.service
    service.settings = service.settings.model_copy(update={"probing_refused": True})
    service.probing = Probing(3)
    alike = [
        signup(number, device_id="one", payment_fingerprint="card", ip="203.0.113.9")
        for number in range(5)
    ]
    other = signup("other", ip="203.0.113.10")
    found = lines(served, [*alike, other])
    assert [one["status"] for one in found] == ["accepted"] * 2 + ["refused"] * 3 + ["accepted"]
    assert found[2] == {"event_id": "evt-2", "status": "refused"}
    again = lines(served, [*alike[:2], other])
    assert [one["status"] for one in again] == ["repeated"] * 3
