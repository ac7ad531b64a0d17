"""The pepper of a data directory: made once, remembered, never swapped by accident."""

from __future__ import annotations

import json
import threading

import pytest

from ringfinder.config import Settings
from ringfinder.errors import InputError, StoreError
from ringfinder.pipeline.pepper import PEPPER_FILE, PepperRecord, commitment, find_pepper

KEY, OTHER = "k" * 32, "o" * 32


def settings(place, **more):
    return Settings(data_dir=place, **more)


def kept(place):
    return json.loads((place / PEPPER_FILE).read_text())


class TestMadeHere:
    def test_it_is_random_closed_to_others_and_told(self, tmp_path):
        said = []
        pepper = find_pepper(settings(tmp_path), used=False, notices=said.append)
        assert (pepper.version, len(pepper.key)) == (1, 32)
        assert (tmp_path / PEPPER_FILE).stat().st_mode & 0o777 == 0o600
        assert len(said) == 1
        assert pepper.key.hex() not in said[0]
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        assert find_pepper(settings(elsewhere), used=False).key != pepper.key

    def test_it_is_the_same_the_next_time_and_nothing_is_told(self, tmp_path):
        said = []
        first = find_pepper(settings(tmp_path), used=False)
        assert find_pepper(settings(tmp_path), used=True, notices=said.append) == first
        assert said == []

    def test_processes_that_come_at_once_get_the_same(self, tmp_path):
        found = []
        threads = [
            threading.Thread(
                target=lambda: found.append(find_pepper(settings(tmp_path), used=False))
            )
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({pepper.key for pepper in found}) == 1
        assert len(found) == 8

    def test_a_configured_one_is_refused_where_one_was_made(self, tmp_path):
        find_pepper(settings(tmp_path), used=False)
        with pytest.raises(InputError, match=r"it has its own in pepper\.json"):
            find_pepper(settings(tmp_path, pepper=KEY), used=True)


class TestConfigured:
    def test_only_a_commitment_of_it_is_kept(self, tmp_path):
        pepper = find_pepper(settings(tmp_path, pepper=KEY), used=False)
        assert pepper.key == KEY.encode()
        assert kept(tmp_path)["key"] is None
        content = (tmp_path / PEPPER_FILE).read_text()
        assert KEY not in content
        assert KEY.encode().hex() not in content

    def test_the_same_one_is_taken_again(self, tmp_path):
        first = find_pepper(settings(tmp_path, pepper=KEY), used=False)
        assert find_pepper(settings(tmp_path, pepper=KEY), used=True) == first

    def test_another_one_is_refused_and_neither_is_shown(self, tmp_path):
        find_pepper(settings(tmp_path, pepper=KEY), used=False)
        with pytest.raises(InputError, match="one value would look like two") as caught:
            find_pepper(settings(tmp_path, pepper=OTHER), used=True)
        assert KEY not in str(caught.value)
        assert OTHER not in str(caught.value)

    def test_none_is_refused_where_one_was_configured(self, tmp_path):
        find_pepper(settings(tmp_path, pepper=KEY), used=False)
        with pytest.raises(InputError, match="set RINGFINDER_PEPPER or --pepper-file"):
            find_pepper(settings(tmp_path), used=True)

    def test_another_version_of_it_is_refused(self, tmp_path):
        find_pepper(settings(tmp_path, pepper=KEY), used=False)
        with pytest.raises(InputError, match="set it to 1"):
            find_pepper(settings(tmp_path, pepper=KEY, pepper_version=2), used=True)


class TestLost:
    def test_beside_events_none_is_made(self, tmp_path):
        with pytest.raises(StoreError, match="is missing beside events"):
            find_pepper(settings(tmp_path), used=True)
        assert not (tmp_path / PEPPER_FILE).exists()

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 9}'])
    def test_a_damaged_record_is_refused(self, tmp_path, content):
        (tmp_path / PEPPER_FILE).write_text(content)
        with pytest.raises(StoreError, match="is damaged|has format 9"):
            find_pepper(settings(tmp_path), used=True)


def test_commitments_tell_versions_and_keys_apart():
    told = {commitment(version, key) for version in (1, 2) for key in (b"a" * 32, b"b" * 32)}
    assert len(told) == 4


def test_an_earlier_key_stays_part_of_the_pepper(tmp_path):
    old, new = b"o" * 32, b"n" * 32
    PepperRecord(2, commitment(2, new), new, ((1, old),)).write(tmp_path)
    pepper = find_pepper(settings(tmp_path), used=True)
    assert (pepper.version, pepper.key) == (2, new)
    assert (pepper.previous.version, pepper.previous.key) == (1, old)
