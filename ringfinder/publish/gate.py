"""What of a run is so unusual that a person looks first.

A wrong run harms many at once: a mapped column that holds one value for everybody, a mail
provider taken for a fleet's domain, a company whose office moved. The gate compares what a
run flags with what is in force and says, in sentences, why it should wait. It never changes
a result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.durations import DAY_MS
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import BoolArray, IntArray
from ringfinder.schema import CODE

FEW = 50
"""Newly flagged accounts that never make a run wait by their share: one fleet of a small log."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a run waits; see the settings of these names without `gate_`."""

    share: float
    first_share: float
    old_days: int
    old_accounts: int
    organisation_accounts: int


@dataclass(frozen=True)
class InForce:
    """What the snapshot in force says of accounts.

    Attributes
    ----------
    account_id, flagged
        Strings (M,) and bool (M,): every account, and whether its ring is a fleet.
    organisation
        Strings (M,): the ring of those in one judged an organisation or a household; null
        for all others.
    """

    account_id: pa.StringArray
    flagged: BoolArray
    organisation: pa.StringArray


def why_held(
    graph: AttributeGraph, flagged: BoolArray, before: InForce | None, limits: Limits
) -> list[str]:
    """Say why a run should wait for a person.

    Parameters
    ----------
    graph, flagged
        The graph of the run, and bool (N,): its accounts whose ring is a fleet.
    before
        What is in force; None: nothing yet. Then only the share of flagged accounts is
        asked, against a limit of its own: all that was ever there is new to it, and there is
        nothing yet that a wrong run could spoil.
    limits
        From where on to wait.

    Returns
    -------
    list of str
        One sentence per reason, with figures, without any name; empty: publish.
    """
    if before is None:
        share = flagged.mean() if len(flagged) else 0.0
        if flagged.sum() > FEW and share > limits.first_share:
            return [_share_sentence(flagged, len(flagged), limits.first_share, "first_share")]
        return []
    at = pc.index_in(graph.account_ids, value_set=before.account_id)
    known = np.asarray(at.is_valid())
    row = np.asarray(at.fill_null(0), dtype=np.int64)
    fresh = flagged & ~(known & before.flagged[row] if len(before.flagged) else known)
    out = []
    if fresh.sum() > max(FEW, limits.share * len(flagged)):
        out.append(_share_sentence(fresh, len(flagged), limits.share, "share"))
    old = graph.created_ms < _end(graph) - limits.old_days * DAY_MS
    if (fresh & old).sum() > limits.old_accounts:
        out.append(
            f"It newly flags {(fresh & old).sum():,} accounts that signed up more than "
            f"{limits.old_days} days ago; gate_old_accounts allows {limits.old_accounts:,}."
        )
    organisation = before.organisation.take(pa.array(row[known & fresh]))
    most = max((*_of_rings(organisation), *_of_domains(graph, fresh, old, limits)), default=0)
    if most > limits.organisation_accounts:
        out.append(
            f"It newly flags {most:,} accounts of one organisation; gate_organisation_accounts "
            f"allows {limits.organisation_accounts:,}."
        )
    return out


def _share_sentence(flagged: BoolArray, accounts: int, share: float, setting: str) -> str:
    return (
        f"It newly flags {flagged.sum():,} of {accounts:,} accounts "
        f"({flagged.sum() / accounts:.1%}); gate_{setting} allows {share:.1%}."
    )


def _end(graph: AttributeGraph) -> int:
    """Return when the data ends, by its last sign-up or use; no clock is asked."""
    return int(max(graph.created_ms.max(initial=0), graph.profiles.last_use_ms.max(initial=0)))


def _of_rings(organisation: pa.StringArray) -> Iterator[int]:
    """Yield how many newly flagged accounts each ring of an organisation had."""
    for entry in pc.value_counts(organisation.drop_null()):
        yield entry["counts"].as_py()


def _of_domains(
    graph: AttributeGraph, fresh: BoolArray, old: BoolArray, limits: Limits
) -> Iterator[int]:
    """Yield how many newly flagged accounts each settled e-mail domain has.

    A domain is settled where more old accounts hold it than the limit; a fleet's own has few.
    """
    domain = graph.kind[graph.value] == CODE["email_domain"]
    held: IntArray = graph.value[domain & fresh[graph.account]]
    settled = np.bincount(graph.value[domain & old[graph.account]], minlength=graph.values)
    newly = np.bincount(held, minlength=graph.values)
    yield from newly[(newly > 0) & (settled > limits.organisation_accounts)].tolist()
