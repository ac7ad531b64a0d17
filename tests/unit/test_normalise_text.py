"""Identifiers and other text: folded, and silent where they say nothing."""

import numpy as np
import pyarrow as pa
import pytest
from raw_world import column

from ringfinder.normalise import text


def one(function, value):
    return function(column(value))[0].as_py()


class TestSentinels:
    @pytest.mark.parametrize(
        "value",
        [
            "", " ", "unknown", "UNKNOWN", "(unknown)", "[Unknown]", '"null"', "NULL", "None",
            "nil",
            "N/A", "n/a", "#N/A", "NA", "nan", "undefined", "not set", "(not set)", "not provided",
            "Anonymous", "redacted", "[REDACTED]", "test", "xxx", "XXXXXX", "true", "False",
            "[object Object]", "\\N", "-1", "inf", "-", "--", "...", "?", "*", "0", "0000", "0.0",
            "0x0",
            "00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}",
            "ffffffff-ffff-ffff-ffff-ffffffffffff", "FFFFFFFFFFFFFFFF", "02:00:00:00:00:00", "\0",
            "\u200b",
        ],
    )  # fmt: skip
    def test_what_stands_for_nothing_says_nothing(self, value):
        assert one(text.clean, value) is None

    @pytest.mark.parametrize(
        "value",
        ["unknown-7", "nullable", "Nonesuch", "navy", "nano", "tests-lab", "1", "10", "f00",
         "ffff", "x", "xx",
         "0a", "information", "deviceunknown", "true-crime",
         "00000000-0000-0000-0000-000000000001"],
    )  # fmt: skip
    def test_what_only_looks_like_it_is_kept(self, value):
        assert one(text.clean, value) == value

    def test_null_stays_null(self):
        assert text.clean(column(None, "a")).to_pylist() == [None, "a"]


class TestFolding:
    @pytest.mark.parametrize(
        ("raw", "folded"),
        [
            ("  a  b ", "a b"),
            ("a\tb\r\nc", "a b c"),
            ("a\u00a0b\u2003c", "a b c"),
            ("\ufeffa\u200b", "a"),
            ("a\0b", "a b"),
            ("e\u0301", "é"),
            ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
            ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ],
    )
    def test_white_space_and_control_characters_become_single_spaces(self, raw, folded):
        assert one(text.fold, raw) == folded

    def test_a_value_that_grows_too_long_when_composed_says_nothing(self):
        growing = "\u0958" * 300  # composes to two characters each
        assert one(text.clean, growing) is None
        assert one(text.clean, "\u0958" * 200) is not None

    def test_the_limit_itself_is_still_believed(self):
        assert one(text.clean, "a" * text.MAX_CHARS) is not None
        assert one(text.clean, "a" * (text.MAX_CHARS + 1)) is None


class TestFlavours:
    def test_large_strings_and_chunks_are_read_alike(self):
        plain = text.clean(column(" a ", "b"))
        assert text.clean(pa.array([" a ", "b"], pa.large_string())).equals(plain)
        assert text.clean(pa.chunked_array([column(" a "), column("b")])).equals(plain)

    def test_a_slice_is_read_by_its_own_rows(self):
        whole = column("x", " a  b ", None, "unknown", "c")
        assert text.clean(whole.slice(1, 3)).to_pylist() == ["a b", None, None]

    def test_codes_point_at_the_distinct_values_in_order_met(self):
        code, values = text.codes_of(column("b", None, "a", "b"))
        assert code.tolist() == [0, -1, 1, 0]
        assert values.to_pylist() == ["b", "a"]
        assert code.dtype == np.int64


class TestDevices:
    @pytest.mark.parametrize(
        "raw",
        [
            "6F9619FF-8B86-D011-B42D-00C04FC964FF",
            "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            "{6F9619FF-8B86-D011-B42D-00C04FC964FF}",
            "urn:uuid:6f9619ff-8b86-d011-b42d-00c04fc964ff",
            "6F9619FF8B86D011B42D00C04FC964FF",
        ],
    )
    def test_one_uuid_is_one_device_however_it_is_written(self, raw):
        assert one(text.canonical_device, raw) == "6f9619ff8b86d011b42d00c04fc964ff"

    @pytest.mark.parametrize(
        "raw",
        [
            "6F9619FF-8B86-D011-B42D-00C04FC964FG",
            "6F9619FF-8B86-D011-B42D000C04FC964FF",
            "-6F9619FF8B86-D011-B42D-00C04FC964FF",
            "é6F9619FF-8B86-D011-B42D-00C04FC964F",
        ],
    )
    def test_what_is_only_as_wide_as_a_uuid_is_a_token(self, raw):
        assert one(text.canonical_device, raw) == raw

    def test_devices_of_all_sorts_in_one_column_are_read_each_by_itself(self):
        raw = [
            "aB9_zQ", None, "6F9619FF-8B86-D011-B42D-00C04FC964FF", "9774D56D682E549C", "unknown",
            "{6F9619FF-8B86-D011-B42D-00C04FC964FF}", "7F9619FF-8B86-D011-B42D-00C04FC964FF",
        ]  # fmt: skip
        both = text.canonical_device(pa.array([*raw, *raw], pa.string())[3:])
        alone = [text.canonical_device(pa.array([v], pa.string()))[0].as_py() for v in raw]
        assert both.to_pylist() == [*alone, *alone][3:]

    def test_opaque_tokens_keep_their_case(self):
        assert one(text.canonical_device, "aB9_zQ") == "aB9_zQ"
        assert one(text.canonical_device, "ABCDEF") == "ABCDEF"  # too short to be a hash

    def test_hexadecimal_is_lower_case(self):
        assert one(text.canonical_device, "9774D56D682E549C") == "9774d56d682e549c"


