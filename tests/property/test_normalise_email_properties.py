"""The fast paths for addresses and domains give what the libraries give."""

import numpy as np
import pyarrow as pa
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ringfinder.normalise import domains
from ringfinder.normalise.domains import bundled_lists, extractor, read_domains
from ringfinder.normalise.email import read_emails, split_addresses, split_with_library
from ringfinder.normalise.text import clean

ATOM = "abcXYZ019!#$%&'*/=?^_`{|}~+-"
atoms = st.text(ATOM, min_size=1, max_size=8)
locals_ = st.one_of(
    st.lists(atoms, min_size=1, max_size=3).map(".".join),
    st.text(ATOM + ".", min_size=1, max_size=70),
)
labels = st.one_of(
    st.from_regex(r"\A[a-zA-Z0-9]([a-zA-Z0-9-]{0,5}[a-zA-Z0-9])?\Z"),
    st.sampled_from(
        [
            "a" * 63,
            "a" * 64,
            "xn--bcher-kva",
            "xn--zz--zz",
            "ab--cd",
            "-a",
            "a-",
            "",
            "local",
            "test",
        ]
    ),
)
tops = st.sampled_from(
    [
        "com",
        "co.uk",
        "DE",
        "io",
        "c0m",
        "1",
        "localhost",
        "test",
        "onion",
        "arpa",
        "invalid",
        "xn--p1ai",
        "github.io",
    ]
)
hosts = st.builds(lambda left, top: ".".join([*left, top]), st.lists(labels, max_size=4), tops)
addresses = st.builds(lambda local, host: f"{local}@{host}", locals_, hosts)


def by_library(address):
    try:
        found = validate_email(address, check_deliverability=False, allow_display_name=True)
    except EmailNotValidError:
        return None
    return found.local_part.lower(), found.ascii_domain.lower()


@settings(max_examples=200, deadline=None)
@given(values=st.lists(addresses, min_size=1, max_size=4))
@example(values=["a" * 242 + "@corp.co.uk", "a" * 243 + "@corp.co.uk", "a" * 244 + "@corp.co.uk"])
@example(
    values=["a@b.com.", "a@.b.com", "a@b..com", "a@b_c.com", "a@b@c.com", ".a@b.com", "a.@b.com"]
)
def test_ascii_addresses_are_split_as_email_validator_splits_them(values):
    local, host = split_addresses(pa.array(values, pa.string()))
    pairs = list(zip(local.to_pylist(), host.to_pylist(), strict=True))
    assert [pair if pair[0] else None for pair in pairs] == [by_library(v) for v in values]


@settings(max_examples=200, deadline=None)
@given(value=st.text('ab.@<>"+,;:()[]\\/_- \té＠', min_size=1, max_size=14))
@example(value="a b@c.de")
@example(value='"a b"@c.de')
@example(value="x <a@c.de>")
@example(value="a@c.de,b@c.de")
@example(value="mailto:a@c.de")
def test_what_the_library_refuses_or_takes_is_refused_or_taken(value):
    local, host = split_addresses(pa.array([value]))
    kept = clean(pa.array([value]))[0].as_py()
    expected = None if kept is None else split_with_library(kept)
    assert (local[0].as_py(), host[0].as_py()) == (expected or (None, None))


def rule_hosts():
    """A host at, one above and two above every rule of the public-suffix list."""
    for rule in sorted(extractor().tlds):
        bare = rule.removeprefix("!").replace("*", "wild")
        try:
            ascii_host = bare.encode("idna").decode() if not bare.isascii() else bare
        except UnicodeError:
            continue
        yield from (
            h for h in (ascii_host, f"one.{ascii_host}", f"two.one.{ascii_host}") if "." in h
        )


def by_tldextract(host):
    found = extractor().extract_str(host)
    top = found.top_domain_under_public_suffix
    return top or (host if found.suffix else ".".join(host.split(".")[-2:]))


def test_every_rule_of_the_public_suffix_list_is_read_as_tldextract_reads_it():
    names = sorted(set(rule_hosts()))
    assert len(names) > 20_000
    registrable = read_domains(pa.array(names), bundled_lists()).registrable.to_pylist()
    wrong = [
        (name, found, by_tldextract(name))
        for name, found in zip(names, registrable, strict=True)
        if found != by_tldextract(name)
    ]
    assert wrong == []


listed = st.sampled_from(
    [
        *sorted(bundled_lists().table)[::97],
        "gmail.com",
        "duck.com",
        "mailinator.com",
        "mit.edu",
        "ox.ac.uk",
        "ed.k12.ca.us",
        "example.com",
        "co.uk",
        "github.io",
        "ck",
        "www.ck",
    ]
)
some_hosts = st.one_of(
    listed,
    st.builds(
        lambda left, host: f"{left}.{host}",
        st.from_regex(r"\A[a-z0-9]{1,4}(\.[a-z]{1,3}){0,7}\Z"),
        listed,
    ),
    st.from_regex(
        r"\A[a-z0-9]{1,4}(\.[a-z]{1,3}){1,8}\.(com|ck|edu\.au|ac\.nz|kobe\.jp|kawasaki\.jp|unheard)\Z"
    ),
)


@settings(max_examples=60, deadline=None)
@given(names=st.lists(some_hosts, min_size=1, max_size=30, unique=True))
def test_many_hosts_are_read_as_few_are(names):
    rows = pa.array(names, pa.string())
    few = read_domains(rows, bundled_lists())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domains, "FEW", 0)
        many = read_domains(rows, bundled_lists())
    assert many.registrable.to_pylist() == few.registrable.to_pylist()
    assert np.array_equal(many.classes, few.classes)


@settings(max_examples=100, deadline=None)
@given(
    local=st.from_regex(r"\A[a-z][a-z0-9]{0,8}\Z"),
    tag=st.from_regex(r"\A[a-z0-9+-]{0,6}\Z"),
    data=st.data(),
)
def test_dots_and_tags_never_make_a_second_gmail_mailbox(local, tag, data):
    cuts = data.draw(st.lists(st.integers(1, max(len(local) - 1, 1)), max_size=3))
    dotted = "".join(
        c + ("." if i + 1 in cuts and i + 1 < len(local) else "") for i, c in enumerate(local)
    )
    variant = f"{dotted}+{tag}@googlemail.com"
    boxes = read_emails(pa.array([f"{local}@gmail.com", variant])).mailbox.to_pylist()
    assert boxes == [f"{local}@gmail.com"] * 2
