"""Saved queries: what their files declare, values written in, links that carry no address."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ringfinder.cli import program
from ringfinder.errors import InputError, NotFound
from ringfinder.explore import (
    COLOURS,
    TYPES,
    Parameter,
    browser_link,
    browser_style,
    saved_queries,
    saved_query,
    style_rules,
)
from ringfinder.schema import KINDS

QUERIES = saved_queries()
BROWSER = "http://127.0.0.1:7474/browser/"
WRITES = re.compile(r"\b(CREATE|MERGE|SET|DELETE|REMOVE|DETACH|LOAD CSV|FOREACH)\b")


def run(*arguments):
    return CliRunner().invoke(program, ["explore", *arguments])


@pytest.fixture(params=QUERIES, ids=lambda query: query.name)
def query(request):
    return request.param


class TestFiles:
    def test_there_are_as_many_as_an_analyst_was_promised(self):
        assert len(QUERIES) >= 15

    def test_every_parameter_has_a_type_and_a_meaning(self, query):
        for parameter in query.parameters:
            assert parameter.type in TYPES
            assert parameter.meaning

    def test_declared_and_used_parameters_are_the_same(self, query):
        body = "\n".join(query.text.splitlines()[2:])
        used = set(re.findall(r"\$(\w+)", body))
        assert used == {parameter.name for parameter in query.parameters}

    def test_every_query_has_a_limit(self, query):
        assert re.search(r"\bLIMIT\b", query.text)

    def test_no_query_writes(self, query):
        assert not WRITES.search(query.text)

    def test_whoever_walks_from_a_value_back_to_accounts_counts_its_holders_first(self, query):
        """A value of a million accounts must not be walked from: bounded, or counted only."""
        walks = re.search(r"MATCH \(v\)<-\[:SEEN_WITH\]-\((a|b):Account\)", query.text)
        if walks:
            assert re.search(r"COUNT \{ \(v\)|RETURN a LIMIT|holders <= \$most", query.text)

    def test_defaults_are_of_their_types(self, query):
        for value in query.defaults().values():
            assert isinstance(value, str | int | float)


class TestFilling:
    def test_values_stand_in_place_of_parameters(self):
        text = saved_query("ring_members").filled({"ring": "ring-1", "limit": "5"})
        assert "{id: 'ring-1'}" in text
        assert text.endswith("LIMIT 5")
        assert "$" not in text
        assert "//" not in text

    def test_a_missing_value_is_asked_for(self):
        with pytest.raises(InputError, match="needs ring .* --set ring="):
            saved_query("ring").filled({})

    def test_an_unknown_parameter_is_named_with_those_there_are(self):
        with pytest.raises(InputError, match=r"no parameter 'rong'; it has ring, members, values"):
            saved_query("ring").filled({"rong": "x"})

    def test_a_word_is_no_number(self):
        with pytest.raises(InputError, match="limit is not of the type integer"):
            saved_query("fleets").filled({"limit": "many"})

    def test_a_query_that_is_not_there_is_not_found(self):
        with pytest.raises(NotFound, match="There is no query 'nothing'; the queries are account"):
            saved_query("nothing")

    @given(st.text(max_size=40))
    def test_no_value_gets_out_of_its_quotes(self, value):
        literal = Parameter("x", "string", None, "").literal(value)
        inside = re.sub(r"\\(u[0-9a-f]{4}|.)", "", literal[1:-1])
        assert literal[0] == literal[-1] == "'"
        assert "'" not in inside
        assert not set("\n\r\0") & set(literal)


class TestLinks:
    def test_a_link_opens_the_editor_with_the_statement(self):
        link = urlsplit(browser_link(BROWSER, "MATCH (n) RETURN n & 'ä#?'"))
        assert link.path == "/browser/"
        assert parse_qs(link.query) == {"cmd": ["edit"], "arg": ["MATCH (n) RETURN n & 'ä#?'"]}
        assert not link.fragment


class TestStyle:
    def test_every_kind_has_the_colour_of_its_family(self):
        rules = style_rules()
        for kind in KINDS:
            assert rules[f"node.{kind.label}"]["color"] == COLOURS[kind.family]

    def test_the_sheet_has_a_block_for_every_rule(self):
        sheet = browser_style()
        assert sheet.count("{\n") == len(style_rules())
        assert "node.Ring {\n  diameter: 80px;" in sheet


class TestCommand:
    def test_without_a_query_it_lists_them_with_what_they_take(self):
        shown = run()
        assert shown.exit_code == 0
        assert re.search(
            r"^ring +ring \[members\] \[values\] +A ring as a picture", shown.output, re.M
        )

    def test_as_json_the_list_says_types_and_defaults(self):
        listed = json.loads(run("--json").output)["queries"]
        assert {"name": "limit", "type": "integer", "default": "50", "meaning": "rows"} in [
            parameter for query in listed for parameter in query["parameters"]
        ]

    def test_with_browser_url_it_prints_the_link(self):
        shown = run("ring", "--set", "ring=ring-1", "--browser-url", BROWSER)
        assert shown.output.rstrip().splitlines()[-1].startswith(f"{BROWSER}?cmd=edit&arg=MATCH")

    def test_without_browser_url_it_prints_the_cypher_alone(self):
        assert "http" not in run("ring", "--set", "ring=ring-1").output

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["ring", "--set", "ring"], "--set takes NAME=VALUE"),
            (["--set", "ring=x"], "--set was given without a query"),
            (["ring", "--set", "ring=x", "--browser-url", "ftp://x"], "browser_url"),
        ],
    )
    def test_what_cannot_be_done_is_said(self, arguments, sentence):
        with pytest.raises(InputError, match=sentence):
            CliRunner().invoke(program, ["explore", *arguments], catch_exceptions=False)

    def test_the_style_sheet_is_printed(self):
        assert run("--style").output.startswith("node {")
