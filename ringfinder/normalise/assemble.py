"""From raw telemetry to the graph of accounts and canonical values."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.graph.columns import AttributeGraph
from ringfinder.graph.telemetry import Telemetry
from ringfinder.model import IntArray
from ringfinder.normalise.domains import DomainLists
from ringfinder.normalise.lists import NetworkLists
from ringfinder.normalise.payment import shown_payment_fingerprint
from ringfinder.normalise.phone import check_region
from ringfinder.normalise.pseudonym import Pepper, to_pseudonyms
from ringfinder.normalise.readers import Column, Context, FieldRead, read_field
from ringfinder.normalise.text import canonical_country
from ringfinder.normalise.traits import AccountTraits, to_traits
from ringfinder.normalise.windows import hour_windows
from ringfinder.schema import CODE, KINDS

_WORKERS = 2
_HEAVY = ("prompt", "email", "phone", "ip")


def _heavy_first(name: str) -> tuple[bool, str]:
    return name not in _HEAVY, name


@dataclass(frozen=True)
class Normalised:
    """The graph, and what was learned of each account while reading it."""

    graph: AttributeGraph
    traits: AccountTraits


@dataclass(frozen=True)
class _Part:
    """The values of one kind and their sightings, sorted by account, then value."""

    kind: int
    pseudonym: pa.StringArray
    clear: pa.StringArray
    account: IntArray
    value: IntArray
    first_ms: IntArray
    last_ms: IntArray
    count: IntArray


def normalise(
    telemetry: Telemetry,
    *,
    pepper: Pepper,
    networks: NetworkLists | None = None,
    default_region: str | None = None,
    domains: DomainLists | None = None,
    keep_clear: bool = False,
) -> AttributeGraph:
    """Return the graph of accounts and canonical, pseudonymous values.

    Parameters
    ----------
    telemetry
        Raw columns, as the sources hand them over.
    pepper
        Key of the pseudonyms.
    networks
        The operator's lists; without them no value of kind `asn`.
    default_region
        ISO 3166 code for phone numbers of accounts without a country, such as ``US``.
    domains
        Classes of mail domains; None: the bundled lists.
    keep_clear
        Whether the graph keeps canonical clear values.

    Returns
    -------
    AttributeGraph
        A function of the arguments alone: same input, same arrays.

    Raises
    ------
    InvalidParameter
        If `default_region` is no region that has phone numbers.
    """
    return normalise_with_traits(
        telemetry,
        pepper=pepper,
        networks=networks,
        default_region=default_region,
        domains=domains,
        keep_clear=keep_clear,
    ).graph


def normalise_with_traits(
    telemetry: Telemetry,
    *,
    pepper: Pepper,
    networks: NetworkLists | None = None,
    default_region: str | None = None,
    domains: DomainLists | None = None,
    keep_clear: bool = False,
) -> Normalised:
    """Return the graph and the traits of each account; parameters as in `normalise`."""
    country = canonical_country(telemetry.country)
    context = Context(country, networks, check_region(default_region), domains)

    def read(name: str) -> tuple[FieldRead, list[_Part]]:
        found = read_field(telemetry.sightings[name], context)
        return found, [_part(column, pepper) for column in found.columns]

    # Arrow lets go of the interpreter, hashing does not: fields in parallel keep both busy.
    # Each field's answer depends on that field alone, so threads cannot change the result.
    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        names = sorted(telemetry.sightings, key=_heavy_first)
        answers = dict(zip(names, pool.map(read, names), strict=True))
    parts = [part for _, found in answers.values() for part in found]
    parts += [_part(column, pepper) for column in _time_columns(telemetry)]
    parts.sort(key=lambda part: part.kind)
    traits = to_traits(telemetry, {name: found for name, (found, _) in answers.items()})
    return Normalised(_graph(telemetry, country, parts, keep_clear), traits)


def _time_columns(telemetry: Telemetry) -> list[Column]:
    """Return the kinds that time itself gives: hour of sign-up, first and last hour of use."""
    profiles = telemetry.profiles
    columns = [_time_column("signup_window", "", telemetry.created_ms)]
    if telemetry.has_usage:
        first = _time_column("activity_window", "first:", profiles.first_use_ms)
        last = _time_column("activity_window", "last:", profiles.last_use_ms)
        columns.append(Column.joined([first, last]))
    return columns


def _time_column(kind: str, prefix: str, at_ms: IntArray) -> Column:
    code, hours = hour_windows(at_ms, prefix=prefix)
    account = np.arange(len(at_ms), dtype=np.int32)
    return Column(kind, hours, code, account, at_ms, at_ms, np.ones(len(at_ms), dtype=np.int32))


def _part(column: Column, pepper: Pepper) -> _Part:
    """Return one kind's distinct values, sorted by pseudonym, and its merged sightings."""
    known = column.code >= 0
    used, code = _used(column.code[known], len(column.values))
    values = column.values if len(used) == len(column.values) else column.values.take(used)
    digests = pepper.digests(column.kind, values)
    order = _order_of_digests(digests)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    merged = _merge(
        column.account[known],
        rank[code],
        column.first_ms[known],
        column.last_ms[known],
        column.count[known],
    )
    pseudonyms = to_pseudonyms(pepper.version, digests[order])
    return _Part(CODE[column.kind], pseudonyms, values.take(order), *merged)


