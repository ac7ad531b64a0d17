"""E-mail addresses: the mailbox they reach, their domain, and the shape of the local part.

Local parts are compared without case (no provider of any size tells cases apart), domains
as IDNA A-labels. Everything after a plus sign is a tag at every provider: few servers
deliver ``a+b`` and ``a`` to two people, and tags are the cheapest way to many accounts.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from email_validator import EmailNotValidError, validate_email

from ringfinder.model import BoolArray, IntArray
from ringfinder.normalise import providers
from ringfinder.normalise.domains import DomainClass, DomainLists, read_domains
from ringfinder.normalise.text import clean, codes_of, flags, to_strings, where, without

MAX_ADDRESS = 320
"""Characters of an address as typed; RFC 5321 allows 254, a display name may stand before."""

MAX_PATTERN = 16
"""Longer patterns are nearly unique; they become ``mixed`` and the length."""

_ATOM = r"[A-Za-z0-9!#$%&'*/=?^_`{|}~+-]+"
_LABEL = r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
_SIMPLE = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z]+$"
_NOT_SIMPLE_DOMAIN = r"(?i)@.*[^.]{64}|\.(?:arpa|invalid|local|localhost|onion|test)$"
# What the library might take: the right characters around one @, or something to unwrap first.
_PERHAPS = (
    r"^[^@<>\x00-\x20\x22(),:;\[\\\]]+@[^@<>\x00- \x22(),:;\[\\\]/_!#$%&'*+=?^`{|}~]+$"
    r"|[<\x22]|^mailto:|[^\x00-\x7f]"
)
# Addresses that forms and manuals show, typed by people who give none.
_NOBODY = (
    r"^(?:test(?:s|er)?|user|foo|bar|example|name|e?mail|me|you|a|abc|asdf|x+|none|null|unknown"
    r"|no-?(?:reply|email)|anonymous|admin|info)[0-9]?@(?:example\.(?:com|net|org)"
    r"|(?:test|e?mail|(?:your)?domain|none)\.com)$"
)

_CHARACTER_CLASS = np.arange(256, dtype=np.uint8)
_CHARACTER_CLASS[[*range(ord("a"), ord("z") + 1), *range(ord("A"), ord("Z") + 1)]] = ord("a")
_CHARACTER_CLASS[ord("0") : ord("9") + 1] = ord("0")


@dataclass(frozen=True)
class Emails:
    """Addresses as columns, one row per raw value, null where it is no address.

    Attributes
    ----------
    address
        String array (V,): the address itself, lower case, A-label domain.
    mailbox
        String array (V,): the canonical address of the mailbox it reaches.
    domain
        String array (V,): registrable domain; null for free mail and privacy aliases.
    provider
        String array (V,): registrable domain, whatever its class.
    pattern
        String array (V,): coarse shape of the local part, with free-mail domain or class.
    classes
        int8 (V,): codes of `DomainClass`.
    digits
        int16 (V,): digits in the local part, -1 where it is no address.
    variant
        bool (V,): whether the local part is not the mailbox's own: a tag, ignored dots.
    """

    address: pa.StringArray
    mailbox: pa.StringArray
    domain: pa.StringArray
    provider: pa.StringArray
    pattern: pa.StringArray
    classes: IntArray
    digits: IntArray
    variant: BoolArray


def read_emails(values: pa.StringArray, lists: DomainLists | None = None) -> Emails:
    """Read addresses.

    Parameters
    ----------
    values
        String array (V,) of raw, distinct values.
    lists
        Classes of domains; None: the bundled ones.
    """
    local, host = split_addresses(values)
    code, hosts = codes_of(host)
    rows = pa.array(code, mask=code < 0)
    homes, owners = _mail_homes(hosts)
    found = read_domains(homes, lists)
    home = homes.take(rows)
    classes = np.where(code >= 0, np.append(found.classes, -1)[code], -1).astype(np.int8)
    stem = _stems(local, home, code, homes, owners)
    pattern, digits = _patterns(local, _pattern_homes(homes, found.classes).take(rows))
    shown = np.isin(found.classes, (DomainClass.DISPOSABLE, DomainClass.EDUCATION,
                                    DomainClass.CUSTOM))  # fmt: skip
    return Emails(
        address=pc.binary_join_element_wise(local, host, "@"),
        mailbox=pc.binary_join_element_wise(stem, home, "@"),
        domain=without(found.registrable, ~shown).take(rows),
        provider=found.registrable.take(rows),
        pattern=pattern,
        classes=classes,
        digits=digits,
        variant=flags(pc.not_equal(local, stem)),
    )


def canonical_mailbox(values: pa.StringArray) -> pa.StringArray:
    """Return the mailbox each address reaches; null where it is no address."""
    return read_emails(values).mailbox


def canonical_email_domain(
    values: pa.StringArray, lists: DomainLists | None = None
) -> pa.StringArray:
    """Return the registrable domain; null for free mail, privacy aliases and no address."""
    return read_emails(values, lists).domain


def canonical_email_pattern(
    values: pa.StringArray, lists: DomainLists | None = None
) -> pa.StringArray:
    """Return the shape of the local part: ``a.a#4@gmail.com``, ``a#3@custom``."""
    return read_emails(values, lists).pattern


