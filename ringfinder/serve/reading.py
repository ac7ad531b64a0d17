"""Rings, members and evidence, read from the arrays of one snapshot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ringfinder.errors import NotFound
from ringfinder.graph.columns import NEVER
from ringfinder.model import Decision, IntArray
from ringfinder.score.online.model import Model
from ringfinder.score.policy import Label
from ringfinder.serve.errors import Moved, Unprocessable
from ringfinder.serve.knownlabels import KnownLabels, Reasons
from ringfinder.serve.live import State

MOST_NODES = 400
"""Accounts, and values, in one graph: more cannot be looked at."""
CURSOR = r"^([0-9A-Za-z.-]{1,64})_([0-9]{1,12})$"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rings are asked for; None: any."""

    verdict: str | None = None
    lifecycle: str | None = None
    min_size: int = 0
    min_score: float = 0.0


def rings(
    state: State, wanted: Wanted, *, limit: int, after: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Return one page of rings, the surest and largest first, and where the next one begins.

    Raises
    ------
    Moved
        If `after` is of an earlier snapshot.
    """
    begin = _begin(state, after)
    if state.model is None:
        return [], None
    table = state.model.rings
    score, size = table["score"].to_numpy(), table["size"].to_numpy()
    keep = (size >= wanted.min_size) & (score >= wanted.min_score)
    for name in ("verdict", "lifecycle"):
        word = getattr(wanted, name)
        if word is not None:
            keep &= np.array([one == word for one in table[name].to_pylist()], dtype=bool)
    order = np.lexsort((np.arange(len(table)), -size, -score))
    order = order[keep[order]]
    page = table.take(pa.array(order[begin : begin + limit]))
    return [_ring(row) for row in page.to_pylist()], _next(state, begin, limit, len(order))


def ring(model: Model | None, ring_id: str) -> dict[str, Any]:
    """Return one ring."""
    found, number = _find(model, ring_id)
    return _ring(found.rings.slice(number, 1).to_pylist()[0])


def members(
    state: State, ring_id: str, *, limit: int, after: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Return one page of a ring's accounts, in the order of the snapshot."""
    model, number = _find(state.model, ring_id)
    return _page(state, model.members, model.arrays.member_start, number, limit, after)


def evidence(
    state: State, ring_id: str, *, limit: int, after: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Return one page of the values that mark a ring, strongest first."""
    model, number = _find(state.model, ring_id)
    return _page(state, model.evidence, model.arrays.evidence_start, number, limit, after)


def graph(model: Model | None, ring_id: str) -> dict[str, Any]:
    """Return a ring's accounts and values as nodes, and who holds what as edges.

    Of more than `MOST_NODES` accounts those with the most of the ring's values are shown.
    """
    found, number = _find(model, ring_id)
    low, high = (int(found.arrays.member_start[number + step]) for step in (0, 1))
    first, last = (int(found.arrays.evidence_start[number + step]) for step in (0, 1))
    account, row = found.links_between(low, high)
    degree = np.bincount(account - low, minlength=high - low)
    shown = np.sort(np.argsort(-degree, kind="stable")[:MOST_NODES]) + low
    values = min(last - first, MOST_NODES)
    people = found.members.take(pa.array(shown)).to_pylist()
    marks = found.evidence.slice(first, values).to_pylist()
    nodes = [{"id": f"a{at}", "type": "account", "label": one["account_id"],
              "membership": one["membership"], "score": one["score"]}
             for at, one in zip(shown.tolist(), people, strict=True)]  # fmt: skip
    nodes += [{"id": f"v{first + at}", "type": "value", "label": one["value"], "kind": one["kind"],
               "family": one["family"], "nats": one["nats"],
               "accounts_inside": one["accounts_inside"], "accounts_total": one["accounts_total"]}
              for at, one in enumerate(marks)]  # fmt: skip
    drawn = np.isin(account, shown) & (row < first + values)
    pairs = zip(account[drawn].tolist(), row[drawn].tolist(), strict=True)
    edges = [{"source": f"a{one}", "target": f"v{other}"} for one, other in pairs]
    return {"nodes": nodes, "edges": edges, "accounts_left_out": high - low - len(shown),
            "values_left_out": last - first - values}  # fmt: skip


def account(model: Model | None, account_id: str) -> dict[str, Any] | None:
    """Return what the snapshot says of an account; None where it does not know it."""
    at = -1 if model is None else model.find_account(account_id)
    if at < 0 or model is None:
        return None
    arrays = model.arrays
    number = int(arrays.account_ring[at])
    reasons: IntArray = arrays.reason[
        int(arrays.reason_start[at]) : int(arrays.reason_start[at + 1])
    ]
    found = model.reasons["reason"].take(pa.array(reasons)).to_pylist()
    return {
        "account_id": account_id,
        "decision": list(Decision)[int(arrays.account_decision[at])],
        "score": float(arrays.account_score[at]),
        "ring": None if number < 0 else {
            "ring_id": model.ring_ids[number].as_py(),
            "membership": float(arrays.account_membership[at]),
            "verdict": model.verdicts[number],
        },
        "reasons": found,
    }  # fmt: skip


def label_of(state: State, labels: KnownLabels, account_id: str) -> Label | None:
    """Return the label that counts for an account that is scored by what it signs up with."""

    def reasons_of(name: str) -> Reasons | None:
        found = account(state.model, name)
        return None if found is None else found["reasons"]

    return labels.find(account_id, is_known=state.has, reasons_of=reasons_of)


def fleet_of(state: State, account_id: str, *, is_erased: bool = False) -> str | None:
    """Return the fleet of an account: the snapshot's or, if that does not know it, since then.

    Parameters
    ----------
    state, account_id
        What to answer from, and whose fleet.
    is_erased
        Whether it was erased since the snapshot, which is not asked for it then.
    """
    model, overlay = state.model, state.overlay
    if model is None or overlay is None:
        return None
    at = -1 if is_erased else model.find_account(account_id)
    if at >= 0:
        number = int(model.arrays.account_ring[at])
    else:
        number = model.ring_number.get(overlay.ring_of_account(account_id) or "", -1)
    return str(model.ring_ids[number].as_py()) if number >= 0 and model.fleet[number] else None


def _find(model: Model | None, ring_id: str) -> tuple[Model, int]:
    number = None if model is None else model.ring_number.get(ring_id)
    if model is None or number is None:
        raise NotFound("There is no ring of that id in the snapshot in force.")
    return model, number


def _ring(row: dict[str, Any]) -> dict[str, Any]:
    for name in ("first_seen_ms", "last_seen_ms"):
        if row[name] == NEVER:
            row[name] = None
    return row


def _page(
    state: State, table: pa.Table, start: Sequence[int] | IntArray, number: int,
    limit: int, after: str | None,
) -> tuple[list[dict[str, Any]], str | None]:  # fmt: skip
    low, high = int(start[number]), int(start[number + 1])
    begin = _begin(state, after)
    page = table.slice(low + begin, max(0, min(limit, high - low - begin)))
    return page.to_pylist(), _next(state, begin, limit, high - low)


def _begin(state: State, after: str | None) -> int:
    if after is None:
        return 0
    match = re.fullmatch(CURSOR, after)
    if match is None:
        raise Unprocessable(
            "`after` is not what a page named as `next`.",
            [{"field": "after", "problem": "is the `next` of the page before"}],
        )
    if match[1] != state.snapshot_id:
        raise Moved("Another snapshot is in force since the first page: begin again.")
    return int(match[2])


def _next(state: State, begin: int, limit: int, length: int) -> str | None:
    return f"{state.snapshot_id}_{begin + limit}" if begin + limit < length else None
