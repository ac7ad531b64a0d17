"""The OWASP API Security Top 10 (2023), one test after each item."""

from __future__ import annotations

import asyncio
import re
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from served import serving, signup

from ringfinder.config import load
from ringfinder.errors import InputError
from ringfinder.serve.access import OPEN, SIGNED
from ringfinder.serve.app import create_app
from ringfinder.serve.safety import check_safe


def test_api1_2023_broken_object_level_authorization(shared):
    """An account is read by analysts, not by whoever may write sign-ups and guesses its name."""
    shared.post("/v1/signups", signup("object"))
    with shared.client(shared.new_key("signups:write", "usage:write", "labels:write")) as client:
        _known(client)
        assert client.get("/v1/accounts/acct-object").status_code == 403
        assert client.get("/v1/rings/any/members").status_code == 403
        # Known or not makes no difference to who may not look.
        assert client.get("/v1/accounts/nobody").status_code == 403


def test_api2_2023_broken_authentication(shared):
    """Keys are taken from one header only, whole, and compared without telling how far they fit."""
    key = shared.key
    ways = [
        {}, {"authorization": key}, {"authorization": f"Basic {key}"},
        {"authorization": f"Bearer {key[:-1]}"}, {"authorization": f"Bearer {key}x"},
        {"authorization": f"Bearer {key.upper()}"}, {"cookie": f"key={key}"}, {"x-api-key": key},
        {"authorization": f"Bearer {key.split('_')[1]}"},
    ]  # fmt: skip
    for headers in ways:
        assert httpx.get(f"{shared.url}/v1/rings", headers=headers).status_code == 401, headers
    assert httpx.get(f"{shared.url}/v1/rings?authorization=Bearer%20{key}").status_code == 401
    ended = shared.new_key("rings:read", expires_ms=1)
    time.sleep(1.2)
    headers = {"authorization": f"Bearer {ended}"}
    assert httpx.get(f"{shared.url}/v1/rings", headers=headers).status_code == 401


def test_api3_2023_broken_object_property_level_authorization(shared):
    """A sign-up cannot set what the service decides; an applicant's reason tells no evidence."""
    for field in ("score", "decision", "ring", "accepted", "outcome", "label", "received_ms"):
        assert shared.post("/v1/signups", signup("mass", **{field: "allow"})).status_code == 422
    answer = shared.post("/v1/signups", signup("plain")).json()
    assert not re.search(r"nats|ring|fleet|shared", answer["public_reason"])


def test_api4_2023_unrestricted_resource_consumption(tmp_path):
    """One key gets so many requests a second; bodies, pages and batches have an upper bound."""
    with serving(tmp_path / "home", key_rate=20) as served:
        with served.client() as client, ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda _: client.get("/v1/rings").status_code, range(80)))
        assert told.count(429) >= 30
        assert told.count(200) >= 10
        with served.client(served.admin) as other:
            assert other.get("/v1/rings").status_code == 200
            assert other.get("/v1/rings?limit=100000").status_code == 422
            items = {"items": [{}] * 10_001}
            assert other.post("/v1/signups/batch", json=items).status_code == 422
        with served.client() as client:
            refused = [client.get("/v1/rings") for _ in range(40)]
            assert {
                one.headers.get("retry-after") for one in refused if one.status_code == 429
            } == {"1"}


def test_api5_2023_broken_function_level_authorization(shared):
    """Erasing is for administrators; every scope opens its own functions and no others."""
    with shared.client() as client:  # every scope but admin
        _known(client)
        erased = client.delete("/v1/accounts/acct-x/personal-data")
        assert erased.status_code == 403
    opens = {
        "rings:read": ("GET", "/v1/rings"), "signups:write": ("POST", "/v1/signups/batch"),
        "usage:write": ("POST", "/v1/logins/batch"), "allowance": ("POST", "/v1/allowance/settle"),
    }  # fmt: skip
    for scope in opens:
        with shared.client(shared.new_key(scope)) as client:
            _known(client)
            for other, (method, path) in opens.items():
                told = client.request(method, path, json={} if method == "POST" else None)
                assert (told.status_code == 403) == (other != scope), (scope, path)


