"""The README is true: its tables, its outputs, its commands, its links."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import shlex
from functools import partial
from pathlib import Path

import click
import pytest
from deployed import check_command

from ringfinder.cli import program
from ringfinder.client import Client
from ringfinder.config import settings_table
from ringfinder.schema import KINDS
from ringfinder.serve.answers import Readiness
from ringfinder.serve.metrics import REGISTRY
from ringfinder.versions import own_version

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
COMMANDS = sorted(program.commands)


def load_tool(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


readme = load_tool("readme")


def blocks(language):
    # Every block is looked at: the end of one would else count as the beginning of another.
    found = re.findall(r"^```([a-z]*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


def shown_commands():
    """Every command line of ringfinder in a block of the README, continued lines joined."""
    text = "\n".join(blocks("console") + blocks(""))
    lines = text.replace("\\\n", " ").split("\n")
    lines = [re.split(r"  #| [|>] | &$", line)[0] for line in lines]  # comments, what a shell does
    commands = [line.strip().removeprefix("$ ") for line in lines]
    return [line for line in commands if line.startswith("ringfinder ")]


class TestDerivedParts:
    def test_the_readme_is_what_make_docs_writes(self):
        assert readme.refresh(README) == README, "run `make docs`"

    @pytest.mark.parametrize("name", sorted(readme.SECTIONS))
    def test_every_table_that_can_be_derived_is_there(self, name):
        assert f"<!-- begin: {name} -->" in README

    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_shows_its_help(self, command):
        assert f"Usage: ringfinder {command} " in readme.block(
            README, f"ringfinder {command} --help"
        )

    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_option_is_documented(self, command):
        text = readme.block(README, f"ringfinder {command} --help")
        for option in program.commands[command].params:
            name = option.opts[0] if isinstance(option, click.Option) else option.make_metavar(None)
            assert name in text

    @pytest.mark.parametrize("row", settings_table(), ids=lambda row: row.name)
    def test_every_setting_is_documented(self, row):
        assert f"| `{row.name}` |" in README

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
    def test_every_kind_of_evidence_is_documented(self, kind):
        assert f"| `{kind.name}` | {kind.family} |" in README


class TestCommandsInBlocks:
    def test_there_are_some(self):
        assert len(shown_commands()) > len(COMMANDS)

    @pytest.mark.parametrize("line", shown_commands())
    def test_each_can_be_parsed(self, line):
        _, *words = shlex.split(line)
        if words[0] in program.commands:
            context = click.Context(program, info_name="ringfinder")
            with contextlib.suppress(click.exceptions.Exit):  # --help leaves
                program.commands[words[0]].make_context(words[0], words[1:], parent=context)
        else:
            assert words[0] in {"--help", "--version"}

    @pytest.mark.parametrize("target", sorted(set(re.findall(r"`?\bmake ([a-z]+)`", README))))
    def test_each_target_of_make_exists(self, target):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)

    def test_the_two_commands_are_the_first_block(self):
        assert blocks("console")[0] == "$ make demo\n$ make test\n"


class TestOnCall:
    section = README.partition("### On call\n")[2].partition("\n### ")[0]

    @pytest.mark.parametrize("name", sorted(set(re.findall(r"\bringfinder_[a-z_]+", README))))
    def test_every_metric_that_is_named_is_measured(self, name):
        endings = ("", "_total", "_bucket", "_count", "_sum")
        assert name in {one.name + end for one in REGISTRY.collect() for end in endings}

    def test_every_metric_that_tells_of_trouble_is_in_it(self):
        missing = {one.name for one in REGISTRY.collect() if one.name not in self.section}
        assert missing == {
            "ringfinder_scoring_seconds", "ringfinder_events", "ringfinder_overlay_events",
        }  # fmt: skip

    @pytest.mark.parametrize(
        "field", ["problem", "snapshot_held", "snapshot_refused", "projector_lag_s", "degraded"]
    )
    def test_the_fields_it_sends_people_to_are_at_readyz(self, field):
        assert f"`{field}" in self.section
        assert field in Readiness.model_fields

    @pytest.mark.parametrize(
        "words",
        ["publish list", "publish promote", "publish rollback", "policy check FILE", "keys list"],
    )
    def test_the_commands_it_sends_people_to_are_there(self, words):
        assert f"`ringfinder {words}`" in self.section
        check_command(words.replace("FILE", __file__).split())


def test_the_clients_example_has_something_to_show_where_nobody_answers(monkeypatch):
    (example,) = [text for text in blocks("python") if "ringfinder.client" in text]
    away = partial(Client, on_failure="deny", retry=False)
    monkeypatch.setattr("ringfinder.client.Client", lambda _, key: away("http://127.0.0.1:9", key))
    shown: list[str] = []
    known = {"key": "k", "email": "e", "ip": "i", "device": "d", "show": shown.append}
    exec(example, known)
    assert known["answer"].failure
    assert shown == ["We cannot take this sign-up now. Please try again later."]


class TestFiles:
    @pytest.mark.parametrize(
        "target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))) or [None]
    )
    def test_every_link_to_a_file_leads_somewhere(self, target):
        assert target is None or (ROOT / target).exists()

    def test_the_changelog_tells_of_this_version_or_the_next(self):
        changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
        assert "## [Unreleased]" in changelog or f"## [{own_version()}]" in changelog

    @pytest.mark.parametrize("command", COMMANDS)
    def test_the_changelog_names_every_command(self, command):
        assert f"`ringfinder {command}`" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


class TestTool:
    def test_a_cell_with_a_bar_does_not_break_the_table(self):
        assert readme.table(("a",), ("x|y",)) == "| a |\n| --- |\n| x\\|y |\n"

    def test_a_stale_block_is_written_anew(self):
        stale = "<!-- output of: ringfinder --version -->\n```console\nold\n```\n"
        fresh = readme.refresh(stale)
        assert "$ ringfinder --version\n" in fresh
        assert "old" not in fresh

    def test_the_demo_is_kept_until_it_is_run(self):
        text = "<!-- output of: make demo -->\n```console\n$ make demo\nfound\n```\n"
        assert readme.refresh(text) == text
        assert readme.block(readme.with_demo(text, "more\n"), "make demo") == "$ make demo\nmore\n"

    def test_what_is_no_command_of_ringfinder_is_not_run(self):
        with pytest.raises(SystemExit, match="not a ringfinder command"):
            readme.output_of("rm -rf x")
