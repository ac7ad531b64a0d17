"""Which events are new: the hashes of the event ids that a log has recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from ringfinder.store.memory import arrow, workspace

# 128 bits of SHA-256: no accident in 10^15 events, and nobody can aim at another's id.
_DIGEST = "unhex(substr(sha256(event_id), 1, 32))"
_FRESH = f"""
    WITH first AS (SELECT {_DIGEST} AS id, min(row) AS row FROM incoming GROUP BY id)
    SELECT row, id FROM first WHERE NOT EXISTS (FROM known WHERE known.id = first.id) ORDER BY row
"""


def id_of(event_id: str) -> bytes:
    """Return what is kept of an event_id: 16 bytes."""
    return hashlib.sha256(event_id.encode()).digest()[:16]


def fresh_ids(event_ids: pa.ChunkedArray, known: Sequence[Path], spill: Path) -> pa.Table:
    """Return the rows whose event_id is neither known nor repeated from an earlier row.

    Parameters
    ----------
    event_ids
        Strings (n,).
    known
        Files of hashes written by earlier appends.
    spill
        Directory for what does not fit in memory.

    Returns
    -------
    pa.Table
        row (int64, rising) and id (binary, 16 bytes).
    """
    incoming = pa.table({"event_id": event_ids, "row": np.arange(len(event_ids))})
    nothing = pa.table({"id": pa.array([], pa.binary())})
    with workspace(spill, incoming=incoming, nothing=nothing) as connection:
        if known:
            connection.read_parquet([str(path) for path in known]).create_view("known")
        else:
            connection.execute("CREATE VIEW known AS FROM nothing")
        return arrow(connection, _FRESH)
