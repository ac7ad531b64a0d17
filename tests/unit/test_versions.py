"""Which versions are at work, installed or not."""

from __future__ import annotations

import platform
from importlib import metadata

import pytest

from ringfinder import versions

NEEDS = ["numpy>=2.1", "no-such-package>=1", 'pytest>=8.3; extra == "dev"']


@pytest.fixture
def installed(monkeypatch):
    """As if ringfinder 9.8 were installed, with the needs above."""
    real = metadata.version
    monkeypatch.setattr(metadata, "requires", lambda name: NEEDS)
    monkeypatch.setattr(metadata, "version", lambda n: "9.8" if n == "ringfinder" else real(n))


@pytest.fixture
def not_installed(monkeypatch):
    """As if ringfinder ran from its source tree."""

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", missing)
    monkeypatch.setattr(metadata, "version", missing)


def test_what_is_needed_is_told_and_what_is_missing_has_no_version(installed):
    needed = versions.dependencies()
    assert needed == {"numpy": metadata.version("numpy"), "no-such-package": None}


def test_what_developers_need_is_not_told(installed):
    assert "pytest" not in versions.dependencies()


def test_all_versions_come_with_the_program_and_python_first(installed):
    found = versions.versions()
    assert list(found)[:2] == ["ringfinder", "python"]
    assert found["ringfinder"] == "9.8"
    assert found["python"] == platform.python_version()
    assert "no-such-package" not in found


def test_from_the_source_tree_only_python_is_known(not_installed):
    assert versions.versions() == {"ringfinder": "unknown", "python": platform.python_version()}
