"""kill -9 of everything under load: whatever was acknowledged is there, once, after a restart."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
from served import ROOT, Served, serving, signup, wait_for

from ringfinder.journal import Journal
from ringfinder.store.embedded import EmbeddedStore

ROUNDS, SENDERS, EACH = 2, 6, 25


def test_what_was_acknowledged_is_there_once_in_journal_and_store(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    served = Served(home)
    acknowledged: list[str] = []
    sent: list[int] = []
    for turn in range(ROUNDS):
        served.start()
        for number in sent[-10:]:  # those whose answers were lost: sent again, told the same
            assert served.post("/v1/signups", signup(number)).status_code == 200
        numbers = [turn * 100_000 + number for number in range(SENDERS * EACH)]
        sent += numbers
        acknowledged += under_fire(served, numbers)
    served.start()
    try:
        assert len(acknowledged) > ROUNDS * EACH  # it was killed under load, not before
        wait_for(lambda: served.get("/readyz").json()["projector_lag_events"] == 0, seconds=40)
        with served.client() as client:
            for account in acknowledged[::7]:
                assert client.get(f"/v1/accounts/{account}").status_code == 200
        assert asyncio.run(times_recorded(served, acknowledged)) == {1}
    finally:
        served.stop()
    store = EmbeddedStore(home / "graph.duckdb", wait_s=5)
    accounts = store.read_graph().accounts["account_id"].to_pylist()
    store.close()
    assert set(acknowledged) <= set(accounts)
    assert len(accounts) == len(set(accounts))


def test_a_second_serve_on_the_same_directory_leaves_the_first_alone(tmp_path):
    with serving(tmp_path / "home", workers=2) as first:
        before = sorted(path.name for path in (first.home / "run").rglob("*"))
        second = subprocess.run(
            [sys.executable, "-m", "ringfinder", "serve", "--port=0", f"--data-dir={first.home}"],
            capture_output=True, text=True, check=False, timeout=60, cwd=first.home,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert second.returncode == 4
        assert "in use by another process" in second.stderr
        after = sorted(path.name for path in (first.home / "run").rglob("*"))
        assert (bool(before), set(before) <= set(after)) == (True, True)
        assert first.get("/metrics").status_code == 200
        assert first.post("/v1/signups", signup()).json()["accepted"] is True


def under_fire(served, numbers):
    """Send sign-ups from many threads, kill everything halfway; return what was acknowledged."""
    acknowledged, lock = [], threading.Lock()
    halfway = threading.Event()

    def send(mine):
        with served.client() as client:
            for number in mine:
                try:
                    answer = client.post("/v1/signups", json=signup(number)).json()
                except (httpx.HTTPError, ValueError):
                    return
                if answer["accepted"]:
                    with lock:
                        acknowledged.append(answer["account_id"])
                        if len(acknowledged) > len(numbers) // 2:
                            halfway.set()

    with ThreadPoolExecutor(SENDERS) as pool:
        for begin in range(SENDERS):
            pool.submit(send, numbers[begin::SENDERS])
        assert halfway.wait(60)
        served.kill_all()
    return acknowledged


async def times_recorded(served, accounts):
    """How often each account's sign-up is in the journal."""
    journal = Journal(served.home / "journal")
    try:
        return {len(await journal.signups_of(account)) for account in accounts}
    finally:
        await journal.close()
