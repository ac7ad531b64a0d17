"""Where numbers are in a table of numbers."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfinder.evidence.lookup import Lookup

numbers = st.integers(0, 2**62)
few_numbers = st.integers(0, 300)


def walked(keys, asked):
    row_of = {key: row for row, key in enumerate(keys)}
    return [(at, row_of[number]) for at, number in enumerate(asked) if number in row_of]


@settings(deadline=None)
@given(st.lists(st.one_of(numbers, few_numbers), unique=True, max_size=200), st.data())
def test_what_is_in_the_table_is_found_in_its_row_and_nothing_else_is(keys, data):
    present = st.sampled_from(keys) if keys else few_numbers
    asked = data.draw(st.lists(st.one_of(present, few_numbers, numbers), max_size=200))
    which, row = Lookup(np.array(keys, np.int64)).find(np.array(asked, np.int64))
    assert list(zip(which.tolist(), row.tolist(), strict=True)) == walked(keys, asked)


def test_a_number_asked_for_twice_is_found_twice():
    which, row = Lookup(np.array([7, 3])).find(np.array([3, 3, 9, 7]))
    assert which.tolist() == [0, 1, 3]
    assert row.tolist() == [1, 1, 0]


def test_an_empty_table_holds_nothing():
    which, row = Lookup(np.zeros(0, np.int64)).find(np.arange(100))
    assert len(which) == len(row) == 0


def test_numbers_that_fall_into_one_slot_are_told_apart():
    table = Lookup(np.arange(0, 2_000_000, 1_000))
    slots = table._slot(np.arange(100_000))
    crowded = np.flatnonzero(slots == np.bincount(slots).argmax())
    which, row = Lookup(crowded).find(np.arange(100_000))
    assert np.array_equal(which, crowded)
    assert np.array_equal(row, np.arange(len(crowded)))
