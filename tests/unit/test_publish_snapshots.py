"""Snapshots: one is in force, a broken one is refused, a held one waits."""

from __future__ import annotations

import json
import os

import pytest

from ringfinder.errors import NotFound, StoreError
from ringfinder.publish import snapshots
from ringfinder.publish.staging import staged


def make(directory, name, *, held=(), created_ms=0):
    with staged(directory / name) as stage:
        stage.write_bytes("accounts.parquet", name.encode())
        stage.write_run(
            {
                "created_ms": created_ms,
                "counts": {"accounts": 9, "flagged": 3, "rings": 1},
                "gate": {"held": bool(held), "why": list(held)},
            }
        )
    snapshots.record(directory, name, held=held)
    if not held:
        snapshots.put_in_force(directory, name)


@pytest.fixture
def three(tmp_path):
    for name in ("s-1", "s-2", "s-3"):
        make(tmp_path, name)
    return tmp_path


def states(directory, **how):
    return {line.snapshot_id: line.state for line in snapshots.listing(directory, **how)}


class TestInForce:
    def test_before_the_first_there_is_none(self, tmp_path):
        assert snapshots.current(tmp_path / "nowhere") is None
        assert snapshots.listing(tmp_path / "nowhere") == []

    def test_the_last_one_made_is_in_force_and_the_newest_is_listed_first(self, three):
        assert snapshots.current(three).name == "s-3"
        assert list(states(three).items()) == [
            ("s-3", "in force"), ("s-2", "ready"), ("s-1", "ready"),
        ]  # fmt: skip

    def test_the_clock_set_back_does_not_change_which_is_newest(self, tmp_path):
        make(tmp_path, "20260102", created_ms=2_000)
        make(tmp_path, "20260101", created_ms=1_000)
        assert next(iter(states(tmp_path))) == "20260101"
        assert snapshots.sweep(tmp_path, keep=1) == []
        assert snapshots.current(tmp_path).name == "20260101"

    @pytest.mark.parametrize("content", [b"", b"s-9\n", b"../s-3\n", b"\xff\n", b"s-3/..\n"])
    def test_a_pointer_to_nothing_is_refused_with_what_to_do(self, three, content):
        (three / "current").write_bytes(content)
        with pytest.raises(StoreError, match="ringfinder publish promote ID"):
            snapshots.current(three)

    def test_a_directory_without_run_json_does_not_exist(self, three):
        (three / "s-4").mkdir()
        (three / "s-4" / "accounts.parquet").write_bytes(b"half of it")
        assert "s-4" not in states(three)
        with pytest.raises(NotFound, match="no snapshot of that id"):
            snapshots.find(three, "s-4")

    @pytest.mark.parametrize("name", ["", "..", "../s-1", "s-1/", "nothing"])
    def test_only_an_id_names_a_snapshot(self, three, name):
        with pytest.raises(NotFound):
            snapshots.find(three, name)


class TestHeld:
    def test_a_held_one_waits_and_the_one_in_force_stays(self, three):
        make(three, "s-4", held=["Too many."])
        assert snapshots.current(three).name == "s-3"
        assert states(three)["s-4"] == "held"
        assert snapshots.listing(three)[0].why == ("Too many.",)
        assert snapshots.to_promote(three) == "s-4"

    def test_promoting_ends_the_wait(self, three):
        make(three, "s-4", held=["Too many."])
        snapshots.put_in_force(three, "s-4")
        assert states(three)["s-4"] == "in force"
        with pytest.raises(NotFound, match="waits for a person"):
            snapshots.to_promote(three)

    def test_what_waited_before_the_one_in_force_is_not_promoted_by_default(self, three):
        make(three, "s-4", held=["Too many."])
        make(three, "s-5")
        with pytest.raises(NotFound):
            snapshots.to_promote(three)

    def test_after_a_rollback_the_way_to_a_newer_one_is_told(self, three):
        with pytest.raises(NotFound) as newest:
            snapshots.to_promote(three)
        assert "name it" not in str(newest.value)
        snapshots.put_in_force(three, "s-2")
        with pytest.raises(NotFound, match=r"name it: `ringfinder publish promote ID`"):
            snapshots.to_promote(three)

    @pytest.mark.parametrize("content", [b"{", b"[" * 100_000], ids=["cut off", "nested"])
    def test_a_lost_state_file_promotes_nothing(self, three, content):
        make(three, "s-4", held=["Too many."])
        (three / "state.json").write_bytes(content)
        assert states(three)["s-4"] == "held"
        assert states(three)["s-3"] == "in force"
        assert snapshots.to_promote(three) == "s-4"


class TestRollback:
    def test_it_goes_back_one_after_the_other(self, three):
        for expected in ("s-2", "s-1"):
            assert snapshots.to_roll_back_to(three) == expected
            snapshots.put_in_force(three, expected)
        with pytest.raises(NotFound, match="No earlier snapshot"):
            snapshots.to_roll_back_to(three)

    def test_what_was_rolled_back_is_not_gone_back_to_later(self, three):
        snapshots.put_in_force(three, "s-2")
        make(three, "s-4")
        assert snapshots.to_roll_back_to(three) == "s-2"

    def test_held_ones_were_never_in_force(self, three):
        make(three, "s-4", held=["Too many."])
        make(three, "s-5")
        assert snapshots.to_roll_back_to(three) == "s-3"

    def test_a_run_killed_after_the_pointer_moved_left_an_order_that_holds(self, three):
        state = (three / "state.json").read_bytes()
        make(three, "s-4")
        (three / "state.json").write_bytes(state)  # as before the last rename
        assert snapshots.to_roll_back_to(three) == "s-3"
        assert states(three)["s-4"] == "in force"