def split_addresses(values: pa.StringArray) -> tuple[pa.StringArray, pa.StringArray]:
    """Return local part (lower case) and A-label domain of each address, null where none.

    The common shape (ASCII, plain labels) is split by Arrow; the rest goes one by one
    through email-validator, which the tests hold the fast path against.
    """
    values = clean(values, max_chars=MAX_ADDRESS)
    lower = pc.ascii_lower(values)
    lower = without(lower, flags(pc.match_substring_regex(lower, _NOBODY)))
    simple = (
        flags(pc.match_substring_regex(lower, _SIMPLE))
        & flags(pc.less_equal(pc.binary_length(lower), 254))
        & ~flags(pc.match_substring_regex(lower, _NOT_SIMPLE_DOMAIN))
    )
    hard = ~simple
    hard[hard] = flags(pc.match_substring_regex(lower.filter(pa.array(hard)), _PERHAPS))
    parts = pc.split_pattern(lower.filter(pa.array(simple)), "@").flatten()
    halves = parts.take(pa.array(np.arange(0, len(parts), 2)))
    hosts = parts.take(pa.array(np.arange(1, len(parts), 2)))
    slow = [split_with_library(text) for text in values.filter(pa.array(hard)).to_pylist()]
    return (
        _scatter(simple, halves, hard, [pair and pair[0] for pair in slow]),
        _scatter(simple, hosts, hard, [pair and pair[1] for pair in slow]),
    )


def split_with_library(value: str) -> tuple[str, str] | None:
    """Return local part and A-label domain of one address, by email-validator; None: no address.

    Accepts what people type around an address: full-width characters, ``mailto:``, a
    display name with the address in angle brackets.
    """
    typed = unicodedata.normalize("NFKC", value).strip()
    if typed[:7].lower() == "mailto:":
        typed = typed[7:]
    try:
        found = validate_email(typed.strip(), check_deliverability=False, allow_display_name=True)
    except (EmailNotValidError, ValueError, IndexError):
        return None
    local = unicodedata.normalize("NFKC", found.local_part.lower())
    host = found.ascii_domain.lower()
    again = f"{local}@{host}"
    if again != value:  # lower-casing and NFKC may leave what is no address any more
        return split_with_library(again)
    return local, host


def _scatter(
    easy: BoolArray, fast: pa.StringArray, hard: BoolArray, slow: list[str | None]
) -> pa.StringArray:
    """Return one column from the fast rows and the slow ones, null elsewhere."""
    place = np.full(len(easy), -1, dtype=np.int64)
    place[easy] = np.arange(len(fast))
    place[hard] = len(fast) + np.arange(len(slow))
    both = pa.concat_arrays([to_strings(fast), pa.array(slow, pa.string())])
    return both.take(pa.array(place, mask=place < 0))


def _mail_homes(hosts: pa.StringArray) -> tuple[pa.StringArray, pa.StringArray]:
    """Return the canonical mail domain of each host, and whose mailbox a subdomain is.

    The second column is the local part that the whole host stands for (``*`` for the
    catch-all below an alias service), null where the local part decides.
    """
    homes: list[str] = []
    owners: list[str | None] = []
    for host in hosts.to_pylist():
        owner, _, parent = host.partition(".")
        if parent in providers.SUBDOMAIN_ADDRESSING:
            homes.append(parent)
            owners.append(owner)
        elif parent in providers.ALIAS_CATCH_ALL:
            homes.append(host)
            owners.append("*")
        else:
            homes.append(providers.SAME_DOMAIN.get(host, host))
            owners.append(None)
    return pa.array(homes, pa.string()), pa.array(owners, pa.string())


