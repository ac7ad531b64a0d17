"""Whatever is posted, repeated, delayed, erased and restarted: one effect and one answer each.

In one process, with the journal in memory; `tests/e2e/test_serve_kill.py` does the same to
real processes.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

import httpx
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from journal_memory import MemoryJournal
from served import signup

from ringfinder.config import load
from ringfinder.serve.app import create_app
from ringfinder.serve.keys import KeyStore

numbers = st.integers(0, 6)


class Machine(RuleBasedStateMachine):
    """An API and what a careful caller knows of it."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.home = Path(self.folder.name)
        self.key = KeyStore(self.home).create("test", ["admin"], now_ms=1)[1]
        self.loop = asyncio.new_event_loop()
        self.answers: dict[int, dict] = {}  # accepted: number -> the first answer
        self.asked: set[int] = set()
        self.ended: dict[int, str] = {}
        self.erased: set[int] = set()
        self.journal = None

    @initialize()
    def start(self):
        self.journal = MemoryJournal()
        self.restart()

    @rule()
    def restart(self):
        """A new process on the same journal."""
        self.app = create_app(load({"data_dir": self.home, "deadline_ms": 10}))
        service = self.app.state.service
        service.journal = service.live._journal = self.journal
        service.keyring.refresh()

    def ask(self, method, path, body=None):
        async def send():
            transport = httpx.ASGITransport(self.app)
            headers = {"authorization": f"Bearer {self.key}"}
            async with httpx.AsyncClient(
                transport=transport, base_url="http://x", headers=headers
            ) as client:
                return await client.request(method, path, json=body)

        return self.loop.run_until_complete(send())

    @rule(number=numbers)
    def post(self, number):
        answer = self.ask("POST", "/v1/signups", signup(number))
        if number in self.erased:
            assert answer.status_code in ({200, 410} if self.journal.away else {410})
            return
        self.took(number, answer)

    def took(self, number, answer):
        assert answer.status_code == 200, answer.text
        told = answer.json()
        accepted = told.pop("accepted")
        assert accepted == (not self.journal.away)
        if not accepted:
            assert told["degraded"] is True
        elif number in self.answers:
            assert told == self.answers[number]
        else:
            self.answers[number] = told

    @rule(some=st.lists(numbers, max_size=5))
    def post_batch(self, some):
        items = [signup(number) for number in some]
        for number, line in zip(
            some, self.ask("POST", "/v1/signups/batch", {"items": items}).json()["results"],
            strict=True,
        ):  # fmt: skip
            if self.journal.away:
                assert line["status"] == "unknown"
            elif number in self.erased:
                assert line["status"] == "gone"
            else:
                told = line["answer"]
                assert told.pop("accepted") is True
                assert line["status"] == ("repeated" if number in self.answers else "accepted")
                assert told == self.answers.setdefault(number, told)

    @precondition(lambda self: self.answers and not self.journal.away)
    @rule(data=st.data())
    def post_another_body(self, data):
        number = data.draw(st.sampled_from(sorted(self.answers)))
        answer = self.ask("POST", "/v1/signups", signup(number, plan="another"))
        assert answer.status_code == 422  # also of what was erased: its digest stays known

    @precondition(lambda self: not self.journal.away)
    @rule(number=numbers, outcome=st.sampled_from(["abandoned", "denied", "completed"]))
    def end(self, number, outcome):
        answer = self.ask("POST", f"/v1/signups/evt-{number}/outcome", {"outcome": outcome})
        if number in self.erased:
            assert answer.status_code == 410
        elif number not in self.answers:
            assert answer.status_code == 404
        else:
            same = self.ended.setdefault(number, outcome) == outcome
            assert answer.status_code == (200 if same else 422)

    @precondition(lambda self: self.answers and not self.journal.away)
    @rule(data=st.data())
    def erase(self, data):
        number = data.draw(st.sampled_from(sorted(self.answers)))
        answer = self.ask("DELETE", f"/v1/accounts/acct-{number}/personal-data")
        assert answer.status_code == 200, answer.text
        self.erased.add(number)

    @rule(away=st.booleans())
    def journal_goes_and_comes(self, away):
        self.journal.away = away

    @invariant()
    def what_was_accepted_can_be_read_and_what_was_erased_cannot(self):
        for number, told in self.answers.items():
            answer = self.ask("GET", f"/v1/accounts/acct-{number}")
            if number in self.erased:
                assert answer.status_code == 404
            else:
                assert answer.json()["decision"] == told["decision"]

    @invariant()
    def the_journal_holds_each_signup_once(self):
        if self.journal is not None:
            held = [one.account_id for one in self.journal.entries if one.event_type == "signups"]
            alive = [account for account in held if account is not None]
            assert len(alive) == len(set(alive))
            assert "example.org" not in json.dumps([str(one) for one in self.journal.entries])

    def teardown(self):
        self.loop.close()
        self.folder.cleanup()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=6, stateful_step_count=12, deadline=None)
