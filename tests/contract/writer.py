"""A loader in a process of its own: ``python writer.py ADDRESS FIRST LAST``, to be killed."""

from __future__ import annotations

import sys

from stored import large_batch
from stores import open_store


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
