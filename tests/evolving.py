"""A world over many nights: accounts appear and vanish, fleets split and merge, and we know it.

Made on top of a simulated world. An account is there on some nights; of every fleet that
splits, a part moves to things of its own (each value that is the fleet's own becomes another
one); of two that merge, the accounts of one go on with the things of the other's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.graph.columns import AttributeGraph, Profiles
from ringfinder.model import BoolArray, IntArray
from ringfinder.normalise import Pepper, normalise, prompt_bands
from ringfinder.simulate import WorldSpec, simulate, write_world
from ringfinder.sources import Inputs, read_telemetry

OWN = 0.25
"""A value is a fleet's own where more than this share of its holders are the fleet's."""


@dataclass(frozen=True)
class Planted:
    """A split or a merger.

    Attributes
    ----------
    night
        From then on.
    what
        ``split`` or ``merged``.
    one, other
        True fleet that splits, and name of the part that leaves; or the two that merge.
    """

    night: int
    what: str
    one: int
    other: int


@dataclass
class Evolving:
    """Nights of a world.

    Attributes
    ----------
    graph
        All accounts that are ever there.
    truth
        int (N,): true group of each account, changed by splits and mergers; -1 for none.
    begin, end
        int (N,): first night an account is there, and the first it no longer is.
    rng
        For what happens by chance.
    planted
        What was planted, by night.
    leaving
        Name of the part that leaves -> its accounts.
    """

    graph: AttributeGraph
    truth: IntArray
    begin: IntArray
    end: IntArray
    rng: np.random.Generator
    planted: list[Planted] = field(default_factory=list)
    leaving: dict[int, IntArray] = field(default_factory=dict)

    def night(self, number: int) -> tuple[AttributeGraph, IntArray]:
        """The graph of a night, and the true group of each of its accounts."""
        for one in self.planted:
            if one.night == number:
                self._happens(one)
        there = (self.begin <= number) & (number < self.end)
        return part_of(self.graph, there), self.truth[there]

    def _happens(self, one: Planted) -> None:
        graph = self.graph
        if one.what == "split":
            moved = np.zeros(graph.accounts, bool)
            moved[self.leaving[one.other]] = True
            self.graph = renamed(graph, moved, own_values(graph, self.truth == one.one))
            self.truth = np.where(moved, one.other, self.truth)
            return
        there = (self.begin <= one.night) & (one.night < self.end)
        sizes = [int((there & (self.truth == name)).sum()) for name in (one.one, one.other)]
        into, gone = (one.one, one.other) if sizes[0] >= sizes[1] else (one.other, one.one)
        self.graph = taken_over(graph, self.truth == gone, self.truth == into, self.rng)
        self.truth = np.where(self.truth == gone, into, self.truth)


def own_values(graph: AttributeGraph, fleet: BoolArray) -> BoolArray:
    """Bool (V,): values that are the fleet's own, and held by two of it."""
    total = graph.holders()
    inside = np.bincount(graph.value[fleet[graph.account]], minlength=graph.values)
    return (inside > OWN * total) & (inside >= 2)


def renamed(graph: AttributeGraph, moved: BoolArray, own: BoolArray) -> AttributeGraph:
    """The accounts that moved hold other values in the place of those of `own`."""
    fresh = np.cumsum(own) - 1 + graph.values
    rows = moved[graph.account] & own[graph.value]
    value = np.where(rows, fresh[graph.value], graph.value)
    where = pa.array(np.flatnonzero(own))
    twins = pc.utf8_replace_slice(graph.pseudonym.take(where), 0, 4, "p1_f")
    twins = pc.binary_join_element_wise(twins, pa.array([f"{graph.values}"] * len(twins)), "")
    kinds = np.concatenate((graph.kind, graph.kind[own]))
    return rebuilt(graph, value, kinds, pa.concat_arrays([graph.pseudonym, twins]))


def taken_over(
    graph: AttributeGraph, gone: BoolArray, into: BoolArray, rng: np.random.Generator
) -> AttributeGraph:
    """The accounts of a fleet hold what some account of the other fleet holds, each another's."""
    kept = ~gone[graph.account]
    given = np.flatnonzero(into[graph.account])
    donors = np.unique(graph.account[given])
    where = np.searchsorted(graph.account[given], donors)
    sizes = np.bincount(np.searchsorted(donors, graph.account[given]), minlength=len(donors))
    takers = np.flatnonzero(gone)
    donor = rng.integers(0, len(donors), len(takers))
    row = np.concatenate([given[where[d] : where[d] + sizes[d]] for d in donor])
    taker = np.repeat(takers, sizes[donor])
    columns = {
        name: np.concatenate((getattr(graph, name)[kept], getattr(graph, name)[row]))
        for name in ("first_ms", "last_ms", "count", "value")
    }
    account = np.concatenate((graph.account[kept], taker)).astype(np.int32)
    value = columns.pop("value")
    whole = replace(graph, account=account, value=value, **columns)
    return rebuilt(whole, value, graph.kind, graph.pseudonym)


