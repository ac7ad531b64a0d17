"""The nightly run on an embedded store: identity, gate, labels, faults."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nights import DAY_MS, fill, night, open_home, ring_of, rows_of, snapshot
from stored import batch_of, graph_tables

from ringfinder.errors import InputError, StoreError, StoreUnavailable
from ringfinder.normalise import Pepper
from ringfinder.pipeline.apart import Apart, add_apart, read_apart, remove_apart
from ringfinder.pipeline.label import record_labels
from ringfinder.pipeline.one_run import the_only_run
from ringfinder.pipeline.promote import promote, rollback
from ringfinder.publish import snapshots
from ringfinder.publish.carried import ring_tables
from ringfinder.publish.model import open_model
from ringfinder.schema import CODE
from ringfinder.simulate import WorldSpec, simulate
from ringfinder.store import project
from ringfinder.store.protocol import RunLock

OPEN = {"gate_share": 1.0, "gate_old_accounts": 10_000, "gate_organisation_accounts": 10_000}
TABLES = ("accounts.parquet", "rings.parquet", "evidence.parquet", "history.parquet")


@pytest.fixture(scope="module")
def world():
    return simulate(WorldSpec(accounts=1000, seed=7, prevalence=0.15, rows_per_account=3.0))


@pytest.fixture(scope="module")
def filled(world, tmp_path_factory):
    """Two thirds of the world, and one night."""
    home = open_home(tmp_path_factory.mktemp("nights") / "home")
    fill(home, world, until_ms=REST)
    night(home)
    return home


START_MS = 1_767_571_200_000
REST = START_MS + 60 * DAY_MS


@pytest.fixture
def home(filled, tmp_path):
    """A copy of it, to go on with."""
    shutil.copytree(filled.directory, tmp_path / "home")
    return open_home(tmp_path / "home")


def tables(path):
    return {name: (path / name).read_bytes() for name in TABLES}


def decisions(path):
    return {row["account_id"]: row["decision"] for row in rows_of(path, "accounts")}


def fleets(path):
    return {row["ring_id"] for row in rows_of(path, "rings") if row["verdict"] == "fleet"}


def with_columns_that_go_together(world):
    """The world with a bank and a client counted off, in which one bank is one client."""
    signups, many = world["signups"], range(len(world["signups"]))
    for name in ("card_bin", "user_agent"):
        values = pa.array([f"{400_000 + number % 8}" for number in many])
        signups = signups.set_column(signups.column_names.index(name), name, values)
    payments = world["payments"].drop_columns(["card_bin"])
    logins = world["logins"].drop_columns(["user_agent"])
    tables = {**world.tables, "signups": signups, "payments": payments, "logins": logins}
    return replace(world, tables=tables)


def begun(home):
    """Write the first batch of the log into the store."""

    class Enough(Exception):
        pass

    class Once:
        def __getattr__(self, name):
            return getattr(home.store, name)

        def write(self, batch):
            if home.store.applied():
                raise Enough
            return home.store.write(batch)

    with suppress(Enough):
        project(home.log, Once())


def in_force(home):
    return snapshots.current(home.directory / "snapshots")


class TestANight:
    def test_rings_for_a_person_to_look_at_are_named(self, world, tmp_path):
        home = open_home(tmp_path / "home")
        signups = {name: t if name == "signups" else t[:0] for name, t in world.tables.items()}
        fill(home, replace(world, tables=signups), until_ms=REST)
        told = night(home)
        rings = rows_of(in_force(home), "rings")
        unclear = {row["ring_id"] for row in rings if row["verdict"] == "unclear"}
        assert unclear
        assert {ring.ring_id for ring in told.unclear} == unclear

    def test_the_first_night_publishes_rings_and_writes_them_back(self, home):
        path = in_force(home)
        stored = home.store.read_rings()
        assert stored.run_id == path.name
        assert len(stored.rings) == len(rows_of(path, "rings")) > 5
        assert {row["change"] for row in stored.lineage.to_pylist()} == {"born"}
        assert (path / "report.html").stat().st_size > 10_000
        members = {row["account_id"]: row["ring_id"] for row in stored.members.to_pylist()}
        assert members == {a: r for a, r in ring_of(path).items() if r is not None}

    def test_run_json_tells_what_the_snapshot_knows(self, home):
        run = snapshots.check(in_force(home))
        assert run["sequence"] == home.log.last_sequence
        assert run["applied"] == [[1, home.log.last_sequence]]
        assert run["gate"] == {"held": False, "why": []}
        assert run["pepper_version"] == 1
        assert {"model.json", "lineage.parquet", *TABLES} <= set(run["files"])

    def test_nothing_new_changes_nothing(self, home):
        before = in_force(home)
        one = night(home, 1)
        assert (one.newly_flagged, one.no_longer_flagged) == (0, 0)
        assert set(one.changes) == {"kept"}
        assert tables(snapshot(home, one)) == tables(before)

    def test_same_events_and_snapshot_in_force_give_the_same_bytes(self, home, world, tmp_path):
        fill(home, world, after_ms=REST)
        shutil.copytree(home.directory, tmp_path / "twin")
        one, other = night(home, 1), night(open_home(tmp_path / "twin"), 5)
        twin = tmp_path / "twin" / "snapshots" / other.snapshot_id
        assert one.snapshot_id != other.snapshot_id
        assert tables(snapshot(home, one)) == tables(twin)

    def test_rings_keep_their_ids_as_the_world_grows(self, home, world):
        before = ring_of(in_force(home))
        fill(home, world, after_ms=REST)
        one = night(home, 1, gate_share=1.0, gate_old_accounts=10_000)
        after = ring_of(snapshot(home, one))
        both = [a for a, ring in before.items() if ring and after[a]]
        assert sum(before[a] == after[a] for a in both) > 0.95 * len(both) > 100
        assert one.sequence == home.log.last_sequence
        assert "kept" in one.changes

    def test_an_empty_graph_is_no_run(self, tmp_path):
        with pytest.raises(InputError, match="Load sign-ups"):
            night(open_home(tmp_path / "empty"))

    def test_old_snapshots_go(self, home):
        for number in range(1, 4):
            night(home, number, keep_snapshots=1)
        assert len(snapshots.listing(home.directory / "snapshots")) == 2


class TestGate:
    def test_the_first_run_has_a_rule_of_its_own(self, filled, tmp_path):
        shutil.copytree(filled.directory, tmp_path / "home")
        shutil.rmtree(tmp_path / "home" / "snapshots")
        home = open_home(tmp_path / "home")
        one = night(home, gate_first_share=0.01)
        assert not one.in_force
        assert "gate_first_share allows 1.0%" in one.held[0]
        assert in_force(home) is None

    def test_an_unusual_run_waits_and_store_and_pointer_stay(self, home):
        record_labels(home.log, "legitimate", [a for a, r in ring_of(in_force(home)).items() if r])
        assert night(home, 1).flagged == 0
        calm, rings = in_force(home), home.store.fingerprint(rings=True)
        record_labels(home.log, "fraud", [a for a, r in ring_of(home_first(home)).items() if r],
                      clock=lambda: 9e9)  # fmt: skip
        one = night(home, 2, gate_old_days=10)
        assert not one.in_force
        assert any("gate_share" in why for why in one.held)
        assert any("gate_old_accounts" in why for why in one.held)
        assert in_force(home) == calm
        held = snapshot(home, one)
        assert snapshots.check(held)["gate"]["held"]
        assert home.store.read_rings().run_id == calm.name
        assert promote(home) == one.snapshot_id
        assert in_force(home) == held
        assert home.store.read_rings().run_id == held.name
        assert home.store.fingerprint(rings=True) != rings

    def test_rollback_brings_the_earlier_rings_back(self, home, world):
        first, before = in_force(home), home.store.read_rings()
        fill(home, world, after_ms=REST)
        night(home, 1, gate_share=1.0, gate_old_accounts=10_000)
        assert rollback(home) == first.name
        assert in_force(home) == first
        after = home.store.read_rings()
        assert after.rings.equals(before.rings)
        assert after.members.equals(before.members)
        assert after.evidence.equals(before.evidence)
        assert len(after.lineage) > len(before.lineage)  # what happened has happened

    def test_rollback_brings_nobody_back_who_was_erased(self, home, world):
        members = home.store.read_rings().members["account_id"].to_pylist()
        fill(home, world, after_ms=REST)
        night(home, 1, gate_share=1.0, gate_old_accounts=10_000)
        gone = members[:2]
        home.log.erase(gone)
        home.store.erase(gone)
        rollback(home)
        after = home.store.read_rings().members["account_id"].to_pylist()
        assert sorted(after) == sorted(set(members) - set(gone))

    def test_a_night_brings_nobody_back_who_was_erased_while_it_was_on_its_way(self, home):
        members = home.store.read_rings().members["account_id"].to_pylist()
        gone = members[:2]

        def erasing(name, done):
            if name == "report":
                home.log.erase(gone)
                home.store.erase(gone)

        night(home, 1, progress=erasing)
        after = home.store.read_rings().members["account_id"].to_pylist()
        assert sorted(after) == sorted(set(members) - set(gone))

    def test_one_of_before_a_rotation_of_the_pepper_is_not_promoted(self, home):
        first = in_force(home)
        night(home, 1)
        rotated = replace(home, pepper=Pepper(home.pepper.version + 1, b"x" * 32, home.pepper))
        with pytest.raises(InputError, match="Run `ringfinder recompute`"):
            promote(rotated, first.name)
        assert in_force(home) != first

    def test_a_damaged_snapshot_is_not_promoted(self, home):
        first = in_force(home)
        one = night(home, 1)
        rollback(home)
        whole = (snapshot(home, one) / "rings.parquet").read_bytes()
        (snapshot(home, one) / "rings.parquet").write_bytes(whole[:-100])
        with pytest.raises(StoreError, match=r"rings\.parquet of the snapshot .* is damaged"):
            promote(home, one.snapshot_id)
        assert in_force(home) == first
        assert home.store.read_rings().run_id == first.name

    def test_where_the_one_in_force_is_damaged_names_come_from_the_last_whole_one(self, home):
        one = night(home, 1)
        (snapshot(home, one) / "accounts.parquet").write_bytes(b"PAR1")
        said: list[str] = []
        two = night(home, 2, notices=said.append)
        assert "newest whole snapshot" in said[0]
        assert set(two.changes) == {"kept"}
        assert two.in_force


def home_first(home):
    """The oldest snapshot."""
    last = snapshots.listing(home.directory / "snapshots")[-1]
    return home.directory / "snapshots" / last.snapshot_id


class TestPeople:
    def test_a_legitimate_label_clears_its_account_and_outlives_runs(self, home):
        path = in_force(home)
        account, ring = next((a, r) for a, r in ring_of(path).items() if r in fleets(path))
        record_labels(home.log, "legitimate", [account])
        for number in (1, 2):
            now = snapshot(home, night(home, number))
            assert ring_of(now)[account] is None
            assert ring in fleets(now)

    def test_the_last_label_of_an_account_counts(self, home):
        path = in_force(home)
        account = next(a for a, r in ring_of(path).items() if r in fleets(path))
        record_labels(home.log, "legitimate", [account], clock=lambda: 2e9)
        record_labels(home.log, "fraud", [account], clock=lambda: 2e9 + 1)
        assert ring_of(snapshot(home, night(home, 1)))[account] is not None

    def test_accounts_kept_apart_are_in_two_rings_from_then_on(self, home):
        path = in_force(home)
        ring = max(rows_of(path, "rings"), key=lambda row: row["size"])["ring_id"]
        members = sorted(a for a, r in ring_of(path).items() if r == ring)
        one, other = members[0], members[-1]
        add_apart(home.directory, Apart("accounts", one, other, 0))
        seen = []
        for number in (1, 2):
            now = ring_of(snapshot(home, night(home, number)))
            assert now[one] is None or now[one] != now[other]
            seen.append({account: now[account] for account in members})
        assert seen[0] == seen[1]  # and it stays as it was cut
        remove_apart(home.directory, "accounts", other, one)
        assert read_apart(home.directory) == []
        again = ring_of(snapshot(home, night(home, 3)))
        assert again[one] == again[other] == ring

    def test_a_damaged_file_of_decisions_stops_the_run(self, home):
        (home.directory / "apart.json").write_text('[{"what": 1}]')
        with pytest.raises(StoreError, match="restore it from a backup"):
            night(home, 1)


class TestCheck:
    def edited(self, home):
        """Somebody wrote to the store by hand: an account that no event names."""
        extra = graph_tables({"typed-by-hand": {}})
        home.store.write(batch_of(home.log.last_sequence + 10, graph=extra))

    def test_a_graph_that_follows_from_its_events_is_not_mentioned(self, home):
        assert night(home, 1, check=True).edited == ()

    def test_what_was_edited_by_hand_is_told_and_stays_until_a_person_asks(self, home):
        self.edited(home)
        one = night(home, 1, check=True)
        assert "The graph differed from its events: accounts extra (1)" in one.edited[0]
        assert "rebuild --repair" in one.edited[0]
        assert "typed-by-hand" in ring_of(snapshot(home, one))

    def test_repair_puts_it_right_before_anything_is_computed(self, home):
        self.edited(home)
        one = night(home, 1, check=True, repair=True)
        assert "It was rebuilt" in one.edited[0]
        assert "typed-by-hand" not in ring_of(snapshot(home, one))
        assert night(home, 2, check=True).edited == ()

    def drawn(self, home, statement):
        """Somebody changed the rings by hand."""
        with duckdb.connect(str(home.directory / "graph.duckdb")) as connection:
            connection.execute(statement)

    @pytest.mark.parametrize(
        ("statement", "told"),
        [
            ("INSERT INTO ring SELECT * REPLACE ('drawn' AS ring_id) FROM ring LIMIT 1",
             "rings extra (1)"),
            ("DELETE FROM member WHERE ring_id = (SELECT min(ring_id) FROM ring); "
             "DELETE FROM evidence WHERE ring_id = (SELECT min(ring_id) FROM ring); "
             "DELETE FROM ring WHERE ring_id = (SELECT min(ring_id) FROM ring)",
             "rings missing (1)"),
            ("DELETE FROM ring", "rings unreadable (1)"),
            ("UPDATE ring SET verdict = 'fleet', score = 2.0 WHERE ring_id = "
             "(SELECT max(ring_id) FROM ring)", "rings changed (1)"),
        ],
    )  # fmt: skip
    def test_rings_that_were_changed_by_hand_are_told_and_written_anew(self, home, statement, told):
        self.drawn(home, statement)
        (said,) = night(home, 1, check=True).edited
        assert told in said
        assert "publish promote" in said
        assert night(home, 2, check=True).edited == ()

    def test_rings_whose_snapshot_is_gone_are_not_looked_at(self, home):
        shutil.rmtree(home.directory / "snapshots")
        assert night(home, 1, check=True).edited == ()


class TestTouched:
    def test_without_a_snapshot_all_is_computed(self, filled, tmp_path):
        shutil.copytree(filled.directory, tmp_path / "home")
        shutil.rmtree(tmp_path / "home" / "snapshots")
        assert night(open_home(tmp_path / "home"), touched=True).touched is None

    def test_nothing_new_changes_nothing_and_looks_at_nobody(self, home):
        before = in_force(home)
        one = night(home, 1, touched=True)
        assert one.touched == 0
        assert tables(snapshot(home, one)) == tables(before)

    def test_new_events_give_the_decisions_of_a_search_of_all(self, home, world, monkeypatch):
        self.check_both_ways(home, world, monkeypatch)

    def test_so_they_do_where_a_column_that_repeats_another_is_left_out(
        self, world, tmp_path, monkeypatch
    ):
        repeating = with_columns_that_go_together(world)
        home = open_home(tmp_path / "home")
        fill(home, repeating, until_ms=REST)
        said: list[str] = []
        night(home, notices=said.append)
        (echo,) = snapshots.read_run(in_force(home))["epoch"]["echoes"]
        assert {echo["kind"], echo["teller"]} == {"card_bin", "user_agent"}
        for path in self.check_both_ways(home, repeating, monkeypatch):
            assert snapshots.read_run(path)["epoch"]["echoes"] == [echo]
            assert open_model(path).silent == {CODE[echo["kind"]]}

    def check_both_ways(self, home, world, monkeypatch):
        """Look at what was touched, and in a copy at everything; return both snapshots."""
        from ringfinder.pipeline import anew

        fill(home, world, after_ms=REST, until_ms=REST + 2 * DAY_MS)
        twin = home.directory.parent / "twin"
        shutil.copytree(home.directory, twin)
        some = snapshot(home, one := night(home, 1, touched=True, **OPEN))
        again = anew.detect_again
        monkeypatch.setattr(
            anew, "detect_again", lambda graph, people, epoch, _, seed: again(
                graph, people, epoch, None, seed=seed
            )
        )  # fmt: skip
        other = open_home(twin)
        everywhere = snapshot(other, night(other, 1, touched=True, **OPEN))
        assert one.touched < one.accounts
        assert decisions(some) == decisions(everywhere)
        return some, everywhere

    def test_an_epoch_that_is_over_is_learned_anew(self, home):
        said: list[str] = []
        assert night(home, 6, touched=True, notices=said.append).touched == 0
        assert said == []
        assert night(home, 7, touched=True, notices=said.append).touched is None
        assert "learned 7 days ago or longer" in said[0]
        assert night(home, 8, touched=True).touched == 0

    def test_the_epoch_goes_on_through_several_nights(self, home):
        began = snapshots.read_run(in_force(home))["epoch"]
        for number in (1, 2):
            night(home, number, touched=True)
        run = snapshots.read_run(in_force(home))
        assert run["epoch"] == began
        assert run["snapshot_id"] != began["name"]

    def test_another_seed_begins_anew(self, home):
        said: list[str] = []
        assert night(home, 1, touched=True, seed=5, notices=said.append).touched is None
        assert "cannot be gone on from" in said[0]

    def test_an_account_that_was_erased_takes_its_ring_along(self, home):
        path = in_force(home)
        ring = next(iter(fleets(path)))
        members = [a for a, r in ring_of(path).items() if r == ring]
        home.log.erase(members[:1])
        home.store.erase(members[:1])
        one = night(home, 1, touched=True)
        assert len(members) - 1 <= one.touched < one.accounts
        assert members[0] not in ring_of(snapshot(home, one))


def die_holding(store, directory):
    """Leave what a run leaves that is killed while it has the lock."""

    class Dying:
        acquire_run_lock = staticmethod(store.acquire_run_lock)

        def release_run_lock(self, lock):
            raise StoreError("killed")

    with the_only_run(Dying(), directory):
        pass


class TestOneAtATime:
    def test_a_second_run_is_told_to_wait(self, home):
        home.store.acquire_run_lock("another machine")
        with pytest.raises(StoreUnavailable, match="a run by another machine writes rings"):
            night(home, 1)

    @pytest.mark.parametrize("host", [None, "another pod"])
    def test_the_lock_of_a_run_that_died_in_this_directory_is_freed(self, home, monkeypatch, host):
        die_holding(home.store, home.directory / "snapshots")
        if host:
            monkeypatch.setattr("socket.gethostname", lambda: host)
        assert night(home, 1).in_force

    def test_the_lock_of_a_run_that_died_in_another_is_not(self, home, tmp_path):
        die_holding(home.store, tmp_path / "another")
        with pytest.raises(StoreUnavailable, match="writes rings"):
            night(home, 1)

    @pytest.mark.parametrize("when", ["_checked", "_read"])
    @pytest.mark.parametrize("batches", [0, 1])
    def test_a_run_that_meets_a_store_being_emptied_publishes_nothing(
        self, home, world, monkeypatch, when, batches
    ):
        from ringfinder.pipeline import recompute as module

        fill(home, world, after_ms=REST)
        before, real = in_force(home), getattr(module, when)

        def emptied(*given, **more):
            done = real(*given, **more) if when == "_checked" else None
            home.store.clear()
            for _ in range(batches):
                begun(home)
            return real(*given, **more) if done is None else done

        monkeypatch.setattr(module, when, emptied)
        with pytest.raises(StoreUnavailable, match="was emptied while this run was on its way"):
            night(home, 1, check=True)
        assert in_force(home) == before

    def test_one_that_is_emptied_while_it_is_read_neither(self, home, monkeypatch):
        from ringfinder.pipeline import recompute as module

        real = module.read_attribute_graph

        def emptied(log, store):
            graph = real(log, store)
            store.clear()
            return graph

        monkeypatch.setattr(module, "read_attribute_graph", emptied)
        with pytest.raises(StoreUnavailable, match="was emptied"):
            night(home, 1)

    def test_whose_lock_it_is_is_known_on_disk_before_it_is_taken(self, tmp_path):
        class Watched:
            def acquire_run_lock(self, holder, **_):
                self.holder, self.noted = holder, (tmp_path / "lock.id").read_text()
                return RunLock(1, holder, 0)

            def release_run_lock(self, lock):
                pass

        store = Watched()
        for _ in range(2):
            with the_only_run(store, tmp_path):
                assert len(store.noted) == 32
                assert store.holder.endswith(store.noted)
        before = store.noted
        (tmp_path / "lock.id").write_bytes(b"\0")
        with the_only_run(store, tmp_path):
            assert len(store.noted) == 32
        assert store.noted != before

    def test_a_run_that_lost_its_lock_changes_nothing(self, home, monkeypatch):
        from ringfinder.pipeline import recompute as module

        before, rings = in_force(home), home.store.fingerprint(rings=True)
        real = module.put_in_force

        def overtaken(home, name, lock):
            home.store.release_run_lock(lock)
            home.store.acquire_run_lock("a faster one")
            real(home, name, lock)

        monkeypatch.setattr(module, "put_in_force", overtaken)
        with pytest.raises(StoreError, match="has lost the lock"):
            night(home, 1)
        assert in_force(home) == before
        assert home.store.fingerprint(rings=True) == rings


def test_the_tables_of_a_snapshot_are_what_the_store_holds(filled):
    path = in_force(filled)
    stored, told = filled.store.read_rings(), ring_tables(path)
    order = [("ring_id", "ascending"), ("account_id", "ascending")]
    assert told.members.sort_by(order).equals(stored.members)
    assert told.rings.sort_by("ring_id").equals(stored.rings)
    assert pq.read_table(path / "evidence.parquet").num_rows == stored.evidence.num_rows
