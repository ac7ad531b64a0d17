"""What holds for every normaliser, whatever text comes in."""

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ringfinder.normalise import text
from ringfinder.normalise.domains import bundled_lists, read_domains
from ringfinder.normalise.email import (
    canonical_email_domain,
    canonical_email_pattern,
    canonical_mailbox,
    read_emails,
)
from ringfinder.normalise.network import (
    canonical_ip,
    canonical_ip_block,
    canonical_ip_network,
)
from ringfinder.normalise.payment import (
    canonical_card_bin,
    canonical_payment_fingerprint,
    shown_payment_fingerprint,
)
from ringfinder.normalise.phone import canonical_phone
from ringfinder.normalise.prompt import prompt_bands, skeletons

IDEMPOTENT = {
    "identifier": text.canonical_identifier,
    "device": text.canonical_device,
    "tls": text.canonical_tls_fingerprint,
    "user_agent": text.canonical_user_agent,
    "referrer": text.canonical_referrer,
    "model": text.canonical_model,
    "country": text.canonical_country,
    "payment": canonical_payment_fingerprint,
    "shown payment": shown_payment_fingerprint,
    "card_bin": canonical_card_bin,
    "mailbox": canonical_mailbox,
    "ip": canonical_ip,
    "ip_network": canonical_ip_network,
    "ip_block": canonical_ip_block,
    "phone": canonical_phone,
    "skeleton": skeletons,
}
OTHERS = {
    "email_domain": canonical_email_domain,
    "email_pattern": canonical_email_pattern,
    "bands": prompt_bands,
}

pieces = st.sampled_from(
    [
        "",
        " ",
        "\t",
        "\0",
        "\u00a0",
        "\u200b",
        "\u2028",
        "\ufeff",
        "\u0130",
        "\ufdfa",
        "\ufb01",
        "\u0958",
        "unknown",
        "NULL",
        "n/a",
        "0",
        "00000000-0000-0000-0000-000000000000",
        "-",
        "www.",
        "http://",
        "https://a.b/c?d#e",
        "{",
        "}",
        "urn:uuid:",
        "6F9619FF-8B86-D011-B42D-00C04FC964FF",
        "4111 1111 1111 1111",
        "4111111111111111",
        "411111",
        "jo",
        "J.O+tag",
        "@",
        "gmail.com",
        "bücher.de",
        "xn--bcher-kva.de",
        "Jo <jo@corp.com>",
        "mailto:",
        "8.8.8.8",
        ":443",
        "[2a00:1450::1]",
        "2a00:1450:4001:81b::200e",
        "/24",
        "%eth0",
        "::ffff:8.8.4.4",
        "+44 20 7946 0958",
        "ext. 5",
        "(415) 555-2671",
        "001",
        "你好世界",
        "ทดสอบ",
        '"quoted"',
        "`x`",
        "please write a poem about",
        "x" * 30,
        "é",
        "e\u0301",
        "＠",
        "１２３",
        "😀",
        "\u202e",
        "ß",
        "ſ",
    ]
)
texts = st.one_of(
    st.text(max_size=60),
    st.lists(pieces, max_size=6).map("".join),
    st.lists(st.one_of(pieces, st.text(max_size=4)), max_size=6).map(" ".join),
)


def answers(function, values):
    return function(pa.array(values, pa.string())).to_pylist()


@pytest.mark.parametrize("name", IDEMPOTENT)
@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.one_of(st.none(), texts), max_size=5))
def test_what_is_canonical_stays_as_it_is(name, values):
    once = answers(IDEMPOTENT[name], values)
    assert answers(IDEMPOTENT[name], once) == once


@pytest.mark.parametrize("name", IDEMPOTENT | OTHERS)
@settings(max_examples=20, deadline=None)
@given(values=st.lists(st.one_of(st.none(), texts), min_size=1, max_size=5), row=st.integers(0, 4))
def test_a_value_is_read_alike_alone_and_among_others(name, values, row):
    function = (IDEMPOTENT | OTHERS)[name]
    row %= len(values)
    together = answers(function, values)
    assert len(together) == len(values)
    assert answers(function, [values[row]]) == [together[row]]


@pytest.mark.parametrize("name", IDEMPOTENT | OTHERS)
def test_nothing_comes_of_nothing(name):
    function = (IDEMPOTENT | OTHERS)[name]
    assert answers(function, []) == []
    assert answers(function, [None, "", "  ", "\0", "unknown"])[:4] == [None] * 4 or name in (
        "skeleton",
        "shown payment",
    )


@pytest.mark.parametrize("name", IDEMPOTENT | OTHERS)
@pytest.mark.parametrize(
    "value",
    ["a" * 10_000_000, "@" * 100_000, "1" * 100_000, "\0" * 10_000, "é" * 200_000, "<" * 50_000],
    ids=["10 MB of a letter", "at signs", "digits", "zero bytes", "accents", "brackets"],
)
def test_monstrous_fields_are_read_without_complaint(name, value):
    assert len(answers((IDEMPOTENT | OTHERS)[name], [value, "a"])) == 2


@pytest.mark.parametrize("name", sorted(set(IDEMPOTENT) - {"skeleton", "shown payment"}))
def test_values_above_the_documented_length_say_nothing(name):
    assert answers(IDEMPOTENT[name], ["a" * (text.MAX_REFERRER + 1)]) == [None]


@settings(max_examples=100, deadline=None)
@given(value=texts)
@example("a\u0378b")  # not assigned in any Unicode so far
def test_folding_is_what_unicode_says(value):
    def is_space(character):
        category = unicodedata.category(character)
        return category[0] == "Z" or category in ("Cc", "Cf", "Co")

    spaced = "".join(" " if is_space(character) else character for character in value)
    expected = unicodedata.normalize("NFC", " ".join(word for word in spaced.split(" ") if word))
    assert answers(text.fold, [value]) == [expected]


@settings(max_examples=100, deadline=None)
@given(values=st.lists(texts, min_size=1, max_size=4))
def test_an_address_has_all_of_its_columns_or_none(values):
    read = read_emails(pa.array(values, pa.string()))
    for row in range(len(values)):
        known = read.address[row].is_valid
        assert read.mailbox[row].is_valid == known
        assert read.provider[row].is_valid == known
        assert (read.digits[row] >= 0) == known
        assert (read.classes[row] == -1) <= (not read.pattern[row].is_valid)


@settings(max_examples=50, deadline=None)
@given(hosts=st.lists(st.from_regex(r"\A[a-z0-9]{1,5}(\.[a-z]{2,4}){1,4}\Z"), max_size=4))
def test_a_domain_is_a_tail_of_its_host(hosts):
    read = read_domains(pa.array(hosts, pa.string()), bundled_lists())
    for host, domain in zip(hosts, read.registrable.to_pylist(), strict=True):
        assert host == domain or host.endswith("." + domain)


@given(code=st.from_regex("[A-Za-z]{2}", fullmatch=True))
def test_two_letters_of_a_country_stay_what_they_are(code):
    kept = {"XX": None, "ZZ": None, "UK": "GB"}.get(code.upper(), code.upper())
    assert answers(text.canonical_country, [code]) == [kept]
