"""Which models an account asked, and the day it took each up: usage folded once more.

Columnar files beside the segments, like account-hours and for the same reason.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from ringfinder.store.memory import arrow, workspace

_COLUMNS = ("account_id", "occurred_ms", "exchanges", "model", "adoption")

# The day of a model's first use is known when its first use is: of equal times, the days are.
_FOLD = """
    SELECT account_id, model, min(occurred_ms) AS first_ms, max(occurred_ms) AS last_ms,
           sum(greatest(exchanges, 1))::BIGINT AS count, arg_min(adoption, occurred_ms) AS adoption
    FROM usage WHERE model IS NOT NULL GROUP BY account_id, model ORDER BY account_id, model
"""


def fold_models(usage: pa.Table, spill: Path) -> pa.Table:
    """Return the models of each account.

    Parameters
    ----------
    usage
        Usage events.
    spill
        Directory for what does not fit in memory.

    Returns
    -------
    pa.Table
        account_id, model (pseudonym of its name), first_ms, last_ms, count (exchanges, at
        least one per event), adoption (pseudonym of the model and the day of first_ms);
        sorted by account_id, then model.
    """
    with workspace(spill, usage=usage.select(_COLUMNS)) as connection:
        return arrow(connection, _FOLD)
