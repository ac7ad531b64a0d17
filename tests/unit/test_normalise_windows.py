"""Values made from time."""

import numpy as np
from raw_world import DAY, HOUR, NOON

from ringfinder.graph.columns import NEVER
from ringfinder.normalise.windows import day_windows, hour_windows


def test_an_hour_is_the_clock_hour_in_utc():
    code, hours = hour_windows(np.array([NOON, NOON + HOUR - 1, NOON + HOUR]))
    assert code.tolist() == [0, 0, 1]
    assert hours.to_pylist() == ["2026-03-01T12Z", "2026-03-01T13Z"]


def test_a_prefix_tells_first_from_last():
    assert hour_windows(np.array([NOON]), prefix="first:")[1].to_pylist() == [
        "first:2026-03-01T12Z"
    ]


def test_what_never_happened_has_no_hour():
    code, hours = hour_windows(np.array([NEVER, NOON, NEVER]))
    assert code.tolist() == [-1, 0, -1]
    assert len(hours) == 1


def test_no_times_give_no_hours():
    code, hours = hour_windows(np.array([], dtype=np.int64))
    assert len(code) == len(hours) == 0


def test_times_before_1970_and_in_the_year_9999_are_times():
    code, hours = hour_windows(np.array([-1, 253_402_300_799_999]))
    assert hours.to_pylist() == ["1969-12-31T23Z", "9999-12-31T23Z"]
    assert code.tolist() == [0, 1]


def test_a_day_is_the_day_in_utc():
    midnight = NOON - 12 * HOUR
    code, days = day_windows(np.array([midnight + DAY, midnight, midnight + DAY - 1]))
    assert code.tolist() == [1, 0, 0]
    assert days.to_pylist() == ["2026-03-01", "2026-03-02"]
