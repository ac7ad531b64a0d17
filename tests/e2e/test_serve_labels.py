"""Labels given over HTTP, through a nightly run and a restart."""

from __future__ import annotations

import os
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from served import ROOT, Served, signup, wait_for

from ringfinder.publish import snapshots


@pytest.fixture
def served(tmp_path):
    """A served installation of this test's own, which it may restart."""
    (tmp_path / "home").mkdir()
    one = Served(tmp_path / "home", deadline_ms=5000).start()
    yield one
    one.stop()


def run(served, *words):
    """What a command says on standard error, run beside the service."""
    ran = subprocess.run(
        [sys.executable, "-m", "ringfinder", *words, f"--data-dir={served.home}"], cwd=ROOT,
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def recompute(served):
    """A nightly run beside the service, which takes its snapshot."""
    before = served.get("/readyz").json()["snapshot"]["id"]
    run(served, "recompute")
    wait_for(lambda: served.get("/readyz").json()["snapshot"]["id"] not in {None, before})


def says(served, account):
    """Decision and codes of the reasons of an account."""
    found = served.get(f"/v1/accounts/{account}").json()
    return found["decision"], [reason["code"] for reason in found["reasons"]]


def test_a_fraud_label_that_a_nightly_run_took_in_outlives_a_restart(served):
    for number in range(4):
        body = signup(number, ip=f"198.51.100.{number}")
        assert served.post("/v1/signups", body).json()["accepted"]
    label = {"event_id": "label-1", "account_id": "acct-3", "label": "fraud"}
    told = served.post("/v1/labels", label).json()
    assert (told["state"], told["accepted"]) == ("effective", True)
    wait_for(lambda: says(served, "acct-3")[0] == "review")
    recompute(served)
    before = says(served, "acct-3")
    assert before == ("review", ["labelled_fraud", "no_ring"])
    served.stop()
    served.start()
    assert says(served, "acct-3") == before
    payout = served.get("/v1/accounts/acct-3", params={"action": "payout"}).json()
    assert (payout["decision"], payout["rule"]) == ("review", "labelled fraud")
    assert says(served, "acct-2") == ("allow", ["no_ring"])


def test_a_snapshot_says_of_a_labelled_account_what_the_api_says(served):
    for number in range(3):
        served.post("/v1/signups", signup(number, ip=f"198.51.100.{number}"))
    for account, label in (("acct-0", "fraud"), ("acct-1", "legitimate")):
        body = {"event_id": f"label-{account}", "account_id": account, "label": label}
        assert served.post("/v1/labels", body).json()["accepted"]
    recompute(served)
    path = snapshots.current(served.home / "snapshots")
    for row in pq.read_table(path / "accounts.parquet").to_pylist():
        found = served.get(f"/v1/accounts/{row['account_id']}").json()
        assert (row["decision"], row["reasons"]) == (found["decision"], found["reasons"])


def test_the_command_knows_accounts_that_were_accepted_a_moment_ago(served):
    assert served.post("/v1/signups", signup("new")).json()["accepted"]
    attempt = signup("tried", attempt_id="try-1")
    del attempt["account_id"]
    served.post("/v1/signups", attempt)
    outcome = {"outcome": "completed", "account_id": "acct-tried"}
    assert served.post("/v1/signups/evt-tried/outcome", outcome).json()["accepted"]
    said = run(served, "label", "legitimate", "acct-new", "acct-tried", "acct-nwe")
    assert "No sign-up is known of 1 account: acct-nwe." in said
    wait_for(lambda: "labelled_legitimate" in says(served, "acct-new")[1])
