"""Every saved query on a real Neo4j: what it answers, and that a hub does not stop it."""

import time

import neo4j
import pytest
from stored import START_MS, batch_of, graph_tables, label, pseudonym, rings_of

from ringfinder.explore import saved_queries, saved_query
from ringfinder.schema import CODE
from ringfinder.store.neo4j import Neo4jStore

FLEET = [f"f{n}" for n in range(6)]
OTHER = [f"g{n}" for n in range(4)]
CROWD = 3_000
HOUR_MS = 3_600_000


def world():
    """A fleet on a card and two addresses, another on one of them, a crowd behind one NAT."""
    accounts = {name: {} for name in FLEET + OTHER}
    accounts |= {
        "near": {"created_ms": START_MS + 9 * HOUR_MS},
        "friend": {},
        "heir": {"created_ms": START_MS + 99 * HOUR_MS},
    }
    accounts |= {f"c{n}": {} for n in range(CROWD)}
    rows = [(name, "payment_fingerprint", "card", 0, 0, 1) for name in FLEET]
    rows += [(name, "ip", f"address {n % 2}", 0, 0, 2) for n, name in enumerate(FLEET)]
    rows += [(name, "ip", "address 1", 0, 0, 1) for name in OTHER]
    rows += [(name, "device", "tablet", 0, 0, 1) for name in OTHER]
    rows += [(name, "ip", "address 1 too", 0, 0, 1) for name in OTHER[:2]]
    rows += [("near", "ip", "address 0", 0, 0, 1), ("friend", "mailbox", "box", 0, 0, 1)]
    rows += [("heir", "payment_fingerprint", "card", 0, 0, 1)]
    rows += [("heir", "device", "tablet", 0, 0, 1), ("c0", "mailbox", "box", 0, 0, 1)]
    rows += [(f"c{n}", "ip_network", "nat", 0, 0, 1) for n in range(CROWD)]
    rows += [(name, "ip_network", "nat", 0, 0, 1) for name in [*FLEET, "near"]]
    return batch_of(1, graph=graph_tables(accounts, rows), labels=[label("f0", "legitimate")])


def evidence(ring, kind, value, inside, total, nats):
    return {
        "ring_id": ring, "kind": CODE[kind], "pseudonym": pseudonym(value),
        "accounts_inside": inside, "accounts_total": total, "nats": nats,
    }  # fmt: skip


def change(run, what, now=None, before=None, shared=0):
    return {
        "run_id": run, "change": what, "ring_id": now, "earlier_ring_id": before, "shared": shared,
    }  # fmt: skip


RUNS = [
    rings_of("2026-01-02", {"ring-old": FLEET}, lineage=[change("2026-01-02", "born", "ring-old")]),
    rings_of(
        "2026-01-03",
        {"ring-f": FLEET, "ring-g": OTHER},
        evidence=[
            evidence("ring-f", "payment_fingerprint", "card", 6, 7, 9.00049),
            evidence("ring-f", "ip", "address 0", 3, 4, 6.0),
            evidence("ring-f", "ip", "address 1", 3, 7, 4.0),
            evidence("ring-f", "ip_network", "nat", 6, CROWD + 7, 1.5),
            evidence("ring-f", "activity_window", "hour", 3, 6, 1.0),
            evidence("ring-g", "ip", "address 1", 4, 7, 5.0),
            evidence("ring-g", "device", "tablet", 4, 5, 8.0),
            evidence("ring-g", "activity_window", "hour", 3, 6, 1.0),
        ],
        lineage=[
            change("2026-01-03", "grew", "ring-f", "ring-old", 6),
            change("2026-01-03", "born", "ring-g"),
        ],
    ),
]
GIVEN = {
    "ring": "ring-f", "one": "ring-f", "other": "ring-g", "account": "f0", "from": "f0", "to": "g0",
    "pseudonym": pseudonym("card"), "since_ms": START_MS + HOUR_MS,
}  # fmt: skip


@pytest.fixture(scope="module")
def ask(neo4j_server):
    """Fill the server once; ask a saved query by name."""
    neo4j_server.clear()
    store = Neo4jStore(neo4j_server.uri, user=neo4j_server.user, password=neo4j_server.password)
    store.write(world())
    for run in RUNS:
        lock = store.acquire_run_lock("the test")
        store.write_rings(run, lock)
        store.release_run_lock(lock)
    store.close()
    with neo4j_server.driver() as driver:

        def answer(name, **values):
            query = saved_query(name)
            given = {p.name: GIVEN[p.name] for p in query.parameters if p.default is None}
            return driver.execute_query(
                query.text, query.defaults() | given | values,
                routing_=neo4j.RoutingControl.READ, database_="neo4j",
            ).records  # fmt: skip

        yield answer
    neo4j_server.clear()


@pytest.mark.parametrize("query", saved_queries(), ids=lambda query: query.name)
def test_every_query_answers_something_and_soon(ask, query):
    begun = time.monotonic()
    found = ask(query.name)
    assert time.monotonic() - begun < 20
    assert found or query.name in {"benign", "successors"}


@pytest.mark.parametrize("query", saved_queries(), ids=lambda query: query.name)
def test_no_query_hands_out_more_than_its_limit(ask, query):
    if any(parameter.name == "limit" for parameter in query.parameters):
        assert len(ask(query.name, limit=1)) <= 1


@pytest.mark.parametrize("query", saved_queries(), ids=lambda query: query.name)
def test_values_written_in_parse_as_well(ask, query, neo4j_server):
    given = {p.name: str(GIVEN[p.name]) for p in query.parameters if p.default is None}
    with neo4j_server.driver() as driver:
        driver.execute_query("EXPLAIN " + query.filled(given))


