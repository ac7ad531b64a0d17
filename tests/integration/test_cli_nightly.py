"""The commands around the nightly run, as a person types them."""

from __future__ import annotations

import inspect
import json
from contextlib import closing

import pytest
from nights import PEPPER, fill, open_home, ring_of

from ringfinder.cli import program
from ringfinder.cli.failure import guarded
from ringfinder.pipeline.apart import Apart, add_apart
from ringfinder.publish import snapshots
from ringfinder.simulate import WorldSpec, simulate
from ringfinder.store import EmbeddedStore

REST = 1_767_571_200_000 + 60 * 86_400_000


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A data directory with events; the tests below happen to it one after the other."""
    world = simulate(WorldSpec(accounts=600, seed=7, prevalence=0.12, rows_per_account=3.0))
    home = open_home(tmp_path_factory.mktemp("cli") / "home")
    fill(home, world, until_ms=REST)
    return home.directory


@pytest.fixture
def run(directory, monkeypatch, capsys):
    """Run a command; its exit code, and what it printed (as JSON where that was asked for)."""
    monkeypatch.setenv("RINGFINDER_PEPPER", PEPPER.key.decode())

    def call(*words):
        code = guarded(program, [*words, "--data-dir", str(directory)])
        said = capsys.readouterr()
        out = json.loads(said.out) if "--json" in words and code == 0 else said.out
        return code, out, said.err

    return call


def before_the_first_run_there_is_nothing_to_list_promote_or_roll_back_to(run):
    assert run("publish", "list", "--json")[1] == {"snapshots": []}
    assert "ringfinder recompute" in run("publish", "list")[1]
    code, _, said = run("publish", "promote")
    assert code == 3
    assert "no snapshot yet" in said


def a_first_run_that_flags_too_many_waits_and_says_what_to_do(run, directory):
    code, out, _ = run("recompute", "--gate-first-share", "0.001", "--no-check")
    assert code == 0
    assert "waits for a person" in out
    assert "gate_first_share allows 0.1%" in out
    assert f"`ringfinder publish promote --data-dir {directory}`, or leave none in force" in out
    (line,) = run("publish", "list", "--json")[1]["snapshots"]
    assert line["state"] == "held"
    assert "held" in run("publish", "list", "--verify")[1]


def promoting_it_puts_it_in_force(run, directory):
    code, told, _ = run("publish", "promote", "--json")
    assert (code, told["state"]) == (0, "in force")
    assert snapshots.current(directory / "snapshots").name == told["snapshot_id"]
    assert run("publish", "promote")[0] == 3


def a_summary_for_machines_has_the_figures_and_one_for_people_the_words(run):
    code, told, _ = run("recompute", "--json")
    assert code == 0
    assert told["in_force"]
    assert told["newly_flagged"] == told["no_longer_flagged"] == 0
    assert told["edited"] == []
    assert set(told["changes"]) == {"kept"}
    assert {"project", "check", "read", "detect", "publish"} <= set(told["steps"])
    code, out, _ = run("recompute", "--touched")
    assert code == 0
    assert "Looked again at 0 of" in out
    assert "Fleets, the most harmful first" in out
    assert "is in force" in out


def rolling_back_goes_one_back_and_a_name_goes_anywhere(run, directory):
    newest, middle, oldest = (
        line["snapshot_id"] for line in run("publish", "list", "--json")[1]["snapshots"]
    )
    assert run("publish", "rollback", "--json")[1]["snapshot_id"] == middle
    assert run("publish", "rollback", oldest, "--json")[1]["snapshot_id"] == oldest
    assert run("publish", "promote", newest, "--json")[1]["snapshot_id"] == newest
    code, _, said = run("publish", "rollback", "../elsewhere")
    assert code == 3
    assert "elsewhere" not in said


def a_damaged_snapshot_is_refused_with_exit_code_4(run, directory):
    before = snapshots.current(directory / "snapshots")
    last = run("publish", "list", "--json")[1]["snapshots"][-1]["snapshot_id"]
    (directory / "snapshots" / last / "accounts.parquet").write_bytes(b"")
    code, _, said = run("publish", "promote", last)
    assert code == 4
    assert "is damaged: its checksum is wrong" in said
    assert snapshots.current(directory / "snapshots") == before


def labels_are_recorded_once_for_each_account_and_count_in_the_next_run(run, directory):
    path = snapshots.current(directory / "snapshots")
    account = next(name for name, ring in ring_of(path).items() if ring)
    code, told, _ = run("label", "legitimate", account, account, "--source", "support", "--json")
    assert (code, told) == (0, {"label": "legitimate", "recorded": 1, "never_seen": []})
    (*_, noted) = run("auditlog", "show", "--account", account, "--json")[1]["acts"]
    assert noted["details"] == {"label": "legitimate", "source": "support"}
    with closing(EmbeddedStore(directory / "graph.duckdb")) as store:
        assert account in store.read_labels()["account_id"].to_pylist()
    assert run("recompute", "--no-check", "--json")[0] == 0
    assert ring_of(snapshots.current(directory / "snapshots"))[account] is None
    assert run("label", "innocent", account)[0] == 2


def a_label_of_an_account_that_nobody_knows_is_kept_and_told(run):
    code, out, said = run("label", "legitimate", "NOSUCH")
    assert (code, out) == (0, "Recorded for 1 account.\n")
    assert "No sign-up is known of 1 account: NOSUCH." in said


def a_label_is_noted_though_the_journal_cannot_be_read(run, directory):
    journal = directory / "journal"
    journal.mkdir()
    (journal / "journal.sqlite").write_bytes(b"garbage" * 999)
    assert run("label", "fraud", "UNREAD")[0] != 0
    (journal / "journal.sqlite").unlink()
    journal.rmdir()
    (noted,) = run("auditlog", "show", "--account", "UNREAD", "--json")[1]["acts"]
    assert noted["details"] == {"label": "fraud"}


def rings_that_nobody_knows_cannot_be_kept_apart(run, directory):
    path = snapshots.current(directory / "snapshots")
    ring = next(ring for ring in ring_of(path).values() if ring)
    code, _, said = run("apart", "add", ring, "ring-nope")
    assert code == 3
    assert "no ring ring-nope" in said


def accounts_that_nobody_knows_cannot_be_kept_apart_and_are_not_quoted(run, directory):
    known = list(ring_of(snapshots.current(directory / "snapshots")))[:2]
    code, _, said = run("apart", "add", known[0], "NOSUCH", "--accounts")
    assert code == 3
    assert "1 of the two signed up neither" in said
    assert "NOSUCH" not in said
    assert run("apart", "add", *known, "--accounts", "--json")[1]["recorded"]
    assert run("apart", "remove", *known, "--accounts")[0] == 0


def what_is_kept_apart_is_listed_and_can_be_taken_back(run, directory):
    assert run("apart", "list")[1] == "Nothing is kept apart.\n"
    rings = set(ring_of(snapshots.current(directory / "snapshots")).values()) - {None}
    pair = sorted(rings)[:2]
    assert run("apart", "add", *pair, "--json")[1]["recorded"]
    assert not run("apart", "add", *reversed(pair), "--json")[1]["recorded"]
    assert run("apart", "remove", *pair)[0] == 0
    add_apart(directory, Apart("rings", "ring-a", "ring-b", 1, "ann"))  # of long ago
    (one,) = run("apart", "list", "--json")[1]["apart"]
    assert (one["what"], one["one"], one["other"], one["source"]) == (
        "rings", "ring-a", "ring-b", "ann",
    )  # fmt: skip
    assert "ring-a" in run("apart", "list")[1]
    code, _, said = run("recompute", "--no-check")
    assert code == 0
    assert "1 of 1 decisions to keep two apart name nobody" in said
    assert run("apart", "remove", "ring-b", "ring-a")[0] == 0
    assert run("apart", "remove", "ring-b", "ring-a")[0] == 3
    assert run("apart", "add", "ring-a", "ring-a")[0] == 2


def a_run_without_a_data_directory_says_which_command_makes_one(run, tmp_path, capsys):
    code = guarded(program, ["recompute", "--data-dir", str(tmp_path / "nowhere")])
    assert code == 3
    assert "ringfinder load" in capsys.readouterr().err


STORY = (
    before_the_first_run_there_is_nothing_to_list_promote_or_roll_back_to,
    a_first_run_that_flags_too_many_waits_and_says_what_to_do,
    promoting_it_puts_it_in_force,
    a_summary_for_machines_has_the_figures_and_one_for_people_the_words,
    rolling_back_goes_one_back_and_a_name_goes_anywhere,
    a_damaged_snapshot_is_refused_with_exit_code_4,
    labels_are_recorded_once_for_each_account_and_count_in_the_next_run,
    a_label_of_an_account_that_nobody_knows_is_kept_and_told,
    a_label_is_noted_though_the_journal_cannot_be_read,
    rings_that_nobody_knows_cannot_be_kept_apart,
    accounts_that_nobody_knows_cannot_be_kept_apart_and_are_not_quoted,
    what_is_kept_apart_is_listed_and_can_be_taken_back,
    a_run_without_a_data_directory_says_which_command_makes_one,
)
"""Each chapter begins with what the one before it left."""


def test_the_commands_of_a_night_told_one_after_the_other(request):
    for chapter in STORY:
        wanted = inspect.signature(chapter).parameters
        chapter(**{name: request.getfixturevalue(name) for name in wanted})
