"""``ringfinder pseudonym``: the name that evidence.parquet has for a clear value."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from shell import run

from ringfinder.normalise import Pepper
from ringfinder.schema import KIND

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def pepper(monkeypatch, tmp_path):
    """A pepper in the environment, a working directory without settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGFINDER_PEPPER", SECRET)


def expected(kind, canonical, version=1):
    return Pepper(version=version, key=SECRET.encode()).pseudonym(kind, canonical)


def told(kind, value, *more):
    ran = run("pseudonym", kind, value, *more)
    assert ran.code == 0, ran.err
    return ran.out.strip()


class TestTheName:
    def test_is_that_of_the_canonical_value(self):
        assert told("mailbox", "A.B+shop@GoogleMail.com") == told("mailbox", "ab@gmail.com")

    def test_is_the_one_that_an_audit_uses(self):
        assert told("ip", "45.67.89.9") == expected("ip", "45.67.89.9")

    @pytest.mark.parametrize("written", ["acme.com", "Joe@ACME.com", "mail.acme.com"])
    def test_of_a_domain_is_the_same_however_it_is_written(self, written):
        assert told("email_domain", written) == expected("email_domain", "acme.com")

    @pytest.mark.parametrize("written", ["45.67.89.77", "45.67.89.0/24"])
    def test_of_a_network_is_that_of_its_addresses(self, written):
        assert told("ip_network", written) == told("ip_network", "45.67.89.9")

    def test_of_what_only_evidence_shows_is_taken_as_shown(self):
        shown = "2026-03-01T13Z"
        assert told("signup_window", shown) == expected("signup_window", shown)

    def test_of_a_first_day_on_a_model_is_that_of_model_and_day(self):
        shown = "large-2@2026-03-01"
        assert told("model_adoption", shown) == expected("model_adoption", shown)

    def test_depends_on_kind_and_version(self):
        names = {
            told("device", "abcdef123456"),
            told("tls_fingerprint", "abcdef123456"),
            told("device", "abcdef123456", "--pepper-version", "2"),
        }
        assert len(names) == 3

    def test_of_a_phone_depends_on_the_region(self):
        national = told("phone", "030 901820", "--default-region", "DE")
        assert national == told("phone", "+49 30 901820")

    def test_of_a_system_comes_from_the_list_of_networks(self, tmp_path):
        (tmp_path / "asn.csv").write_text("45.67.89.0/24,64500\n")
        by_address = told("asn", "45.67.89.9", "--asn-list", "asn.csv")
        assert by_address == told("asn", "AS64500")

    @pytest.mark.parametrize("written", ["64500", "as64500", "AS 64500"])
    def test_of_a_system_is_the_same_however_it_is_written(self, written):
        assert told("asn", written) == expected("asn", "AS64500")

    def test_for_a_machine_is_in_an_object(self):
        found = run("pseudonym", "ip", "45.67.89.9", "--json").json()
        assert found == {"kind": "ip", "pseudonyms": [expected("ip", "45.67.89.9")]}


def test_the_value_can_come_from_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("45.67.89.9\n"))
    assert told("ip", "-") == expected("ip", "45.67.89.9")


@pytest.mark.parametrize("written", ["Payment", "payment_fingerprint"])
def test_a_kind_may_be_written_as_the_graph_labels_it(written):
    assert told(written, "card-123456") == expected("payment_fingerprint", "card-123456")


def test_a_kind_may_be_written_as_the_column_of_the_files():
    assert told("device_id", "abcdef123456") == told("device", "abcdef123456")


def test_help_lists_the_kinds():
    listed = " ".join(run("pseudonym", "--help").out.split())
    assert all(name in listed for name in KIND)


def test_a_prompt_has_several_names():
    text = "Translate the following contract into plain English and list every obligation: "
    names = told("prompt_band", text * 3).split("\n")
    assert len(names) > 1
    assert len(set(names)) == len(names)


