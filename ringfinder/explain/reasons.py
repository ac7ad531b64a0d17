"""Reasons of every account, as columns: distinct sentences once, accounts point to them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from ringfinder.explain.given import Judgement
from ringfinder.explain.links import EvidenceLinks, evidence_links
from ringfinder.explain.numbers import article, plural, share
from ringfinder.explain.words import account_sentence
from ringfinder.graph.columns import AttributeGraph, Rings
from ringfinder.model import IntArray, Reason, Verdict
from ringfinder.schema import FAMILIES, FAMILY_OF_KIND, KINDS

REASON_TYPE = pa.struct(
    [
        ("code", pa.string()),
        ("family", pa.string()),
        ("kind", pa.string()),
        ("nats", pa.float64()),
        ("text", pa.string()),
    ]
)
SHOWN = 4
"""Shared values told per account: the strongest of each family, at most this many."""
MOST_NATS = 14.0
"""Log odds of a verdict are cut here: more than 'one in a million' cannot be known."""

OUTSIDE = Reason(
    "no_ring", "ring", "none", 0.0,
    "Outside all rings: what it shares with others does not tie it to one.",
)  # fmt: skip
_OUTSIDE = (
    OUTSIDE,
    Reason(
        "label_legitimate", "ring", "label", 0.0,
        "Labelled legitimate by a person, so it belongs to no ring.",
    ),
    Reason(
        "label_contradicted", "ring", "label", 0.0,
        "Labelled legitimate by a person; since then it was seen with a card or an address of a "
        "fleet for the first time, so a person should look again.",
    ),
)  # fmt: skip


def near_reason(size: int) -> Reason:
    """Say that an account is outside all rings, and near a fleet of so many accounts."""
    accounts = plural(size, "account")
    text = f"Outside all rings, and near a fleet of {accounts}: what they share makes no member."
    return replace(OUTSIDE, text=text)


def label_reason(label: str) -> Reason:
    """Say what a person said of an account; the batch and the API use the same words."""
    return Reason(
        f"labelled_{label}", "none", "label", 0.0, f"A person labelled this account {label}."
    )


_FRAUD = len(_OUTSIDE)
_FIXED = (*_OUTSIDE, label_reason("fraud"))


@dataclass(frozen=True)
class AccountReasons:
    """Reasons per account; at least one each.

    Attributes
    ----------
    distinct
        Struct array of `REASON_TYPE`: every sentence that occurs, once.
    start
        int64 (N + 1,): the reasons of account a are ``index[start[a]:start[a + 1]]``.
    index
        int32: rows of `distinct`.
    """

    distinct: pa.StructArray
    start: IntArray
    index: IntArray

    def to_arrow(self, begin: int, end: int) -> pa.ListArray:
        """Return the reasons of accounts begin..end as list<struct>."""
        first, last = int(self.start[begin]), int(self.start[end])
        offsets = pa.array((self.start[begin : end + 1] - first).astype(np.int32))
        values = self.distinct.take(pa.array(self.index[first:last]))
        return pa.ListArray.from_arrays(offsets, values)

    def of(self, account: int) -> tuple[Reason, ...]:
        """Return the reasons of one account: label, ring's verdict, then strongest first."""
        rows = self.index[self.start[account] : self.start[account + 1]]
        return tuple(Reason(**row) for row in self.distinct.take(pa.array(rows)).to_pylist())


