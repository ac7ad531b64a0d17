"""Every error becomes one sentence and the exit code of the design."""

from __future__ import annotations

import errno

import click
import pytest
from shell import run

from ringfinder import errors
from ringfinder.cli import program
from ringfinder.cli.failure import explain, guarded


@pytest.fixture
def fails(monkeypatch):
    """Make ``ringfinder doctor`` raise an error."""

    def with_error(error):
        def examine(settings):
            raise error

        monkeypatch.setattr("ringfinder.cli.doctor.examine", examine)
        return run("doctor")

    return with_error


class TestExitCodes:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (errors.InputError("It is empty."), 2),
            (errors.InvalidParameter("It is negative."), 2),
            (errors.NotFound("There is none."), 3),
            (errors.StoreError("It broke."), 4),
            (errors.StoreUnavailable("It sleeps."), 4),
            (errors.DetectionError("It did not end."), 5),
        ],
    )
    def test_what_ringfinder_raises_is_its_own_sentence(self, fails, error, code):
        ran = fails(error)
        assert ran.code == code
        assert ran.err == f"ringfinder: {error}\n"

    def test_the_unexpected_is_5_and_says_how_to_see_more(self, fails):
        ran = fails(ZeroDivisionError("secret 10.0.0.1"))
        assert ran.code == 5
        assert "ZeroDivisionError" in ran.err
        assert "--debug" in ran.err
        assert "10.0.0.1" not in ran.err

    def test_too_little_memory_is_5_and_says_what_to_do(self, fails):
        ran = fails(MemoryError())
        assert ran.code == 5
        assert "--memory-limit" in ran.err

    @pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENAMETOOLONG])
    def test_what_the_machine_refuses_is_2_and_names_the_file(self, fails, number):
        ran = fails(OSError(number, "Not now", "out/rings.parquet"))
        assert ran.code == 2
        assert ran.err == "ringfinder: Not now: out/rings.parquet.\n"

    def test_another_error_of_the_system_is_5(self, fails):
        # Missing input has a sentence of its own; a file of ours that is missing is our fault.
        assert fails(OSError(errno.ENOENT, "Not there", "weights.json")).code == 5

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
    def test_a_disk_that_refuses_is_4_and_names_the_file_and_what_to_do(self, fails, number):
        ran = fails(OSError(number, "No space left on device", "data/snapshots/lock.id"))
        assert ran.code == 4
        assert "No space left on device" in ran.err
        assert "data/snapshots/lock.id" in ran.err
        assert "Make room" in ran.err

    def test_a_disk_that_does_not_name_the_file_is_told_where_to_look(self, fails):
        assert "data_dir" in fails(OSError(errno.ENOSPC, "No space left on device")).err

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
    def test_ctrl_c_is_tidy(self, fails, error):
        ran = fails(error)
        assert ran.code == 130
        assert ran.err.strip() == "ringfinder: Stopped."

    @pytest.mark.parametrize(
        "error",
        [type("InterruptException", (Exception,), {})(), RuntimeError("Query interrupted")],
        ids=["interrupted from outside", "by a signal"],
    )
    def test_ctrl_c_inside_duckdb_is_tidy_too(self, error):
        assert explain(error) == (130, "Stopped.")

    def test_another_runtime_error_is_not_ctrl_c(self):
        assert explain(RuntimeError("Query failed"))[0] == 5

    def test_an_orderly_exit_says_nothing(self):
        assert explain(click.exceptions.Exit(3)) == (3, "")


class TestUsage:
    def test_an_unknown_command_points_to_the_help(self):
        ran = run("auditt")
        assert ran.code == 2
        assert "See `ringfinder --help`." in ran.err

    def test_an_unknown_option_points_to_the_help_of_its_command(self):
        ran = run("audit", "s", "--outt", "o")
        assert ran.code == 2
        assert "See `ringfinder audit --help`." in ran.err

    @pytest.mark.parametrize("words", [["--help"], ["-h"], ["audit", "--help"], ["--version"]])
    def test_help_and_version_are_no_errors(self, words):
        ran = run(*words)
        assert ran.code == 0
        assert ran.out
        assert not ran.err

    def test_without_a_command_it_shows_the_help_and_is_2(self):
        ran = run()
        assert ran.code == 2
        assert ran.err.startswith("Usage: ringfinder")
        assert not ran.out


class TestDebug:
    @pytest.mark.parametrize("words", [["--debug", "doctor"], ["doctor", "--debug"]])
    def test_it_shows_the_traceback_before_or_after_the_command(self, monkeypatch, words):
        def examine(settings):
            raise ZeroDivisionError

        monkeypatch.setattr("ringfinder.cli.doctor.examine", examine)
        ran = run(*words)
        assert "Traceback" in ran.err
        assert "in examine" in ran.err

    def test_without_it_there_is_none(self, fails):
        assert "Traceback" not in fails(ZeroDivisionError()).err


def test_a_reader_that_went_away_is_no_error(monkeypatch, tmp_path):
    def examine(settings):
        raise BrokenPipeError

    monkeypatch.setattr("ringfinder.cli.doctor.examine", examine)
    with (tmp_path / "pipe").open("w") as gone:
        monkeypatch.setattr("sys.stdout", gone)
        assert guarded(program, ["doctor"]) == 0


class Full:
    """A stream on a full disk."""

    def write(self, text):
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(("out", "code"), [(None, 0), (Full(), 4)])
def test_output_that_nobody_takes_changes_no_more_than_the_code(monkeypatch, out, code):
    monkeypatch.setattr("ringfinder.cli.doctor.examine", lambda settings: [])
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.stderr", Full())
    assert guarded(program, ["doctor"]) == code
