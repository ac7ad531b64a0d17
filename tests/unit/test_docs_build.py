"""What the set-up rests on: pinned packages, make, the image, the wheel."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PINS = ["constraints.txt", "constraints-run.txt", "tests/bench/constraints.txt"]
SCRIPTS = sorted([*(ROOT / ".ci" / "tools").glob("*.sh"), ROOT / ".ci" / "run"])


def name_of(requirement):
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower()


def pinned(path):
    """Package -> version of a constraints file."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", text, re.MULTILINE))


class TestPins:
    @pytest.mark.parametrize("path", PINS)
    def test_no_address_is_in_them(self, path):
        text = (ROOT / path).read_text(encoding="utf-8")
        assert not re.search(r"https?:|://|--(extra-)?index|--find-links|@", text)

    @pytest.mark.parametrize("path", PINS)
    def test_every_package_has_a_version_and_a_hash(self, path):
        text = (ROOT / path).read_text(encoding="utf-8").replace("\\\n", " ")
        for line in filter(None, text.split("\n")):
            assert re.match(r"^[a-z0-9.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)

    def test_everything_that_is_needed_is_pinned(self):
        needed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
        assert {name_of(need) for need in needed} <= pinned("constraints.txt").keys()

    def test_the_image_runs_what_the_tests_ran(self):
        image, tested = pinned("constraints-run.txt"), pinned("constraints.txt")
        assert {name_of(need) for need in PROJECT["dependencies"]} <= image.keys()
        assert image.items() <= tested.items()

    def test_the_image_has_no_tools_of_developers(self):
        assert not {"pytest", "mypy", "ruff", "playwright"} & pinned("constraints-run.txt").keys()

    def test_what_is_only_compared_with_is_pinned_apart(self):
        assert "networkit" in pinned("tests/bench/constraints.txt")
        assert "networkit" not in pinned("constraints.txt")


class TestDependencies:
    def test_the_readme_lists_each_with_its_reason_and_no_other(self):
        section = README.split("<!-- begin: dependencies -->")[1].split("<!-- end")[0]
        listed = re.findall(r"^\| `([^`]+)` \| (.+) \|$", section, re.MULTILINE)
        assert [name for name, _ in listed] == [name_of(n) for n in PROJECT["dependencies"]]
        assert all(len(reason) > 5 for _, reason in listed)

    def test_the_licence_is_that_of_igraph(self):
        assert PROJECT["license"] == "GPL-3.0-or-later"
        licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
        assert "GNU GENERAL PUBLIC LICENSE" in licence

    def test_the_graph_queries_go_into_the_wheel(self):
        tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
        included = tool["hatch"]["build"]["targets"]["wheel"]["force-include"]
        assert included == {"cypher": "ringfinder/_cypher"}
        assert any((ROOT / "cypher").rglob("*.*"))


class TestScripts:
    @pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
    def test_each_can_be_run_and_stops_at_the_first_failure(self, script):
        text = script.read_text(encoding="utf-8")
        assert os.access(script, os.X_OK)
        assert text.startswith("#!/usr/bin/env bash\n")
        assert "\nset -euo pipefail\n" in text
        subprocess.run(["bash", "-n", script], check=True)

    def test_ci_runs_what_the_readme_says(self):
        assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").endswith("exec make test\n")

    def test_the_last_thing_that_make_test_does_is_pytest(self):
        ran = subprocess.run(
            ["make", "-n", "test", "DEV="], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert ran.stdout.rstrip().split("\n")[-1].startswith(".venv/bin/pytest")

    def test_without_a_browser_only_its_tests_are_left_out(self):
        ran = subprocess.run(
            ["make", "-n", "test", "DEV=", "BROWSER=0"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert '-m "not browser"' in ran.stdout
        assert "chromium" not in ran.stdout

    def test_make_alone_says_what_there_is(self):
        ran = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
        targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        assert {line.split()[0] for line in ran.stdout.strip().split("\n")} == targets


class TestImage:
    lines = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8").split("\n")

    def test_it_does_not_run_as_root(self):
        users = [line.split()[1] for line in self.lines if line.startswith("USER ")]
        assert users == ["10001:10001"]

    def test_every_package_in_it_is_checked_by_hash(self):
        installs = [line for line in self.lines if "pip install" in line]
        assert installs
        assert all("--require-hashes" in line or "--no-deps" in line for line in installs)

    def test_what_it_copies_is_let_through(self):
        ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
        for line in self.lines:
            if line.startswith("COPY ") and "--from" not in line:
                for source in line.split()[1:-1]:
                    if source.startswith("--"):
                        continue
                    assert f"!{source}" in ignored
                    assert (ROOT / source).exists()
