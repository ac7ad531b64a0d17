"""One row read alone says what the columnar path makes of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ringfinder.normalise import NetworkLists, Pepper
from ringfinder.normalise.events import Rows, Rules, event_columns
from ringfinder.normalise.lists import Ranges
from ringfinder.normalise.one import FIELDS, Normaliser
from ringfinder.schema import CODE

FIRST = Pepper(1, b"k" * 32)
PEPPERS = (FIRST, Pepper(2, b"n" * 70, FIRST))
NETWORKS = NetworkLists(
    asn_v4=Ranges.of([(0x08080000, 16, 15169), (0x51000000, 8, 7018)], 32),
    asn_v6=Ranges.of([(0x2A00 << 48, 16, 3320)], 64),
)
RULES = {
    "plain": Rules(FIRST),
    "rotated": Rules(PEPPERS[1], default_region="gb"),
    "networks": Rules(FIRST, networks=NETWORKS, default_region="DE"),
}
NORMALISERS = {name: Normaliser(rules) for name, rules in RULES.items()}

NASTY = st.text(
    st.one_of(
        st.sampled_from("aZ09@.+-_:/ %[]{}<>\"'#?*x•\t\n\u00a0\u200bé漢\u0660ſK"),
        st.characters(codec="utf-8"),
    ),
    max_size=60,
)
WORDS = st.sampled_from(
    ["unknown", "NULL", "n/a", "-", "0.0", "test", "fffffffff", "02:00:00:00:00:00", " x  y ", "XX"]
)
LOCAL = st.from_regex(r"[a-zA-Z0-9.+_-]{1,24}", fullmatch=True)
HOST = st.one_of(
    st.sampled_from(
        ["gmail.com", "googlemail.com", "Yahoo.co.uk", "yandex.ru", "proton.me", "me.com",
         "user.fastmail.com", "x.33mail.com", "duck.com", "mailinator.com", "cs.ox.ac.uk",
         "mit.edu", "example.com", "a.b.example.org", "firma.de", "x.github.io", "foo.kawasaki.jp",
         "localhost", "a.local", "bücher.de", "co.uk", "1.2.3.4"]
    ),
    st.from_regex(r"[a-z0-9-]{1,12}\.(com|co\.uk|de|xyz|test)", fullmatch=True),
)  # fmt: skip
EMAIL = st.one_of(
    st.builds("{}@{}".format, LOCAL, HOST),
    st.builds("{} <{}@{}>".format, LOCAL, LOCAL, HOST),
    st.builds("mailto:{}@{}".format, LOCAL, HOST),
    st.builds(" {}@{} ".format, LOCAL, HOST),
)
OCTET = st.integers(0, 260)
IP = st.one_of(
    st.builds("{}.{}.{}.{}".format, OCTET, OCTET, OCTET, OCTET),
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=6, network="2a00::/16").map(str),
    st.builds("::ffff:{}".format, st.ip_addresses(v=4)),
    st.builds("64:ff9b::{}".format, st.ip_addresses(v=4)),
    st.builds("[{}]:443".format, st.ip_addresses(v=6)),
    st.builds("{}/24".format, st.ip_addresses(v=4)),
    st.from_regex(r"[0-9a-fA-F:.]{2,39}", fullmatch=True),
    st.sampled_from(["8.8.8.8", "81.2.3.4", "2A00::1", "fe80::1%eth0", "::", "::1", "2001:db8::1"]),
)
PHONE = st.one_of(
    st.from_regex(r"\+?[0-9 ()./-]{3,20}", fullmatch=True),
    st.from_regex(r"\+(44|49|1|33|39|7)[0-9]{8,11}", fullmatch=True),
    st.sampled_from(
        ["+44 20 7946 0018", "020 7946 0018", "0044 20 7946 0018", "(212) 555-2368", "1-800-FLOW",
         "+49 (0)30 901820", "+39 06 698 12345", "٠٢٠٧٩٤٦٠٠١٨", "+1 212 555 2368 ext. 3"]
    ),
)  # fmt: skip
DEVICE = st.one_of(
    st.uuids().map(str), st.uuids().map(lambda u: str(u).upper()), st.uuids().map(lambda u: u.urn),
    st.builds("{{{}}}".format, st.uuids()), st.from_regex(r"[0-9a-fA-F]{10,40}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?", fullmatch=True),
)  # fmt: skip
CARD = st.one_of(
    st.from_regex(r"[0-9 -]{6,24}", fullmatch=True),
    st.from_regex(r"[0-9]{6}[0-9xX*.•#]{0,13}", fullmatch=True),
    st.sampled_from(["4111 1111 1111 1111", "fp_1aBcD", "000000", "411111******1111"]),
)
REFERRER = st.one_of(
    st.from_regex(
        r"(https?://)?(www\.)?[a-z.]{1,12}(/[a-z]{0,5})*[?#]?[a-z=]{0,6}", fullmatch=True
    ),
    st.sampled_from(["(direct)", "HTTPS://News.example/Story?x=1", "www.", "about:blank"]),
)
BY_FIELD = {
    "email": EMAIL, "ip": IP, "phone": PHONE, "device_id": DEVICE, "payment_fingerprint": CARD,
    "card_bin": CARD, "referrer": REFERRER,
}  # fmt: skip


@st.composite
def rows(draw):
    """A row with any of the fields, most of them what such a field may hold."""
    found = {}
    for name in FIELDS:
        own = BY_FIELD.get(name)
        choice = st.one_of(*([own, own, own] if own is not None else []), NASTY, WORDS, st.none())
        found[name] = draw(choice)
    return found


COUNTRIES = st.one_of(
    st.none(), st.sampled_from(["GB", "de", "UK", "US", "XX", "Italy", "ITA", "it-IT", "", "NA"])
)
TIMES = st.one_of(
    st.integers(0, 4_102_444_800_000), st.integers(-62_135_596_800_000, 253_402_300_799_999)
)


def by_columns(raw, rules, created_ms, country):
    """What the columnar path says of a table of this one row."""
    given = {name: pa.array([value], pa.string()) for name, value in raw.items()}
    rows = Rows("signups", np.array([created_ms]), given, pa.array([country], pa.string()))
    values = event_columns(rows, rules)["values"][0].as_py()
    return [(CODE[value["kind"]], value["pseudonym"]) for value in values]


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=100, deadline=None)
@given(raw=rows(), created_ms=TIMES, country=COUNTRIES)
@example(raw={"email": "+@gmail.com"}, created_ms=0, country=None)
@example(raw={"email": "a.+x@yahoo.com", "ip": "::"}, created_ms=0, country=None)
@example(raw={"ip": "64:ff9b::808:808"}, created_ms=3_599_999, country="GB")
@example(raw={"referrer": "www.www./", "device_id": "0" * 32}, created_ms=-1, country="gb")
def test_a_row_alone_says_what_a_column_of_it_says(name, raw, created_ms, country):
    found = NORMALISERS[name].signup(raw, account_id="a", created_ms=created_ms, country=country)
    assert sorted(found.values) == sorted(by_columns(raw, RULES[name], created_ms, country))
