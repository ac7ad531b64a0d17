"""What holds for every test."""

from __future__ import annotations

import signal

pytest_plugins = ["neo4j_server"]

# A shell that runs the tests in the background lets its children ignore Ctrl-C, and they theirs.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
