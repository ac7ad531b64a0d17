"""Two policies over recorded traffic, and the commands around policies."""

from __future__ import annotations

import json
from contextlib import closing

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from ringfinder.cli.failure import guarded
from ringfinder.cli.policy import cautions, policy
from ringfinder.errors import InputError
from ringfinder.journal import Entry
from ringfinder.journal.file import JournalFile
from ringfinder.model import Decision, Family, Verdict
from ringfinder.score.policy import Action, Facts, Label
from ringfinder.serve.policy import default_policy, read_policy
from ringfinder.serve.policydiff import Recorded, compare, read_recorded
from ringfinder.store.events import EventType

TWO = frozenset({Family.NETWORK, Family.DEVICE})
STRICT = '[[rules]]\nname = "strict"\nwhen.verdict = "fleet"\nthen = "deny"\n'


def recorded(name, score, verdict=Verdict.FLEET):
    return Recorded(name, Action.SIGNUP, Facts(score, verdict, families=TWO))


TRAFFIC = [recorded(f"a{n}", 0.95) for n in range(7)] + [
    recorded("b", 0.5),
    recorded("c", 0.99, None),
]


def line(entry):
    return json.dumps(
        {"account_id": entry.account_id, "action": entry.action, "facts": entry.facts.to_record()}
    )


@pytest.fixture
def traffic(tmp_path):
    path = tmp_path / "recorded.jsonl"
    path.write_text("\n".join(line(entry) for entry in TRAFFIC) + "\n")
    return path


@pytest.fixture
def files(tmp_path):
    before, after = tmp_path / "before.toml", tmp_path / "after.toml"
    from ringfinder.serve.policy import default_policy_text

    before.write_text(default_policy_text())
    after.write_text(STRICT)
    return before, after


class TestCompare:
    def test_changes_are_counted_from_and_to(self):
        found = compare(default_policy(), read_policy(STRICT, where="p"), TRAFFIC)
        assert found.decided == 9
        assert dict(found.changed) == {
            (Decision.CHALLENGE, Decision.DENY): 7,
            (Decision.REVIEW, Decision.DENY): 1,
        }

    def test_examples_name_accounts_and_rules_and_are_few(self):
        found = compare(default_policy(), read_policy(STRICT, where="p"), TRAFFIC).to_dict()
        first = found["changes"][0]
        assert first["accounts"] == 7
        assert [example["account_id"] for example in first["examples"]] == [
            "a0", "a1", "a2", "a3", "a4",
        ]  # fmt: skip
        assert first["examples"][0]["rule_before"] == "fleet, sure"
        assert first["examples"][0]["rule_after"] == "strict"

    def test_a_policy_in_shadow_mode_is_compared_by_what_it_would_do(self):
        shadow = read_policy('mode = "shadow"\n' + STRICT, where="p")
        found = compare(default_policy(), shadow, TRAFFIC)
        assert found.changed[Decision.CHALLENGE, Decision.DENY] == 7

    def test_a_policy_and_itself_differ_nowhere(self):
        assert not compare(default_policy(), default_policy(), TRAFFIC).changed