def account_reasons(
    graph: AttributeGraph,
    rings: Rings,
    judgement: Judgement,
    links: EvidenceLinks,
    *,
    fraud: IntArray | None = None,
    legitimate: IntArray | None = None,
    contradicted: IntArray | None = None,
    near: IntArray | None = None,
) -> AccountReasons:
    """Tell why each account stands where it stands.

    Parameters
    ----------
    graph, rings, judgement
        Of one run.
    links
        `evidence_links` of the run.
    fraud
        Accounts whose last label says fraud, in rings and outside.
    legitimate
        Accounts outside rings because a label says so.
    contradicted
        Those of them that a person should look at again.
    near
        int32 (N,): the fleet that an account outside rings comes near; -1 where there is none.

    Returns
    -------
    AccountReasons
        A member: its ring's verdict, then the strongest shared value of each family
        (`SHOWN` at most). An account outside rings: that it is, or its label; and what it
        shares with the fleet that it comes near. Before either stands that a person labelled
        the account fraud.
    """
    reasons = [*_FIXED, *(_verdict(rings, judgement, ring) for ring in range(len(rings.size)))]
    everyone = np.arange(graph.accounts)
    labelled = everyone[:0] if fraud is None else fraud
    first = np.where(rings.ring < 0, 0, rings.ring.astype(np.int64) + len(_FIXED))
    who, what = [labelled, everyone], [np.full(len(labelled), _FRAUD), first]

    def tell(links: EvidenceLinks, *, member: bool) -> None:
        account, row = _strongest_of_each_family(graph, rings, links)
        used, place = np.unique(row, return_inverse=True)
        who.append(account)
        what.append(place + len(reasons))
        reasons.extend(_shared(graph, rings, int(one), member=member) for one in used)

    tell(links, member=True)
    if near is not None:
        fleets, place = np.unique(near[near >= 0], return_inverse=True)
        first[near >= 0] = place + len(reasons)
        reasons.extend(near_reason(int(rings.size[ring])) for ring in fleets)
        tell(evidence_links(graph, replace(rings, ring=near)), member=False)
    if legitimate is not None:
        first[legitimate[rings.ring[legitimate] < 0]] = 1
    if contradicted is not None:
        first[contradicted[rings.ring[contradicted] < 0]] = 2
    everybody = np.concatenate(who)
    order = np.argsort(everybody, kind="stable")
    start = np.zeros(graph.accounts + 1, dtype=np.int64)
    np.cumsum(np.bincount(everybody, minlength=graph.accounts), out=start[1:])
    return AccountReasons(_to_arrow(reasons), start, np.concatenate(what)[order].astype(np.int32))


def ring_reasons(rings: Rings, graph: AttributeGraph, ring: int, rows: slice) -> tuple[Reason, ...]:
    """Return what speaks for a ring: the strongest shared value of each family."""
    from_family: dict[int, Reason] = {}
    for row in range(rows.start, rows.stop):
        family = FAMILY_OF_KIND[int(graph.kind[rings.evidence_value[row]])]
        if family not in from_family:
            from_family[family] = _shared(graph, rings, row)
    return tuple(from_family.values())


def _strongest_of_each_family(
    graph: AttributeGraph, rings: Rings, links: EvidenceLinks
) -> tuple[IntArray, IntArray]:
    """Return (account, evidence row), sorted by account, then strength; rows rank by nats."""
    family = np.asarray(FAMILY_OF_KIND)[graph.kind[rings.evidence_value[links.row]]]
    cell = links.account * len(FAMILIES) + family
    first = np.sort(np.unique(cell, return_index=True)[1])
    account, row = links.account[first], links.row[first]
    begin = np.searchsorted(account, account, side="left")
    keep = np.arange(len(account)) - begin < SHOWN
    return account[keep], row[keep]


def _verdict(rings: Rings, judgement: Judgement, ring: int) -> Reason:
    verdict, score = judgement.verdict[ring], float(judgement.score[ring])
    text = ring_sentence(verdict, int(rings.size[ring]), score)
    return Reason(f"ring_{verdict}", "ring", "verdict", log_odds(score), text)


def ring_sentence(verdict: str, size: int, score: float) -> str:
    """Say in what kind of ring an account is, of so many accounts, and how sure that is."""
    accounts = plural(size, "account")
    return {
        Verdict.FLEET: f"In a ring of {accounts} that one operator runs ({share(score)} sure).",
        Verdict.UNCLEAR: f"In a ring of {accounts} that a person should look at.",
    }.get(
        Verdict(verdict),
        f"In a ring of {accounts} that looks like {article(verdict)}, not like a fleet.",
    )


def _shared(graph: AttributeGraph, rings: Rings, row: int, *, member: bool = True) -> Reason:
    """Say what a value says of a member that holds it, or of somebody near the ring who does."""
    kind = KINDS[int(graph.kind[rings.evidence_value[row]])]
    inside, total = int(rings.evidence_inside[row]), int(rings.evidence_total[row])
    inside += not member  # the sentence is about the others
    text = account_sentence(kind, inside=inside, total=total, member=member)
    nats = float(rings.evidence_nats[row])
    return Reason(f"shared_{kind.name}", str(kind.family), kind.name, nats, text)


def log_odds(score: float) -> float:
    """Return the log odds of a probability, cut at `MOST_NATS` either side."""
    if not 0.0 < score < 1.0:
        return MOST_NATS if score >= 1.0 else -MOST_NATS
    return max(-MOST_NATS, min(MOST_NATS, math.log(score) - math.log1p(-score)))


def _to_arrow(reasons: list[Reason]) -> pa.StructArray:
    columns = [
        pa.array([getattr(reason, field.name) for reason in reasons], type=field.type)
        for field in REASON_TYPE
    ]
    return pa.StructArray.from_arrays(columns, fields=list(REASON_TYPE))