def _used(code: IntArray, size: int) -> tuple[IntArray, IntArray]:
    """Return the values that somebody holds, and the codes among those."""
    held = np.bincount(code, minlength=size) > 0
    return np.flatnonzero(held), (np.cumsum(held) - 1)[code]


def _order_of_digests(digests: IntArray) -> IntArray:
    """Return the order of uint8 (V, 16) rows, as their hexadecimal texts sort."""
    halves = np.ascontiguousarray(digests).view(">u8").reshape(-1, 2).astype(np.uint64)
    order = np.argsort(halves[:, 0])
    ties = np.diff(halves[order, 0]) == 0
    return np.lexsort((halves[:, 1], halves[:, 0])) if ties.any() else order


def _merge(
    account: IntArray, value: IntArray, first: IntArray, last: IntArray, count: IntArray
) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray]:
    """Return distinct (account, value) pairs, sorted: first seen, last seen, how often."""
    key = account.astype(np.int64) * (int(value.max(initial=0)) + 1) + value
    if not (np.diff(key) > 0).all():
        order = np.argsort(key, kind="stable")
        key = key[order]
        account, value = account[order], value[order]
        first, last, count = first[order], last[order], count[order]
        starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
        if len(starts) < len(key):
            account, value = account[starts], value[starts]
            first, last = np.minimum.reduceat(first, starts), np.maximum.reduceat(last, starts)
            count = np.add.reduceat(count, starts)
    return (
        account.astype(np.int32),
        value.astype(np.int32),
        first.astype(np.int64),
        last.astype(np.int64),
        count.astype(np.int32),
    )


def _graph(
    telemetry: Telemetry, country: pa.StringArray, parts: list[_Part], keep_clear: bool
) -> AttributeGraph:
    """Put the kinds together, sightings sorted by account, then value."""
    accounts = len(telemetry.account_ids)
    per_part = [np.bincount(part.account, minlength=accounts) for part in parts]
    total = np.sum(per_part, axis=0, dtype=np.int64) if parts else np.zeros(accounts, np.int64)
    free = np.cumsum(total) - total  # the next free row of each account
    rows = int(total.sum())
    value, count = (np.empty(rows, dtype=np.int32) for _ in range(2))
    first_ms, last_ms = (np.empty(rows, dtype=np.int64) for _ in range(2))
    offset = 0
    for part, held in zip(parts, per_part, strict=True):
        row = free[part.account]
        if held.max(initial=0) > 1:
            row += np.arange(len(row)) - (np.cumsum(held) - held)[part.account]
        value[row] = part.value + np.int32(offset)
        first_ms[row], last_ms[row], count[row] = part.first_ms, part.last_ms, part.count
        free += held
        offset += len(part.pseudonym)
    sizes = [len(part.pseudonym) for part in parts]
    return AttributeGraph(
        account_ids=telemetry.account_ids,
        created_ms=telemetry.created_ms,
        closed_ms=telemetry.closed_ms,
        stratum=_strata(country),
        account=np.repeat(np.arange(accounts, dtype=np.int32), total),
        value=value,
        first_ms=first_ms,
        last_ms=last_ms,
        count=count,
        kind=np.repeat(np.array([part.kind for part in parts], dtype=np.int8), sizes),
        pseudonym=_concat([part.pseudonym for part in parts]),
        clear=_concat([_shown(part) for part in parts]) if keep_clear else None,
        profiles=telemetry.profiles,
    )


def _shown(part: _Part) -> pa.StringArray:
    """Return what may be shown of a kind's values when the operator wants them in clear."""
    if KINDS[part.kind].name == "payment_fingerprint":
        return shown_payment_fingerprint(part.clear)
    return part.clear


def _concat(columns: list[pa.StringArray]) -> pa.StringArray:
    return pa.concat_arrays(columns) if columns else pa.array([], pa.string())


def _strata(country: pa.StringArray) -> IntArray:
    """Return the code of each account's country in sorted order, int32 (N,); -1 unknown."""
    names = pc.unique(country.drop_null()).sort()
    codes: IntArray = pc.fill_null(pc.index_in(country, names), -1).to_numpy(zero_copy_only=False)
    return codes