def test_api6_2023_unrestricted_access_to_sensitive_business_flows(tmp_path):
    """Whoever turns one knob and holds the rest still to find the score's edge is stopped."""
    with serving(tmp_path / "home", probing_limit=10, probing_refused=True) as served:
        fixed = {"device_id": "d", "payment_fingerprint": "pf", "ip": "192.0.2.1"}
        told = [
            served.post("/v1/signups", signup(n, **fixed, email=f"x{n}@example.org")).status_code
            for n in range(20)
        ]
        assert told[:9] == [200] * 9
        assert told[-1] == 429
        assert "ringfinder_probing_total" in served.get("/metrics").text
        assert '"event": "probing"' in served.log
        with served.client(served.admin) as other:  # nobody else pays for it
            assert other.post("/v1/signups", json=signup("else", **fixed)).status_code == 200


def test_api7_2023_server_side_request_forgery(shared):
    """Whatever looks like an address is a value: nothing is fetched, whatever it says."""
    hook = f"{shared.url}/v1/accounts/forged"
    body = signup("ssrf", referrer=hook, user_agent=hook, plan=hook, email="a@127.0.0.1")
    assert shared.post("/v1/signups", body).status_code == 200
    assert "/v1/accounts/forged" not in shared.log
    source = "ringfinder/serve"
    from pathlib import Path

    for path in (Path(__file__).parents[2] / source).rglob("*.py"):
        text = path.read_text()
        assert not re.search(r"import (httpx|requests|aiohttp)|urllib\.request|urlopen", text), path


def test_api8_2023_security_misconfiguration(tmp_path, shared):
    """No start with placeholders or an open line; no pages, headers or traces that tell more."""
    for settings in (
        {"pepper": "changeme" * 5}, {"pepper": "0123456789abcdef" * 2}, {"pepper": "a" * 40},
        {"store": "neo4j://graph.example.org:7687"},
        {"store": "bolt://localhost:7687", "neo4j_password": "neo4j"},
    ):  # fmt: skip
        with pytest.raises(InputError, match="set|use"):
            check_safe(load({"data_dir": tmp_path, **settings}))
    check_safe(load({"data_dir": tmp_path, "store": "neo4j+s://graph.example.org:7687"}))
    answer = shared.get("/healthz")
    assert "server" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert shared.get("/docs").status_code == 404
    assert (
        "access-control-allow-origin"
        not in shared.get("/v1/rings", headers={"origin": "https://evil.example"}).headers
    )


def test_api9_2023_improper_inventory_management(tmp_path, shared):
    """Every route there is is described, versioned, and says who may call it."""
    app = create_app(load({"data_dir": tmp_path}))
    described = {
        (method.upper(), path) for path, item in app.openapi()["paths"].items() for method in item
    }
    there = {(method, route.path_format) for route in app.router.routes for method in route.methods}
    monitors = {("HEAD", "/healthz"), ("HEAD", "/readyz")}
    assert there - described == {("GET", "/openapi.json")} | monitors
    for route in app.router.routes:
        assert route.path_format.startswith("/v1/") or route.scope in {OPEN, SIGNED}
    assert shared.get("/openapi.json").json()["paths"].keys() == app.openapi()["paths"].keys()


def test_api10_2023_unsafe_consumption_of_apis(tmp_path):
    """What other services send is signed before it is read: no hook takes an unsigned body."""
    app = create_app(load({"data_dir": tmp_path}))
    hooks = [route for route in app.router.routes if route.scope == SIGNED]

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return [await client.post(route.path_format, json=signup("h")) for route in hooks]

    for answer in asyncio.run(ask()):
        assert answer.status_code in {401, 403, 404, 503}, answer.text


def _known(client):
    """Wait until the server knows a key that was just made."""
    deadline = time.monotonic() + 20
    while client.get("/v1/rings").status_code == 401:
        assert time.monotonic() < deadline
        time.sleep(0.05)
