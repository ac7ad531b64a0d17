"""From raw telemetry to the graph of accounts and canonical values."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.graph.columns import AttributeGraph
from ringfinder.graph.telemetry import Telemetry
from ringfinder.model import IntArray
from ringfinder.normalise.domains import DomainLists
from ringfinder.normalise.lists import NetworkLists
from ringfinder.normalise.parts import WORKERS, Part, join_parts, to_part
from ringfinder.normalise.payment import shown_payment_fingerprint, shown_text
from ringfinder.normalise.phone import check_region
from ringfinder.normalise.pseudonym import Pepper
from ringfinder.normalise.readers import Column, Context, FieldRead, read_field
from ringfinder.normalise.text import canonical_country
from ringfinder.normalise.traits import AccountTraits, to_traits
from ringfinder.normalise.unread import Unread, unread_countries, unread_of
from ringfinder.normalise.windows import hour_windows
from ringfinder.schema import KINDS

_HEAVY = ("prompt", "prompt_fingerprint", "device_id", "email", "ip", "phone")


def _heavy_first(name: str) -> tuple[bool, str]:
    return name not in _HEAVY, name


@dataclass(frozen=True)
class Normalised:
    """The graph, and what was learned of each account while reading it."""

    graph: AttributeGraph
    traits: AccountTraits


def normalise(
    telemetry: Telemetry,
    *,
    pepper: Pepper,
    networks: NetworkLists | None = None,
    default_region: str | None = None,
    domains: DomainLists | None = None,
    keep_clear: bool = False,
    unread: Callable[[Unread], object] = lambda _: None,
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
    unread
        Called for each field some of whose values say nothing, by name.

    Returns
    -------
    AttributeGraph
        A function of the arguments alone: same input, same arrays.

    Raises
    ------
    InvalidParameter
        If `default_region` is no region that has phone numbers.
    """
    context = Context(telemetry.country, networks, default_region, domains)
    return _normalise(telemetry, pepper, context, keep_clear, keep_read=False, unread=unread)[0]


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
    context = Context(telemetry.country, networks, default_region, domains)
    graph, read = _normalise(telemetry, pepper, context, keep_clear, keep_read=True)
    return Normalised(graph, to_traits(telemetry, read))


def _normalise(
    telemetry: Telemetry,
    pepper: Pepper,
    given: Context,
    keep_clear: bool,
    *,
    keep_read: bool,
    unread: Callable[[Unread], object] = lambda _: None,
) -> tuple[AttributeGraph, dict[str, FieldRead]]:
    """Return the graph and, if they are to be kept, the fields as read."""
    country = canonical_country(given.country)
    context = replace(given, country=country, default_region=check_region(given.default_region))
    kept: dict[str, FieldRead] = {}
    counts = [unread_countries(given.country, country)]

    def read(name: str) -> list[Part]:
        found = read_field(telemetry.sightings[name], context)
        if keep_read:
            kept[name] = found
        counts.append(unread_of(found))
        return [to_part(column, pepper) for column in found.columns]

    def by_time() -> list[Part]:
        return [to_part(column, pepper) for column in _time_columns(telemetry)]

    # Arrow lets go of the interpreter, hashing does not: fields in parallel keep both busy.
    # Each field's answer depends on that field alone, so threads cannot change the result.
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        names = sorted(telemetry.sightings, key=_heavy_first)
        answers = [pool.submit(read, name) for name in names]
        answers.append(pool.submit(by_time))
    parts = [part for answer in answers for part in answer.result()]
    parts.sort(key=lambda part: part.kind)
    for count in sorted(counts, key=lambda each: each.field):
        if count.values:
            unread(count)
    return _graph(telemetry, country, parts, keep_clear), kept


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


def _graph(
    telemetry: Telemetry, country: pa.StringArray, parts: list[Part], keep_clear: bool
) -> AttributeGraph:
    """Put the kinds together, sightings sorted by account, then value."""
    seen = join_parts(parts, len(telemetry.account_ids))
    sizes = [len(part.pseudonym) for part in parts]
    return AttributeGraph(
        account_ids=telemetry.account_ids,
        created_ms=telemetry.created_ms,
        closed_ms=telemetry.closed_ms,
        stratum=_strata(country),
        account=seen.account,
        value=seen.value,
        first_ms=seen.first_ms,
        last_ms=seen.last_ms,
        count=seen.count,
        kind=np.repeat(np.array([part.kind for part in parts], dtype=np.int8), sizes),
        pseudonym=_concat([part.pseudonym for part in parts]),
        clear=_concat([_shown(part) for part in parts]) if keep_clear else None,
        profiles=telemetry.profiles,
    )


def _shown(part: Part) -> pa.StringArray:
    """Return what may be shown of a kind's values when the operator wants them in clear."""
    if KINDS[part.kind].name == "payment_fingerprint":
        return shown_payment_fingerprint(part.clear)
    return shown_text(part.clear)


def _concat(columns: list[pa.StringArray]) -> pa.StringArray:
    return pa.concat_arrays(columns) if columns else pa.array([], pa.string())


def _strata(country: pa.StringArray) -> IntArray:
    """Return the code of each account's country in sorted order, int32 (N,); -1 unknown."""
    names = pc.unique(country.drop_null()).sort()
    codes: IntArray = pc.fill_null(pc.index_in(country, names), -1).to_numpy(zero_copy_only=False)
    return codes