def test_new_accounts_are_found_by_an_index_and_not_by_looking_at_all(ask, neo4j_server):
    query = saved_query("new_near_fleets")
    with neo4j_server.driver() as driver:
        driver.execute_query("CALL db.awaitIndexes(60)")
        plan = driver.execute_query(
            "EXPLAIN " + query.text, query.defaults() | {"since_ms": GIVEN["since_ms"]}
        ).summary.plan
    assert plan is not None
    assert "RANGE INDEX a:Account(created_ms) WHERE created_ms >= $since_ms" in str(plan)


def test_what_became_of_rings_carries_the_run_that_said_so(ask, neo4j_server):
    with neo4j_server.driver() as driver:
        found = driver.execute_query(
            "MATCH (r:Run)-[:RECORDED]->(c:Change) RETURN r.id AS run, c.run AS stamp"
        ).records
    assert [row["stamp"] for row in found] == [row["run"] for row in found]
    assert len({row["stamp"] for row in found}) == 2


class TestAnswers:
    def test_a_ring_is_drawn_with_its_members_and_marks(self, ask):
        (row,) = ask("ring")
        assert sorted(node["id"] for node in row["accounts"]) == FLEET
        assert len(row["marks"]) == 5
        assert len(row["evidence"]) == 5
        assert len(row["sightings"]) == 18

    def test_evidence_is_told_with_kind_and_counts(self, ask):
        first = ask("ring_evidence")[0]
        assert (first["kind"], first["members"], first["accounts_anywhere"]) == ("Payment", 6, 7)

    def test_the_way_between_two_fleets_leads_over_their_address(self, ask):
        ways = [row["p"] for row in ask("path") if len(row["p"]) == 4]
        assert any(pseudonym("address 1") in {node["id"] for node in way.nodes} for way in ways)

    def test_as_many_ways_are_shown_as_were_asked_for(self, ask):
        assert len(ask("path", limit=3)) == 3
        assert len(ask("path", limit=8)) == 8

    def test_no_way_leads_through_a_crowd(self, ask):
        assert ask("path", **{"from": "f0", "to": "c7"}) == []

    def test_rings_share_the_address_and_not_the_crowd(self, ask):
        (row,) = ask("shared_by_rings")
        assert (row["pseudonym"], row["in_one"], row["in_other"]) == (
            pseudonym("address 1"), 3, 4,
        )  # fmt: skip

    def test_a_bridge_marks_both(self, ask):
        for row in ask("bridges"):
            assert {ring["ring"] for ring in row["rings"]} == {"ring-f", "ring-g"}

    def test_a_bridge_that_no_event_names_has_its_holders_still(self, ask):
        holders = {row["kind"]: row["holders"] for row in ask("bridges")}
        assert holders == {"Ip": 7, "ActivityWindow": 6}

    def test_a_hub_counts_little(self, ask):
        first = ask("hubs")[0]
        assert (first["kind"], first["holders"]) == ("IpNetwork", CROWD + 7)
        assert first["percent_of_holders"] < 1

    def test_a_mark_that_no_event_names_any_more_has_its_kind_still(self, ask):
        kinds = {row["pseudonym"]: row["kind"] for row in ask("ring_evidence")}
        assert kinds[pseudonym("hour")] == "ActivityWindow"

    def test_a_new_sign_up_at_a_fleets_address_is_shown(self, ask):
        found = {row["account"]: row["kinds"] for row in ask("new_near_fleets")}
        assert found["near"] == ["Ip"]
        assert set(found) == {"near", "heir"}

    def test_one_value_short_of_the_ring_is_who_shares_one_kind(self, ask):
        found = {row["account"]: row["pseudonym"] for row in ask("one_short", most=100)}
        assert found["near"] == pseudonym("address 0")
        assert found["heir"] == pseudonym("card")

    def test_weights_are_told_to_three_places(self, ask):
        for name in ("ring_evidence", "one_short", "new_near_fleets"):
            assert {row["nats"] for row in ask(name)} & {9.0}, name

    def test_neighbours_leave_the_crowd_out(self, ask):
        found = {row["account"] for row in ask("neighbours")}
        assert found == {*FLEET[1:], "near", "heir"}

    def test_a_neighbour_by_two_values_of_one_kind_has_that_kind_once(self, ask):
        found = {row["account"]: (row["shared"], sorted(row["kinds"]))
                 for row in ask("neighbours", account="g0")}  # fmt: skip
        assert found["g1"] == (3, ["Device", "Ip"])
        assert found["heir"] == (1, ["Device"])

    def test_a_value_leads_to_its_accounts(self, ask):
        assert {row["a"]["id"] for row in ask("from_value")} == {*FLEET, "heir"}

    def test_lineage_tells_every_run(self, ask):
        changes = [(row["run"], row["change"]) for row in ask("lineage", ring="ring-old")]
        assert changes == [("2026-01-03", "grew"), ("2026-01-02", "born")]

    def test_the_last_run_is_the_last(self, ask):
        assert {(row["change"], row["now"]) for row in ask("last_run")} == {
            ("grew", "ring-f"), ("born", "ring-g"),
        }  # fmt: skip

    def test_a_cleared_member_of_a_fleet_is_disputed(self, ask):
        (row,) = ask("disputed")
        assert (row["account"], row["label"], row["ring"]) == ("f0", "legitimate", "ring-f")
