"""Erasures that were interrupted: what they are still to remove is known until they are done."""

from __future__ import annotations

import pytest

from ringfinder.errors import StoreError
from ringfinder.serve.unfinished import FILE, Unfinished


def test_who_asks_again_is_told_the_attempts_of_before(tmp_path):
    assert Unfinished(tmp_path).begin("a1", ["t2", "t1"]) == ["t1", "t2"]
    assert Unfinished(tmp_path).begin("a1", []) == ["t1", "t2"]
    assert Unfinished(tmp_path).begin("a1", ["t3"]) == ["t1", "t2", "t3"]


def test_accounts_are_kept_apart(tmp_path):
    unfinished = Unfinished(tmp_path)
    unfinished.begin("a1", ["t1"])
    unfinished.begin("a2", ["t2"])
    unfinished.end("a1", ["t1"])
    assert unfinished.begin("a1", []) == []
    assert unfinished.begin("a2", []) == ["t2"]


def test_what_another_erasure_noted_meanwhile_is_still_to_be_done(tmp_path):
    unfinished = Unfinished(tmp_path)
    unfinished.begin("a1", ["t1"])
    unfinished.begin("a1", ["t2"])
    unfinished.end("a1", ["a1", "t1"])
    assert unfinished.begin("a1", []) == ["t2"]


def test_nothing_is_left_of_what_is_done(tmp_path):
    unfinished = Unfinished(tmp_path)
    unfinished.begin("canary", ["canary-attempt"])
    unfinished.end("canary", ["canary-attempt"])
    unfinished.end("canary", ["canary-attempt"])
    assert not any(b"canary" in path.read_bytes() for path in tmp_path.iterdir())


def test_the_file_does_not_go_from_under_a_backup_that_copies_it(tmp_path):
    unfinished = Unfinished(tmp_path)
    unfinished.begin("a1", ["t1"])
    (seen,) = (path for path in tmp_path.iterdir() if path.name == FILE)
    unfinished.end("a1", ["t1"])
    assert seen.read_bytes() == b"{}"


def test_an_account_that_was_no_attempt_is_not_noted(tmp_path):
    assert Unfinished(tmp_path).begin("a1", []) == []
    assert not (tmp_path / FILE).exists()


def test_nobody_else_can_read_the_file(tmp_path):
    Unfinished(tmp_path).begin("a1", ["t1"])
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"a": "b"}', b'{"a": [1]}', b"[" * 100_000])
def test_a_damaged_file_is_told_and_does_not_mean_nobody(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    for ask in (lambda one: one.begin("a1", []), lambda one: one.end("a1", [])):
        with pytest.raises(StoreError, match="is damaged"):
            ask(Unfinished(tmp_path))
