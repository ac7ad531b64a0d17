"""Peppers and the pseudonyms they make."""

import hashlib
import hmac

import pytest
from raw_world import column

from ringfinder.errors import InputError
from ringfinder.normalise import Pepper, pseudonym, wrap
from ringfinder.normalise.pseudonym import wrap_all

OLD = Pepper(1, b"o" * 32)
NEW = Pepper(2, b"n" * 40, previous=OLD)


class TestPseudonyms:
    def test_a_pseudonym_names_its_pepper_s_version(self):
        assert OLD.pseudonym("ip", "8.8.8.8").startswith("p1_")
        assert len(OLD.pseudonym("ip", "8.8.8.8")) == len("p1_") + 32

    def test_it_is_the_hmac_of_kind_and_value(self):
        digest = hmac.new(b"o" * 32, b"ip\x008.8.8.8", hashlib.sha256).hexdigest()
        assert OLD.pseudonym("ip", "8.8.8.8") == f"p1_{digest[:32]}"

    def test_how_many_are_made_at_once_changes_none(self, monkeypatch):
        values = column(*(f"10.0.0.{i}" for i in range(7)))
        alone = [OLD.pseudonym("ip", value) for value in values.to_pylist()]
        monkeypatch.setattr(pseudonym, "_AT_ONCE", 3)
        assert OLD.pseudonyms("ip", values).to_pylist() == alone
        assert len(OLD.pseudonyms("ip", values[:0])) == 0

    def test_equal_strings_of_two_kinds_cannot_be_linked(self):
        assert OLD.pseudonym("device", "x") != OLD.pseudonym("organisation", "x")

    def test_another_key_gives_another_pseudonym(self):
        assert OLD.pseudonym("ip", "x")[3:] != Pepper(1, b"p" * 32).pseudonym("ip", "x")[3:]

    def test_columns_and_single_values_agree(self):
        found = OLD.pseudonyms("ip", column("a", "ü", ""))
        assert found.to_pylist() == [OLD.pseudonym("ip", value) for value in ("a", "ü", "")]

    def test_no_values_give_no_pseudonyms(self):
        assert OLD.pseudonyms("ip", column()).to_pylist() == []

    @pytest.mark.parametrize("length", [32, 63, 64, 65, 200])
    def test_keys_of_any_length_are_used_as_hmac_uses_them(self, length):
        key = bytes(i % 251 for i in range(length))
        digest = hmac.new(key, b"ip\0x", hashlib.sha256).hexdigest()
        assert Pepper(7, key).pseudonym("ip", "x") == f"p7_{digest[:32]}"


class TestKeys:
    @pytest.mark.parametrize("length", [0, 1, 31])
    def test_a_short_key_is_refused(self, length):
        with pytest.raises(InputError, match=f"has {length} bytes; expected at least 32"):
            Pepper(1, b"x" * length)

    def test_a_negative_version_is_refused(self):
        with pytest.raises(InputError, match="version is -1"):
            Pepper(-1, b"x" * 32)

    def test_a_pepper_must_follow_the_one_it_replaces(self):
        with pytest.raises(InputError, match="version 1 does not follow"):
            Pepper(1, b"x" * 32, previous=OLD)

    def test_neither_key_nor_error_shows_the_secret(self):
        assert "oooo" not in repr(OLD)
        assert "oooo" not in repr(NEW)
        with pytest.raises(InputError) as refused:
            Pepper(1, b"secret")
        assert "secret" not in str(refused.value)


class TestRotation:
    def test_an_old_pseudonym_becomes_what_new_values_get(self):
        assert wrap(OLD.pseudonym("ip", "8.8.8.8"), NEW) == NEW.pseudonym("ip", "8.8.8.8")

    def test_rotating_twice_keeps_values_together(self):
        third = Pepper(3, b"t" * 32, previous=NEW)
        twice = wrap(wrap(OLD.pseudonym("ip", "x"), NEW), third)
        assert twice == third.pseudonym("ip", "x")
        assert twice.startswith("p3_")

    def test_a_wrapped_pseudonym_is_no_value_s_pseudonym(self):
        old = OLD.pseudonym("ip", "x")
        alone = Pepper(2, b"n" * 40)
        assert wrap(old, NEW) not in {alone.pseudonym(kind, old) for kind in ("", "ip", "wrap")}

    def test_columns_and_single_values_agree(self):
        old = OLD.pseudonyms("ip", column("a", "b"))
        assert wrap_all(old, NEW).to_pylist() == [wrap(value, NEW) for value in old.to_pylist()]


class TestDerived:
    def test_the_same_files_give_the_same_pepper_in_any_order(self):
        assert Pepper.derived([b"a" * 32, b"b" * 32]) == Pepper.derived([b"b" * 32, b"a" * 32])

    def test_other_files_give_another(self):
        assert Pepper.derived([b"a" * 32]).key != Pepper.derived([b"b" * 32]).key
        assert Pepper.derived([b"ab", b"c"]).key != Pepper.derived([b"a", b"bc"]).key

    def test_it_has_version_zero_and_a_whole_key(self):
        derived = Pepper.derived([b"x"])
        assert derived.version == 0
        assert len(derived.key) == 32

    def test_a_file_s_own_digest_is_not_the_key(self):
        digest = hashlib.blake2b(b"file", digest_size=32).digest()
        assert Pepper.derived([digest]).key != digest

    def test_no_file_gives_no_pepper(self):
        with pytest.raises(InputError, match="no file to derive a pepper from"):
            Pepper.derived([])
