"""The snapshot's arrays for scoring: written flat beside the tables, mapped into memory.

Every array is a file ``model-<name>.npy``, every table ``model-<name>.arrow``; ``model.json``
says what they are. All of them are in the snapshot's run.json with their SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ringfinder.detect.echoes import without_kinds
from ringfinder.errors import StoreError
from ringfinder.evidence.background import Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.lifts import log_lifts
from ringfinder.explain.build import Joined
from ringfinder.explain.reasons import AccountReasons
from ringfinder.model import Decision, FloatArray, IntArray
from ringfinder.publish.staging import RUN_FILE, Staging
from ringfinder.schema import CODE, FAMILIES, FAMILY_OF_KIND, KINDS
from ringfinder.score.assess import Assessment
from ringfinder.score.online.build import (
    account_digests,
    mark_arrays,
    value_arrays,
    with_own_values,
)
from ringfinder.score.online.model import ARRAY_NAMES, VERDICTS, Arrays, Model

FORMAT = 1
META = "model.json"
TABLES = ("rings", "members", "evidence", "reasons", "links")


def write_model(
    stage: Staging,
    *,
    shared: Incidence,
    back: Background,
    judged: Assessment,
    run: Joined,
    reasons: AccountReasons,
    decision: list[str],
    silent: Sequence[str] = (),
) -> None:
    """Write ``model-*`` files into a snapshot that is being staged, before `write_run`.

    Parameters
    ----------
    stage
        Where the snapshot is written.
    shared, back
        Incidence and background of the run.
    judged, run
        What `pipeline.audit._judge` returns.
    reasons, decision
        `explain.account_reasons` of the run, and `pipeline.judgement.decisions` of it.
    silent
        Kinds that were left out of the run's evidence.
    """
    graph = run.graph
    known = shared.values
    shared, back = with_own_values(without_kinds(graph, silent), shared, back, judged.ring)
    lifts = log_lifts(shared, back, judged.ring)
    values, place = value_arrays(shared, back, graph.pseudonym, graph.created_ms)
    arrays = {
        **values,
        **mark_arrays(shared, lifts, judged.verdict, place),
        "ring_probability": judged.probability,
        "ring_verdict": np.array([VERDICTS.index(v) for v in judged.verdict], dtype=np.int8),
        "member_start": run.links.member_start,
        "evidence_start": run.links.row_start,
        **_account_arrays(run, judged, reasons, decision),
    }
    for name in ARRAY_NAMES:
        np.save(stage.path(f"model-{name}.npy"), arrays[name], allow_pickle=False)
    tables = {
        "rings": _rings(run),
        "members": _members(run, judged),
        "evidence": _evidence(run),
        "reasons": pa.table({"reason": reasons.distinct}),
        "links": _links(run),
    }
    for name in TABLES:
        with pa.OSFile(str(stage.path(f"model-{name}.arrow")), "wb") as sink:
            table = tables[name]
            with pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table.combine_chunks())
    meta = {
        "format": FORMAT,
        "kinds": [kind.name for kind in KINDS],
        "silent": list(silent),
        "usage": bool(graph.profiles.exchanges.any()),
        "accounts": graph.accounts,
        "values": shared.values,
        "shared": known,
        "rings": len(judged.verdict),
    }
    stage.write_bytes(META, json.dumps(meta, sort_keys=True).encode() + b"\n")


def _account_arrays(
    run: Joined, judged: Assessment, reasons: AccountReasons, decision: list[str]
) -> dict[str, IntArray | FloatArray]:
    """Return the arrays of accounts, sorted by the digest of their id."""
    high, low = account_digests(run.graph.account_ids)
    order = np.lexsort((low, high))
    count = np.diff(reasons.start)[order]
    start = np.concatenate(([0], np.cumsum(count)))
    row = np.repeat(reasons.start[:-1][order] - start[:-1], count) + np.arange(start[-1])
    names = [str(one) for one in Decision]
    code = {name: number for number, name in enumerate(names)}
    return {
        "account_high": high[order],
        "account_low": low[order],
        "account_ring": judged.ring[order].astype(np.int32),
        "account_membership": judged.membership[order],
        "account_score": judged.account_score[order],
        "account_decision": np.array([code[name] for name in decision], dtype=np.int8)[order],
        "reason_start": start.astype(np.int64),
        "reason": reasons.index[row].astype(np.int32),
    }


def _rings(run: Joined) -> pa.Table:
    """Return what the API tells of each ring."""
    judgement = run.judgement
    return pa.table({
        "ring_id": pa.array(list(judgement.ring_id), pa.string()),
        "size": pa.array(run.rings.size, pa.int64()),
        "score": pa.array(judgement.score, pa.float64()),
        "verdict": pa.array([str(one) for one in judgement.verdict], pa.string()),
        "lifecycle": pa.array([str(one) for one in judgement.lifecycle], pa.string()),
        "first_seen_ms": pa.array(judgement.first_seen_ms, pa.int64()),
        "last_seen_ms": pa.array(judgement.last_seen_ms, pa.int64()),
        "exchanges": pa.array(judgement.exchanges, pa.int64()),
        "output_tokens": pa.array(judgement.output_tokens, pa.int64()),
        "false_discovery_rate": pa.array(judgement.fdr, pa.float64()),
        "summary": pa.array(list(run.summaries), pa.string()),
    })  # fmt: skip


def _members(run: Joined, judged: Assessment) -> pa.Table:
    members = run.links.members
    return pa.table({
        "account_id": run.graph.account_ids.take(pa.array(members)).cast(pa.string()),
        "membership": pa.array(judged.membership[members]),
        "score": pa.array(judged.account_score[members]),
    })  # fmt: skip


def _links(run: Joined) -> pa.Table:
    """Return which member holds which evidence: rows of both tables, by member."""
    links = run.links
    place = np.empty(run.graph.accounts, dtype=np.int64)
    place[links.members] = np.arange(len(links.members))
    member = place[links.account]
    order = np.lexsort((links.row, member))
    return pa.table({
        "member": pa.array(member[order].astype(np.int32)),
        "evidence": pa.array(links.row[order].astype(np.int32)),
    })  # fmt: skip


def _evidence(run: Joined) -> pa.Table:
    rings = run.rings
    kind = run.graph.kind[rings.evidence_value].astype(np.int64)
    family = np.asarray(FAMILY_OF_KIND, dtype=np.int64)[kind]
    return pa.table({
        "family": pa.array([str(one) for one in FAMILIES]).take(pa.array(family)),
        "kind": pa.array([one.name for one in KINDS]).take(pa.array(kind)),
        "value": run.graph.pseudonym.take(pa.array(rings.evidence_value)).cast(pa.string()),
        "accounts_inside": pa.array(rings.evidence_inside, pa.int64()),
        "accounts_total": pa.array(rings.evidence_total, pa.int64()),
        "nats": pa.array(rings.evidence_nats, pa.float64()),
    })  # fmt: skip


def open_model(directory: Path, *, verify: bool = True) -> Model:
    """Map a snapshot's arrays into memory (read-only, shared between processes).

    Parameters
    ----------
    directory
        Of a published snapshot.
    verify
        Whether to compare every file with its SHA-256 in run.json, which reads them all.

    Raises
    ------
    StoreError
        If a file is missing, truncated, damaged or of a later format; none is half open.
    """
    try:
        meta = _meta(directory)
        if verify:
            _check_files(directory)
        arrays = Arrays(**{name: _mapped(directory, name) for name in ARRAY_NAMES})
        tables = {name: _table(directory, name) for name in TABLES}
    except (OSError, ValueError, KeyError, TypeError, EOFError, pa.ArrowException) as error:
        raise StoreError(
            f"The snapshot in {directory.name} cannot be read ({type(error).__name__}): a file is "
            "missing, cut short or damaged. Publish it again, or go back to an earlier one."
        ) from error
    _check_shapes(directory, meta, arrays, tables)
    ids = tables["rings"]["ring_id"].combine_chunks()
    silent = frozenset(CODE[name] for name in meta.get("silent", []))
    return Model(arrays, ids, bool(meta["usage"]), silent, **tables)


def _meta(directory: Path) -> dict[str, Any]:
    """Read and check model.json."""
    meta: dict[str, Any] = dict(json.loads((directory / META).read_bytes()))
    if not isinstance(meta.get("format"), int) or meta["format"] > FORMAT:
        raise StoreError(
            f"The snapshot in {directory.name} has the format {meta.get('format')!r}; this version "
            f"reads up to {FORMAT}. Upgrade the servers before publishing with a newer version."
        )
    if meta["kinds"] != [kind.name for kind in KINDS]:
        raise StoreError(
            f"The snapshot in {directory.name} knows other attribute kinds than this version. "
            "Recompute it with this version."
        )
    return meta


def _check_files(directory: Path) -> None:
    """Raise a StoreError where a model file is not what run.json says."""
    known = json.loads((directory / RUN_FILE).read_bytes())["files"]
    names = [META, *(f"model-{name}.npy" for name in ARRAY_NAMES)]
    names += [f"model-{name}.arrow" for name in TABLES]
    for name in names:
        with (directory / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != known[name]:
            raise StoreError(
                f"{name} of the snapshot in {directory.name} is not the file that was published: "
                "its SHA-256 differs. Publish it again, or go back to an earlier one."
            )


def _mapped(directory: Path, name: str) -> Any:
    path = directory / f"model-{name}.npy"
    found = np.load(path, mmap_mode="r", allow_pickle=False)
    # of a mapped array, every look-up of one row would make another memmap: ten times slower
    return found.view(np.ndarray) if isinstance(found, np.memmap) else found


def _table(directory: Path, name: str) -> pa.Table:
    with pa.memory_map(str(directory / f"model-{name}.arrow")) as source:
        return pa.ipc.open_file(source).read_all()


_LENGTHS = {
    "values": ("value_high", "value_low", "value_degree"),
    "rings": ("ring_size", "ring_prior", "ring_cap", "ring_probability", "ring_verdict"),
    "accounts": ("account_high", "account_low", "account_ring", "account_membership"),
}


def _check_shapes(
    directory: Path, meta: dict[str, Any], arrays: Arrays, tables: dict[str, pa.Table]
) -> None:
    """Raise a StoreError where arrays that belong together have other lengths."""
    wrong = [
        name for what, names in _LENGTHS.items() for name in names
        if len(getattr(arrays, name)) != meta.get(what)
    ]  # fmt: skip
    wrong += [] if len(tables["rings"]) == meta.get("rings") else ["rings"]
    if wrong:
        raise StoreError(
            f"The snapshot in {directory.name} is no whole one: {wrong[0]} has another length "
            "than model.json says. Publish it again, or go back to an earlier one."
        )