def _stems(
    local: pa.StringArray,
    home: pa.StringArray,
    code: IntArray,
    homes: pa.StringArray,
    owners: pa.StringArray,
) -> pa.StringArray:
    """Return local parts without tags and without characters their provider ignores."""
    listed = homes.to_pylist()

    def at(domains: frozenset[str] | set[str]) -> BoolArray:
        known = np.array([name in domains for name in listed] + [False])
        return known[code]

    tagged = flags(pc.match_substring(local, "+"))
    stem = where(local, tagged, lambda rows: _cut(rows, r"^([^+]+)\+.*$"))
    stem = where(stem, at(providers.HYPHEN_TAGS), lambda rows: _cut(rows, r"^([^-]+)-.*$"))
    for domain, ignored in providers.IGNORED_CHARACTERS.items():
        stem = where(stem, at({domain}), lambda rows, drop=ignored: _dropped(rows, drop))  # type: ignore[misc]
    stem = where(
        stem, at(set(providers.DOT_IS_HYPHEN)), lambda r: pc.replace_substring(r, ".", "-")
    )
    rows = pa.array(code, mask=code < 0)
    return pc.coalesce(owners.take(rows), stem)


def _cut(rows: pa.Array, shape: str) -> pa.Array:
    """Return the part before a tag, and no dot left hanging at its end."""
    return pc.replace_substring_regex(pc.replace_substring_regex(rows, shape, r"\1"), r"\.+$", "")


def _dropped(rows: pa.Array, ignored: str) -> pa.Array:
    """Return rows without ignored characters; a row of nothing else stays."""
    rest = pc.replace_substring_regex(rows, ignored, "")
    return pc.if_else(pc.equal(rest, ""), rows, rest)


def _pattern_homes(homes: pa.StringArray, classes: IntArray) -> pa.StringArray:
    """Return what stands after the @ in a pattern: the free-mail domain, else the class."""
    words = pa.array([c.name.lower() for c in DomainClass if c >= 0], pa.string())
    named = words.take(pa.array(classes.astype(np.int64), mask=classes < 0))
    return pc.if_else(pa.array(classes == DomainClass.FREE_MAIL), homes, named)


def _patterns(local: pa.StringArray, home: pa.StringArray) -> tuple[pa.StringArray, IntArray]:
    """Return the shape of each local part with what stands after its @, and its digits.

    ASCII is translated byte by byte; the distinct results are few, whatever the rows.
    """
    foreign = ~flags(pc.fill_null(pc.string_is_ascii(local), True))
    plain = where(local, foreign, _ascii_shape)
    code, distinct = codes_of(_translated(plain))
    texts = distinct.to_pylist()
    shapes = pa.array([_shape(text) for text in texts], pa.string())
    digits = np.array([text.count("0") for text in texts] + [-1], dtype=np.int16)
    shape = shapes.take(pa.array(code, mask=code < 0))
    return pc.binary_join_element_wise(shape, home, "@"), digits[code]


def _ascii_shape(rows: pa.Array) -> pa.Array:
    """Return rows with letters of any script as ``a``, digits as ``0``, other signs as ``_``."""
    letters = pc.replace_substring_regex(rows, r"[\pL\pM]", "a")
    digits = pc.replace_substring_regex(letters, r"\pN", "0")
    return pc.replace_substring_regex(digits, r"[^\x00-\x7f]", "_")


def _translated(ascii_rows: pa.StringArray) -> pa.StringArray:
    """Return ASCII rows with every letter ``a`` and every digit ``0``."""
    rows = pa.concat_arrays([ascii_rows])  # drops the offset of a slice
    valid, offsets, data = rows.buffers()
    text = np.frombuffer(data or b"", dtype=np.uint8)
    return pa.StringArray.from_buffers(
        len(rows), offsets, pa.py_buffer(_CHARACTER_CLASS[text]), valid, rows.null_count
    )


def _shape(text: str) -> str:
    """Write runs of letters once and runs of digits as their length: ``aa.a00``, ``a.a#2``."""
    once = re.sub("a+", "a", text)
    shape = re.sub("0+", lambda run: f"#{min(len(run[0]), 9)}", once)
    return shape if len(shape) <= MAX_PATTERN else f"mixed#{min(len(text) // 8 * 8, 32)}"
