"""The Actions in the examples, run by node as Auth0 runs them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hook_payloads import STANDARD

ACTIONS = Path(__file__).parents[1] / "fixtures" / "examples" / "auth0"
needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="no JavaScript on this machine"
)


def node(directory, url, *which):
    """Run the Actions as Auth0 does."""
    script = directory / "run.js"
    script.write_text(_NODE)
    done = subprocess.run(
        ["node", str(script), str(ACTIONS), url, STANDARD, *which],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def before(directory, url):
    """What the first Action leaves with the user."""
    return json.loads(node(directory, url, "only-before").stdout.splitlines()[-1])


_NODE = """
const [,, directory, url, secret, only] = process.argv;
const before = require(directory + "/pre-user-registration.js");
const after = require(directory + "/post-user-registration.js");
const secrets = { RINGFINDER_URL: url, RINGFINDER_SECRET: secret };
const metadata = { denied: null };
const api = {
  user: { setAppMetadata: (name, value) => { metadata[name] = value; } },
  access: { deny: (reason, message) => { metadata.denied = message; } },
};
const event = {
  secrets,
  user: { email: "node@example.org", email_verified: false },
  request: { ip: "203.0.113.9", user_agent: "Node", geoip: { countryCode: "FR" } },
};
(async () => {
  if (only === "only-after-nothing") {
    await after.onExecutePostUserRegistration({ secrets, user: { user_id: "sms|1" } });
    return;
  }
  await before.onExecutePreUserRegistration(event, api);
  if (!only) {
    const user = { user_id: "auth0|node", app_metadata: metadata };
    await after.onExecutePostUserRegistration({ secrets, user });
  }
  console.log(JSON.stringify(metadata));
})();
"""
