"""Reading an audit and a truth file, aligned by account; what cannot be compared is said."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shell import run

from ringfinder.errors import InputError
from ringfinder.evaluate import evaluate, read_outcomes


@pytest.fixture
def audit(tmp_path):
    """An audit of four accounts: two in a fleet, one in a company, one in no ring."""
    directory = tmp_path / "audit"
    directory.mkdir()
    accounts = {
        "account_id": ["a", "b", "c", "d"],
        "ring_id": ["r-2", "r-2", "r-1", None],
        "score": [0.9, 0.8, 0.3, 0.0],
        "decision": ["challenge", "review", "allow", "allow"],
    }
    rings = {
        "ring_id": ["r-1", "r-2"],
        "verdict": ["organisation", "fleet"],
        "false_discovery_rate": [0.2, 0.01],
    }
    pq.write_table(pa.table(accounts), directory / "accounts.parquet")
    pq.write_table(pa.table(rings), directory / "rings.parquet")
    return directory


@pytest.fixture
def truth(tmp_path):
    """Write a truth file and return its path."""

    def write(text, name="truth.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


FLEETS = "account_id,fleet_id,style\nd,,\nc,,\nb,f1,burst\na,f1,burst\n"


def rewrite(path, **columns):
    table = pq.read_table(path)
    for name, values in columns.items():
        table = table.drop_columns(name)
        if values is not None:
            table = table.append_column(name, pa.array(values))
    pq.write_table(table, path)


class TestAligning:
    def test_rows_are_matched_by_account_whatever_their_order(self, audit, truth):
        outcomes, notices = read_outcomes(audit, truth(FLEETS))
        assert outcomes.fraud.tolist() == [False, False, True, True]
        assert outcomes.flagged.tolist() == [False, False, True, True]
        assert outcomes.score.tolist() == [0.0, 0.3, 0.8, 0.9]
        assert outcomes.past_allow.tolist() == [False, False, True, True]
        assert notices == []

    def test_rings_keep_their_verdicts_and_rates(self, audit, truth):
        outcomes, _ = read_outcomes(audit, truth(FLEETS))
        assert outcomes.ring.tolist() == [-1, 0, 1, 1]
        assert outcomes.ring_is_fleet.tolist() == [False, True]
        assert outcomes.ring_fdr.tolist() == [0.2, 0.01]

    def test_groups_are_read_where_they_are(self, audit, truth):
        outcomes, _ = read_outcomes(audit, truth(FLEETS))
        assert outcomes.groups["style"].names == ("burst",)
        assert outcomes.groups["style"].code.tolist() == [-1, -1, 0, 0]
        assert "cohort" not in outcomes.groups

    def test_labels_are_a_truth_without_fleets(self, audit, truth):
        outcomes, _ = read_outcomes(audit, truth("account_id,label\na,Fraud\nc, legitimate\n"))
        assert outcomes.fraud.tolist() == [True, False]
        assert outcomes.fleets == 0

    @pytest.mark.parametrize("word", ["true", "True", "1"])
    def test_established_accounts_are_known_by_their_flag(self, audit, truth, word):
        path = truth(f"account_id,fleet_id,established\na,f,false\nd,,{word}\n")
        outcomes, _ = read_outcomes(audit, path)
        assert outcomes.established.tolist() == [False, True]

    def test_an_audit_without_rings_can_be_compared(self, audit, truth):
        rewrite(audit / "accounts.parquet", ring_id=pa.nulls(4, pa.string()))
        pq.write_table(pq.read_table(audit / "rings.parquet").slice(0, 0), audit / "rings.parquet")
        evaluation, _ = evaluate(audit, truth(FLEETS))
        assert evaluation.flagged == 0

    def test_rings_without_a_published_rate_can_be_compared(self, audit, truth):
        rewrite(audit / "rings.parquet", false_discovery_rate=None)
        evaluation, _ = evaluate(audit, truth(FLEETS))
        assert evaluation.rings.published_fdr is None


class TestFormats:
    def test_json_lines(self, audit, truth):
        text = '{"account_id": "a", "fleet_id": "f"}\n{"account_id": "d", "fleet_id": null}\n'
        outcomes, _ = read_outcomes(audit, truth(text, "truth.jsonl"))
        assert outcomes.fraud.tolist() == [True, False]

    def test_parquet(self, audit, tmp_path):
        table = pa.table({"account_id": ["a", "d"], "fleet_id": ["f", None]})
        pq.write_table(table, tmp_path / "truth.parquet")
        outcomes, _ = read_outcomes(audit, tmp_path / "truth.parquet")
        assert outcomes.fraud.tolist() == [True, False]

    def test_compressed(self, audit, tmp_path):
        path = tmp_path / "truth.csv.gz"
        path.write_bytes(gzip.compress(FLEETS.encode()))
        assert read_outcomes(audit, path)[0].fraud.sum() == 2

    def test_accounts_that_look_like_numbers_stay_text(self, audit, truth):
        rewrite(audit / "accounts.parquet", account_id=["007", "7", "8", "9"])
        outcomes, _ = read_outcomes(audit, truth("account_id,fleet_id\n007,f\n7,\n"))
        assert outcomes.fraud.tolist() == [True, False]
        assert outcomes.score.tolist() == [0.9, 0.8]


class TestWhatCannotBeCompared:
    def test_accounts_of_the_truth_that_were_not_audited_are_said(self, audit, truth):
        outcomes, notices = read_outcomes(audit, truth(FLEETS + "z,f1,burst\n"))
        assert len(outcomes.fraud) == 4
        assert len(notices) == 1
        assert notices[0].startswith("1 accounts of ")
        assert "are not in the audit" in notices[0]

    def test_accounts_without_a_truth_are_said(self, audit, truth):
        outcomes, notices = read_outcomes(audit, truth("account_id,fleet_id\na,f1\n"))
        assert len(outcomes.fraud) == 1
        assert notices[0].startswith("3 accounts of the audit are not in ")

    def test_a_row_given_twice_counts_once(self, audit, truth):
        outcomes, _ = read_outcomes(audit, truth(FLEETS + "a,f1,burst\n"))
        assert len(outcomes.fraud) == 4


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("account_id,fleet_id\nx,f\ny,\n", "No account of"),
            ("account_id\na\n", "needs the columns account_id, and fleet_id or label"),
            ("fleet_id\nf\n", "needs the columns account_id"),
            ("account_id,label\na,bad\n", "labels other than fraud and legitimate"),
            ("account_id,label\na,\n", "labels other than fraud and legitimate"),
            (FLEETS + "a,,\n", "contradict each other"),
            (FLEETS + "a,f2,burst\n", "contradict each other"),
            ("", "Cannot read"),
            ("account_id,fleet_id\na,f,too,many\n", "Cannot read"),
        ],
    )
    def test_a_truth_that_is_none(self, audit, truth, text, sentence):
        with pytest.raises(InputError, match=sentence):
            evaluate(audit, truth(text))

    @pytest.mark.parametrize(
        ("name", "sentence"),
        [("truth.xlsx", "expected .parquet"), ("truth.parquet", "Cannot read")],
    )
    def test_a_file_of_another_sort(self, audit, truth, name, sentence):
        with pytest.raises(InputError, match=sentence):
            evaluate(audit, truth("account_id", name))

    def test_a_missing_truth(self, audit, tmp_path):
        with pytest.raises(InputError, match="There is no file"):
            evaluate(audit, tmp_path / "none.csv")

    @pytest.mark.parametrize("name", ["accounts.parquet", "rings.parquet"])
    def test_a_directory_that_is_no_audit(self, audit, truth, name):
        (audit / name).unlink()
        with pytest.raises(InputError, match=f"There is no file .*{name}"):
            evaluate(audit, truth(FLEETS))

    def test_an_audit_without_a_needed_column(self, audit, truth):
        rewrite(audit / "accounts.parquet", score=None)
        with pytest.raises(InputError, match="has no column score"):
            evaluate(audit, truth(FLEETS))

    @pytest.mark.parametrize("bad", [1.5, -0.1, float("nan"), None])
    def test_scores_that_are_none(self, audit, truth, bad):
        rewrite(audit / "accounts.parquet", score=pa.array([bad, 0.5, 0.5, 0.5]))
        with pytest.raises(InputError, match="not within 0 and 1"):
            evaluate(audit, truth(FLEETS))

    def test_rings_that_do_not_exist(self, audit, truth):
        rewrite(audit / "accounts.parquet", ring_id=["r-9", None, None, None])
        with pytest.raises(InputError, match="names rings that rings.parquet lacks"):
            evaluate(audit, truth(FLEETS))


class TestCommand:
    def test_it_prints_tables(self, audit, truth):
        ran = run("evaluate", audit, "--truth", truth(FLEETS))
        assert ran.code == 0
        assert "4 accounts, 2 of them fraud in 1 fleet; 2 flagged." in ran.out

    def test_for_a_machine_it_prints_one_object(self, audit, truth):
        found = run("evaluate", audit, "--truth", truth(FLEETS), "--json").json()
        assert found["precision"]["value"] == 1
        assert found["recall_by_style"]["burst"]["total"] == 2
        assert found["rings"]["published_fdr"] == 0.01

    def test_what_cannot_be_compared_goes_to_standard_error(self, audit, truth):
        ran = run("evaluate", audit, "--truth", truth(FLEETS + "z,,\n"), "--json")
        assert "note: 1 accounts of" in ran.err
        assert ran.json()["accounts"] == 4

    def test_a_missing_audit_is_code_2(self, tmp_path, truth):
        ran = run("evaluate", tmp_path / "none", "--truth", truth(FLEETS))
        assert ran.code == 2
        assert "There is no file" in ran.err