class TestRefusals:
    def test_an_unknown_kind_is_not_found(self):
        ran = run("pseudonym", "ipp", "45.67.89.9")
        assert ran.code == 3
        assert "the kinds are ip, " in ran.err

    @pytest.mark.parametrize(
        "kind",
        ["signup_window", "activity_window", "model_adoption", "ip_network", "ip_block",
         "phone_block", "phone_prefix", "email_pattern"],
    )  # fmt: skip
    def test_what_evidence_never_shows_so_has_no_name(self, kind):
        ran = run("pseudonym", kind, "banana")
        assert ran.code == 2
        assert "as evidence shows it, such as" in ran.err
        example = ran.err.rsplit("such as ", 1)[1].strip().rstrip(".")
        assert told(kind, example)

    def test_a_column_of_several_kinds_asks_for_one(self):
        ran = run("pseudonym", "email", "ab@gmail.com")
        assert ran.code == 3
        assert "name one: mailbox, email_domain, mail_provider, email_pattern." in ran.err

    def test_without_a_pepper_there_is_no_name(self, monkeypatch):
        monkeypatch.delenv("RINGFINDER_PEPPER")
        ran = run("pseudonym", "ip", "45.67.89.9")
        assert ran.code == 2
        assert "No pepper is set" in ran.err

    @pytest.mark.parametrize(
        ("kind", "value"),
        [("ip", "somewhere"), ("email_domain", "gmail.com"), ("phone", "12"), ("device", "n/a")],
    )
    def test_a_value_that_says_nothing_has_no_name_and_is_not_repeated(self, kind, value):
        ran = run("pseudonym", kind, value)
        assert ran.code == 2
        assert "says nothing about an account" in ran.err
        assert value not in ran.err

    def test_a_value_that_is_not_utf8_is_refused(self, monkeypatch):
        text = io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), "utf-8")
        monkeypatch.setattr("sys.stdin", text)
        for value in ("-", "\udcff"):
            ran = run("pseudonym", "ip", value)
            assert ran.code == 2
            assert "not text in UTF-8" in ran.err


def test_a_pepper_may_be_any_bytes(monkeypatch):
    monkeypatch.setenv("RINGFINDER_PEPPER", "\udcff" * 40)
    ran = run("pseudonym", "ip", "45.67.89.9")
    assert (ran.code, ran.err) == (0, "")


def test_no_value_is_left_unnormalised_by_the_command():
    # The command reads a value as `normalise` does: a change there must show here.
    from ringfinder.normalise.email import canonical_mailbox

    (canonical,) = canonical_mailbox(pa.array(["A.B+shop@googlemail.com"])).to_pylist()
    assert told("mailbox", "A.B+shop@googlemail.com") == expected("mailbox", canonical)


def test_an_address_that_no_list_knows_has_no_system():
    ran = run("pseudonym", "asn", "45.67.89.9")
    assert ran.code == 2
    assert "--asn-list" in ran.err


class TestADataDirectory:
    def test_its_own_pepper_is_used_where_none_is_configured(self, tmp_path, monkeypatch):
        from ringfinder.config import Settings
        from ringfinder.pipeline.pepper import find_pepper

        monkeypatch.delenv("RINGFINDER_PEPPER", raising=False)
        pepper = find_pepper(Settings(data_dir=tmp_path, pepper=None), used=False)
        told = run("pseudonym", "device", "d1", "--data-dir", tmp_path)
        assert told.out.strip() == pepper.pseudonym("device", "d1")

    def test_a_configured_one_that_is_not_its_own_is_an_audits(self, tmp_path, monkeypatch):
        from ringfinder.config import Settings
        from ringfinder.normalise import Pepper
        from ringfinder.pipeline.pepper import find_pepper

        find_pepper(Settings(data_dir=tmp_path, pepper=None), used=False)
        monkeypatch.setenv("RINGFINDER_PEPPER", "e" * 32)
        told = run("pseudonym", "device", "d1", "--data-dir", tmp_path)
        assert told.out.strip() == Pepper(1, b"e" * 32).pseudonym("device", "d1")
