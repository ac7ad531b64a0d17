"""A loader in a process of its own: ``python writer.py ADDRESS FIRST LAST``, to be killed."""

from __future__ import annotations

import sys

from stored import batch_of, graph_tables
from stores import open_store

from ringfinder.store import GraphBatch

ROWS = 3_000


def large_batch(number: int) -> GraphBatch:
    """A batch that takes a moment to write; the batches overlap in accounts and values."""
    names = [f"account {(number * 1_000 + row) % 5_000}" for row in range(ROWS)]
    rows = [(name, "ip", f"{row % 700}", number, number, 1) for row, name in enumerate(names)]
    return batch_of(number, graph=graph_tables({name: {} for name in names}, rows))


def main(address: str, first: str, last: str) -> None:
    """Write the batches one by one, and say when each begins."""
    store = open_store(address)
    for number in range(int(first), int(last) + 1):
        batch = large_batch(number)
        print(number, flush=True)
        store.write(batch)
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
