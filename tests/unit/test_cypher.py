"""Every Cypher file: what its first lines say, and what it may name."""

import re
from pathlib import Path

import pytest

from ringfinder import cypher
from ringfinder.cypher import DIRECTORY, read_statement, read_statements
from ringfinder.errors import InvalidParameter
from ringfinder.schema import KINDS, NODES, RELATIONSHIPS
from ringfinder.store.neo4j.schema import migrations

EVERY = [s for folder in ("schema", "store") for s in read_statements(folder)]
LABELS = {*NODES, *(kind.label for kind in KINDS), "KIND"}
COMMENT = re.compile(r"//.*")
TEXT = re.compile(r"'[^']*'")


def code(text):
    """Return a statement without comments and strings."""
    return TEXT.sub("''", COMMENT.sub("", text))


def labels_in(text):
    """Return the node labels of a statement: after a name or a bracket, outside of -[...]-."""
    nodes = re.findall(r"[(\s]\w*((?::\w+)+(?:\|\w+)*)", re.sub(r"-\[[^\]]*\]", "-", code(text)))
    return {word for label in nodes for word in re.split(r"[:|]", label) if word}


def test_foreign_labels_would_be_found():
    text = "MATCH (a:Foo|Bar)-[r:X]->(:Value:Baz) WHERE NOT a:Quux AND a.b = ':No' // (c:No)\n"
    assert labels_in(text) == {"Foo", "Bar", "Value", "Baz", "Quux"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of statements in place of ours."""
    (tmp_path / "made").mkdir()
    monkeypatch.setattr(cypher, "DIRECTORY", tmp_path)
    read_statement.cache_clear()
    yield tmp_path / "made"
    read_statement.cache_clear()


@pytest.mark.parametrize("statement", EVERY, ids=lambda statement: statement.name)
class TestEveryFile:
    def test_the_first_line_is_a_sentence(self, statement):
        assert re.fullmatch(r"[A-Z].*[^.]\.", statement.what)

    def test_the_parameters_of_line_two_are_those_used(self, statement):
        assert set(re.findall(r"\$(\w+)", code(statement.text))) == set(statement.parameters)

    def test_labels_are_those_of_the_schema(self, statement):
        assert labels_in(statement.text) <= LABELS

    def test_relationship_types_are_those_of_the_schema(self, statement):
        found = re.findall(r"-\[\w*:([\w|]+)", code(statement.text))
        assert {word for text in found for word in text.split("|")} <= set(RELATIONSHIPS)

    def test_it_is_one_statement_without_procedures_of_plugins(self, statement):
        assert ";" not in code(statement.text)
        assert not re.search(r"\b(apoc|gds)\.", code(statement.text), re.IGNORECASE)


class TestSchema:
    def test_there_are_no_gaps_between_versions(self):
        assert list(migrations()) == list(range(1, len(migrations()) + 1))

    def test_every_kind_of_node_that_is_looked_up_has_a_constraint(self):
        constrained = {
            label for s in read_statements("schema") for label in re.findall(r"\(n:(\w+)\)", s.text)
        }
        # Outside is swept by its label, and never looked up by a property.
        assert constrained == set(NODES) - {"Outside"}

    def test_kinds_have_labels_of_their_own(self):
        labels = [kind.label for kind in KINDS]
        assert len(set(labels)) == len(labels)
        assert not set(labels) & set(NODES)

    def test_relationships_join_nodes_that_there_are(self):
        assert {end for ends in RELATIONSHIPS.values() for end in ends} <= set(NODES)


class TestReading:
    def test_a_file_becomes_a_statement(self, folder):
        (folder / "one.cypher").write_text(
            "// Do it.\n// parameters: rows (list of {a, b}), run (integer), plain\nRETURN $rows"
        )
        statement = read_statement("made/one")
        assert statement.what == "Do it."
        assert statement.parameters == ("rows", "run", "plain")
        assert not statement.is_template

    def test_no_parameters_are_said_to_be_none(self, folder):
        (folder / "one.cypher").write_text("// Do it.\n// parameters: none\nRETURN 1")
        assert read_statement("made/one").parameters == ()

    def test_a_template_takes_a_label(self, folder):
        (folder / "one.cypher").write_text(
            "// Do it.\n// parameters: none\nMATCH (v:Value:KIND), (w:KINDER) RETURN v"
        )
        statement = read_statement("made/one")
        assert statement.is_template
        assert "(v:Value:Ip), (w:KINDER)" in statement.for_label("Ip")

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "RETURN 1",
            "// Do it.\nRETURN 1",
            "// Do it.\n// parameters: rows (unclosed\nRETURN 1",
            "// Do it.\n// parameters: rows and run\nRETURN 1",
        ],
    )
    def test_other_beginnings_are_refused(self, folder, text):
        (folder / "one.cypher").write_text(text)
        with pytest.raises(InvalidParameter, match=r"one\.cypher"):
            read_statement("made/one")

    def test_a_missing_file_is_named(self):
        with pytest.raises(InvalidParameter, match="no statement store/nothing"):
            read_statement("store/nothing")

    def test_a_wheel_has_the_files_inside_of_the_package(self):
        built = (DIRECTORY.parent / "pyproject.toml").read_text()
        assert 'cypher = "ringfinder/_cypher"' in built
        assert Path(cypher.__file__).parent / "_cypher" in cypher.PLACES
