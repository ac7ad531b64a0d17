"""However rows are cut into files, ordered and repeated, loading them gives one graph."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loads import assert_same, home_at, loaded, loaded_graph, some_rows, write_rows

ROWS = {
    table: [row | {"event_id": f"{table} {number}"} for number, row in enumerate(held)]
    for table, held in some_rows(21, accounts=12).items()
}
EVERY = [(table, number) for table, held in ROWS.items() for number in range(len(held))]


@pytest.fixture(scope="module")
def whole():
    """Fingerprint and graph of all rows in one load."""
    with tempfile.TemporaryDirectory() as place, home_at(Path(place) / "data") as home:
        loaded(home, write_rows(Path(place), ROWS))
        yield home.store.fingerprint(), loaded_graph(home)


def cut(parts: int, random: Random) -> list[dict[str, list[dict]]]:
    """Cut the rows into loads, each row in one of them, a few in more, in any order."""
    loads: list[dict[str, list[dict]]] = [{} for _ in range(parts)]
    given_twice = random.sample(EVERY, random.randrange(9))
    for table, number in random.sample(EVERY, len(EVERY)) + given_twice:
        random.choice(loads).setdefault(table, []).append(ROWS[table][number])
    return [load for load in loads if load]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    parts=st.integers(1, 3),
    seed=st.integers(0, 2**32),
    endings=st.tuples(*[st.sampled_from(["csv", "jsonl", "parquet"])] * 3),
)
def test_any_split_order_and_duplication_gives_the_same_fingerprint(whole, parts, seed, endings):
    with tempfile.TemporaryDirectory() as place, home_at(Path(place) / "data") as home:
        for number, (rows, ending) in enumerate(
            zip(cut(parts, Random(seed)), endings, strict=False)
        ):
            loaded(home, write_rows(Path(place) / str(number), rows, ending))
        assert home.store.fingerprint() == whole[0]
        assert_same(loaded_graph(home), whole[1])
