"""The nightly run out of a real Neo4j: the same rings, and a server killed in the write-back."""

from __future__ import annotations

import threading
import time

import pytest
from nights import fill, night, open_home, snapshot

from ringfinder.errors import StoreError
from ringfinder.pipeline.promote import rollback
from ringfinder.publish import snapshots
from ringfinder.simulate import WorldSpec, simulate
from ringfinder.store.neo4j import Neo4jStore

REST = 1_767_571_200_000 + 60 * 86_400_000
TABLES = ("accounts.parquet", "rings.parquet", "evidence.parquet", "history.parquet")


@pytest.fixture(scope="module")
def world():
    return simulate(WorldSpec(accounts=600, seed=7, prevalence=0.12, rows_per_account=3.0))


def store_of(server):
    return Neo4jStore(server.uri, user=server.user, password=server.password, wait_s=5)


@pytest.fixture
def home(own_neo4j_server, world, tmp_path):
    """One night out of Neo4j, and new events for the next."""
    own_neo4j_server.clear()
    home = open_home(tmp_path / "neo4j", store_of(own_neo4j_server))
    fill(home, world, until_ms=REST)
    assert night(home).in_force
    fill(home, world, after_ms=REST)
    yield home
    home.store.close()


def tables(path):
    return {name: (path / name).read_bytes() for name in TABLES}


def in_force(home):
    return snapshots.current(home.directory / "snapshots")


def test_both_stores_give_the_same_snapshots_and_hold_the_same_rings(home, world, tmp_path):
    twin = open_home(tmp_path / "embedded")
    fill(twin, world, until_ms=REST)
    night(twin)
    assert tables(in_force(twin)) == tables(in_force(home))
    fill(twin, world, after_ms=REST)
    one, other = night(home, 1), night(twin, 1)
    assert tables(snapshot(home, one)) == tables(snapshot(twin, other))
    assert one.changes == other.changes
    assert home.store.fingerprint(rings=True) == twin.store.fingerprint(rings=True)
    rollback(home)
    rollback(twin)
    assert home.store.fingerprint(rings=True) == twin.store.fingerprint(rings=True)


def test_a_ring_that_was_drawn_by_hand_is_told_and_gone_after_the_night(home, own_neo4j_server):
    with own_neo4j_server.driver() as driver:
        driver.execute_query("CREATE (:Ring {id: 'x', verdict: 'fleet'})")
    with pytest.raises(StoreError, match="drawn or changed by hand"):
        home.store.read_rings()
    assert "rings unreadable (1)" in night(home, 1, check=True).edited[0]
    assert "x" not in home.store.read_rings().rings["ring_id"].to_pylist()
    with own_neo4j_server.driver() as driver:
        driver.execute_query(
            "CREATE (:Ring {id: 'x', verdict: 'fleet', size: 3, score: 0.9, summary: 'Drawn.'})"
        )
    assert "rings extra (1)" in night(home, 2, check=True).edited[0]
    assert "x" not in home.store.read_rings().rings["ring_id"].to_pylist()
    assert night(home, 3, check=True).edited == ()


@pytest.mark.parametrize("delay_s", [0.0, 0.05])
def test_a_server_killed_in_the_write_back_leaves_the_last_snapshot_in_force(
    home, own_neo4j_server, delay_s, monkeypatch
):
    before = in_force(home)
    rings = home.store.read_rings()
    real = home.store.write_rings

    def during(*arguments, **options):
        def kill():
            time.sleep(delay_s)
            own_neo4j_server.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        if not delay_s:
            killer.join()
        try:
            real(*arguments, **options)
        finally:
            killer.join()

    monkeypatch.setattr(home.store, "write_rings", during)
    try:
        night(home, 1)
    except StoreError:
        assert in_force(home) == before
    monkeypatch.undo()
    own_neo4j_server.start()
    now = home.store.read_rings()
    assert now.run_id in {path.name for path in (before, *before.parent.iterdir())}
    assert now.run_id != rings.run_id or now.members.equals(rings.members)
    one = night(home, 2)
    assert one.in_force
    assert home.store.read_rings().run_id == one.snapshot_id == in_force(home).name
