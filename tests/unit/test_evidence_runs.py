"""Runs of rows, walked and cut."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ringfinder.evidence.runs import chunks, fresh, rows_of_runs, sort_together, spread

runs = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)), max_size=12)
work = st.lists(st.integers(0, 9), max_size=30)


def columns(pairs):
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


@given(runs)
def test_every_run_is_walked_from_its_start_one_after_another(pairs):
    start, count = columns(pairs)
    walked = [(n, first + step) for n, (first, long) in enumerate(pairs) for step in range(long)]
    which, row = spread(start, count)
    assert list(zip(which.tolist(), row.tolist(), strict=True)) == walked
    assert rows_of_runs(start, count).tolist() == row.tolist()


@given(work, st.integers(1, 20), st.one_of(st.none(), st.integers(1, 5)))
def test_pieces_cover_all_items_in_order_and_hold_what_they_may(costs, block, most):
    done = np.concatenate(([0], np.cumsum(np.array(costs, dtype=np.int64))))
    pieces = chunks(done, block, most=most)
    assert [item for lo, hi in pieces for item in range(lo, hi)] == list(range(len(costs)))
    for lo, hi in pieces:
        assert hi > lo
        assert hi - lo == 1 or done[hi] - done[lo] <= block
        assert most is None or hi - lo <= most


@given(work, st.integers(1, 20))
def test_no_piece_could_take_the_next_item_too(costs, block):
    done = np.concatenate(([0], np.cumsum(np.array(costs, dtype=np.int64))))
    for lo, hi in chunks(done, block)[:-1]:
        assert done[hi + 1] - done[lo] > block


pairs = st.lists(st.tuples(st.integers(0, 2**50), st.integers(0, 999)), max_size=50)


@given(pairs, st.sampled_from([1_000, 2**20, 2**40]))
def test_pairs_sorted_as_one_number_or_as_two_come_in_the_same_order(given_pairs, below):
    key = np.array([first for first, _ in given_pairs], dtype=np.int64)
    other = np.array([second for _, second in given_pairs], dtype=np.int64)
    found = sort_together(key, other, below)
    ordered = list(zip(*(column.tolist() for column in found), strict=True))
    assert ordered == sorted(given_pairs)


def test_sorting_leaves_what_was_given_as_it_was():
    key, other = np.array([3, 1, 2]), np.array([0, 1, 2])
    sort_together(key, other, 3)
    assert key.tolist() == [3, 1, 2]
    assert other.tolist() == [0, 1, 2]


few = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=20)


@given(few)
def test_a_run_begins_where_any_column_differs_from_the_row_before(rows):
    first, second = columns(rows)
    expected = [n == 0 or row != rows[n - 1] for n, row in enumerate(rows)]
    assert fresh(first, second).tolist() == expected
    alone = [n == 0 or row[0] != rows[n - 1][0] for n, row in enumerate(rows)]
    assert fresh(first).tolist() == alone
