"""Erasure: in an order that can be asked for again, and hidden from snapshots of before."""

from __future__ import annotations

import errno
import hashlib

import pytest

from ringfinder.errors import StoreError, StoreUnavailable
from ringfinder.serve import erasure
from ringfinder.serve.erasure import FILE, ErasedAccounts, erase_kept, shown_graph, shown_members
from ringfinder.serve.forgetting import Forgetting


def trace_of(account_id):
    return hashlib.sha256(b"key" + account_id.encode()).hexdigest()


@pytest.fixture
def erased(tmp_path):
    return ErasedAccounts(tmp_path, trace_of)


class TestForgetting:
    def test_an_erasure_is_looked_for_at_once_and_again_as_it_ages(self, erased):
        forgetting = Forgetting(erased.traces, trace_of)
        assert forgetting.due(0) == set()
        erased.add("a1", 1000)
        moments = (1000, 1001, 3999, 4000, 4001, 30_999, 31_000, 120_999, 121_000, 10**9)
        told = [forgetting.due(now) == {trace_of("a1")} for now in moments]
        assert told == [True, False, False, True, False, False, True, False, True, False]

    def test_one_who_is_erased_again_is_looked_for_again(self, erased):
        forgetting = Forgetting(erased.traces, trace_of)
        erased.add("a1", 1000)
        assert forgetting.due(100_000)
        erased.add("a1", 200_000)
        assert forgetting.due(200_000)

    def test_a_worker_that_starts_looks_once_for_all_who_ever_were(self, erased):
        erased.add("a1", 1000)
        forgetting = Forgetting(erased.traces, trace_of)
        assert [bool(forgetting.due(10**9)) for _ in range(2)] == [True, False]

    def test_names_are_found_by_their_hashes(self, erased):
        forgetting = Forgetting(erased.traces, trace_of)
        assert forgetting.among(["a1", "a2"], frozenset({trace_of("a2")})) == ["a2"]


class TestErasedAccounts:
    def test_a_snapshot_of_before_is_not_asked_for_an_erased_account(self, erased):
        erased.add("a1", 1000)
        assert erased.hides("a1", 999)
        assert erased.hides("a1", 1000)
        assert not erased.hides("a2", 999)

    def test_a_snapshot_of_afterwards_may_know_an_account_of_that_id_again(self, erased):
        erased.add("a1", 1000)
        assert not erased.hides("a1", 1001)

    def test_without_a_snapshot_there_is_nothing_to_hide(self, erased):
        erased.add("a1", 1000)
        assert not erased.hides("a1", None)

    def test_other_workers_learn_it_at_once(self, erased, tmp_path):
        other = ErasedAccounts(tmp_path, trace_of)
        assert not other.hides("a1", 5)
        erased.add("a1", 10)
        assert other.hides("a1", 5)
        other.add("a2", 11)
        assert erased.hides("a1", 5)
        assert erased.hides("a2", 5)

    @pytest.mark.parametrize("content", [b"[]", b"{", b'{"a": "b"}', b"[" * 100_000, b"\xff"])
    def test_a_damaged_file_is_told_and_does_not_mean_nobody(self, erased, tmp_path, content):
        erased.add("a1", 1000)
        (tmp_path / FILE).write_bytes(content)
        for ask in (lambda: erased.hides("a1", 5), lambda: erased.add("a2", 5)):
            with pytest.raises(StoreError, match="is damaged"):
                ask()

    def test_who_looks_meanwhile_takes_nobody_out(self, tmp_path):
        def looked_meanwhile(name):
            erased._stamp = None  # as another thread that asked for it before the last change
            erased.traces()
            return trace_of(name)

        erased = ErasedAccounts(tmp_path, looked_meanwhile)
        erased.add("acct-1", 1)
        erased.add("acct-2", 2)
        assert ErasedAccounts(tmp_path, trace_of).hides("acct-2", 1)

    def test_one_who_could_not_be_noted_is_not_hidden_either(self, erased, monkeypatch):
        def full(*given, **named):
            raise OSError(errno.ENOSPC, "no room")

        monkeypatch.setattr(erasure, "write_atomically", full)
        with pytest.raises(OSError, match="no room"):
            erased.add("acct-1", 1)
        assert erased.traces() == {}

    def test_nobody_else_can_read_the_file(self, erased, tmp_path):
        erased.add("a1", 1000)
        assert (tmp_path / FILE).stat().st_mode & 0o077 == 0

    def test_the_file_does_not_name_the_account(self, erased, tmp_path):
        erased.add("canary-account", 10)
        assert b"canary" not in (tmp_path / FILE).read_bytes()


class Log:
    def __init__(self, done):
        self.done = done

    def erase(self, account_ids):
        self.done.append(("log", account_ids))
        return 7


class Store:
    def __init__(self, done, fails=False, begun=()):
        self.done, self.fails, self._begun = done, fails, begun

    def begun(self):
        return self._begun

    def erase(self, account_ids):
        if self.fails:
            raise StoreUnavailable("away")
        self.done.append(("store", account_ids))

    def close(self):
        self.done.append(("closed", None))


class TestEraseKept:
    def test_the_log_goes_before_what_is_made_of_it(self):
        done = []
        kept = erase_kept(
            ["a1"], Log(done), lambda: Store(done), lambda name: done.append(("labels", name))
        )
        assert (kept.events, kept.graph) == (7, True)
        assert done == [("log", ["a1"]), ("labels", "a1"), ("store", ["a1"]), ("closed", None)]

    def test_a_store_that_is_being_loaded_may_name_the_account_once_more(self):
        done = []
        kept = erase_kept(["a1"], Log(done), lambda: Store(done, begun=((1, 9),)))
        assert ("store", ["a1"]) in done
        assert not kept.graph

    def test_a_store_that_is_away_is_told_and_closed(self):
        done = []
        kept = erase_kept(["a1"], Log(done), lambda: Store(done, fails=True))
        assert (kept.events, kept.graph) == (7, False)
        assert done[-1] == ("closed", None)


def hides(account_id):
    return account_id == "gone"


class TestShown:
    def test_members_of_a_ring_are_shown_without_erased_accounts(self):
        rows = [{"account_id": "a"}, {"account_id": "gone"}]
        assert shown_members(rows, hides) == [{"account_id": "a"}]

    def test_so_is_its_picture_with_the_edges(self):
        graph = {
            "nodes": [
                {"id": "a0", "type": "account", "label": "a"},
                {"id": "a1", "type": "account", "label": "gone"},
                {"id": "v0", "type": "value", "label": "gone"},
            ],
            "edges": [{"source": "a0", "target": "v0"}, {"source": "a1", "target": "v0"}],
            "accounts_left_out": 0,
        }
        shown = shown_graph(graph, hides)
        assert [node["id"] for node in shown["nodes"]] == ["a0", "v0"]
        assert shown["edges"] == [{"source": "a0", "target": "v0"}]
