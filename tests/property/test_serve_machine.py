"""Whatever is posted, repeated, delayed, labelled, erased, recomputed, rotated and restarted.

One effect and one answer each. In one process, with a real journal, log, graph and snapshots;
`tests/e2e/test_serve_kill.py` does the same to real processes. ``MACHINE_EXAMPLES=200`` tries more.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from pathlib import Path
from unittest.mock import patch

import httpx
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from journal_in_place import JournalInPlace
from journals import entries_in
from served import signup

from ringfinder.config import load
from ringfinder.pipeline.home import open_graph, open_home
from ringfinder.pipeline.pepper import PepperRecord
from ringfinder.pipeline.recompute import recompute
from ringfinder.pipeline.rotate import rotate
from ringfinder.places import EVENTS, JOURNAL
from ringfinder.serve import labelevents
from ringfinder.serve.app import create_app
from ringfinder.serve.keys import KeyStore
from ringfinder.store import EventLog

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "8"))
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
        self.ended: dict[int, str] = {}
        self.labels: dict[int, str] = {}
        self.unrecorded: dict[int, str] = {}  # labels, for when the journal is back
        self.labelled: dict[int, dict] = {}  # the last body of each
        self.erased: set[int] = set()
        self.given = 0
        self.version = 1
        self.app = self.journal = None

    @initialize()
    def start(self):
        self.settings = load({"data_dir": self.home, "deadline_ms": 10})
        self.journal = JournalInPlace(self.home / JOURNAL, EventLog(self.home / EVENTS))
        self.restart()

    @rule()
    def restart(self):
        """A new process on the same files."""
        self.leave()
        self.app = create_app(self.settings)
        service = self.app.state.service
        service.journal = service.live._journal = self.journal
        service.keyring.refresh()
        self.loop.run_until_complete(service.live.start())
        self.look()

    def leave(self):
        if self.app is not None:
            self.loop.run_until_complete(self.app.state.service.live.close())

    def look(self):
        """Let the worker take the snapshot in force, and all that was recorded since."""
        service = self.app.state.service
        self.loop.run_until_complete(service.live._look())
        self.loop.run_until_complete(asyncio.sleep(0.01))
        if not self.journal.away:
            self.loop.run_until_complete(service._record_labels())
            self.labels |= self.unrecorded
            self.unrecorded = {}
        service.known_labels.read(self.home / JOURNAL, self.journal.log)

    @property
    def in_the_graph(self):
        """Whom a night finds there: it refuses a graph with nobody in it."""
        left = {number for number, outcome in self.ended.items() if outcome != "completed"}
        return set(self.answers) - self.erased - left

    @precondition(lambda self: self.in_the_graph)
    @rule()
    def recompute(self):
        """A night."""
        with open_home(self.settings) as home:
            recompute(self.settings, home)
            self.journal.settle(home.store)
        self.look()
        state = self.app.state.service.live.state
        assert state.snapshot_id is not None
        assert self.app.state.service.live.why_refused is None

    @precondition(lambda self: self.answers)
    @rule()
    def rotate(self):
        """Another pepper, while the service is down."""
        self.leave()
        store = open_graph(self.settings)
        self.journal.settle(store)
        store.close()
        self.version = rotate(self.settings, None).version
        self.app = None
        self.restart()

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

    @precondition(lambda self: set(self.answers) - self.erased)
    @rule(data=st.data(), label=st.sampled_from(["fraud", "legitimate"]))
    def label(self, data, label):
        number = data.draw(st.sampled_from(sorted(set(self.answers) - self.erased)))
        self.given += 1
        body = {
            "event_id": f"label-{self.given}", "account_id": f"acct-{number}", "label": label,
            "decided_at": f"2026-03-02T00:00:{self.given:02}Z",
        }  # fmt: skip
        for _ in range(2):  # the same again is the same
            with patch.object(labelevents, "PATIENCE_S", 0.01):
                told = self.ask("POST", "/v1/labels", body)
            if self.journal.away:
                assert told.status_code == 503
            else:
                assert (told.status_code, told.json()["state"]) == (200, "effective"), told.text
        self.unrecorded[number], self.labelled[number] = label, body
        self.look()

    @precondition(lambda self: self.erased & set(self.labelled))
    @rule(data=st.data())
    def label_the_erased_again(self, data):
        number = data.draw(st.sampled_from(sorted(self.erased & set(self.labelled))))
        assert self.ask("POST", "/v1/labels", self.labelled[number]).status_code == 410
        assert b"acct-%d" % number not in (self.home / "labels.sqlite").read_bytes()

    @precondition(lambda self: self.answers)
    @rule()
    def project(self):
        """The graph holds each account once, with each value once, and nobody who was erased."""
        store = open_graph(self.settings)
        self.journal.settle(store)
        graph = store.read_graph(uncounted=True)
        store.close()
        there = {f"acct-{number}" for number in set(self.answers) - self.erased}
        assert set(graph.accounts["account_id"].to_pylist()) == there
        assert set(graph.sightings["count"].to_pylist()) <= {1}
        prefix = f"p{self.version}_"
        assert all(one.startswith(prefix) for one in graph.values["pseudonym"].to_pylist())

    @rule(away=st.booleans())
    def journal_goes_and_comes(self, away):
        self.journal.away = away
        self.look()

    @invariant()
    def what_was_accepted_can_be_read_and_what_was_erased_cannot(self):
        for number, told in self.answers.items():
            answer = self.ask("GET", f"/v1/accounts/acct-{number}")
            if number in self.erased:
                assert answer.status_code == 404
            else:
                labelled = {"fraud": "review", "legitimate": "allow"}.get(self.labels.get(number))
                assert answer.json()["decision"] == (labelled or told["decision"])

    @invariant()
    def the_journal_holds_each_signup_once(self):
        if self.journal is not None and (self.home / JOURNAL / "journal.sqlite").exists():
            held = entries_in(self.home / JOURNAL)
            alive = [one.account_id for one in held if one.event_type == "signups"]
            assert len(alive) == len(set(alive))
            assert "example.org" not in json.dumps([str(one) for one in held])

    @invariant()
    def the_pepper_is_the_last_one(self):
        record = PepperRecord.read(self.home)
        assert record is None or record.version == self.version

    def teardown(self):
        self.leave()
        self.loop.close()
        self.folder.cleanup()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=EXAMPLES, stateful_step_count=15, deadline=None)
