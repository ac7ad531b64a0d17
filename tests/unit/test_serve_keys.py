"""API keys: shown once, kept as hashes, in force as long as they should be."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from contextlib import closing

import pytest

from ringfinder.errors import InputError, NotFound
from ringfinder.serve import keyring, service
from ringfinder.serve.keyring import STALE_S, Keyring
from ringfinder.serve.keys import FILE, OVERLAP_MS, KeyStore

NOW = 1_772_000_000_000


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def store(tmp_path):
    return KeyStore(tmp_path)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ring(store, clock):
    return Keyring(store, clock)


def found(ring, secret):
    ring.refresh()
    return ring.find(secret.encode())


class TestMaking:
    def test_a_key_is_found_by_what_was_shown_and_nothing_else(self, store, ring):
        key, secret = store.create("shop", ["signups:write"], now_ms=NOW)
        assert found(ring, secret).id == key.id
        assert found(ring, secret[:-1]) is None
        assert found(ring, secret.replace(key.id, "0" * 12)) is None
        assert found(ring, "") is None

    def test_a_directory_that_a_key_is_made_in_first_is_closed_to_others(self, tmp_path):
        KeyStore(tmp_path / "home").create("shop", ["admin"], now_ms=NOW)
        assert (tmp_path / "home").stat().st_mode & 0o077 == 0

    def test_the_file_holds_no_key_and_is_its_owners_alone(self, store, tmp_path):
        _, secret = store.create("shop", ["admin"], now_ms=NOW)
        content = (tmp_path / FILE).read_bytes()
        assert secret.encode() not in content
        assert secret.rpartition("_")[2].encode() not in content
        assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600

    def test_no_two_keys_are_alike(self, store):
        made = {store.create("shop", ["admin"], now_ms=NOW)[1] for _ in range(20)}
        assert len(made) == 20

    @pytest.mark.parametrize(("name", "scopes"), [("", ["admin"]), ("a", []), ("a", ["all"])])
    def test_a_key_without_name_or_known_scope_is_refused(self, store, name, scopes):
        with pytest.raises(InputError, match="A key needs"):
            store.create(name, scopes, now_ms=NOW)
        assert store.list() == []


class TestEnding:
    def test_it_ends_when_it_expires(self, store, ring, clock):
        _, secret = store.create("shop", ["admin"], now_ms=NOW, expires_ms=NOW + 1000)
        assert found(ring, secret)
        clock.now += 1000
        assert ring.find(secret.encode()) is None

    def test_a_revoked_key_ends_with_the_next_look(self, store, ring):
        key, secret = store.create("shop", ["admin"], now_ms=NOW)
        assert found(ring, secret)
        store.revoke(key.id, now_ms=NOW)
        assert found(ring, secret) is None

    def test_revoking_twice_keeps_the_first_time(self, store):
        key, _ = store.create("shop", ["admin"], now_ms=NOW)
        store.revoke(key.id, now_ms=NOW + 1)
        assert store.revoke(key.id, now_ms=NOW + 9).revoked_ms == NOW + 1

    def test_a_key_that_is_not_there_is_named(self, store):
        with pytest.raises(NotFound, match="no key 'nobody'"):
            store.revoke("nobody", now_ms=NOW)

    @pytest.mark.parametrize("act", ["revoke", "rotate"])
    def test_a_wrong_id_before_any_key_leaves_a_list_that_can_be_read(self, store, ring, act):
        with pytest.raises(NotFound):
            getattr(store, act)("nobody", now_ms=NOW)
        assert store.list() == []
        _, secret = store.create("shop", ["admin"], now_ms=NOW)
        assert found(ring, secret)

    def test_keys_that_could_not_be_read_for_long_open_nothing(self, store, ring, clock):
        _, secret = store.create("shop", ["admin"], now_ms=NOW)
        assert found(ring, secret)
        clock.now += int(STALE_S * 1000)
        assert ring.find(secret.encode()) is None

    def test_a_disk_that_fails_for_a_moment_does_not_end_the_looking(
        self, store, ring, clock, monkeypatch
    ):
        _, secret = store.create("shop", ["admin"], now_ms=NOW)
        looks = iter([OSError(5, "Input/output error")])
        stamp = ring._stamp_of_file

        def failing_once():
            for error in looks:
                raise error
            return stamp()

        monkeypatch.setattr(ring, "_stamp_of_file", failing_once)
        monkeypatch.setattr(keyring, "REFRESH_S", 0.001)

        async def looked():
            looking = asyncio.create_task(ring.keep_fresh())
            async with asyncio.timeout(5):
                while ring.find(secret.encode()) is None:
                    await asyncio.sleep(0.001)
            looking.cancel()

        asyncio.run(looked())

    def test_a_store_that_held_something_else_for_a_while_does_not_either(
        self, store, ring, monkeypatch
    ):
        _, secret = store.create("shop", ["admin"], now_ms=NOW)
        with closing(sqlite3.connect(store.path)) as database, database:
            database.execute("UPDATE key SET scopes = '[['")
        monkeypatch.setattr(keyring, "REFRESH_S", 0.001)
        monkeypatch.setattr(service, "ANEW_S", 0.001)

        async def looked():
            looking = asyncio.create_task(service.kept_going("keys", ring.keep_fresh))
            await asyncio.sleep(0.05)
            assert ring.find(secret.encode()) is None
            with closing(sqlite3.connect(store.path)) as database, database:
                database.execute("UPDATE key SET scopes = '[\"admin\"]'")
            async with asyncio.timeout(5):
                while ring.find(secret.encode()) is None:
                    await asyncio.sleep(0.001)
            looking.cancel()

        asyncio.run(looked())


class TestRotation:
    def test_old_and_new_work_until_the_overlap_ends(self, store, ring, clock):
        old, first = store.create("shop", ["admin"], now_ms=NOW)
        new, second = store.rotate(old.id, now_ms=NOW)
        assert found(ring, first)
        assert found(ring, second).scopes == old.scopes
        clock.now += OVERLAP_MS
        assert found(ring, first) is None
        assert found(ring, second).id == new.id

    def test_never_more_than_two_of_a_lineage_work(self, store, ring):
        secrets, key = [], store.create("shop", ["admin"], now_ms=NOW)[0]
        for turn in range(4):
            key, secret = store.rotate(key.id, now_ms=NOW + turn)
            secrets.append(secret)
        assert [found(ring, one) is not None for one in secrets] == [False, False, True, True]

    def test_an_ended_key_has_no_successor(self, store):
        key, _ = store.create("shop", ["admin"], now_ms=NOW)
        store.revoke(key.id, now_ms=NOW)
        with pytest.raises(InputError, match="nothing to rotate"):
            store.rotate(key.id, now_ms=NOW + 1)

    def test_a_successor_lasts_as_long_as_the_key_was_made_for(self, store, ring, clock):
        old, _ = store.create("shop", ["admin"], now_ms=NOW, expires_ms=NOW + 5000)
        new, secret = store.rotate(old.id, now_ms=NOW + 4999)
        assert new.expires_ms == NOW + 4999 + 5000
        clock.now += 9998
        assert found(ring, secret)
        clock.now += 1
        assert found(ring, secret) is None

    def test_so_does_every_later_one(self, store):
        key, _ = store.create("shop", ["admin"], now_ms=NOW, expires_ms=NOW + 5000)
        for turn in (1, 2, 3):
            key, _ = store.rotate(key.id, now_ms=NOW + turn * 4000)
            assert key.expires_ms == NOW + turn * 4000 + 5000

    @pytest.mark.parametrize("span_ms", [None, 90 * OVERLAP_MS])
    def test_a_key_rotated_once_more_in_its_overlap_hands_on_what_it_was_made_for(
        self, store, span_ms
    ):
        expires_ms = None if span_ms is None else NOW + span_ms
        old, _ = store.create("shop", ["admin"], now_ms=NOW, expires_ms=expires_ms)
        store.rotate(old.id, now_ms=NOW + 10)
        again, _ = store.rotate(old.id, now_ms=NOW + 20)
        assert again.expires_ms == (None if span_ms is None else NOW + 20 + span_ms)

    def test_the_key_itself_does_not_outlive_its_expiry(self, store, ring, clock):
        old, secret = store.create("shop", ["admin"], now_ms=NOW, expires_ms=NOW + 5000)
        store.rotate(old.id, now_ms=NOW)
        clock.now += 5000
        assert found(ring, secret) is None
