"""What a person does on the command line is in the audit log."""

from __future__ import annotations

import json

from click.testing import CliRunner

from ringfinder.cli.keys import keys
from ringfinder.serve.auditlog import AuditLog


def run(tmp_path, *words):
    result = CliRunner().invoke(keys, [*words, "--data-dir", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_making_rotating_and_revoking_a_key_is_noted_without_its_secret(tmp_path):
    made = run(tmp_path, "create", "--name", "shop", "--scope", "signups:write")
    after = run(tmp_path, "rotate", made["id"])
    run(tmp_path, "revoke", made["id"])
    run(tmp_path, "list")
    acts = list(AuditLog(tmp_path).read())
    assert [(act.what, act.details["key"]) for act in acts] == [
        ("key.created", made["id"]),
        ("key.rotated", after["id"]),
        ("key.revoked", made["id"]),
    ]
    assert all(act.who.startswith("cli:") for act in acts)
    assert made["key"] not in (tmp_path / "audit.log").read_text()