class TestComing:
    def test_what_was_on_its_way_and_never_came_is_told_until_another_does(self, three):
        for name in ("s-4", "s-5"):
            snapshots.record(three, name)
            assert snapshots.announce(three, name) == ([] if name == "s-4" else ["s-4"])
        make(three, "s-6", held=["Too many."])  # swept and recorded meanwhile
        snapshots.sweep(three, keep=1)
        assert snapshots.announce(three, "s-6") == ["s-4", "s-5"]
        snapshots.put_in_force(three, "s-6")
        assert snapshots.announce(three, "s-7") == []

    def test_what_came_after_all_was_not_left_behind(self, three):
        make(three, "s-4", held=["Too many."])
        snapshots.announce(three, "s-4")
        assert snapshots.announce(three, "s-4") == []
        state = (three / "state.json").read_bytes()
        snapshots.put_in_force(three, "s-4")
        (three / "state.json").write_bytes(state)  # killed after the pointer had moved
        assert snapshots.announce(three, "s-2") == []

    def test_one_that_was_in_force_before_is_not_left_behind(self, three):
        snapshots.announce(three, "s-1")  # going back to it was killed
        assert snapshots.announce(three, "s-2") == []

    def test_a_state_of_before_says_that_nothing_was_on_its_way(self, three):
        state = json.loads((three / "state.json").read_bytes())
        del state["coming"]
        (three / "state.json").write_text(json.dumps(state))
        assert snapshots.announce(three, "s-4") == []
        assert snapshots.to_roll_back_to(three) == "s-2"


class TestDamage:
    def test_a_run_json_nested_without_end_is_a_broken_snapshot(self, three):
        (three / "s-2" / "run.json").write_bytes(b'{"files":' + b"[" * 200_000)
        with pytest.raises(StoreError, match=r"no readable run\.json"):
            snapshots.check(three / "s-2")

    def test_a_pointer_without_end_names_no_snapshot(self, three):
        (three / "current").write_text("s" * 1_000_000)
        with pytest.raises(StoreError, match=r"current cannot be read: .*publish promote ID"):
            snapshots.current(three)

    def test_a_pointer_that_is_a_pipe_or_a_device_is_refused_at_once(self, three):
        for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
            (three / "current").unlink()
            make(three / "current")
            with pytest.raises(StoreError, match=r"current cannot be read: .*publish promote ID"):
                snapshots.current(three)
            assert snapshots.waiting(three) is None

    def test_so_are_the_run_json_and_the_state_of_snapshots(self, three):
        (three / "s-2" / "run.json").unlink()
        os.mkfifo(three / "s-2" / "run.json")
        with pytest.raises(StoreError, match=r"no readable run\.json"):
            snapshots.check(three / "s-2")
        (three / "state.json").unlink(missing_ok=True)
        os.mkfifo(three / "state.json")
        assert states(three)["s-1"] == "ready"

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"files": 3}'])
    def test_an_unreadable_run_json_makes_it_broken_and_harms_no_other(self, three, content):
        (three / "s-2" / "run.json").write_bytes(content)
        assert states(three)["s-2"] == "broken"
        assert states(three)["s-3"] == "in force"
        with pytest.raises(StoreError, match=r"run\.json"):
            snapshots.check(three / "s-2")

    def test_a_truncated_file_is_found_by_its_checksum(self, three):
        (three / "s-2" / "accounts.parquet").write_bytes(b"s-")
        with pytest.raises(StoreError, match="checksum"):
            snapshots.check(three / "s-2")
        assert states(three, verify=True)["s-2"] == "broken"

    def test_a_missing_file_is_named(self, three):
        (three / "s-2" / "accounts.parquet").unlink()
        with pytest.raises(StoreError, match=r"lacks accounts\.parquet"):
            snapshots.check(three / "s-2")


class TestSweep:
    def test_the_newest_stay_and_the_one_in_force_and_the_one_before_it(self, three):
        make(three, "s-4")
        make(three, "s-5")
        snapshots.put_in_force(three, "s-2")
        assert snapshots.sweep(three, keep=1) == ["s-3", "s-4"]
        assert set(states(three)) == {"s-1", "s-2", "s-5"}
        assert not (three / "s-3").exists()

    def test_what_killed_runs_left_goes(self, three):
        (three / "s-9" / ".unfinished").mkdir(parents=True)
        assert snapshots.sweep(three, keep=5) == []
        assert not (three / "s-9").exists()

    def test_what_is_gone_is_forgotten(self, three):
        snapshots.sweep(three, keep=1)
        state = json.loads((three / "state.json").read_bytes())
        assert state["known"] == ["s-2", "s-3"]
