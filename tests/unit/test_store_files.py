"""Files that are whole or absent, and the lock that lets one process write at a time."""

import pytest

from ringfinder.errors import StoreUnavailable
from ringfinder.store import files
from ringfinder.store.files import locked


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
