"""Exchanges that a fleet may still make: counted together, once per event_id."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfinder.durations import DAY_MS
from ringfinder.errors import InputError, NotFound, StoreUnavailable
from ringfinder.serve.allowance import FILE, HOLD_MS, Allowance

NOW = 20_000 * DAY_MS + 3_600_000


@pytest.fixture
def allowance(tmp_path):
    return Allowance(tmp_path, ceiling=100)


def reserve(allowance, name, exchanges, *, fleet="ring-1", now=NOW, account="a"):
    return allowance.reserve(name, account, exchanges, fleet=fleet, now_ms=now)


def test_outside_fleets_nothing_is_limited(allowance):
    granted = reserve(allowance, "r", 10**9, fleet=None)
    assert (granted.granted, granted.remaining, granted.ring_id) == (10**9, None, None)


def test_a_fleet_gets_what_is_left_and_then_nothing(allowance):
    got = [reserve(allowance, f"r{n}", 40, account=f"a{n}").granted for n in range(4)]
    assert got == [40, 40, 20, 0]


def test_the_same_event_id_takes_once(allowance):
    first, again = reserve(allowance, "r", 60), reserve(allowance, "r", 60)
    assert first == again
    assert again.remaining == 40


def test_the_same_event_id_with_another_body_is_refused(allowance):
    reserve(allowance, "r", 60)
    with pytest.raises(InputError, match="before with another"):
        reserve(allowance, "r", 61)


def test_what_was_not_used_is_free_again(allowance):
    reserve(allowance, "r", 100)
    assert allowance.settle("r", 30, now_ms=NOW).remaining == 70
    assert allowance.settle("r", 30, now_ms=NOW).remaining == 70
    with pytest.raises(InputError, match="another number"):
        allowance.settle("r", 31, now_ms=NOW)


def test_what_nobody_settles_is_free_after_a_while(allowance):
    reserve(allowance, "r", 100)
    assert reserve(allowance, "s", 10, now=NOW + HOLD_MS - 1).granted == 0
    assert reserve(allowance, "t", 10, now=NOW + HOLD_MS + 1).granted == 10


def test_a_new_day_begins_afresh(allowance):
    reserve(allowance, "r", 100)
    allowance.settle("r", 100, now_ms=NOW)
    assert reserve(allowance, "s", 100, now=NOW + DAY_MS).granted == 100


def test_a_reservation_that_is_not_there_cannot_be_settled(allowance):
    with pytest.raises(NotFound):
        allowance.settle("r", 1, now_ms=NOW)


def test_a_restart_forgets_nothing(allowance, tmp_path):
    reserve(allowance, "r", 70)
    assert reserve(Allowance(tmp_path, ceiling=100), "s", 70).granted == 30


def test_two_at_once_share_one_ceiling(tmp_path):
    many = [Allowance(tmp_path, ceiling=100) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda n: reserve(many[n % 4], f"r{n}", 10).granted, range(40)))
    assert sum(got) == 100


def test_many_may_open_a_file_that_is_not_there_yet_at_once(tmp_path):
    """Of four, SQLite refused one in some thirty rounds without waiting for the others."""
    with ThreadPoolExecutor(4) as pool:
        for number in range(100):
            (home := tmp_path / str(number)).mkdir()
            start = Barrier(4)

            def open_and_reserve(n, home=home, start=start):
                allowance = Allowance(home, ceiling=100)
                start.wait()
                return reserve(allowance, f"r{n}", 30).granted

            assert sorted(pool.map(open_and_reserve, range(4))) == [10, 30, 30, 30]


def test_who_holds_a_new_file_for_good_is_not_waited_for_for_good(tmp_path, monkeypatch):
    monkeypatch.setattr("ringfinder.serve.allowance.WAIT_S", 0.1)
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable):
            reserve(Allowance(tmp_path, ceiling=100), "r", 1)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12))
def test_granted_and_used_never_exceed_the_ceiling(tmp_path_factory, steps):
    allowance = Allowance(tmp_path_factory.mktemp("a"), ceiling=100)
    used = 0
    for number, (wanted, most) in enumerate(steps):
        granted = reserve(allowance, f"r{number}", wanted).granted
        spent = min(most, granted)
        allowance.settle(f"r{number}", spent, now_ms=NOW)
        used += spent
    assert used <= 100


class TestADayOfManyReservations:
    MANY = 100_000

    @pytest.fixture
    def full(self, allowance, tmp_path):
        """Two days of one fleet, nearly all in vain, and of everybody else."""
        reserve(allowance, "first", 60)
        with closing(sqlite3.connect(tmp_path / FILE)) as database, database:
            database.executemany(
                "INSERT INTO reservation VALUES (?, 'a', ?, ?, 1, 0, ?, ?)",
                ((f"e{n}", "ring-1" if n % 2 else None, NOW // DAY_MS - 9 * (n % 7 == 0),
                  0 if n % 3 else None, NOW) for n in range(self.MANY)),
            )  # fmt: skip
        return allowance

    def test_the_next_one_is_not_held_up(self, full):
        began = time.perf_counter()
        got = [reserve(full, f"r{n}", 1, fleet="ring-1" if n % 2 else None) for n in range(200)]
        # Where each looks at all that were made before: 20 ms for one of the fleet's hundred.
        assert time.perf_counter() - began < 1.2
        left = [max(0, 39 - n // 2) if n % 2 else None for n in range(200)]
        assert [one.remaining for one in got] == left

    def test_days_long_past_are_forgotten_by_and_by(self, full, tmp_path):
        for number in range(self.MANY // 7 // 100 + 1):
            reserve(full, f"r{number}", 0, fleet=None)
        with closing(sqlite3.connect(tmp_path / FILE)) as database:
            oldest = database.execute("SELECT min(day) FROM reservation").fetchone()
        assert oldest == (NOW // DAY_MS,)


class TestADiskThatRefuses:
    def test_a_full_disk_is_a_store_that_is_away_and_works_again_with_room(self, allowance):
        reserve(allowance, "r", 10)
        allowance._database.execute("PRAGMA max_page_count = 1")

        def fill():
            for number in range(10_000):
                reserve(allowance, f"{number:0200d}", 1, fleet=None)

        with pytest.raises(StoreUnavailable, match="try again"):
            fill()
        assert reserve(allowance, "later", 10).granted == 10

    def test_a_damaged_file_is_no_internal_error(self, allowance, tmp_path):
        (tmp_path / FILE).write_bytes(b"no database" * 1000)
        with pytest.raises(StoreUnavailable):
            reserve(allowance, "r", 10)


def named_in(directory, name):
    return [path.name for path in directory.iterdir() if name.encode() in path.read_bytes()]


def test_an_erased_account_is_in_no_file_and_the_others_stay(allowance, tmp_path):
    for number in range(500):
        reserve(allowance, f"r{number}", 1, fleet=None, account=f"canary-{number % 2}")
    allowance.erase("canary-0")
    assert named_in(tmp_path, "canary-0") == []
    assert named_in(tmp_path, "canary-1") == [FILE]


def test_an_erasure_waits_for_another_worker_that_is_in_the_middle(allowance, tmp_path):
    reserve(allowance, "r", 1, account="canary-0")
    with closing(reading(tmp_path)) as other, ThreadPoolExecutor(1) as pool:
        erasure = pool.submit(allowance.erase, "canary-0")
        time.sleep(0.2)
        assert not erasure.done()
        other.execute("COMMIT")
        erasure.result(timeout=5)
    assert named_in(tmp_path, "canary-0") == []


def test_an_erasure_that_cannot_wait_is_to_be_asked_for_again(allowance, tmp_path, monkeypatch):
    monkeypatch.setattr("ringfinder.serve.allowance.WAIT_S", 0.1)
    reserve(allowance, "r", 1, account="canary-0")
    with closing(reading(tmp_path)), pytest.raises(StoreUnavailable, match="try again"):
        allowance.erase("canary-0")
    allowance.erase("canary-0")
    assert named_in(tmp_path, "canary-0") == []


def reading(directory):
    """Another connection, in the middle of reading what is reserved now."""
    other = sqlite3.connect(directory / FILE, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM reservation").fetchone()
    return other
