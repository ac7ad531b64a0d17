"""A batch too large for one transaction: killed, resumed, written by two at once."""

import threading
from contextlib import closing

import pytest
from journals import entry_of
from stored import batch_of, graph_tables, large_batch, signups, usage
from stores import OPENERS

from ringfinder.errors import StoreUnavailable
from ringfinder.journal import Projector
from ringfinder.journal.file import JournalFile
from ringfinder.store import EventLog, EventType, project
from ringfinder.store.neo4j import Neo4jStore, loading

PART = 500


@pytest.fixture
def opened(neo4j_server):
    """Open the store on an empty server, as often as asked for."""
    neo4j_server.clear()
    stores = []

    def make(**options):
        given = {"user": neo4j_server.user, "password": neo4j_server.password, "wait_s": 5}
        given |= {"slice_rows": PART, "transaction_s": 60.0} | options
        stores.append(Neo4jStore(neo4j_server.uri, **given))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def undisturbed(tmp_path):
    """Return what an embedded store makes of batches."""

    def make(*batches):
        store = OPENERS["embedded"](str(tmp_path / f"{len(batches)}.duckdb"))
        for batch in batches:
            store.write(batch)
        return store.fingerprint()

    return make


@pytest.fixture
def dies_after(monkeypatch):
    """Have the loader die at the nth slice of its batch."""

    def arm(slices):
        write, left = loading._write_slice, [slices]

        def dying(*arguments):
            if not left[0]:
                raise InterruptedError
            left[0] -= 1
            return write(*arguments)

        monkeypatch.setattr(loading, "_write_slice", dying)
        return lambda: monkeypatch.setattr(loading, "_write_slice", write)

    return arm


def test_a_large_batch_gives_the_same_graph_as_in_one_piece(opened, undisturbed):
    store = opened()
    assert store.write(large_batch(1))
    assert not store.write(large_batch(1))
    assert store.write(large_batch(2))
    assert store.fingerprint() == undisturbed(large_batch(1), large_batch(2))
    assert (store.applied(), store.begun()) == (((1, 2),), ())


def test_a_batch_begun_by_one_that_died_is_completed_by_the_next(opened, undisturbed, dies_after):
    lives_on = dies_after(3)
    with pytest.raises(InterruptedError):
        opened().write(large_batch(1))
    lives_on()
    store = opened(slice_rows=10**6)  # goes on with the slices as they were cut
    assert (store.applied(), store.begun()) == ((), ((1, 1),))
    assert store.write(large_batch(1))
    assert store.fingerprint() == undisturbed(large_batch(1))
    assert (store.applied(), store.begun()) == (((1, 1),), ())


def test_a_batch_that_meets_a_begun_one_is_refused_and_others_are_not(opened, dies_after):
    lives_on = dies_after(1)
    graph = large_batch(1).graph
    with pytest.raises(InterruptedError):
        opened().write(batch_of(5, 9, graph=graph))
    lives_on()
    store = opened()
    for first, last in ((5, 8), (9, 12), (1, 20)):
        with pytest.raises(StoreUnavailable, match="events 5 to 9 are being taken in"):
            store.write(batch_of(first, last, graph=graph_tables({"ann": {}})))
    assert store.write(batch_of(10, graph=graph_tables({"ann": {}})))
    assert store.begun() == ((5, 9),)


def test_two_loaders_of_one_large_batch_share_it(opened, undisturbed):
    stores, told = [opened(), opened()], []
    threads = [
        threading.Thread(target=lambda s=store: told.append(s.write(large_batch(1))))
        for store in stores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert any(told)
    assert stores[0].fingerprint() == undisturbed(large_batch(1))


def test_what_was_begun_is_forgotten_when_the_store_is_emptied(opened, undisturbed, dies_after):
    lives_on = dies_after(2)
    with pytest.raises(InterruptedError):
        opened().write(large_batch(1))
    lives_on()
    store = opened()
    store.clear()
    assert store.begun() == ()
    assert store.write(large_batch(1))
    assert store.fingerprint() == undisturbed(large_batch(1))


def test_a_load_goes_on_with_what_was_begun_though_the_log_has_grown(opened, tmp_path, dies_after):
    """The joined segments stay one batch; what came later is another."""
    log = EventLog(tmp_path / "events")
    names = [f"a{number}" for number in range(300)]
    log.append([signups(*names, values={"ip": "x"})])
    log.append([usage(*((name, 1, 2, {"ip": name}) for name in names))])
    lives_on = dies_after(1)
    with pytest.raises(InterruptedError):
        project(log, opened())
    lives_on()
    log.append([usage(*((name, 2, 1, {"ip": "x"}) for name in names))])
    store = opened()
    assert store.begun() == ((1, 600),)
    assert project(log, store) == 2
    beside = OPENERS["embedded"](str(tmp_path / "beside.duckdb"))
    assert project(log, beside) == len(log.segments(EventType.USAGE)) + 1
    assert store.fingerprint() == beside.fingerprint()
    assert (store.applied(), store.begun()) == (((1, 900),), ())


@pytest.mark.parametrize("erased", [False, True], ids=["", "somebody erased"])
def test_a_projector_goes_on_with_what_was_begun_though_the_journal_has_grown(
    opened, tmp_path, dies_after, erased
):
    log, home = EventLog(tmp_path / "events"), tmp_path / "journal"
    home.mkdir()
    with closing(JournalFile(home)) as file:
        file.add_block(log.reserve(1000))
        file.commit([entry_of(number) for number in range(60)])
        lives_on = dies_after(1)
        with (
            closing(Projector(home, log, lambda: opened(slice_rows=20))) as dead,
            pytest.raises(InterruptedError),
        ):
            dead.drain()
        lives_on()
        store = opened()
        assert (store.applied(), store.begun()) == ((), ((1, 60),))
        file.commit([entry_of(number) for number in range(60, 80)])
        if erased:
            file.erase("account-0")
            store.erase(["account-0"])
    with closing(Projector(home, log, opened)) as projector:
        assert projector.drain() == (79 if erased else 80)
    assert (store.applied(), store.begun()) == (((1, 80),), ())
    assert len(store.read_graph().accounts) == (79 if erased else 80)
