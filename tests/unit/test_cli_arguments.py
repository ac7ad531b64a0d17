"""Several values after one flag, columns by another name, flags from the settings table."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from ringfinder.cli import program
from ringfinder.cli.arguments import Group, Several, columns, spread
from ringfinder.config import settings_table
from ringfinder.errors import InputError

FLAGS = {"--usage", "--map"}


class TestSpread:
    def test_values_end_at_the_next_flag(self):
        words = ["s", "--usage", "a", "b", "--out", "o"]
        assert spread(words, FLAGS) == ["s", "--usage=a", "--usage=b", "--out", "o"]

    def test_a_repeated_flag_adds_values(self):
        words = ["s", "--usage", "a", "--usage", "b", "c"]
        assert spread(words, FLAGS) == ["s", "--usage=a", "--usage=b", "--usage=c"]

    def test_one_several_flag_ends_another(self):
        words = ["--usage", "a", "b", "--map", "x=y"]
        assert spread(words, FLAGS) == ["--usage=a", "--usage=b", "--map=x=y"]

    def test_a_dash_alone_is_a_value(self):
        assert spread(["--usage", "-", "b"], FLAGS) == ["--usage=-", "--usage=b"]

    def test_two_dashes_end_the_values(self):
        assert spread(["--usage", "a", "--", "s", "t"], FLAGS) == ["--usage=a", "--", "s", "t"]

    def test_after_two_dashes_nothing_is_a_flag(self):
        assert spread(["--", "--usage", "a"], FLAGS) == ["--", "--usage", "a"]

    def test_a_value_written_with_the_flag_takes_no_further_ones(self):
        assert spread(["--usage=a", "s"], FLAGS) == ["--usage=a", "s"]

    def test_the_value_of_another_flag_stays_with_it(self):
        assert spread(["--out", "o", "s"], FLAGS) == ["--out", "o", "s"]

    @pytest.mark.parametrize(
        "words", [["--usage"], ["--usage", "--out", "o"], ["--usage", "--", "s"]]
    )
    def test_a_flag_without_a_value_is_refused(self, words):
        with pytest.raises(InputError, match="--usage needs at least one value"):
            spread(words, FLAGS)

    def test_nothing_stays_nothing(self):
        assert spread([], FLAGS) == []


class TestHelp:
    def test_a_command_asked_alone_offers_the_same_as_below_the_program(self):
        group = Group("group")
        group.add_command(group.command_class("leaf"))
        for command in (group, group.commands["leaf"]):
            assert "-h, --help" in CliRunner().invoke(command, ["-h"]).output

    def test_commands_are_listed_in_the_order_of_their_use(self):
        group = Group("group")
        for name in ("show", "check", "diff"):
            group.add_command(group.command_class(name))
        assert group.list_commands(click.Context(group)) == ["show", "check", "diff"]


class TestColumns:
    def test_pairs_become_a_mapping(self):
        assert columns(["user=account_id", "ts = created_at"]) == {
            "user": "account_id",
            "ts": "created_at",
        }

    def test_a_column_may_have_an_equals_sign_in_its_name(self):
        assert columns(["a=b=email"]) == {"a=b": "email"}

    @pytest.mark.parametrize("pair", ["user", "=email", "user=", " = "])
    def test_half_a_pair_is_refused(self, pair):
        with pytest.raises(InputError, match="expected FILE_COLUMN=FIELD"):
            columns([pair])

    def test_one_column_for_two_fields_is_refused(self):
        with pytest.raises(InputError, match="names the column 'user' twice"):
            columns(["user=email", "user=phone"])

    def test_the_same_pair_twice_is_one(self):
        assert columns(["user=email", "user=email"]) == {"user": "email"}


class TestFlagsOfSettings:
    def test_an_audit_has_a_flag_for_every_setting_it_reads_but_secrets(self):
        flags = {flag for option in program.commands["audit"].params for flag in option.opts}
        for row in settings_table():
            assert (row.flag in flags) == (row.part == "analysis" and not row.secret)

    def test_no_secret_has_a_flag_anywhere(self):
        names = {o.name for command in program.commands.values() for o in command.params}
        assert names.isdisjoint({row.name for row in settings_table() if row.secret})

    def test_no_flag_has_a_default_of_its_own(self):
        # A default here would hide the variable and the file.
        names = {row.name for row in settings_table()}
        for command in program.commands.values():
            for option in command.params:
                if option.name in names:
                    assert not option.default

    def test_the_tables_of_an_audit_take_several_files(self):
        several = {p.name for p in program.commands["audit"].params if isinstance(p, Several)}
        assert several == {"usage", "payments", "logins", "labels", "mapping"}
