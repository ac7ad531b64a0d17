"""What the store in Neo4j does when its server is absent, killed, slow or not ours."""

import logging
import socket
import threading
import time
from dataclasses import replace

import pytest
from silent_line import line_to, listener, says_hello
from stored import large_batch, pseudonym, rings_of
from stores import OPENERS

from ringfinder.errors import InputError, StoreError, StoreUnavailable
from ringfinder.schema import CODE
from ringfinder.store.neo4j import Neo4jStore, clearing, loading, schema

BATCHES = 4
SOON_S = 40  # on a machine that does much else


@pytest.fixture
def server(own_neo4j_server):
    """A server that may be killed, empty."""
    with own_neo4j_server.driver() as driver:
        driver.execute_query("MATCH (n) DETACH DELETE n")
    return own_neo4j_server


def opened(server, **options):
    """Open the store on a server."""
    given = {"user": server.user, "password": server.password, "wait_s": 2} | options
    return Neo4jStore(given.pop("uri", server.uri), **given)


def run(server, text, **parameters):
    """Run a statement past the store."""
    with server.driver() as driver:
        return driver.execute_query(text, parameters).records


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Fingerprints after each batch, where nothing happens."""
    store = OPENERS["embedded"](str(tmp_path_factory.mktemp("undisturbed") / "graph.duckdb"))
    prints = [store.fingerprint()]
    for number in range(1, BATCHES + 1):
        store.write(large_batch(number))
        prints.append(store.fingerprint())
    return prints


def killed_during(server, work, delay_s):
    """Kill the server some time after a piece of work has begun; return what it raised."""
    raised = []

    def target():
        try:
            work()
        except StoreError as error:
            raised.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    time.sleep(delay_s)
    server.kill()
    thread.join(timeout=60)
    assert not thread.is_alive(), "a store whose server has died must not hang"
    return raised


class TestRefusedAtOnce:
    def test_an_absent_server_is_reported_within_seconds(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable, match="cannot be reached: check that it runs"):
            Neo4jStore(f"bolt://127.0.0.1:{port}", user="neo4j", password="x", wait_s=1)
        assert time.monotonic() - begun < SOON_S

    def test_a_server_that_accepts_and_says_nothing_is_reported_within_seconds(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            begun, port = time.monotonic(), silent.getsockname()[1]
            with pytest.raises(StoreUnavailable, match="cannot be reached"):
                Neo4jStore(f"bolt://127.0.0.1:{port}", user="neo4j", password="x", wait_s=1)
        assert time.monotonic() - begun < SOON_S

    @pytest.mark.parametrize(
        "uri", ["bolt://192.0.2.1:7687", "neo4j://graph.example", "bolt://[2001:db8::1]"]
    )
    def test_a_plain_connection_to_another_host_is_refused(self, uri):
        with pytest.raises(InputError, match="not encrypted"):
            Neo4jStore(uri, user="neo4j", password="x")

    def test_an_address_that_is_none_is_refused(self):
        with pytest.raises(InputError, match="address of the Neo4j store is unusable"):
            Neo4jStore("mailto://localhost", user="neo4j", password="x")


class TestOthers:
    def test_a_wrong_password_names_the_settings(self, server):
        with pytest.raises(StoreError, match="neo4j_password_file") as caught:
            opened(server, password="wrong")
        assert not isinstance(caught.value, StoreUnavailable)

    def test_a_database_that_is_not_there_is_named(self, server):
        with pytest.raises(StoreError, match="no database 'other'"):
            opened(server, database="other")

    def test_a_store_of_a_later_version_is_refused(self, server):
        opened(server).close()
        run(server, "MATCH (s:Store) SET s.schema_version = 99")
        with pytest.raises(StoreError, match="later version of ringfinder"):
            opened(server)

    def test_a_store_of_an_earlier_version_is_brought_up_to_date(self, server):
        opened(server).close()
        run(server, "DROP INDEX account_created_ms")
        run(server, "MATCH (s:Store) SET s.schema_version = 1")
        opened(server).close()
        assert run(server, "SHOW INDEXES YIELD name WHERE name = 'account_created_ms' RETURN name")
        assert run(server, "MATCH (s:Store {schema_version: 2}) RETURN s")

    def test_accounts_of_somebody_else_are_left_alone(self, server):
        run(server, "CREATE (:Account {id: 'theirs'})")
        with pytest.raises(StoreError, match="did not write"):
            opened(server)
        assert len(run(server, "MATCH (n) RETURN n")) == 1

    def test_a_store_that_another_process_founds_meanwhile_is_not_taken_for_theirs(
        self, server, monkeypatch
    ):
        """The other one has written accounts, and what they were seen with not yet."""
        opened(server).close()
        run(server, "CREATE (:Account {id: 'ours'})")
        seen, real = [None], schema.find_state
        monkeypatch.setattr(schema, "find_state", lambda work: seen.pop() if seen else real(work))
        opened(server).close()
        assert len(run(server, "MATCH (a:Account) RETURN a")) == 1
        assert len(run(server, "MATCH (s:Store) RETURN s")) == 1

    def test_a_store_that_was_deleted_by_hand_says_so(self, server):
        store = opened(server)
        run(server, "MATCH (n) DETACH DELETE n")
        with pytest.raises(StoreError, match="emptied it"):
            store.write(large_batch(1))
        store.close()

    def test_a_store_without_its_node_is_founded_again_and_its_graph_taken_in_anew(
        self, server, undisturbed
    ):
        store = opened(server)
        for number in (1, 2):
            store.write(large_batch(number))
        lock = store.acquire_run_lock("on its way")
        store.write_rings(rings_of("monday", {"r1": ["account 1500", "b"]}), lock)
        rings = store.read_rings()
        run(server, "MATCH (s:Store) DELETE s")
        with pytest.raises(StoreError, match="run `ringfinder rebuild`"):
            store.applied()
        again = opened(server)
        assert again.applied() == ()
        assert again.counts()["accounts"] == 0
        assert again.read_rings() == rings
        with pytest.raises(StoreError, match="lost the lock"):
            store.write_rings(rings_of("late", {"r1": ["a"]}), lock)
        for number in (2, 1):
            again.write(large_batch(number))
        assert again.fingerprint() == undisturbed[2]
        later = again.acquire_run_lock("next")
        assert later.token > lock.token
        again.write_rings(rings_of("tuesday", {"r2": ["b"]}), later)
        assert again.read_rings().rings["ring_id"].to_pylist() == ["r2"]
        for one in (store, again):
            one.close()

    def test_no_token_is_given_twice_where_everything_was_deleted(self, server):
        seen = []
        for second in (1_800_000_000, 1_800_000_060, 1_700_000_000):  # the clock is set back
            store = opened(server, clock=lambda now=second: now)
            late = store.acquire_run_lock("on its way", lease_s=0)
            store.write_rings(rings_of(f"run {second}", {"r1": ["a"]}), late)
            run(server, "MATCH (n) WHERE NOT n:Run DETACH DELETE n")
            again = opened(server, clock=lambda now=second + 30: now)
            lock = again.acquire_run_lock("another", lease_s=0)
            again.write_rings(rings_of(f"again {second}", {"r2": ["b"]}), lock)
            with pytest.raises(StoreError, match="lost the lock"):
                store.write_rings(rings_of("late", {"r3": ["c"]}), late)
            seen += [late.token, lock.token]
            for one in (store, again):
                one.close()
        assert seen == sorted(set(seen))
        run(server, "MATCH (n) DETACH DELETE n")
        store = opened(server)
        assert store.acquire_run_lock("after all").token > 1_700_000_000
        store.close()

    def test_kinds_of_a_later_version_are_not_misread(self, server):
        store = opened(server)
        store.write(large_batch(1))
        run(server, "CREATE (:Value:Shoe {id: 'p1_x'})")
        with pytest.raises(StoreError, match="kinds that this version"):
            store.read_graph()
        store.close()

    def test_a_server_that_answers_too_slowly_is_given_up(self, server):
        opened(server).close()  # what opening costs at first is not what is tried
        store = opened(server, transaction_s=3.0)
        with server.driver() as driver, driver.session() as session:
            transaction = session.begin_transaction()
            transaction.run("MATCH (s:Store) SET s.name = s.name").consume()
            begun = time.monotonic()
            with pytest.raises(StoreUnavailable, match="too slow|busy"):
                store.write(large_batch(1))
            assert time.monotonic() - begun < SOON_S
            transaction.rollback()
        store.close()

    def test_nothing_is_told_to_the_log(self, server, caplog):
        caplog.set_level(logging.INFO)
        store = opened(server)
        store.write(large_batch(1))
        store.read_graph()
        store.close()
        assert caplog.records == []


def test_a_server_that_may_not_be_written_says_which_setting_forbids_it(server):
    opened(server).close()
    options = server.options
    server.kill()
    server.options = replace(options, settings={"server.databases.default_to_read_only": "true"})
    try:
        server.start()
        store = opened(server)
        with pytest.raises(StoreError, match="default_to_read_only"):
            store.write(large_batch(1))
        assert store.applied() == ()
        store.close()
    finally:
        server.kill()
        server.options = options
        server.start()


class TestSilent:
    """The connection stands, and nothing comes any more."""

    @pytest.fixture(autouse=True)
    def soon(self, monkeypatch):
        monkeypatch.setattr("ringfinder.store.neo4j.server.LATE_S", 3.0)

    def given_up(self, work):
        """What a piece of work raises, and after how many seconds; it must not hang."""
        raised = []

        def target():
            begun = time.monotonic()
            with pytest.raises(StoreUnavailable) as caught:
                work()
            raised.extend((str(caught.value), time.monotonic() - begun))

        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        thread.join(timeout=SOON_S)
        assert raised, "a store whose server is silent must not hang"
        return raised

    def test_one_that_is_silent_between_two_transactions_is_given_up(self, server):
        with line_to(server.uri) as line:
            first = opened(server)
            first.write(large_batch(1))
            first.close()
            store = opened(server, uri=line.uri, transaction_s=4.0)
            assert store.applied() == ((1, 1),)
            line.silent.set()
            said, _ = self.given_up(store.applied)
            assert "try again; nothing is lost or doubled" in said
            line.silent.clear()
            assert store.applied() == ((1, 1),)  # the same store object goes on
            store.close()

    def test_one_that_falls_silent_in_a_transaction_is_given_up_and_nothing_is_doubled(
        self, server, undisturbed, monkeypatch
    ):
        with line_to(server.uri) as line:
            store = opened(server, uri=line.uri, transaction_s=4.0)
            real = loading.take_in

            def falls_silent(work, slices):
                done = real(work, slices)
                line.silent.set()
                return done

            monkeypatch.setattr(loading, "take_in", falls_silent)
            self.given_up(lambda: store.write(large_batch(1)))
            monkeypatch.undo()
            line.silent.clear()
            store.close()
        store = opened(server)
        store.write(large_batch(1))
        assert store.fingerprint() == undisturbed[1]
        store.close()

    def test_one_that_says_hello_and_nothing_more_is_given_up_with_what_to_do(self):
        with listener(says_hello) as uri:
            said, seconds = self.given_up(
                lambda: Neo4jStore(uri, user="neo4j", password="x", wait_s=1, transaction_s=1.0)
            )
        assert "holds the connection and says nothing" in said
        assert seconds < SOON_S

    def test_every_connection_is_bounded_below_what_the_server_tells(self, server):
        store = opened(server, transaction_s=2.0)
        (connections,) = store._server._driver._pool.connections.values()
        assert {one.socket.get_read_timeout() for one in connections} == {5.0}
        store.close()


class TestKilled:
    @pytest.mark.parametrize("delay_s", [0.05, 0.4])
    def test_a_load_goes_on_where_the_server_was_killed(self, server, undisturbed, delay_s):
        store = opened(server)

        def load():
            for number in range(1, BATCHES + 1):
                store.write(large_batch(number))

        for error in killed_during(server, load, delay_s):
            assert isinstance(error, StoreUnavailable), error
        with pytest.raises(StoreUnavailable):
            store.applied()
        server.start()
        done = store.applied()  # the same store object goes on
        assert store.fingerprint() == undisturbed[done[0][1] if done else 0]
        load()
        assert store.fingerprint() == undisturbed[-1]
        store.close()

    def test_a_write_back_is_whole_or_absent(self, server):
        store = opened(server)
        lock = store.acquire_run_lock("test")
        evidence = {"kind": CODE["ip"], "accounts_inside": 2, "accounts_total": 3, "nats": 4.5}

        def rings(run):
            names = [f"{run} {number}" for number in range(200)]
            return rings_of(
                run,
                {name: [f"a{number}" for number in range(20)] for name in names},
                evidence=[
                    {"ring_id": name, "pseudonym": pseudonym(name), **evidence} for name in names
                ],
            )

        store.write_rings(rings("monday"), lock)
        monday = store.fingerprint(rings=True)
        killed_during(server, lambda: store.write_rings(rings("tuesday"), lock), 0.2)
        server.start()
        found = store.fingerprint(rings=True)
        store.write_rings(rings("tuesday"), lock)
        tuesday = store.fingerprint(rings=True)
        assert found in {monday, tuesday}
        assert store.read_rings().run_id == "tuesday"
        assert len(run(server, "MATCH (a:Outside) WHERE NOT (a)--() RETURN a")) == 0
        store.close()

    def test_clearing_is_done_even_if_killed_half_way(self, server, undisturbed, monkeypatch):
        store = opened(server)
        for number in (1, 2):
            store.write(large_batch(number))
        lock = store.acquire_run_lock("test")
        store.write_rings(rings_of("monday", {"r1": ["account 1500", "b"]}), lock)
        monkeypatch.setattr(clearing, "ROWS", 1_000)
        killed_during(server, store.clear, 0.3)
        server.start()
        if store.applied():  # killed before it had begun
            clearing.begin(store._server)
        assert store.applied() == ()
        assert store.fingerprint() == undisturbed[0]
        assert store.counts()["accounts"] == len(store.read_labels()) == 0
        assert store.counts()["rings"] == 1
        for number in (2, 1):
            assert store.write(large_batch(number))
        assert store.fingerprint() == undisturbed[2]
        assert store.read_rings().members["account_id"].to_pylist() == ["account 1500", "b"]
        store.close()

    def test_two_that_clear_and_one_that_writes_lose_nothing(
        self, server, undisturbed, monkeypatch
    ):
        stores = [opened(server) for _ in range(3)]
        stores[0].write(large_batch(1))
        monkeypatch.setattr(clearing, "ROWS", 200)
        clearing.begin(stores[0]._server)
        work = [
            lambda: clearing.finish(stores[0]._server),
            lambda: clearing.finish(stores[1]._server),
            lambda: stores[2].write(large_batch(1)),
        ]
        threads = [threading.Thread(target=each) for each in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert stores[0].applied() == ((1, 1),)
        assert stores[0].fingerprint() == undisturbed[1]
        for store in stores:
            store.close()


class TestClock:
    def test_a_lock_from_the_future_counts_as_expired(self, server):
        late = opened(server, clock=lambda: 10_000.0)
        lock = late.acquire_run_lock("before the clock was set back", lease_s=60)
        early = opened(server, clock=lambda: 1_000.0)
        assert early.acquire_run_lock("after", lease_s=60).token == lock.token + 1
        for store in (late, early):
            store.close()
