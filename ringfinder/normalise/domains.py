"""Mail domains: the registrable part, and the class that says how to read them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, cached_property
from typing import Any

import disposable_email_domains
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.model import IntArray
from ringfinder.normalise import providers
from ringfinder.normalise.text import flags

FEW = 256
"""Up to this many rows the plain way in Python is faster than building Arrow's tables."""


class DomainClass(IntEnum):
    """What kind of mail domain an address has. The codes are stable."""

    UNKNOWN = -1  # no address, or one under a domain of documentation
    FREE_MAIL = 0
    DISPOSABLE = 1
    PRIVACY_ALIAS = 2
    EDUCATION = 3
    CUSTOM = 4


@dataclass(frozen=True)
class DomainLists:
    """Which domains are of which class.

    Attributes
    ----------
    free_mail, disposable, privacy_alias, education, custom
        Lower-case A-label domains; each stands for its subdomains too. The most specific
        entry decides; where one domain is in several, `custom` (the operator's exceptions)
        goes first, then privacy alias, free mail, disposable, education.
    """

    free_mail: frozenset[str]
    disposable: frozenset[str]
    privacy_alias: frozenset[str]
    education: frozenset[str] = frozenset()
    custom: frozenset[str] = frozenset()

    @classmethod
    def bundled(
        cls,
        *,
        free_mail: Iterable[str] = (),
        disposable: Iterable[str] = (),
        privacy_alias: Iterable[str] = (),
        education: Iterable[str] = (),
        custom: Iterable[str] = (),
    ) -> DomainLists:
        """Return the lists that ship with the project, with the operator's own added."""
        return cls(
            free_mail=providers.FREE_MAIL | _tidy(free_mail),
            disposable=frozenset(disposable_email_domains.blocklist) | _tidy(disposable),
            privacy_alias=providers.PRIVACY_ALIAS | _tidy(privacy_alias),
            education=_tidy(education),
            custom=_tidy(custom),
        )

    @cached_property
    def table(self) -> dict[str, DomainClass]:
        """Return the class of every listed domain; later writes win."""
        classes = (
            (DomainClass.EDUCATION, self.education),
            (DomainClass.DISPOSABLE, self.disposable),
            (DomainClass.FREE_MAIL, self.free_mail),
            (DomainClass.PRIVACY_ALIAS, self.privacy_alias),
            (DomainClass.CUSTOM, self.custom),
            (DomainClass.UNKNOWN, providers.RESERVED),
        )
        return {domain: code for code, listed in classes for domain in sorted(listed)}


@cache
def bundled_lists() -> DomainLists:
    """Return `DomainLists.bundled()`, made once."""
    return DomainLists.bundled()


def _tidy(domains: Iterable[str]) -> frozenset[str]:
    return frozenset(d.strip().strip(".").lower() for d in domains if d.strip())


@cache
def extractor() -> Any:
    """Return tldextract on its bundled list: no cache directory, no network.

    Private suffixes (``github.io``, ``eu.org``) count as suffixes, because strangers
    register below them; one shared value for all of them would tie strangers together.
    """
    # Imported late: requests, which it brings along, takes a while and tries a local socket.
    import tldextract  # noqa: PLC0415

    return tldextract.TLDExtract(
        suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True
    )


@cache
def _rules() -> tuple[dict[str, int], int]:
    """Return the public-suffix rules as A-labels, and the labels of the longest suffix.

    A rule's number is how many labels the suffix has when the rule's own labels match:
    its labels for a plain rule, one more for a wildcard, one less for an exception.
    """
    found: dict[str, int] = {}
    for rule in sorted(extractor().tlds):  # '!' < '*' < letters
        bare = rule.removeprefix("!").removeprefix("*.")
        labels = [_a_label(label) for label in bare.split(".")]
        if rule.startswith("!"):
            found["!" + ".".join(labels)] = len(labels) - 1
        elif rule.startswith("*."):
            found["*" + ".".join(labels)] = len(labels) + 1
        else:
            found[".".join(labels)] = len(labels)
    return found, max(found.values())


def _a_label(label: str) -> str:
    """Return the ASCII form of a label that is normalised already, as the list's are."""
    return label if label.isascii() else "xn--" + label.encode("punycode").decode()


@dataclass(frozen=True)
class Domains:
    """Hosts as columns.

    Attributes
    ----------
    registrable
        String array (V,): what somebody registered; the host itself where it is a suffix.
    classes
        int8 (V,): codes of `DomainClass`.
    """

    registrable: pa.StringArray
    classes: IntArray


