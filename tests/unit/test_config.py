"""Settings: where they come from, and what is said of those that cannot be used."""

from __future__ import annotations

import pytest

from ringfinder.config import Settings, load, settings_table, unknown_variables
from ringfinder.errors import InputError

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    """A working directory without a settings file, an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for row in settings_table():
        monkeypatch.delenv(row.variable, raising=False)


def said(flags=None, file=None):
    with pytest.raises(InputError) as caught:
        load(flags, file=file)
    return str(caught.value)


class TestOrder:
    def test_without_any_source_the_defaults_hold(self):
        settings = load()
        assert settings.seed == 0
        assert settings.threads is None
        assert settings.fdr == 0.01

    def test_the_file_beats_the_default(self, tmp_path):
        (tmp_path / "ringfinder.toml").write_text("seed = 3\n")
        assert load().seed == 3

    def test_a_variable_beats_the_file(self, tmp_path, monkeypatch):
        (tmp_path / "ringfinder.toml").write_text("seed = 3\nthreads = 2\n")
        monkeypatch.setenv("RINGFINDER_SEED", "4")
        settings = load()
        assert (settings.seed, settings.threads) == (4, 2)

    def test_a_flag_beats_both(self, tmp_path, monkeypatch):
        (tmp_path / "ringfinder.toml").write_text("seed = 3\n")
        monkeypatch.setenv("RINGFINDER_SEED", "4")
        assert load({"seed": "5"}).seed == 5

    def test_a_flag_that_was_not_given_changes_nothing(self, monkeypatch):
        monkeypatch.setenv("RINGFINDER_SEED", "4")
        assert load({"seed": None}).seed == 4

    def test_an_empty_variable_is_not_set(self, monkeypatch):
        monkeypatch.setenv("RINGFINDER_THREADS", "")
        assert load().threads is None

    def test_a_named_file_is_read_instead_of_the_usual_one(self, tmp_path):
        (tmp_path / "ringfinder.toml").write_text("seed = 3\n")
        (tmp_path / "other.toml").write_text("threads = 2\n")
        settings = load(file=tmp_path / "other.toml")
        assert (settings.seed, settings.threads) == (0, 2)

    def test_equal_sources_give_equal_settings(self):
        assert load({"seed": "5"}) == load({"seed": 5})

    def test_settings_cannot_be_changed(self):
        with pytest.raises(ValueError, match="frozen"):
            load().seed = 1


class TestUnusableValues:
    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("seed", "-1", "whole number, at least 0"),
            ("threads", "0", "whole number, at least 1"),
            ("threads", "many", "whole number, at least 1"),
            ("memory_limit", "64MiB", "at least 256MiB"),
            ("memory_limit", "4 foos", "at least 256MiB"),
            ("fdr", "0", "between 0 and 1"),
            ("fdr", "1", "between 0 and 1"),
            ("fdr", "nan", "between 0 and 1"),
            ("default_region", "Germany", "two letters"),
            ("clear_values", "perhaps", "yes or no"),
            ("vpn_list", "no/such/file", "there is no file no/such/file"),
            ("temp_dir", "no/such/directory", "there is no directory no/such/directory"),
        ],
    )
    def test_the_sentence_names_the_setting_and_what_was_expected(self, name, value, expected):
        sentence = said({name: value})
        assert f"The setting {name} (--{name.replace('_', '-')}) is unusable" in sentence
        assert expected in sentence

    def test_it_names_the_variable_that_it_came_from(self, monkeypatch):
        monkeypatch.setenv("RINGFINDER_THREADS", "0")
        assert "threads (RINGFINDER_THREADS)" in said()

    def test_it_names_the_file_that_it_came_from(self, tmp_path):
        (tmp_path / "ringfinder.toml").write_text("threads = 0\n")
        assert "threads (ringfinder.toml)" in said()

    def test_every_unusable_setting_is_named_at_once(self):
        sentence = said({"threads": "0", "fdr": "2"})
        assert "setting threads" in sentence
        assert "setting fdr" in sentence


class TestTheFile:
    def test_an_unknown_name_is_refused_with_the_nearest_one(self, tmp_path):
        (tmp_path / "ringfinder.toml").write_text("thread = 2\n")
        sentence = said()
        assert "ringfinder.toml sets 'thread', which is not a setting" in sentence
        assert "did you mean 'threads'" in sentence

    def test_a_name_like_no_other_is_refused_without_a_guess(self, tmp_path):
        (tmp_path / "ringfinder.toml").write_text("zzz = 2\n")
        assert "did you mean" not in said()

    @pytest.mark.parametrize(
        "content",
        [
            b"seed: 3\n", b"\xff\xfe\x00", b"seed = 1\nseed = 2\n",
            b"seed = 1" + b"0" * 9000, b"threads = " + b"[" * 9000,
        ],
    )  # fmt: skip
    def test_what_is_not_toml_is_refused(self, tmp_path, content):
        (tmp_path / "ringfinder.toml").write_bytes(content)
        assert "is not TOML" in said()

    def test_a_named_file_that_is_missing_is_refused(self, tmp_path):
        assert "Cannot read the settings file" in said(file=tmp_path / "none.toml")


class TestThePepper:
    def test_it_is_read_from_a_variable(self, monkeypatch):
        monkeypatch.setenv("RINGFINDER_PEPPER", SECRET)
        assert load().read_pepper() == SECRET.encode()

    def test_it_is_read_from_a_file_without_the_line_end(self, tmp_path):
        (tmp_path / "pepper").write_text(SECRET + "\n")
        assert load({"pepper_file": "pepper"}).read_pepper() == SECRET.encode()

    def test_without_any_there_is_none(self):
        assert load().read_pepper() is None

    def test_two_peppers_are_refused(self, tmp_path, monkeypatch):
        (tmp_path / "pepper").write_text(SECRET)
        monkeypatch.setenv("RINGFINDER_PEPPER", SECRET)
        with pytest.raises(InputError, match="keep one of them"):
            load({"pepper_file": "pepper"}).read_pepper()

    def test_a_short_one_is_refused_and_not_shown(self, monkeypatch):
        monkeypatch.setenv("RINGFINDER_PEPPER", "hunter2")
        sentence = said()
        assert "setting pepper (RINGFINDER_PEPPER)" in sentence
        assert "hunter2" not in sentence

    def test_a_short_one_in_a_file_is_refused_and_not_shown(self, tmp_path):
        (tmp_path / "pepper").write_text("hunter2")
        with pytest.raises(InputError, match="too short") as caught:
            load({"pepper_file": "pepper"}).read_pepper()
        assert "hunter2" not in str(caught.value)

    def test_neither_repr_nor_the_public_settings_show_it(self, monkeypatch):
        monkeypatch.setenv("RINGFINDER_PEPPER", SECRET)
        settings = load()
        assert SECRET not in repr(settings)
        assert SECRET not in str(settings.public())
        assert settings.public()["pepper"] is True

    def test_it_has_no_flag(self):
        assert [row.name for row in settings_table() if not row.flag] == [
            "pepper",
            "neo4j_password",
            "hook_supabase_secret",
            "hook_auth0_secret",
            "hook_stripe_secret",
            "hook_webhook_secret",
            "backup_passphrase",
        ]


class TestTheTable:
    def test_it_has_a_row_per_setting_in_order(self):
        assert [row.name for row in settings_table()] == list(Settings.model_fields)

    @pytest.mark.parametrize("row", settings_table(), ids=lambda row: row.name)
    def test_every_row_says_what_it_means_and_expects(self, row):
        assert row.meaning.endswith(".")
        assert row.kind
        assert row.variable == f"RINGFINDER_{row.name.upper()}"

    @pytest.mark.parametrize(
        "row", [row for row in settings_table() if row.default], ids=lambda row: row.name
    )
    def test_the_default_it_shows_is_one_that_can_be_given(self, row):
        assert load({row.name: row.default}) == load()


class TestMisspeltVariables:
    def test_one_is_noticed(self):
        (sentence,) = unknown_variables({"RINGFINDER_THREDS": "2"})
        assert "did you mean RINGFINDER_THREADS" in sentence

    def test_those_of_a_container_platform_are_left_alone(self):
        assert unknown_variables({"RINGFINDER_PORT": "tcp", "RINGFINDER_SERVICE_HOST": "x"}) == []

    def test_right_ones_are_left_alone(self):
        assert unknown_variables({row.variable: "x" for row in settings_table()}) == []
