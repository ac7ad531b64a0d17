"""What is measured, for Prometheus: over all workers of the host where there are several.

Names and labels hold route templates, decisions, words of ours and rules of the policy file:
nothing a caller sent.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector

from ringfinder.serve.inmemory import make_in_memory

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
WORKER = "PROMETHEUS_MULTIPROC_WORKER"
"""Names the worker whose files a process counts in; read when this module is imported."""
FIRST_SIZE = 1 << 16
"""Bytes of a file to count in; the library makes it larger as it needs."""

if {MULTIPROCESS, WORKER} <= os.environ.keys():
    # By worker and not by process: one that is started again finds the files that are there.
    values.ValueClass = values.MultiProcessValue(lambda: os.environ[WORKER])  # type: ignore[no-untyped-call]
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.08, 0.1, 0.25, 1.0, 5.0)

REGISTRY = CollectorRegistry()
REQUESTS = Histogram(
    "ringfinder_request_seconds", "Time to answer, by route and status.",
    ["route", "status"], buckets=_SECONDS, registry=REGISTRY,
)  # fmt: skip
SIGNUPS = Counter(
    "ringfinder_signups", "Sign-ups answered.", ["decision", "accepted", "degraded"],
    registry=REGISTRY,
)  # fmt: skip
WOULD_BE = Counter(
    "ringfinder_signups_would_be",
    "Sign-ups that a rule or a policy in shadow mode would have decided otherwise.",
    ["decision", "rule"], registry=REGISTRY,
)  # fmt: skip
GIVEN_UP = Counter(
    "ringfinder_signups_given_up", "Sign-ups of hooks that were answered and never recorded.",
    registry=REGISTRY,
)  # fmt: skip
SCORING = Histogram(
    "ringfinder_scoring_seconds", "Time to normalise and score one sign-up.",
    buckets=(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.02, 0.1), registry=REGISTRY,
)  # fmt: skip
EVENTS = Counter(
    "ringfinder_events", "Rows of batches, by table and what became of them.",
    ["table", "status"], registry=REGISTRY,
)  # fmt: skip
UNREAD = Counter(
    "ringfinder_signup_values_unread",
    "Values of sign-ups that say nothing, by field: no address, a reserved one, no country.",
    ["field"], registry=REGISTRY,
)  # fmt: skip
PROBING = Counter("ringfinder_probing", "Sign-ups noticed as probing the score.", registry=REGISTRY)
SWAPS = Counter(
    "ringfinder_snapshot_swaps", "Snapshots that came into force, or were refused.", ["outcome"],
    registry=REGISTRY,
)  # fmt: skip
SNAPSHOT_CREATED = Gauge(
    "ringfinder_snapshot_created_timestamp_seconds", "When the snapshot in force was made.",
    registry=REGISTRY, multiprocess_mode="livemin",
)  # fmt: skip
SNAPSHOT_HELD = Gauge(
    "ringfinder_snapshot_held", "1 while the newest snapshot waits for a person.",
    registry=REGISTRY, multiprocess_mode="livemax",
)  # fmt: skip
JOURNAL_UP = Gauge(
    "ringfinder_journal_up", "1 while the journal's writer answers, and records.",
    registry=REGISTRY, multiprocess_mode="livemin",
)  # fmt: skip
POLICY_REFUSED = Gauge(
    "ringfinder_policy_refused", "1 while the policy file is bad and an older one in force.",
    registry=REGISTRY, multiprocess_mode="livemax",
)  # fmt: skip
JOURNAL_LAG = Gauge(
    "ringfinder_projector_lag_events", "Events the graph store lacks.", registry=REGISTRY,
    multiprocess_mode="livemax",
)  # fmt: skip
OVERLAY = Gauge(
    "ringfinder_overlay_events", "Sign-ups since the snapshot that this worker knows.",
    registry=REGISTRY, multiprocess_mode="livemax",
)  # fmt: skip


def exposition() -> bytes:
    """Return the metrics as Prometheus reads them."""
    if MULTIPROCESS not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def share(directory: Path, workers: int) -> None:
    """Let the workers of this host, started from now on, count in files that all of them read."""
    for worker in range(workers):
        for kind in ("counter", "histogram", "gauge_livemin", "gauge_livemax"):
            make_in_memory(directory / f"{kind}_{worker}.db", FIRST_SIZE)
    os.environ[MULTIPROCESS] = str(directory)


def forget(worker: int) -> None:
    """Drop the gauges of a worker that has ended; its counts stay."""
    if MULTIPROCESS in os.environ:
        for path in Path(os.environ[MULTIPROCESS]).glob(f"gauge_live*_{worker}.db"):
            with path.open("r+b") as file:
                file.write(bytes(8))  # how much of the file is used
