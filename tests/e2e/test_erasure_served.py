"""No clear value is in any file, and an erased account is in none: looked for byte by byte."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import hook_payloads as sent
import httpx
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hook_payloads import STRIPE, encoded, stripe_headers
from served import serving, signup, wait_for

from ringfinder.cli import program
from ringfinder.pipeline.apart import Apart, add_apart
from ringfinder.serve.auditlog import AuditLog

ACCOUNT = "canary-account-5d1e"
CLEAR = {
    "email": "canary.person.77@example.org",
    "ip": "203.0.113.177",
    "device_id": "canary-device-91",
    "phone": "+14155550177",
    "user_agent": "CanaryBrowser/9.1 (canary)",
    "payment_fingerprint": "canaryfingerprint3344",
    "organisation_id": "canary-organisation-8",
    "referrer": "https://canary.example/ref",
}
PROMPT = "Canary prompt: tell me about the yellow bird in the mine, please, at length."
NOTE = "The canary person wrote to us from canary.person.77@example.org."
LABEL = {"event_id": "lab", "account_id": ACCOUNT, "label": "legitimate", "note": NOTE}
CARD = "canarycardXt5EWL"
BYSTANDER = "acct-bystander"
EVENTS = (
    sent.stripe(
        "charge.succeeded", sent.charge("cus_c", CARD + "0"), "evt_0"
    ),  # whose, is told after
    sent.stripe("customer.created", sent.customer("cus_c", account_id=ACCOUNT), "evt_1"),
    sent.stripe("charge.succeeded", sent.charge("cus_c", CARD), "evt_2"),
)


def everything(home: Path) -> dict[Path, bytes]:
    """Every file of the data directory, as bytes; what is compressed, also as text."""
    found = {}
    for path in sorted(home.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += repr(pq.read_table(path).to_pydict()).encode()
        found[path.relative_to(home)] = content
    return found


def where(home: Path, *words: str) -> list[tuple[str, str]]:
    """In which files which of the words are."""
    return [
        (str(path), word)
        for path, content in everything(home).items()
        for word in words
        if word.lower().encode() in content.lower()
    ]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    home = tmp_path_factory.mktemp("served")
    (home / "hooks.toml").write_text(f'stripe = ["{STRIPE}"]\n')
    with serving(home, deadline_ms=5000, hook_secrets_file=home / "hooks.toml") as running:
        fill(running)
        yield running


def fill(served):
    """Everything that an account can leave behind, and a bystander who shares its address."""
    assert served.post("/v1/signups", signup(1, account_id=ACCOUNT, **CLEAR)).json()["accepted"]
    other = signup(2, account_id=BYSTANDER, ip=CLEAR["ip"])
    assert served.post("/v1/signups", other).json()["accepted"]
    at = {"account_id": ACCOUNT, "occurred_at": "2026-03-01T10:00:00Z"}
    rows = {
        "usage": {"event_id": "u", "prompt": PROMPT, "exchanges": 3, "ip": CLEAR["ip"], **at},
        "logins": {"event_id": "l", "ip": CLEAR["ip"], "device_id": CLEAR["device_id"], **at},
        "payments": {"event_id": "p", "payment_fingerprint": CLEAR["payment_fingerprint"], **at},
    }
    for table, row in rows.items():
        answer = served.post(f"/v1/{table}/batch", {"items": [row]}).json()
        assert answer["results"][0]["status"] == "accepted"
    assert served.post("/v1/labels", LABEL).json()["state"] == "effective"
    for event in EVENTS:
        told(served, event)
    some = {"event_id": "res", "account_id": ACCOUNT, "exchanges": 3}
    assert served.post("/v1/allowance/reserve", some).status_code == 200
    add_apart(served.home, Apart("accounts", ACCOUNT, BYSTANDER, 1, "a letter of theirs"))
    wait_for(lambda: served.get("/readyz").json()["projector_lag_events"] == 0, seconds=30)


def told(served, event):
    """Have Stripe tell of something."""
    body, url = encoded(event), f"{served.url}/v1/hooks/stripe"
    assert httpx.post(url, content=body, headers=stripe_headers(body)).status_code == 200


def erase(served):
    with served.client(served.admin) as client:
        return client.delete(f"/v1/accounts/{ACCOUNT}/personal-data").status_code


def test_no_clear_value_is_in_any_file_or_log(served):
    values = [value for name, value in CLEAR.items()]
    assert where(served.home, *values, PROMPT, CARD, "4155550177", "canary.person") == [
        ("audit.log", CLEAR["email"]), ("audit.log", "canary.person"),
    ]  # fmt: skip  # what the person who gave the label wrote herself


def test_an_erased_account_is_in_no_file_and_the_rest_stays(served, tmp_path):
    before = where(served.home, ACCOUNT)
    assert {name.split("/")[0] for name, _ in before} >= {
        "journal", "audit.log", "labels.sqlite", "customers.sqlite", "allowance.sqlite-wal",
        "apart.json",
    }  # fmt: skip
    pseudonyms = only_of(served.home, ACCOUNT, tmp_path)
    assert len(pseudonyms) > 5
    with served.client(served.admin) as client:
        answer = client.delete(f"/v1/accounts/{ACCOUNT}/personal-data")
    assert (answer.status_code, answer.json()["graph"]) == (200, True), answer.text
    assert where(served.home, ACCOUNT, "canary", "cus_c", *pseudonyms) == []
    assert served.get(f"/v1/accounts/{ACCOUNT}").status_code == 404
    assert served.get(f"/v1/accounts/{BYSTANDER}").status_code == 200
    assert AuditLog(served.home).verify().erased > 0


def test_the_attempt_that_it_was_goes_with_an_account(served):
    for number, moves in enumerate((False, True)):
        attempt, account = f"attempt-b71e-{number}", f"account-b71e-{number}"
        values = {"device_id": f"dev-b71e-{number}", "ip": f"203.0.113.{20 + number}"}
        body = signup(f"b71e-{number}", **values)
        del body["account_id"]
        assert served.post("/v1/signups", body | {"attempt_id": attempt}).json()["accepted"]
        ended = f"/v1/signups/{body['event_id']}/outcome"
        told = served.post(ended, {"outcome": "completed", "account_id": account})
        assert told.status_code == 200
        if moves:  # out of the journal
            compacted(served)
        with served.client(served.admin) as client:
            client.delete(f"/v1/accounts/{account}/personal-data").raise_for_status()
        assert where(served.home, attempt, account) == []


def test_an_erasure_that_a_reader_of_the_journal_held_up_is_finished_by_asking_again(served):
    body = signup("c82f", attempt_id="attempt-c82f", device_id="dev-c82f")
    del body["account_id"]
    assert served.post("/v1/signups", body).json()["accepted"]
    told = {"outcome": "completed", "account_id": "account-c82f"}
    assert served.post("/v1/signups/evt-c82f/outcome", told).status_code == 200
    url = "/v1/accounts/account-c82f/personal-data"
    with served.client(served.admin) as client:
        client.timeout = 30
        with closing(sqlite3.connect(served.home / "journal" / "journal.sqlite")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM entry").fetchone()
            assert client.delete(url).status_code == 503
        assert client.delete(url).status_code == 200
    assert where(served.home, "account-c82f", "attempt-c82f") == []
    assert served.get("/v1/accounts/attempt-c82f").status_code == 404


def test_the_erased_events_sent_again_bring_nothing_back(served):
    erase(served)
    again = served.post("/v1/signups", signup(1, account_id=ACCOUNT, **CLEAR))
    assert again.status_code == 410, again.text
    assert served.post("/v1/labels", LABEL).status_code == 410
    assert served.post("/v1/labels/lab/approve", {"why": NOTE}).status_code == 410
    for event in EVENTS:
        told(served, event)
    assert where(served.home, ACCOUNT, CARD, "canary.person") == []


def test_erasing_twice_is_safe(served):
    assert [erase(served), erase(served)] == [200, 200]
    assert where(served.home, ACCOUNT) == []


def test_an_account_that_moved_into_the_event_log_is_erased_from_there(served):
    moved = "moved-account-8c2"
    answer = served.post("/v1/signups", signup("m", account_id=moved, device_id="dev-m"))
    assert answer.json()["accepted"]
    compacted(served)
    assert "events" in {name.split("/")[0] for name, _ in where(served.home, moved)}
    with served.client(served.admin) as client:
        answer = client.delete(f"/v1/accounts/{moved}/personal-data").json()
    assert answer["events"] > 0
    assert where(served.home, moved) == []


def compacted(served):
    command = ["journal", "compact", "--min-age", "0", "--data-dir", str(served.home)]
    done = CliRunner().invoke(program, command)
    assert done.exit_code == 0, done.output


def only_of(home, account, tmp):
    """Pseudonyms that the graph saw with this account alone."""
    copy = tmp / "copy.duckdb"
    shutil.copy(home / "graph.duckdb", copy)
    with duckdb.connect(str(copy), read_only=True) as connection:
        rows = connection.execute(
            """
            SELECT pseudonym FROM attribute JOIN sighting ON attribute.key = sighting.value
            JOIN account ON account.key = sighting.account
            GROUP BY pseudonym HAVING count(DISTINCT account_id) = 1 AND any_value(account_id) = ?
            """,
            [account],
        ).fetchall()
    return [row[0] for row in rows]
