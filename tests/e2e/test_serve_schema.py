"""The served OpenAPI describes what is served: schemathesis tries it, with all its checks.

Bounded examples here; ``SCHEMA_EXAMPLES=500`` tries more.
"""

from __future__ import annotations

import itertools
import os
import time

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis import GenerationMode
from served import serving

from ringfinder.serve.rows import to_ms

NAMES = itertools.count()
EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "12"))
OPERATIONS = [
    ("get", "/healthz"), ("get", "/readyz"), ("get", "/metrics"),
    ("post", "/v1/signups"), ("post", "/v1/signups/{event_id}/outcome"),
    ("post", "/v1/signups/batch"), ("post", "/v1/usage/batch"), ("post", "/v1/payments/batch"),
    ("post", "/v1/logins/batch"), ("get", "/v1/accounts/{account_id}"),
    ("delete", "/v1/accounts/{account_id}/personal-data"), ("get", "/v1/rings"),
    ("get", "/v1/rings/{ring_id}"), ("get", "/v1/rings/{ring_id}/members"),
    ("get", "/v1/rings/{ring_id}/evidence"), ("get", "/v1/rings/{ring_id}/graph"),
    ("post", "/v1/allowance/reserve"), ("post", "/v1/allowance/settle"),
    ("post", "/v1/labels"), ("get", "/v1/labels/pending"),
    ("post", "/v1/labels/{event_id}/approve"), ("post", "/v1/labels/{event_id}/refuse"),
]  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    home = tmp_path_factory.mktemp("schema") / "home"
    with serving(home, key_rate=100_000, probing_limit=100_000) as served:
        yield served


@pytest.fixture(scope="module")
def described(served):
    # 413 as well: what breaks `maxItems` may break the limit on bodies first.
    refused = ["400", "401", "403", "404", "405", "413", "415", "422", "429", "5xx"]
    config = schemathesis.Config.from_dict(
        {"checks": {"negative_data_rejection": {"expected-statuses": refused}}}
    )
    return schemathesis.openapi.from_url(f"{served.url}/openapi.json", config=config)


def test_every_operation_is_tried(described):
    there = [
        (method, path) for path, item in described.raw_schema["paths"].items() for method in item
    ]
    signed = [one for one in there if "/hooks/" in one[1]]  # test_hooks_served.py has secrets
    assert sorted(set(there) - set(signed)) == sorted(OPERATIONS)


def name_anew(case):
    """Give a case an event_id of its own: one that was sent with another body is refused."""
    bring_back(case)
    name = f"case-{next(NAMES)}"
    if isinstance(case.body, dict) and "event_id" in case.body:
        case.body["event_id"] = name
    if "event_id" in (case.path_parameters or {}):
        case.path_parameters["event_id"] = name


def bring_back(case):
    """Take times out of the future: a schema cannot say what day it is."""
    for name, said in dict(case.body if isinstance(case.body, dict) else {}).items():
        if name.endswith("_at") and said is not None and to_ms(said) > time.time() * 1000:
            case.body[name] = "2026-03-01T09:30:00Z"


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_answers_are_as_described(served, described, method, path, mode):
    operation = described[path][method]
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
        return  # nothing of it can be wrong

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def try_it(case):
        if mode is GenerationMode.POSITIVE:
            name_anew(case)
        else:
            # What is not written into an address cannot be wrong in it.
            assume(all(said not in (None, [], {}) for said in (case.query or {}).values()))
        case.call_and_validate(
            base_url=served.url, headers={"Authorization": f"Bearer {served.admin}"}
        )

    try_it()
