"""An epoch: the background that several nights are judged against, kept with each snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ringfinder.detect import Detection
from ringfinder.detect.again import (
    Before,
    HeldFast,
    find_all_again,
    find_touched,
    neighbourhood,
    with_newcomers,
)
from ringfinder.detect.echoes import Echo, without_kinds
from ringfinder.detect.ties import TIES
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import shared_values
from ringfinder.evidence.pairs import pair_counts
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.pipeline.analyse import Population
from ringfinder.publish.staging import Staging

FILE = "epoch.parquet"
EPOCH = pa.schema(
    [
        pa.field("account_id", pa.string(), False),
        pa.field("class", pa.int32(), False),
        pa.field("innocent", pa.bool_(), False),
        pa.field("community", pa.int32()),  # null: in none; before judgement
        pa.field("nats", pa.float64()),
        pa.field("values", pa.uint64(), False),  # of what values it holds: see `held_values`
    ]
)


@dataclass(frozen=True)
class Epoch:
    """What a snapshot hands on of its background and its communities.

    Attributes
    ----------
    name, began_ms
        The snapshot that learned the background, and when.
    everyone, size
        float64 (C,): see `Background`, when the epoch began.
    fast
        What else is held fast.
    echoes
        Kinds that are left out because others tell them.
    accounts
        Table of the schema `EPOCH`.
    """

    name: str
    began_ms: int
    everyone: FloatArray
    size: FloatArray
    fast: HeldFast
    echoes: tuple[Echo, ...]
    accounts: pa.Table

    def facts(self) -> dict[str, Any]:
        """Return what run.json holds of it."""
        return {
            "name": self.name,
            "began_ms": self.began_ms,
            "everyone": self.everyone.tolist(),
            "size": self.size.tolist(),
            "least_nats": self.fast.least_nats,
            "null_strength": self.fast.null_strength.tolist(),
            "null_accounts": self.fast.null_accounts,
            "echoes": [asdict(echo) for echo in self.echoes],
        }


def first_of(name: str, began_ms: int, population: Population, found: Detection) -> Epoch:
    """Return the epoch that begins with a full run."""
    fast = HeldFast(found.least_nats, found.null_strength, found.null_accounts)
    back = population.back
    return Epoch(
        name, began_ms, back.everyone, back.size, fast, population.echoes, EPOCH.empty_table()
    )


def write_epoch(
    stage: Staging, graph: AttributeGraph, population: Population, found: Detection
) -> None:
    """Write epoch.parquet: class and community of every account."""
    community, nats = found.communities.community, found.communities.nats
    columns = [
        graph.account_ids.cast(pa.string()),
        pa.array(population.back.label, pa.int32()),
        pa.array(population.back.innocent),
        pa.array(community, pa.int32(), mask=community < 0),
        pa.array(nats, pa.float64(), mask=community < 0),
        pa.array(held_values(graph)),
    ]
    table = pa.Table.from_arrays(columns, schema=EPOCH)
    pq.write_table(table, stage.path(FILE), compression="zstd")


def read_epoch(path: Path, run: Mapping[str, Any]) -> Epoch | None:
    """Return the epoch of a snapshot; None where it has none, or one of another format.

    Parameters
    ----------
    path, run
        The snapshot, checked, and its run.json.
    """
    try:
        facts = run["epoch"]
        table = pq.read_table(path / FILE).cast(EPOCH)
        return Epoch(
            facts["name"],
            facts["began_ms"],
            np.array(facts["everyone"], float),
            np.array(facts["size"], float),
            HeldFast(
                facts["least_nats"],
                np.array(facts["null_strength"], float),
                facts["null_accounts"],
            ),
            tuple(Echo(**echo) for echo in facts["echoes"]),
            table,
        )
    except (OSError, KeyError, TypeError, ValueError, pa.ArrowException):
        return None


def communities_before(path: Path | None, account_ids: pa.StringArray) -> IntArray | None:
    """Return int32 (N,): the community that a snapshot's run found each account in, -1: none.

    None where there is no snapshot, or it does not tell.
    """
    if path is None:
        return None
    try:
        table = pq.read_table(path / FILE, columns=["account_id", "community"])
    except (OSError, pa.ArrowException):
        return None
    at = pc.index_in(account_ids, value_set=table["account_id"].combine_chunks())
    row = np.asarray(pc.fill_null(at, -1), dtype=np.int64)
    return np.append(table["community"].fill_null(-1).to_numpy(), -1)[row].astype(np.int32)


def held_population(graph: AttributeGraph, epoch: Epoch) -> Population | None:
    """Return the population as an epoch holds it fast; None where a class of it is gone.

    Accounts that came since belong to the class their values speak for, and count as
    innocent; rates are those of today's accounts, against the sizes of the epoch's beginning.
    """
    heard = without_kinds(graph, [echo.kind for echo in epoch.echoes])
    shared = shared_values(heard)
    row = _rows(graph, epoch)
    known = row >= 0
    label = np.where(known, np.append(_ints(epoch, "class"), -1)[row], -1)
    label = with_newcomers(shared, graph.stratum, label, epoch.everyone)
    innocent = np.append(np.asarray(epoch.accounts["innocent"], bool), True)[row]
    if len(np.unique(label)) != len(epoch.everyone):
        return None
    back = background(shared, label, ~innocent)
    back = replace(back, everyone=epoch.everyone, size=epoch.size)
    return Population(heard, shared, back, pair_counts(shared), epoch.echoes)


def detect_again(
    graph: AttributeGraph,
    population: Population,
    epoch: Epoch,
    touched: BoolArray | None,
    *,
    seed: int,
) -> tuple[Detection, int]:
    """Find rings within an epoch: in the neighbourhood of what was touched, or everywhere.

    Parameters
    ----------
    graph, population, epoch
        The graph, and `held_population` of it.
    touched
        Bool (N,): see `touched_since`; None: search among all accounts.
    seed
        Seeds Leiden.

    Returns
    -------
    found
        The rings.
    looked_at
        How many accounts were looked at again.
    """
    shared, back, counts = population.shared, population.back, population.counts
    if touched is None:
        found = find_all_again(shared, back, epoch.fast, seed=seed, counts=counts)
        return found, graph.accounts
    row = _rows(graph, epoch)
    community = _ints(epoch, "community")
    before = Before(
        np.append(community, -1)[row].astype(np.int32),
        np.append(epoch.accounts["nats"].fill_null(-np.inf).to_numpy(), -np.inf)[row],
    )
    lost = np.setdiff1d(np.arange(len(community)), row)  # erased, or no longer counted
    orphaned = np.isin(before.community, np.unique(community[lost])) & (before.community >= 0)
    region = neighbourhood(shared, back, before.community, touched | (row < 0) | orphaned)
    found = find_touched(shared, back, epoch.fast, before, region, seed=seed, counts=counts)
    return found, int(region.sum())


def touched_since(graph: AttributeGraph, epoch: Epoch) -> BoolArray:
    """Return bool (N,): accounts that hold other values than in the snapshot, or are new.

    Use of what an account was seen with before touches nobody: it changes how a ring is
    judged, and all rings are judged anew in any case.
    """
    row = _rows(graph, epoch)
    before = np.append(epoch.accounts["values"].to_numpy(), np.uint64(0))[row]
    return (row < 0) | (before != held_values(graph))


def held_values(graph: AttributeGraph) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Return uint64 (N,): a number that changes when what an account holds of kinds that tie does.

    The sum of half of each pseudonym's bits, which are as good as random: values can be
    added to it in any order. Coarse kinds and hours are left out: they change with every
    use, and bring nobody into a ring by themselves.
    """
    digits = pc.utf8_slice_codeunits(graph.pseudonym, -16).cast(pa.binary())
    raw = np.frombuffer(b"".join(digits.to_pylist()), dtype="S16")
    number = np.array([int(one, 16) for one in raw.tolist()], dtype=np.uint64)
    out = np.zeros(graph.accounts, np.uint64)
    rows = TIES[graph.kind[graph.value]]
    np.add.at(out, graph.account[rows], number[graph.value[rows]])
    return out


def _rows(graph: AttributeGraph, epoch: Epoch) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the row of each account in the epoch's table, -1 for those that came since."""
    known = pc.index_in(graph.account_ids, value_set=epoch.accounts["account_id"].combine_chunks())
    return np.asarray(pc.fill_null(known, -1), dtype=np.int64)


def _ints(epoch: Epoch, name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.asarray(epoch.accounts[name].fill_null(-1).to_numpy(), dtype=np.int64)
