"""Files that are whole or absent, and the lock that lets one process write at a time."""

import os

import pytest

from ringfinder.errors import StoreUnavailable
from ringfinder.store import files
from ringfinder.store.files import locked, read_small


def test_a_lock_whose_file_lost_its_name_meanwhile_is_taken_on_the_file_that_has_it(
    tmp_path, monkeypatch
):
    lock, real = tmp_path / "lock", files._acquire

    def removed_first(*given, **more):
        monkeypatch.setattr(files, "_acquire", real)
        lock.unlink()
        real(*given, **more)

    monkeypatch.setattr(files, "_acquire", removed_first)
    with (
        locked(lock, what="it", exclusive=True, wait_s=0.0),
        pytest.raises(StoreUnavailable),
        locked(lock, what="it", exclusive=True, wait_s=0.0),
    ):
        pass


def test_of_readers_none_is_named_who_holds_a_lock(tmp_path):
    held = {"lock": tmp_path / "lock", "what": "it", "wait_s": 0.0}
    with (
        locked(**held, exclusive=False),
        pytest.raises(StoreUnavailable, match="^it is in use by another process; waited 0 s"),
        locked(**held, exclusive=True),
    ):
        pass


class TestSmallFiles:
    def test_what_a_file_holds_is_read_also_through_a_link(self, tmp_path):
        (tmp_path / "file").write_bytes(b"content")
        (tmp_path / "link").symlink_to("file")
        assert read_small(tmp_path / "link", most=7) == b"content"

    def test_one_that_is_larger_than_it_may_be_is_not_read_on(self, tmp_path):
        (tmp_path / "file").write_bytes(b"content")
        with pytest.raises(OSError, match="larger than 6 bytes"):
            read_small(tmp_path / "file", most=6)

    def test_what_is_swapped_before_it_is_opened_is_refused_as_well(self, tmp_path, monkeypatch):
        file, opened = tmp_path / "file", os.open
        file.write_bytes(b"content")

        def swapped(path, *given):
            file.unlink()
            os.mkfifo(file)
            return opened(path, *given)

        monkeypatch.setattr(os, "open", swapped)
        with pytest.raises(OSError, match="no regular file"):
            read_small(file)
