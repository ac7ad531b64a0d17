"""What one key may take, and how many may do one kind of work."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfinder.serve.errors import Overloaded, TooMany
from ringfinder.serve.hooks.record import key_of
from ringfinder.serve.keys import Key
from ringfinder.serve.limits import Limits, Rates, Turns

KEY, OTHER = "0123456789ab", "ba9876543210"


class Clock:
    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


def key(name=KEY):
    return Key(name, b"", "test", frozenset({"admin"}), 0)


class TestRates:
    def test_as_many_as_the_limit_pass_at_once_and_no_more(self):
        rates = Rates(5, clock=Clock())
        assert [rates.take(KEY) == 0 for _ in range(7)] == [True] * 5 + [False] * 2

    def test_another_key_has_a_rate_of_its_own(self):
        rates = Rates(1, clock=Clock())
        assert rates.take(KEY) == 0
        assert rates.take(OTHER) == 0

    def test_a_second_later_there_is_room_again(self):
        clock = Clock()
        rates = Rates(2, clock=clock)
        assert [rates.take(KEY) == 0 for _ in range(3)] == [True, True, False]
        clock.now += 2
        assert rates.take(KEY) == 0

    def test_refused_says_how_long_to_wait(self):
        rates = Rates(1, clock=Clock(1000.25))
        rates.take(KEY)
        assert rates.take(KEY) == pytest.approx(0.75)

    @settings(deadline=None)
    @given(st.lists(st.floats(0, 0.4), min_size=1, max_size=200), st.integers(1, 20))
    def test_no_second_lets_twice_the_limit_through(self, pauses, limit):
        clock, passed = Clock(), []
        rates = Rates(limit, clock=clock)
        for pause in pauses:
            clock.now += pause
            if rates.take(KEY) == 0:
                passed.append(clock.now)
        for begin in passed:
            assert sum(begin <= at < begin + 1 for at in passed) <= 2 * limit

    def test_a_new_second_is_no_new_share(self):
        clock = Clock(1000.9)
        rates = Rates(10, clock=clock)
        assert sum(rates.take(KEY) == 0 for _ in range(20)) == 10
        clock.now = 1001.25
        assert sum(rates.take(KEY) == 0 for _ in range(20)) == 3
        clock.now = 1001.5
        assert sum(rates.take(KEY) == 0 for _ in range(20)) == 2

    def test_workers_count_together(self, tmp_path):
        clock = Clock()
        one, two = (
            Rates(10, tmp_path / "rates", index=index, workers=2, clock=clock) for index in (0, 1)
        )
        assert sum(one.take(KEY) == 0 for _ in range(10)) == 10
        clock.now += 0.06
        assert two.take(KEY) > 0
        assert two.take(OTHER) == 0

    def test_hooks_are_counted_by_their_names(self, tmp_path):
        clock = Clock()
        one, two = (
            Rates(10, tmp_path / "rates", index=index, workers=2, clock=clock) for index in (0, 1)
        )
        hook = key_of("supabase").id
        assert sum(one.take(hook) == 0 for _ in range(10)) == 10
        clock.now += 0.06
        assert two.take(hook) > 0
        assert two.take(key_of("auth0").id) == 0


class TestTurnsOfAKey:
    def test_more_at_a_time_than_allowed_are_refused_until_one_ends(self):
        limits = Limits(Rates(1000), concurrency=2)
        with limits.turn(key()), limits.turn(key()):
            with pytest.raises(TooMany, match="at work"), limits.turn(key()):
                pass
            with limits.turn(key(OTHER)):
                pass
        with limits.turn(key()):
            pass

    def test_a_turn_ends_with_an_error_too(self):
        limits = Limits(Rates(1000), concurrency=1)
        with pytest.raises(ZeroDivisionError), limits.turn(key()):
            raise ZeroDivisionError
        with limits.turn(key()):
            pass


class TestTurnsOfWork:
    def test_who_waits_too_long_is_told_to_come_back(self):
        async def scene():
            turns = Turns(1, patience_s=0.01)
            async with turns:
                with pytest.raises(Overloaded):
                    async with turns:
                        pass
            async with turns:
                return True

        assert asyncio.run(scene())

    def test_a_line_that_is_too_long_is_refused_at_once(self):
        async def scene():
            turns = Turns(1, waiting=2, patience_s=5)
            async with turns:
                waiting = [asyncio.ensure_future(turns.__aenter__()) for _ in range(2)]
                await asyncio.sleep(0)
                with pytest.raises(Overloaded):
                    await turns.__aenter__()
                for one in waiting:
                    one.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)

        asyncio.run(scene())