class TestClients:
    @pytest.mark.parametrize(
        "raw", ["E7D705A3286E19EA42F587B344EE6865", " e7d705a3286e19ea42f587b344ee6865 "]
    )
    def test_ja3_is_lower_case(self, raw):
        assert one(text.canonical_tls_fingerprint, raw) == "e7d705a3286e19ea42f587b344ee6865"

    def test_ja4_is_lower_case(self):
        assert one(text.canonical_tls_fingerprint, "T13D1516H2_8DAAF6152771_E5627EFA2AB1") == (
            "t13d1516h2_8daaf6152771_e5627efa2ab1"
        )

    def test_user_agents_keep_versions_and_case(self):
        raw = "Mozilla/5.0  (X11; Linux)\tChrome/120.0.1"
        assert one(text.canonical_user_agent, raw) == "Mozilla/5.0 (X11; Linux) Chrome/120.0.1"

    def test_user_agents_may_be_longer_than_identifiers(self):
        assert one(text.canonical_user_agent, "M" * (text.MAX_CHARS + 1)) is not None
        assert one(text.canonical_user_agent, "M" * (text.MAX_USER_AGENT + 1)) is None


class TestReferrers:
    @pytest.mark.parametrize(
        ("raw", "page"),
        [
            ("https://www.Example.org/Docs/?utm_source=x#top", "example.org/docs"),
            ("http://example.org", "example.org"),
            ("example.org/docs/", "example.org/docs"),
            ("https://http://www.www.a.b/", "a.b"),
            ("android-app://com.example.mail", "com.example.mail"),
            ("spring-campaign", "spring-campaign"),
            ("https://a.b/c?email=jo@corp.com", "a.b/c"),
        ],
    )
    def test_a_referrer_is_host_and_path(self, raw, page):
        assert one(text.canonical_referrer, raw) == page

    @pytest.mark.parametrize(
        "raw",
        ["direct", "(direct)", "about:blank", "https://", "?utm=x", "www.", "http://localhost/"],
    )  # fmt: skip
    def test_no_referrer_says_nothing(self, raw):
        assert one(text.canonical_referrer, raw) is None


class TestCountries:
    @pytest.mark.parametrize(("raw", "code"), [("gb", "GB"), (" De ", "DE"), ("UK", "GB")])
    def test_codes_are_upper_case(self, raw, code):
        assert one(text.canonical_country, raw) == code

    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            ("USA", "US"), ("gbr", "GB"), ("DEU", "DE"), ("NAM", "NA"), ("UAE", "AE"),
        ],
    )  # fmt: skip
    def test_three_letters_are_known(self, raw, code):
        assert one(text.canonical_country, raw) == code

    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            ("United States", "US"), ("united  states of america", "US"), ("Germany", "DE"),
            ("Federal Republic of Germany", "DE"), ("Brazil", "BR"), ("Russia", "RU"),
            ("Russian Federation", "RU"), ("Turkey", "TR"), ("Türkiye", "TR"), ("TURKIYE", "TR"),
            ("Czech Republic", "CZ"), ("South Korea", "KR"), ("Republic of Korea", "KR"),
            ("Korea, Republic of", "KR"), ("Côte d'Ivoire", "CI"), ("Cote d’Ivoire", "CI"),
            ("Iran", "IR"), ("Vietnam", "VN"), ("Viet Nam", "VN"), ("Great Britain", "GB"),
            ("Curac\u0327ao", "CW"),
        ],
    )  # fmt: skip
    def test_english_names_are_known(self, raw, code):
        assert one(text.canonical_country, raw) == code

    @pytest.mark.parametrize(
        "raw",
        [
            "12", "N/A", "-", "é1", "D", "XX", "zz", "en-US", "de_DE", "eng", "Deutschland",
            "Atlantis", "ZZZ", "Korea", ",", ", ",
        ],
    )  # fmt: skip
    def test_what_is_neither_code_nor_name_is_unknown(self, raw):
        assert one(text.canonical_country, raw) is None

    def test_a_column_of_names_is_read_as_each_of_them_alone(self):
        raw = ["Germany", None, "", "DEU", "de", "nowhere"] * 3
        found = text.canonical_country(pa.array(raw, pa.string())).to_pylist()
        assert found == ["DE", None, None, "DE", "DE", None] * 3


def test_namibia_is_a_country_and_no_sentinel():
    assert one(text.canonical_country, "NA") == "NA"


def test_models_are_compared_without_case():
    assert text.canonical_model(column("Model-X", " model-x")).to_pylist() == ["model-x"] * 2
