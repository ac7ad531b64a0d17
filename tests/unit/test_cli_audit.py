"""``ringfinder audit``: what it asks the pipeline for, and what it prints."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
from shell import run

from ringfinder.runs import AuditSummary, RingLine


def ring(ring_id="r-1", verdict="fleet", size=120, summary="120 accounts share one device."):
    return RingLine(ring_id, verdict, size, 0.993, 12_345, summary)


def summary(**changes):
    return AuditSummary(
        **{
            "headline": "1 fleet: 120 of 6,000 accounts.",
            "accounts": 6000,
            "flagged": 120,
            "fleets": (ring(),),
            "spared": (ring("r-2", "organisation", 300, "One company at one address."),),
            "rejects": {},
            "report": Path("out/report.html"),
            "seconds": 1.5,
        }
        | changes
    )


@pytest.fixture
def pipeline(monkeypatch, tmp_path):
    """A pipeline that remembers what it was asked for, in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("ringfinder.pipeline")
    module.calls = []
    module.answer = summary()

    def audit(inputs, settings, out, *, now_ms, progress, notices):
        module.calls.append((inputs, settings, out))
        progress("Reading", 0.0)
        notices("The column colour is not known.")
        return module.answer

    module.audit = audit
    monkeypatch.setitem(sys.modules, "ringfinder.pipeline", module)
    monkeypatch.setattr("ringfinder.pipeline", module, raising=False)
    return module


def asked(pipeline):
    ((inputs, settings, out),) = pipeline.calls
    return inputs, settings, out


class TestWhatIsAskedFor:
    def test_several_files_follow_one_flag(self, pipeline):
        ran = run("audit", "s1", "s2", "--usage", "u1", "u2", "--usage", "u3", "--out", "o")
        inputs, _, out = asked(pipeline)
        assert ran.code == 0
        assert inputs.signups == ("s1", "s2")
        assert inputs.usage == ("u1", "u2", "u3")
        assert out == Path("o")

    def test_signups_may_come_last_after_two_dashes(self, pipeline):
        run("audit", "--out", "o", "--logins", "l", "--payments", "p", "--", "s")
        inputs, _, _ = asked(pipeline)
        assert (inputs.signups, inputs.logins, inputs.payments) == (("s",), ("l",), ("p",))

    def test_columns_and_labels_reach_the_pipeline(self, pipeline):
        run("audit", "s", "--labels", "l", "--map", "user=account_id", "t=created_at", "--out", "o")
        inputs, _, _ = asked(pipeline)
        assert inputs.labels == ("l",)
        assert inputs.columns == {"user": "account_id", "t": "created_at"}

    def test_flags_of_the_settings_reach_the_pipeline(self, pipeline):
        run("audit", "s", "--out", "o", "--seed", "7", "--clear-values", "--memory-limit", "1GiB")
        _, settings, _ = asked(pipeline)
        assert (settings.seed, settings.clear_values) == (7, True)
        assert settings.memory_limit == 1 << 30

    def test_a_settings_file_can_be_named(self, pipeline, tmp_path):
        (tmp_path / "mine.toml").write_text("clear_values = true\n")
        run("audit", "s", "--out", "o", "--config", "mine.toml")
        assert asked(pipeline)[1].clear_values

    def test_a_previous_audit_can_be_named(self, pipeline, tmp_path):
        (tmp_path / "old").mkdir()
        run("audit", "s", "--out", "o", "--previous", "old")
        assert asked(pipeline)[0].previous == Path("old")


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (["--out", "o"], "No sign-up files were named"),
            (["--out", "o", "--usage", "s"], "No sign-up files were named"),
            (["s"], "Missing option '--out'"),
            (["s", "--usage", "--out", "o"], "--usage needs at least one value"),
            (["-", "--usage", "-", "--out", "o"], "was named twice"),
            (["s", "--previous", "nowhere", "--out", "o"], "nowhere, which is not a directory"),
            (["s", "--map", "user", "--out", "o"], "expected FILE_COLUMN=FIELD"),
            (["s", "--out", "o", "--threads", "0"], "The setting threads (--threads)"),
            (["s", "--out", "o", "--pepper", "x"], "No such option '--pepper'"),
        ],
    )
    def test_in_one_sentence_with_code_2(self, pipeline, words, sentence):
        ran = run("audit", *words)
        assert ran.code == 2
        assert sentence in ran.err
        assert ran.err.count("\n") == 1
        assert not ran.out
        assert not pipeline.calls


class TestWhatIsPrinted:
    def test_for_a_person_findings_come_before_what_was_spared(self, pipeline):
        ran = run("audit", "s", "--out", "o")
        assert ran.out.startswith("1 fleet: 120 of 6,000 accounts.\n")
        assert ran.out.index("r-1") < ran.out.index("Looked at and not flagged")
        assert ran.out.index("Looked at and not flagged") < ran.out.index("r-2")
        assert ran.out.endswith("Report: out/report.html\n")

    def test_a_fleet_is_a_line_with_its_figures(self, pipeline):
        line = next(
            line for line in run("audit", "s", "--out", "o").out.split("\n") if "r-1" in line
        )
        assert line.split(maxsplit=5) == [
            "r-1", "fleet", "120", "0.99", "12,345", "120 accounts share one device.",
        ]  # fmt: skip

    def test_notices_go_to_standard_error(self, pipeline):
        ran = run("audit", "s", "--out", "o")
        assert "note: The column colour is not known." in ran.err
        assert "colour" not in ran.out

    def test_no_bar_is_drawn_where_there_is_no_terminal(self, pipeline):
        assert "Reading" not in run("audit", "s", "--out", "o").err

    def test_a_misspelt_variable_is_noticed(self, pipeline, monkeypatch):
        monkeypatch.setenv("RINGFINDER_THREDS", "2")
        assert "did you mean RINGFINDER_THREADS" in run("audit", "s", "--out", "o").err

    def test_many_fleets_are_cut_short(self, pipeline):
        pipeline.answer = summary(fleets=tuple(ring(f"r-{n}") for n in range(25)))
        out = run("audit", "s", "--out", "o").out
        assert "r-9" in out
        assert "r-10" not in out
        assert "... and 15 more in rings.parquet." in out

    def test_rejects_are_counted_by_reason_the_commonest_first(self, pipeline):
        pipeline.answer = summary(rejects={"no account": 2, "unreadable time": 1_500})
        out = run("audit", "s", "--out", "o").out
        assert "Rows left out: 1,502" in out
        assert "unreadable time (1,500), no account (2)" in out

    def test_without_rejects_nothing_is_said_of_them(self, pipeline):
        assert "left out" not in run("audit", "s", "--out", "o").out

    def test_without_rings_there_is_no_table(self, pipeline):
        pipeline.answer = summary(headline="No fleet was found.", fleets=(), spared=())
        assert run("audit", "s", "--out", "o").out == (
            "No fleet was found.\n\nReport: out/report.html\n"
        )

    def test_what_attackers_typed_cannot_steer_the_terminal(self, pipeline):
        pipeline.answer = summary(fleets=(ring(summary="share \x1b[2J\u202edomain"),))
        out = run("audit", "s", "--out", "o").out
        assert "\x1b" not in out
        assert "\u202e" not in out

    def test_for_a_machine_it_is_one_object(self, pipeline):
        found = run("audit", "s", "--out", "o", "--json").json()
        assert found["flagged"] == 120
        assert found["fleets"][0]["ring_id"] == "r-1"
        assert found["report"] == "out/report.html"
        assert found["rejects"] == {}
