"""What each step of a run took."""

import time

import numpy as np
import pytest

from ringfinder.pipeline.steps import Steps


def silent(name, done):
    """Somebody who does not listen."""


def test_a_person_is_told_which_step_begins_and_how_far_the_run_is():
    told = []
    steps = Steps(lambda name, done: told.append((name, done)), 4)
    for name in ("read", "detect", "judge", "write", "one more"):
        with steps.step(name):
            assert told[-1][0] == name
    assert told == [
        ("read", 0.0), ("detect", 0.25), ("judge", 0.5), ("write", 0.75), ("one more", 1.0),
    ]  # fmt: skip


def test_time_and_memory_of_every_step_are_kept_in_order():
    steps = Steps(silent, 2)
    with steps.step("sleep"):
        time.sleep(0.05)
    with steps.step("fill"):
        filled = np.ones(3_000_000)
    first, second = steps.costs
    assert (first.step, second.step) == ("sleep", "fill")
    assert 0.05 <= first.seconds < 2
    assert steps.seconds >= first.seconds + second.seconds - 0.01
    assert second.peak_mb >= first.peak_mb > 10
    assert second.peak_mb > filled.nbytes / 1e6


def test_a_step_that_fails_is_not_counted_as_done():
    steps = Steps(silent, 2)
    with pytest.raises(ZeroDivisionError), steps.step("divide"):
        raise ZeroDivisionError
    assert steps.costs == []
