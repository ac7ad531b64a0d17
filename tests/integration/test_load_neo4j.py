"""Files loaded into Neo4j give the graph that the audit makes of them, and the embedded store's."""

from __future__ import annotations

import pytest
from loads import (
    assert_same,
    audited_graph,
    home_at,
    loaded,
    loaded_graph,
    settings_of,
    some_rows,
    write_rows,
)

from ringfinder.pipeline.backup import backup
from ringfinder.pipeline.check import check_graph
from ringfinder.pipeline.home import open_home
from ringfinder.pipeline.restore import restore
from ringfinder.store import rebuild


@pytest.fixture
def where(neo4j_server):
    """Settings that name an empty Neo4j."""
    neo4j_server.clear()
    return {
        "store": neo4j_server.uri,
        "neo4j_user": neo4j_server.user,
        "neo4j_password": neo4j_server.password,
    }


def test_the_graph_is_the_audits_whole_and_in_halves(tmp_path, where):
    rows = some_rows(11, accounts=25)
    halves = [
        write_rows(tmp_path / str(half), {t: held[half::2] for t, held in rows.items()})
        for half in range(2)
    ]
    with home_at(tmp_path / "data", **where) as home:
        for files in halves[::-1]:
            loaded(home, files, **where)
        assert_same(loaded_graph(home), audited_graph(write_rows(tmp_path, rows)))
        with home_at(tmp_path / "beside") as embedded:
            for files in halves:
                loaded(embedded, files)
            assert home.store.fingerprint() == embedded.store.fingerprint()


BY_HAND = {
    "a count": ("MATCH ()-[s:SEEN_WITH]->() WITH s LIMIT 3 SET s.count = s.count + 1", "sightings"),
    "deleted relationships": ("MATCH ()-[s:SEEN_WITH]->() WITH s LIMIT 3 DELETE s", "sightings"),
    "an account of nobody": ("CREATE (:Account {id: 'by hand'})", "accounts"),
    "a country": ("MATCH (a:Account) WITH a LIMIT 1 SET a.country = 'XX'", "accounts"),
    "a deleted account": ("MATCH (a:Account) WITH a LIMIT 1 DETACH DELETE a", "accounts"),
}


def test_what_was_edited_in_browser_is_found_and_repaired(tmp_path, where, neo4j_server):
    import neo4j

    with (
        home_at(tmp_path / "data", **where) as home,
        neo4j.GraphDatabase.driver(
            neo4j_server.uri, auth=(neo4j_server.user, neo4j_server.password)
        ) as driver,
    ):
        loaded(home, write_rows(tmp_path, some_rows(12, accounts=20)), **where)
        before = home.store.fingerprint()
        assert check_graph(home.log, home.store).found == ()
        for what, (statement, rows) in BY_HAND.items():
            driver.execute_query(statement)
            found = check_graph(home.log, home.store).found
            assert {rows} <= {one.what for one in found} | ({rows} if _unreadable(found) else set())
            assert found, what
            rebuild(home.log, home.store)
            assert home.store.fingerprint() == before, what


def _unreadable(found):
    return [one.how for one in found] == ["unreadable"]


def test_a_backup_of_either_store_is_restored_into_either(tmp_path, where):
    with home_at(tmp_path / "data") as home:
        loaded(home, write_rows(tmp_path, some_rows(13)))
        before = home.store.fingerprint()
        backup(home, tmp_path / "one.backup", "a passphrase of tests", created_ms=1)
    settings = settings_of(tmp_path / "moved", **where)
    told = restore(tmp_path / "one.backup", settings, "a passphrase of tests")
    assert told.fingerprint is True
    with open_home(settings) as moved:
        assert moved.store.fingerprint() == before
        backup(moved, tmp_path / "two.backup", "a passphrase of tests", created_ms=1)
    back = settings_of(tmp_path / "back")
    assert restore(tmp_path / "two.backup", back, "a passphrase of tests").fingerprint is True