class TestRecorded:
    def test_lines_are_read_back(self, traffic):
        assert list(read_recorded(traffic)) == TRAFFIC

    def test_facts_are_found_inside_an_answer(self, tmp_path):
        path = tmp_path / "r.jsonl"
        inner = {"answer": {"score": 1, "facts": Facts(0.5).to_record()}, "account_id": "x"}
        path.write_text(json.dumps({"sequence": 3, "entry": inner}) + "\n")
        assert list(read_recorded(path)) == [Recorded("x", Action.SIGNUP, Facts(0.5))]

    @pytest.mark.parametrize("bad", ["no json", "3", "{}", '{"facts": {}}', "[" * 100_000])
    def test_a_record_without_facts_is_counted(self, tmp_path, bad):
        path = tmp_path / "r.jsonl"
        path.write_text(bad + "\n\n")
        assert list(read_recorded(path)) == [None]

    def test_an_attempt_and_the_account_it_became_are_one_decision(self, tmp_path):
        record = {"facts": Facts(0.5).to_record()}
        answers = {"try-1": {"attempt_id": "try-1"}, "acct-1": {"attempt_id": "try-1"},
                   "acct-2": {"account_id": "acct-2"}}  # fmt: skip
        (tmp_path / "journal").mkdir()
        with closing(JournalFile(tmp_path / "journal")) as file:
            file.add_block((1, 9))
            file.commit([
                Entry(EventType.SIGNUPS, f"evt-{name}", b"", name, b"{}",
                      json.dumps({"answer": answer, "record": record}).encode())
                for name, answer in answers.items()
            ])  # fmt: skip
        assert [one.account_id for one in read_recorded(tmp_path)] == ["try-1", "acct-2"]

    def test_no_file_is_a_sentence(self, tmp_path):
        with pytest.raises(InputError, match="Cannot read the recorded traffic"):
            list(read_recorded(tmp_path / "none.jsonl"))

    def test_a_directory_without_tables_is_a_sentence(self, tmp_path):
        with pytest.raises(InputError, match=r"no accounts\.parquet"):
            list(read_recorded(tmp_path))

    def test_of_a_run_the_labels_are_known_and_what_the_scoring_would_do_without(self, tmp_path):
        said = {"family": "none", "kind": "label", "nats": 0.0, "text": "x"}
        rows = [
            {"account_id": code, "ring_id": None, "membership": 0.0, "score": 0.1,
             "decision": decision, "reasons": [said | {"code": code}]}
            for code, decision in (("labelled_fraud", "review"), ("no_ring", "allow"))
        ]  # fmt: skip
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "accounts.parquet")
        rings = [{"ring_id": "r", "verdict": "fleet", "size": 9}]
        pq.write_table(pa.Table.from_pylist(rings), tmp_path / "rings.parquet")
        labelled, other = (one.facts for one in read_recorded(tmp_path))
        assert labelled == Facts(0.1, label=Label.FRAUD, suggested=Decision.ALLOW)
        assert other == Facts(0.1)


class TestCommands:
    def test_diff_prints_counts_and_examples(self, traffic, files):
        result = CliRunner().invoke(policy, ["diff", *map(str, files), "--over", str(traffic)])
        assert result.exit_code == 0, result.output
        assert "9 decisions, 8 of them otherwise (88.89%)" in result.output
        assert "challenge  deny" in result.output
        assert "a0, a1" in result.output

    def test_diff_prints_json(self, traffic, files):
        result = CliRunner().invoke(
            policy, ["diff", *map(str, files), "--over", str(traffic), "--json"]
        )
        assert json.loads(result.output)["changed"] == 8

    def test_diff_over_nothing_ends_with_2(self, tmp_path, files, capsys):
        empty = tmp_path / "empty.jsonl"
        empty.write_text("")
        code = guarded(policy, ["diff", *map(str, files), "--over", str(empty)])
        assert code == 2
        assert "holds no decision" in capsys.readouterr().err

    def test_check_says_what_a_policy_decides(self, files):
        result = CliRunner().invoke(policy, ["check", str(files[0])])
        assert result.exit_code == 0, result.output
        assert default_policy().version in result.output
        assert "where no rule matches" in result.output

    def test_check_of_a_bad_file_ends_with_2_and_names_the_line(self, tmp_path, capsys):
        bad = tmp_path / "bad.toml"
        bad.write_text("[[rules]]\nthen = 'ban'\n")
        assert guarded(policy, ["check", str(bad)]) == 2
        assert "line 2, rule 1: then is one of" in capsys.readouterr().err

    def test_show_prints_a_policy_that_can_be_read(self):
        shown = CliRunner().invoke(policy, ["show"]).output
        assert read_policy(shown, where="shown").version == default_policy().version


class TestCautions:
    def test_a_harsh_rule_that_one_family_can_reach_is_told(self):
        assert "get `review`" in cautions(read_policy(STRICT, where="p"))[0]

    def test_one_that_asks_for_two_families_is_not(self):
        text = STRICT + "when.families_at_least = 2\n"
        assert cautions(read_policy(text, where="p")) == []

    def test_a_rule_behind_one_that_matches_everybody_is_told(self):
        text = '[[rules]]\nname = "all"\nthen = "allow"\n' + STRICT
        assert "never reached" in cautions(read_policy(text, where="p"))[0]
