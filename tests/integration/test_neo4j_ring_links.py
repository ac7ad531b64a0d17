"""From night to night: what a ring keeps stays the same relationship, and nothing else is left."""

from contextlib import closing

import pytest
from neo4j import GraphDatabase
from stored import pseudonym, rings_of

from ringfinder.schema import CODE
from ringfinder.store.neo4j import Neo4jStore

MONDAY = {"r1": ["a", "b"], "r2": ["c"], "r3": ["d", "e"]}
TUESDAY = {"r1": ["a", "b", "f"], "r2": ["d"], "r4": ["e"]}


def mark(ring, value="x", **said):
    """A value that marks a ring."""
    counts = {"accounts_inside": 2, "accounts_total": 3, "nats": 4.5} | said
    return {"ring_id": ring, "kind": CODE["ip"], "pseudonym": pseudonym(value)} | counts


@pytest.fixture
def store(neo4j_server):
    """A store on an empty server."""
    neo4j_server.clear()
    given = {"user": neo4j_server.user, "password": neo4j_server.password, "wait_s": 5}
    with closing(Neo4jStore(neo4j_server.uri, **given)) as opened:
        yield opened


@pytest.fixture
def asked(neo4j_server):
    """Ask the server in Cypher; a set of rows."""
    auth = (neo4j_server.user, neo4j_server.password)
    with GraphDatabase.driver(neo4j_server.uri, auth=auth) as driver:
        yield lambda text: {tuple(one.values()) for one in driver.execute_query(text).records}


LINKS = "MATCH (r:Ring)-[x:MEMBER_OF|MARKED_BY|NAMED]-(n) RETURN r.id, n.id, type(x), id(x), x.run"


def written(store, lock, run, members, *marks):
    """Write the rings of a run; return what the store then reads."""
    rings = rings_of(run, members, evidence=list(marks))
    store.write_rings(rings, lock)
    found = store.read_rings()
    rows = [(row["ring_id"], row["account_id"]) for row in found.members.to_pylist()]
    assert rows == sorted((ring, who) for ring, all_ in members.items() for who in all_)
    return found


def test_who_stays_keeps_the_relationship_and_the_stamp_of_its_run(store, asked):
    lock = store.acquire_run_lock("test")
    written(store, lock, "monday", MONDAY, mark("r1"), mark("r2"), mark("r3"))
    before = asked(LINKS)
    found = written(store, lock, "tuesday", TUESDAY, mark("r1"), mark("r2", accounts_total=4))
    after = asked(LINKS)
    kept = {(ring, end) for ring, end, *_ in before & after}
    assert kept == {("r1", "a"), ("r1", "b"), ("r1", pseudonym("x")), ("r1", "r1"), ("r2", "r2")}
    assert {stamp for *_, stamp in after - before} == {"tuesday"}
    assert found.evidence.to_pylist() == [mark("r1"), mark("r2", accounts_total=4)]


def test_the_same_rings_again_touch_no_relationship(store, asked):
    lock = store.acquire_run_lock("test")
    written(store, lock, "monday", MONDAY, mark("r1"), mark("r1", "y"))
    before = asked(LINKS)
    written(store, lock, "tuesday", MONDAY, mark("r1"), mark("r1", "y"))
    assert asked(LINKS) == before
    assert store.read_rings().run_id == "tuesday"


@pytest.mark.parametrize(
    "by_hand",
    [
        "MATCH (r:Ring {id: 'r1'}) CREATE (:Account {id: 'z'})-[:MEMBER_OF]->(r)",
        "MATCH (a {id: 'a'})-[m:MEMBER_OF]->() SET m.membership = 0.1",
        "MATCH (a {id: 'a'})-[m:MEMBER_OF]->() SET m.membership = [0.99]",
        "MATCH (:Ring {id: 'r1'})-[x:MARKED_BY]->() SET x.inside = 2.0",
        "MATCH (:Ring {id: 'r1'})-[x:MARKED_BY]->() SET x.total = true",
        "MATCH (a {id: 'a'})-[m:MEMBER_OF]->(r) CREATE (a)-[:MEMBER_OF {membership: 0.99}]->(r)",
        "MATCH (a {id: 'a'})-[m:MEMBER_OF]->(r) CREATE (r)-[:MEMBER_OF {membership: 0.99}]->(a)",
        "MATCH (r:Ring {id: 'r1'}), (o:Ring {id: 'r2'}) CREATE (r)-[:MARKED_BY]->(o)",
        "MATCH (:Ring {id: 'r1'})-[x:MARKED_BY|NAMED]->() DELETE x",
        "MATCH (r:Ring {id: 'r1'})-[:MARKED_BY]->(v) DETACH DELETE v",
    ],
)  # fmt: skip
def test_what_was_drawn_or_struck_out_by_hand_is_as_it_was_after_the_next_run(
    store, asked, by_hand
):
    lock = store.acquire_run_lock("test")
    written(store, lock, "monday", MONDAY, mark("r1"))
    before = {row[:3] for row in asked(LINKS)}
    asked(by_hand)
    found = written(store, lock, "tuesday", MONDAY, mark("r1"))
    assert {row[:3] for row in asked(LINKS)} == before
    assert len(asked(LINKS)) == len(before)
    assert set(found.members["membership"].to_pylist()) == {0.99}
    assert found.evidence.to_pylist() == [mark("r1")]


def test_a_run_without_rings_leaves_nothing_behind(store, asked):
    lock = store.acquire_run_lock("test")
    written(store, lock, "monday", MONDAY, mark("r1"))
    written(store, lock, "tuesday", {})
    assert asked("MATCH (n:Ring|Outside) RETURN n.id") == asked(LINKS) == set()


@pytest.mark.parametrize(
    "by_hand",
    [
        "CREATE (:Ring {id: 'x', verdict: 'fleet'})",
        "CREATE (:Ring {verdict: 'fleet', size: 3})",
        "CREATE (:Ring {id: 'x', run: 'sunday'})",
        "CREATE (:Ring {id: 'x', run: 'monday'})-[:NAMED]->(:RingName {id: 'x'})",
        "MATCH (a:Account {id: 'a'}) CREATE (a)-[:MEMBER_OF {membership: 1.0}]->(:Ring {id: 'x'})",
    ],
)
def test_a_ring_that_was_drawn_by_hand_is_gone_after_the_next_run(store, asked, by_hand):
    lock = store.acquire_run_lock("test")
    written(store, lock, "monday", MONDAY, mark("r1"))
    asked(by_hand)
    found = written(store, lock, "tuesday", TUESDAY, mark("r1"))
    assert asked("MATCH (r:Ring) RETURN r.id") == {(ring,) for ring in TUESDAY}
    assert found.rings["ring_id"].to_pylist() == sorted(TUESDAY)
    assert store.counts()["rings"] == len(TUESDAY)


def test_a_ring_without_a_stamp_is_gone_when_the_same_run_is_written_again(store, asked):
    lock = store.acquire_run_lock("test")
    written(store, lock, "monday", MONDAY)
    asked("CREATE (:Ring {id: 'x', verdict: 'fleet'})")
    written(store, lock, "monday", MONDAY)
    assert asked("MATCH (r:Ring) RETURN r.id") == {(ring,) for ring in MONDAY}