def rebuilt(
    graph: AttributeGraph, value: IntArray, kind: IntArray, pseudonym: pa.Array
) -> AttributeGraph:
    """The graph with other values: sorted, each pair once, nobody's values left out."""
    used, value = np.unique(value, return_inverse=True)
    kind, pseudonym = kind[used], pseudonym.take(pa.array(used))
    table = pa.table({"kind": kind, "pseudonym": pseudonym})
    order = pc.sort_indices(table, [("kind", "ascending"), ("pseudonym", "ascending")]).to_numpy()
    code = np.empty(len(order), np.int64)
    code[order] = np.arange(len(order))
    pair = graph.account.astype(np.int64) * len(order) + code[value]
    _, first = np.unique(pair, return_index=True)
    columns = {
        name: getattr(graph, name)[first] for name in ("account", "first_ms", "last_ms", "count")
    }
    return replace(
        graph,
        **columns,
        value=code[value][first].astype(np.int32),
        kind=kind[order].astype(np.int8),
        pseudonym=pseudonym.take(pa.array(order)),
    )


def part_of(graph: AttributeGraph, there: BoolArray) -> AttributeGraph:
    """The graph of some of the accounts."""
    code = np.cumsum(there) - 1
    rows = there[graph.account]
    part = replace(
        graph,
        account_ids=graph.account_ids.filter(pa.array(there)),
        created_ms=graph.created_ms[there],
        closed_ms=graph.closed_ms[there],
        stratum=graph.stratum[there],
        account=code[graph.account[rows]].astype(np.int32),
        value=graph.value[rows],
        first_ms=graph.first_ms[rows],
        last_ms=graph.last_ms[rows],
        count=graph.count[rows],
        profiles=_profiles(graph.profiles, there, code),
    )
    return rebuilt(part, part.value, part.kind, part.pseudonym)


def _profiles(profiles: Profiles, there: BoolArray, code: IntArray) -> Profiles:
    days = there[profiles.day_account]
    columns = {
        name: getattr(profiles, name)[there]
        for name in Profiles.__dataclass_fields__
        if not name.startswith("day")
    }
    return Profiles(
        **columns,
        day_account=code[profiles.day_account[days]].astype(np.int32),
        day=profiles.day[days],
        day_exchanges=profiles.day_exchanges[days],
    )


def evolving(
    directory: Path,
    *,
    nights: int,
    churn: float,
    splits: int,
    mergers: int,
    seed: int,
    followed: int = 0,
    **spec,
) -> Evolving:
    """Make a world over some nights.

    Parameters
    ----------
    directory
        Where its files may lie.
    nights
        How many.
    churn
        Share of the accounts that appear, and that vanish, each night.
    splits, mergers
        How many to plant, each in fleets of their own.
    followed
        Nights that follow each of them at least.
    seed, spec
        Of the world: see `WorldSpec`.
    """
    world = simulate(WorldSpec(seed=seed, **spec))
    files = write_world(world, directory)
    tables = {name: (str(files[name]),) for name in ("signups", "usage", "payments", "logins")}
    telemetry = read_telemetry(Inputs(**tables), prompt_bands=prompt_bands)
    graph = normalise(telemetry, pepper=Pepper.derived([b"evolving"]))
    rng = np.random.default_rng(seed)
    begin, end = _lives(rng, graph.accounts, nights, churn)
    groups = _truth(world["truth"], graph.account_ids)
    out = Evolving(graph, groups, begin, end, rng)
    fleets = _fleets(world["truth"], graph.account_ids, groups)
    chosen = rng.permutation(fleets)[: splits + 2 * mergers].tolist()
    if len(chosen) < splits + 2 * mergers:
        raise ValueError(f"the world has {len(fleets)} fleets that are large enough")
    if nights - followed <= 2:
        raise ValueError(f"{nights} nights are too few for changes that {followed} are to follow")
    after = rng.integers(2, nights - followed, splits + mergers).tolist()
    for fleet in chosen[:splits]:
        part = int(out.truth.max()) + 1 + len(out.leaving)
        accounts = np.flatnonzero(groups == fleet)
        out.leaving[part] = rng.permutation(accounts)[: round(0.4 * len(accounts))]
        out.planted.append(Planted(after.pop(), "split", fleet, part))
    rest = chosen[splits:]
    for one, other in zip(rest[::2], rest[1::2], strict=True):
        out.planted.append(Planted(after.pop(), "merged", one, other))
    return out


def _lives(rng, accounts: int, nights: int, churn: float) -> tuple[IntArray, IntArray]:
    """Most are there from the first night on; each night some appear and some vanish."""
    begin = np.where(
        rng.random(accounts) < churn * (nights - 1), rng.integers(1, nights, accounts), 0
    )
    end = begin + rng.geometric(churn, accounts) if churn else np.full(accounts, nights + 1)
    return begin, end


def _truth(truth: pa.Table, account_ids: pa.Array) -> IntArray:
    """True group of each account: its fleet, or its company, class or household."""
    rows = truth.take(pc.index_in(account_ids, value_set=truth["account_id"]))
    name = pc.coalesce(
        rows["fleet_id"].cast(pa.string()), rows["group_id"].cast(pa.string())
    ).combine_chunks()
    return np.asarray(pc.fill_null(pc.dictionary_encode(name).indices, -1), np.int64)


def _fleets(truth: pa.Table, account_ids: pa.Array, groups: IntArray) -> IntArray:
    rows = truth.take(pc.index_in(account_ids, value_set=truth["account_id"]))
    fleet = np.asarray(pc.is_valid(rows["fleet_id"]))
    return np.unique(groups[fleet & (groups >= 0)])
