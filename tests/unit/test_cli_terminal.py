"""What is shown on a terminal: tables that fold, bars, nothing that could steer it."""

from __future__ import annotations

import io

import pytest

from ringfinder.cli import terminal


class TestTable:
    def test_columns_line_up(self):
        lines = terminal.table(("ring", "accounts", "summary"), [("r-1", "5", "x")]).split("\n")
        assert lines == ["ring  accounts  summary", "r-1          5  x"]

    def test_the_last_column_folds_under_itself(self, monkeypatch):
        monkeypatch.setenv("COLUMNS", "40")
        text = terminal.table(("ring", "summary"), [("r-1", "word " * 12)])
        first, *more = text.split("\n")[1:]
        assert first.startswith("r-1   word")
        assert more
        assert all(line.startswith("      word") for line in more)
        assert max(map(len, text.split("\n"))) <= 40

    def test_an_empty_last_cell_leaves_no_spaces(self):
        assert terminal.table(("a", "b"), [("x", "")]).split("\n")[1] == "x"

    def test_without_rows_there_is_the_head(self):
        assert terminal.table(("a", "b"), []) == "a  b"


class TestSafe:
    @pytest.mark.parametrize(
        "bad", ["\x1b[31m", "\r", "\x00", "\x9b2J", "\u202e", "\u2066", "\x07"]
    )
    def test_what_steers_a_terminal_is_shown_as_a_mark(self, bad):
        assert terminal.safe(f"a{bad}b").startswith("a\ufffd")

    @pytest.mark.parametrize("good", ["müller.example", "公司", "a b", "- 5,000", "line\nline"])
    def test_ordinary_words_of_any_script_stay(self, good):
        assert terminal.safe(good) == good


class TestProgress:
    def test_on_a_terminal_a_bar_names_the_step(self, monkeypatch):
        screen = io.StringIO()
        screen.isatty = lambda: True
        monkeypatch.setattr("sys.stderr", screen)
        with terminal.progress() as step:
            step("Finding pairs", 0.4)
        assert "Finding pairs" in screen.getvalue()
        assert "40%" in screen.getvalue()

    def test_elsewhere_nothing_is_drawn(self, monkeypatch):
        screen = io.StringIO()
        monkeypatch.setattr("sys.stderr", screen)
        with terminal.progress() as step:
            step("Finding pairs", 0.4)
        assert not screen.getvalue()

    def test_a_quiet_run_draws_nothing_on_a_terminal_either(self, monkeypatch):
        screen = io.StringIO()
        screen.isatty = lambda: True
        monkeypatch.setattr("sys.stderr", screen)
        with terminal.progress(quiet=True) as step:
            step("Finding pairs", 0.4)
        assert not screen.getvalue()


def test_json_for_machines_holds_no_nan():
    with pytest.raises(ValueError, match="JSON"):
        terminal.say_json({"score": float("nan")})
