"""What a sign-up asks, asked of a warm local Neo4j: whose values these are, and of which rings.

One hop of Cypher from the values of a sign-up to their holders and the holders' rings. Values of
more than `MOST` holders are left out: no query that waits for every holder of a large bank or
mail host is one that anybody would put in front of a sign-up. It is less than scoring is: nothing
is weighed, and what was journalled since the last load is not looked at.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
from neo4j import GraphDatabase, Session

from ringfinder import local
from ringfinder.normalise.one import NormalisedSignup
from ringfinder.score.online.model import Model
from ringfinder.store import Neo4jStore, RingTables, to_graph_tables
from ringfinder.store.batches import MEMBERS, RINGS
from tests.bench.neo4j import cut, in_order, write_back, written
from tests.bench.run import graph_of
from tests.bench.worlds import Files

MOST = 1_000
STATEMENT = """
UNWIND $values AS id
MATCH (v:Value {id: id})
WHERE COUNT { (v)<-[:SEEN_WITH]-() } <= $most
MATCH (v)<-[:SEEN_WITH]-(a:Account)
WHERE a.id <> $account
OPTIONAL MATCH (a)-[:MEMBER_OF]->(r:Ring)
RETURN r.id AS ring, r.verdict AS verdict,
       count(DISTINCT a) AS accounts, count(DISTINCT v) AS shared
"""


@contextmanager
def neo4j_of(files: Files, model: Model) -> Iterator[Callable[[NormalisedSignup], int]]:
    """Load a world and the rings of its snapshot; yield what asks of one sign-up.

    It returns how many rows the answer had, one for each ring and one for holders in none.
    """
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory) / "neo4j"
        server = local.up(home)
        try:
            store = Neo4jStore(server.uri, user=server.user, password=server.password)
            tables = in_order(to_graph_tables(graph_of(files)))
            written(store, cut(tables, 0, len(tables.accounts), store.batch_events or 5_000))
            write_back(store, _rings(model))
            store.close()
            where = GraphDatabase.driver(
                server.uri, auth=(server.user, server.password), connection_timeout=5
            )
            with where as driver, driver.session() as session:
                yield lambda signup: _ask(session, signup)
        finally:
            local.down(home)


def _ask(session: Session, signup: NormalisedSignup) -> int:
    names = [name for _, name in signup.values]
    told = session.run(STATEMENT, values=names, account=signup.account_id, most=MOST)
    return sum(1 for _ in told)


def _rings(model: Model) -> RingTables:
    """Return rings and members of a snapshot as a recompute writes them back; no evidence."""
    members = model.members
    ring_of_member = np.repeat(np.arange(len(model.ring_ids)), np.diff(model.arrays.member_start))
    ring = {"size": 0, "score": 0.9, "verdict": "fleet", "summary": "A ring."}
    return RingTables(
        "bench",
        pa.Table.from_pylist(
            [{"ring_id": name, **ring} for name in model.ring_ids.to_pylist()], schema=RINGS
        ),
        pa.table(
            [
                model.ring_ids.take(pa.array(ring_of_member)),
                members["account_id"],
                members["membership"],
            ],
            schema=MEMBERS,
        ),
    )
