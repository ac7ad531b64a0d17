"""What hangs on the rings of a Neo4j: what differs is replaced, the rest stays.

From one night to the next most members stay. Each relationship that is written or deleted
takes some kilobytes of the server's heap until the transaction ends: so what is there is read
first, and a night costs what has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from ringfinder.store.neo4j.server import Work

Columns: TypeAlias = Mapping[str, list[Any]]

_CREATE = {"NAMED": "create_names", "MEMBER_OF": "create_members", "MARKED_BY": "create_evidence"}
_PROPERTIES = ("membership", "inside", "total", "nats")


class RingLinks:
    """Members, evidence and names of the rings of a store.

    Parameters
    ----------
    work
        The transaction.
    held
        Numbers of the relationships by their type, both ends and the text of their properties,
        which tells 1 from 1.0 and from what somebody made of it by hand.
    """

    def __init__(self, work: Work, held: dict[tuple[Any, ...], set[int]]) -> None:
        self._work, self._held = work, held

    @classmethod
    def read(cls, work: Work) -> RingLinks:
        """Read what hangs on the rings that there are."""
        held: dict[tuple[Any, ...], set[int]] = {}
        for record in work.records("read_ring_links"):
            rows = zip(*(record[name] for name in ("type", "begin", "end", "said")), strict=True)
            for link, (kind, begin, end, said) in zip(record["link"], rows, strict=True):
                held.setdefault((kind, begin, end, repr(said)), set()).add(link)
        return cls(work, held)

    def replace(self, kind: str, wanted: Columns, run: str) -> None:
        """Write the relationships of a type that are wanted and not there; the others stay.

        Parameters
        ----------
        kind
            `NAMED`, `MEMBER_OF` or `MARKED_BY`.
        wanted
            Where each begins, where it ends, and its properties: as the statement that creates
            them names its columns.
        run
            Key of the run that asks: what it writes is stamped with it.
        """
        begin, end = list(wanted.values())[:2]
        said = [wanted.get(name, [None] * len(begin)) for name in _PROPERTIES]
        fresh = []
        for row, (one, other, *properties) in enumerate(zip(begin, end, *said, strict=True)):
            links = self._held.get((kind, one, other, repr(properties)))
            if links:
                links.pop()
            else:
                fresh.append(row)
        if fresh:
            columns = {name: [column[row] for row in fresh] for name, column in wanted.items()}
            self._work.columns(_CREATE[kind], columns, run=run)

    def sweep(self) -> None:
        """Delete what was there and not wanted, such as what somebody drew by hand."""
        left = [link for links in self._held.values() for link in links]
        if left:
            self._work.columns("delete_links", {"link": sorted(left)})