def read_domains(hosts: pa.StringArray, lists: DomainLists | None = None) -> Domains:
    """Return registrable part and class of each host.

    Parameters
    ----------
    hosts
        String array (V,) of lower-case A-label host names with at least one dot, or null.
    lists
        None: the bundled ones.
    """
    lists = lists or bundled_lists()
    if len(hosts) <= FEW:
        return _read_few(hosts.to_pylist(), lists)
    suffixes, tails = _suffix_labels(hosts)
    registrable = _last_labels(hosts, tails, suffixes + 1)
    suffix = _last_labels(hosts, tails, suffixes)
    classes = np.full(len(hosts), DomainClass.CUSTOM, dtype=np.int8)
    classes[flags(pc.match_substring_regex(suffix, providers.EDUCATION_SUFFIX))] = (
        DomainClass.EDUCATION
    )
    names = pa.array(lists.table.keys(), pa.string())
    codes = np.fromiter(lists.table.values(), dtype=np.int8, count=len(names))
    for tail in [*tails[2:], hosts]:  # the more specific one overwrites
        row = pc.fill_null(pc.index_in(tail, names), -1).to_numpy(zero_copy_only=False)
        classes = np.where(row >= 0, codes[row], classes).astype(np.int8)
    classes[flags(pc.is_null(hosts))] = DomainClass.UNKNOWN
    return Domains(registrable, classes)


def domain_class(hosts: pa.StringArray, lists: DomainLists | None = None) -> IntArray:
    """Return the class of each host, int8 (V,): codes of `DomainClass`."""
    return read_domains(hosts, lists).classes


def _suffix_labels(hosts: pa.StringArray) -> tuple[IntArray, list[pa.StringArray]]:
    """Return how many labels of each host are its public suffix, and its last k labels.

    `tails[k]` holds the last k labels of each host that has as many, null elsewhere.
    """
    rules, longest = _rules()
    names = pa.array(rules.keys(), pa.string())
    lengths = np.fromiter(rules.values(), dtype=np.int64, count=len(names))
    labels = pc.fill_null(pc.add(pc.count_substring(hosts, "."), 1), 0).to_numpy()
    suffix = np.ones(len(hosts), dtype=np.int64)
    exception = np.zeros(len(hosts), dtype=bool)
    tails: list[pa.StringArray] = [pa.nulls(len(hosts), pa.string())]
    deepest = min(longest + 1, int(labels.max(initial=1)))
    for k in range(1, deepest + 1):
        tail = _tail(hosts, k)
        tails.append(tail)
        for mark in ("", "*", "!"):
            looked_up = pc.binary_join_element_wise(mark, tail, "") if mark else tail
            row = pc.fill_null(pc.index_in(looked_up, names), -1).to_numpy(zero_copy_only=False)
            hit = (row >= 0) & (labels >= lengths[row])
            suffix = np.where(hit & ~exception, np.maximum(suffix, lengths[row]), suffix)
            if mark == "!":
                suffix = np.where(hit, lengths[row], suffix)
                exception |= hit
    return suffix, tails


def _tail(hosts: pa.StringArray, k: int) -> pa.StringArray:
    """Return the last k labels; null where there are fewer."""
    shape = r"(?:^|\.)(?P<tail>" + r"[^.]+\." * (k - 1) + r"[^.]+)$"
    return pc.struct_field(pc.extract_regex(hosts, shape), "tail")


def _last_labels(
    hosts: pa.StringArray, tails: list[pa.StringArray], count: IntArray
) -> pa.StringArray:
    """Return the last `count[i]` labels of each host, the whole host where it has no more."""
    answer = hosts
    for k in range(1, len(tails)):
        chosen = pc.and_(pa.array(count == k), pc.is_valid(tails[k]))
        answer = pc.if_else(chosen, tails[k], answer)
    return answer


def _read_few(hosts: list[str | None], lists: DomainLists) -> Domains:
    registrable: list[str | None] = []
    classes: list[int] = []
    for host in hosts:
        if host is None:
            registrable.append(None)
            classes.append(DomainClass.UNKNOWN)
            continue
        found = extractor().extract_str(host)
        top = found.top_domain_under_public_suffix
        registrable.append(top or (host if found.suffix else ".".join(host.split(".")[-2:])))
        classes.append(_class_of(host, found.suffix, lists))
    return Domains(pa.array(registrable, pa.string()), np.array(classes, dtype=np.int8))


def _class_of(host: str, suffix: str, lists: DomainLists) -> int:
    labels = host.split(".")
    for start in range(len(labels) - 1):
        listed = lists.table.get(".".join(labels[start:]))
        if listed is not None:
            return listed
    teaching = re.match(providers.EDUCATION_SUFFIX, suffix)
    return DomainClass.EDUCATION if teaching else DomainClass.CUSTOM
