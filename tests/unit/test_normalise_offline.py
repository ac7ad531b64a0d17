"""The normaliser never touches the network, from its import on."""

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]

FORBIDDEN = """
import socket, sys
sys.path[:0] = ["tests"]
asked = []

def refuse(name):
    caller = sys._getframe(2).f_globals.get("__name__", "")
    if (caller, name) != ("urllib3.util.connection", "socket"):  # asks whether ::1 exists
        asked.append((caller, name))
    raise OSError(f"{name} is forbidden here")

def forbid(name):
    return lambda *args, **kwargs: refuse(name)

class Socket(socket.socket):
    def __init__(self, *args, **kwargs):
        refuse("socket")

socket.socket = Socket
names = ["create_connection", "getaddrinfo", "gethostbyname", "socketpair", "create_server"]
for name in names:
    setattr(socket, name, forbid(name))
"""

EVERYTHING = """
from raw_world import NOON, sighting, sightings, telemetry
from ringfinder.normalise import Pepper, domains, normalise

raw = {
    "ip": ["8.8.8.8", "[2a00:1450::1]:80", "x"],
    "email": ["J.o+1@gmail.com", "a@b.bücher.de", "Jo <jo@x.eu.org>", "x@mailinator.com", "@@"],
    "phone": ["+44 20 7946 0958", "1-800-FLOWERS", "020 7946 0958 ext 4"],
    "prompt": ["write a poem about the sea and " + "https://a.example/" , "hi"],
    "device_id": ["d"], "payment_fingerprint": ["4111111111111111"], "card_bin": ["411111"],
    "user_agent": ["u"], "tls_fingerprint": ["t"], "organisation_id": ["o"], "model": ["m"],
    "referrer": ["https://a.example/x"], "prompt_fingerprint": ["f"],
}
seen = [sightings(f, *(sighting(0, v) for v in values)) for f, values in raw.items()]
world = telemetry(1, *seen, country=["GB"], first_use=[NOON], last_use=[NOON])
for few in (256, 0):
    domains.FEW = few
    graph = normalise(world, pepper=Pepper(1, b"k" * 32))
assert graph.values > 20, graph.values
assert not asked, asked
print("quiet")
"""


def run(script):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=120,
    )


def test_everything_runs_where_sockets_are_forbidden():
    found = run(FORBIDDEN + EVERYTHING)
    assert (found.stdout, found.returncode) == ("quiet\n", 0), found.stderr


def test_the_watch_itself_notices_a_connection():
    found = run(
        FORBIDDEN
        + "try:\n    socket.create_connection(('192.0.2.1', 80))\nexcept OSError:\n    print(asked)"
    )
    assert found.stdout == "[('__main__', 'create_connection')]\n"


def test_the_watch_notices_a_bare_socket_too():
    attempt = "try:\n    socket.socket()\nexcept OSError:\n    print(asked)"
    assert run(FORBIDDEN + attempt).stdout == "[('__main__', 'socket')]\n"


def test_importing_the_normaliser_brings_no_network_library():
    found = run(
        "import sys, ringfinder.normalise\nprint({'requests', 'urllib3', 'dns'} & set(sys.modules))"
    )
    assert found.stdout == "set()\n", found.stderr
