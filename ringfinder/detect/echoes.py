"""Kinds of values that repeat another kind all over the population, such as a bank its app's name.

Two kinds that go together for everybody are one witness, not two. Where every account of one
bank uses that bank's client, or addresses were dealt out in the order in which accounts were
opened, thousands of strangers share in two families and look like fleets. Learned classes
(`ringfinder.detect.classes`) are no help: what ties everybody ties suspects, too, and suspects
teach nothing; and as classes of their own the values would hide a fleet that has one to itself.
So it is asked of the kinds and not of the accounts how well one kind tells another, for all who
show both. A kind that is told is left out of the evidence of the run: its teller speaks for both.

Fleets cannot bring this about unless they hold more than half of all accounts. On sixty
simulated worlds (1, 12 and 25 regions, named or not) and ten of the other generator nothing
was told by more than 0.12; where columns repeat each other it is 0.69 and more.

References
----------
L. A. Goodman, W. H. Kruskal, "Measures of association for cross classifications", JASA 49
(1954): lambda, the share of errors in predicting one class that knowing another one saves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import numpy as np

from ringfinder.evidence.runs import fresh
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import IntArray
from ringfinder.schema import CODE, KINDS, OBSERVATION_OF_KIND, OBSERVATIONS

SAMPLE = 20_000
"""Accounts that are asked, drawn at random: in every k-th a column counted off in steps shows
one value only."""

TOLD = 0.65
"""Goodman and Kruskal's lambda from which a kind is told by another. Fleets that hold half of
all accounts, each in one burst, with a client and a bank of its own, come to 0.62; a column
that seven in ten keep to comes to 0.69."""

EVERYWHERE = 0.8
"""Share of the accounts that show a kind who show a value of it with `MANY` holders: what
people share with nobody repeats nothing."""

CONSTANT = 0.9
"""Share of one value from which there is nothing to tell."""

MANY = 3
"""Accounts of the sample that hold a value, so that it is a class and no accident."""

BIN = 50
"""Accounts of the sample in one slice of time."""

_TIMES = OBSERVATIONS.index("created_at")
_OBSERVATION = np.array(OBSERVATION_OF_KIND)
_TIME = -1
"""In the place of a kind's code: the time of sign-up."""

_TELLS = np.array([kind.witness for kind in KINDS]) & (_OBSERVATION != _TIMES)


@dataclass(frozen=True)
class Echo:
    """A kind that another one tells.

    Attributes
    ----------
    kind, teller
        Names of kinds; the teller may be ``created_at``, the time of sign-up.
    told
        Lambda, 0-1.
    """

    kind: str
    teller: str
    told: float


def echoes(graph: AttributeGraph, stratum: IntArray, *, seed: int) -> list[Echo]:
    """Return the kinds that other kinds tell within the strata.

    Parameters
    ----------
    graph
        All sightings.
    stratum
        int32 (N,): known class of each account, 0 and up, such as the country.
    seed
        Seeds the sample.

    Returns
    -------
    list of Echo
        Each kind once; a teller is none of them. Of two that tell each other the one with
        fewer values; of a chain, those that its last tells. O(E + K^2 S log S) for K kinds that
        all share in, and S accounts asked.
    """
    asked = _sample(graph, seed)
    shown = _columns(graph, asked)
    order = np.argsort(np.argsort(graph.created_ms[asked], kind="stable"), kind="stable")
    known: IntArray = stratum[asked].astype(np.int64)
    columns = {**shown, _TIME: order // BIN}

    def told_by(kind: int, tellers: Iterable[int]) -> list[Echo]:
        return [
            Echo(KINDS[kind].name, KINDS[teller].name if teller >= 0 else "created_at", share)
            for teller in tellers
            if _OBSERVATION[kind] != (_OBSERVATION[teller] if teller >= 0 else _TIMES)
            and (share := _told(shown[kind], columns[teller], known)) >= TOLD
        ]

    left, found = set(columns), []
    while told := [echo for kind in sorted(left - {_TIME}) for echo in told_by(kind, sorted(left))]:
        best = min(told, key=lambda echo: (shown[CODE[echo.kind]].max(), -echo.told, echo.kind))
        found.append(best)
        left.remove(CODE[best.kind])
    # whose teller was left out itself is one only if another one tells it
    again = [told_by(CODE[echo.kind], sorted(left)) for echo in found]
    return [max(echoes, key=lambda echo: echo.told) for echoes in again if echoes]


def without_kinds(graph: AttributeGraph, names: Collection[str]) -> AttributeGraph:
    """Return a graph without the sightings of some kinds; values keep their numbers."""
    if not names:
        return graph
    left_out = np.isin(graph.kind, [CODE[name] for name in names])
    rows = ~left_out[graph.value]
    columns = ("account", "value", "first_ms", "last_ms", "count")
    return replace(graph, **{name: getattr(graph, name)[rows] for name in columns})


def _sample(graph: AttributeGraph, seed: int) -> IntArray:
    if graph.accounts <= SAMPLE:
        return np.arange(graph.accounts)
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(graph.accounts, SAMPLE, replace=False))


def _columns(graph: AttributeGraph, asked: IntArray) -> dict[int, IntArray]:
    """Return by kind a code for each account asked, -1 without: of kinds that all share in."""
    place = np.full(graph.accounts, -1)
    place[asked] = np.arange(len(asked))
    rows = np.flatnonzero(place[graph.account] >= 0)
    account, value = place[graph.account[rows]], graph.value[rows]
    kind, columns = graph.kind[value], {}
    for code in np.flatnonzero(_TELLS & np.isin(np.arange(len(KINDS)), kind)).tolist():
        mine = kind == code
        column = _one_each(account[mine], value[mine], len(asked))
        seen = column >= 0
        _, number, holders = np.unique(column[seen], return_inverse=True, return_counts=True)
        if (holders[number] >= MANY).mean() >= EVERYWHERE:
            column[seen] = number
            columns[code] = column
    return columns


def _one_each(account: IntArray, value: IntArray, accounts: int) -> IntArray:
    """Return each account's most popular value (the lower of two), int64, -1 without any."""
    _, number, holders = np.unique(value, return_inverse=True, return_counts=True)
    order = np.lexsort((value, -holders[number], account))
    account, value = account[order], value[order]
    first = np.r_[True, account[1:] != account[:-1]] if len(account) else np.zeros(0, bool)
    out = np.full(accounts, -1, dtype=np.int64)
    out[account[first]] = value[first]
    return out


def _told(value: IntArray, teller: IntArray, known: IntArray) -> float:
    """Return Goodman and Kruskal's lambda of a kind, given another, within the known classes.

    Accounts that do not show both count as not told: a burst of accounts that alone show a
    card must not make cards an echo of time.
    """
    both = (value >= 0) & (teller >= 0)
    share = float(both.mean()) if len(both) else 0.0
    if share < TOLD:
        return 0.0
    value, teller, known = value[both], teller[both], known[both]
    without = _modal(known, value)
    if without > CONSTANT:
        return 0.0
    told = _modal(known * (int(teller.max()) + 1) + teller, value)
    return share * (told - without) / (1.0 - without)


def _modal(group: IntArray, value: IntArray) -> float:
    """Return the share of accounts that hold their group's commonest value, one of `MANY`."""
    width = int(value.max()) + 1
    pair, count = np.unique(group * width + value, return_counts=True)
    first = fresh(pair // width)
    most = np.maximum.reduceat(count, np.flatnonzero(first))
    return float(most[most >= MANY].sum() / len(value))
