"""The nginx block of the README: nginx takes it, and it lets through what it should."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from deployed import DOCKER

from ringfinder.config import Settings
from ringfinder.serve.access import OPEN, GuardedRoute
from ringfinder.serve.app import create_app
from ringfinder.serve.bodies import LARGE
from ringfinder.serve.worker import server

README = (DOCKER.parent / "README.md").read_text(encoding="utf-8")
(BLOCK,) = re.findall(r"^```nginx\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def value(name: str) -> str:
    (found,) = re.findall(rf"^ *{name} (.+?);", BLOCK, re.MULTILINE)
    return found


def test_the_largest_body_that_the_api_takes_gets_through():
    assert value("client_max_body_size") == value("client_body_buffer_size") == f"{LARGE >> 20}m"


def test_it_passes_on_what_needs_a_key_or_a_signature_and_nothing_else(tmp_path):
    assert re.findall(r"^    location (\S+)", BLOCK, re.MULTILINE) == ["/v1/", "/"]
    app = create_app(Settings(data_dir=tmp_path))
    found = [(route.path, route.scope) for route in app.routes if isinstance(route, GuardedRoute)]
    open_ones = {path for path, scope in found if scope == OPEN and "/hooks/" not in path}
    assert open_ones == {"/metrics", "/readyz", "/healthz", "/openapi.json"}
    assert {path for path, _ in found if not path.startswith("/v1/")} == open_ones


def test_the_proxy_lets_go_of_an_idle_connection_before_the_api_does(tmp_path):
    waits = server(Settings(data_dir=tmp_path)).config.timeout_keep_alive
    assert int(value("keepalive_timeout").removesuffix("s")) < waits


@pytest.mark.skipif(not shutil.which("nginx"), reason="there is no nginx here")
def test_nginx_takes_it(tmp_path):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ringfinder",
         "-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    block = BLOCK.replace("/etc/ssl/ringfinder", str(tmp_path)).replace(
        "listen 443", "listen 127.0.0.1:18443"
    )
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{block}\n}}\n"
    )
    ran = subprocess.run(
        ["nginx", "-t", "-p", tmp_path, "-e", "stderr", "-c", tmp_path / "nginx.conf"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
