"""``ringfinder doctor``: what it looks at, and when it says no."""

from __future__ import annotations

import pytest
from shell import run

from ringfinder.cli import doctor
from ringfinder.config import load

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    """A working directory without settings, and no pepper."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RINGFINDER_PEPPER", raising=False)


def check(name, **flags):
    return next(one for one in doctor.examine(load(flags)) if one.name == name)


def test_a_healthy_machine_passes():
    ran = run("doctor")
    assert ran.code == 0
    assert "memory" in ran.out


def test_for_a_machine_it_is_one_object_with_every_check():
    checks = run("doctor", "--json").json()["checks"]
    assert {"ringfinder", "python", "cores", "memory", "temp_dir", "pepper"} <= {
        one["name"] for one in checks
    }
    assert {one["state"] for one in checks} <= {"ok", "warning", "failed"}


def test_a_missing_package_fails_with_code_2_and_is_named(monkeypatch):
    monkeypatch.setattr(doctor, "dependencies", lambda: {"igraph": None, "numpy": "2.1"})
    ran = run("doctor")
    assert ran.code == 2
    assert "igraph" in ran.err
    assert "numpy" not in ran.err


def test_the_checks_are_shown_even_where_one_fails(monkeypatch):
    monkeypatch.setattr(doctor, "dependencies", lambda: {"igraph": None})
    assert "temp_dir" in run("doctor").out


def test_without_being_installed_the_packages_are_not_judged(monkeypatch):
    monkeypatch.setattr(doctor, "dependencies", dict)
    assert check("packages").state == "warning"


def test_a_missing_pepper_is_a_warning():
    assert check("pepper").state == "warning"


def test_a_pepper_is_told_by_its_version_and_not_shown(monkeypatch):
    monkeypatch.setenv("RINGFINDER_PEPPER", SECRET)
    ran = run("doctor")
    assert "set, version 1" in ran.out
    assert SECRET not in ran.out


@pytest.mark.parametrize(("mode", "state"), [(0o600, "ok"), (0o644, "warning"), (0o660, "warning")])
def test_a_pepper_that_others_can_reach_is_a_warning(tmp_path, mode, state):
    (tmp_path / "pepper").write_text(SECRET)
    (tmp_path / "pepper").chmod(mode)
    assert check("pepper", pepper_file="pepper").state == state


@pytest.mark.parametrize(("available", "state"), [(1 << 40, "ok"), (1 << 20, "warning")])
def test_memory_is_held_against_the_limit(monkeypatch, available, state):
    monkeypatch.setattr(doctor, "available_memory", lambda: available)
    assert check("memory").state == state


def test_where_the_system_tells_no_memory_it_is_a_warning(monkeypatch):
    monkeypatch.setattr(doctor, "available_memory", lambda: None)
    assert check("memory").state == "warning"


def test_memory_is_read_in_bytes():
    available = doctor.available_memory()
    assert available is None or 1 << 20 < available < 1 << 50


def test_a_directory_that_cannot_be_written_fails(monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    found = check("temp_dir")
    assert found.state == "failed"
    assert "Permission denied" in found.seen


def test_the_cores_asked_for_are_told():
    assert check("cores", threads="1").seen.startswith("1 of ")
