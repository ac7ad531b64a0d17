"""A value longer than the scanner takes costs its row: what stands in it never becomes rows."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from source_files import Reading, packed, text_file

from ringfinder.sources import survey as looking
from ringfinder.sources.files import Format, SourceFile
from ringfinder.sources.layout import find_layouts
from ringfinder.sources.survey import Overlong, survey

HEAD = "account_id,created_at,ip,user_agent"
MADE_UP = "made-up,2026-01-01T00:00:00Z,1.2.3.4,x"
TEN_MIB = 10 << 20


def row(name: str, client: str = "curl/8") -> str:
    return f"{name},2026-01-01T00:00:00Z,8.8.8.8,{client}"


def layout_of(path):
    file = SourceFile("signups", path, path.name, Format.CSV, "none")
    return find_layouts([file], {}, lambda _: None)[0]


def a_world(place, value: str, *, name="s.csv", end="\n"):
    """Write nine rows around one with a long value; the bytes as they are."""
    lines = [HEAD, *(row(f"a{n}") for n in range(5)), row("long", value)]
    text = end.join([*lines, *(row(f"b{n}") for n in range(4)), ""])
    path = place / name
    path.write_bytes(packed(text.encode(), name))
    return path


OTHERS = sorted([f"a{n}" for n in range(5)] + [f"b{n}" for n in range(4)])


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_written_inside_a_value_that_is_too_long_stay_in_it(tmp_path, ending, end):
    value = '"' + f"{MADE_UP}{end}" * (4 * TEN_MIB // len(MADE_UP)) + '"'
    reading = Reading(tmp_path, signups=a_world(tmp_path, value, name=f"s.{ending}", end=end))
    assert reading.accounts == OTHERS
    assert reading.faults == [(7, None, "line too long")]


@pytest.mark.parametrize("around", ["{},", "{},more", "{}"])
def test_a_row_too_long_stays_one_whatever_its_number_of_columns(tmp_path, around):
    value = '"' + f"{MADE_UP}\n" * (TEN_MIB // len(MADE_UP)) + '"'
    long = row("long", around.format(value)) if "," in around else f"long,{value}"
    path = text_file(tmp_path / "s.csv", HEAD, row("a"), long, row("b"))
    reading = Reading(tmp_path, signups=path)
    assert reading.accounts == ["a", "b"]
    assert reading.faults == [(3, None, "line too long")]


@pytest.mark.parametrize("inside", ["\n", "a\n", "a\rb\n", "\r\n", 'said ""no""\n', ",,,\n"])
def test_millions_of_lines_inside_one_value_are_one_reject(tmp_path, inside):
    value = '"' + inside * (4 * TEN_MIB // len(inside)) + '"'
    reading = Reading(tmp_path, signups=a_world(tmp_path, value))
    assert reading.accounts == OTHERS
    assert [(field, why) for _, field, why in reading.faults] == [(None, "line too long")]
    assert reading.notices == []


def test_lines_behind_a_record_too_long_keep_their_numbers(tmp_path):
    value = '"' + "z\n" * TEN_MIB + '"'
    path = a_world(tmp_path, value)
    with path.open("a", encoding="utf-8") as file:
        file.write("c1,never,8.8.8.8,x\n")
        file.write('c2,2026-01-01,8.8.8.8,"x"y\n')
    reading = Reading(tmp_path, signups=path)
    last = path.read_bytes().count(b"\n")
    assert reading.faults == [
        (7, None, "line too long"),
        (last - 1, "created_at", "not a time"),
        (last, None, "broken quotes"),
    ]


def test_two_records_too_long_and_a_wide_one_cost_a_row_each(tmp_path):
    long = '"' + f"{MADE_UP}\n" * (TEN_MIB // len(MADE_UP)) + '"'
    rows = [row("a"), row("b", long), row("c"), row("d", "x," * 9_000), row("e", long), row("f")]
    path = text_file(tmp_path / "s.csv", HEAD, *rows)
    reading = Reading(tmp_path, signups=path)
    assert reading.accounts == ["a", "c", "f"]
    assert [why for _, _, why in reading.faults] == [
        "line too long",
        "wrong number of columns",
        "line too long",
    ]


@pytest.mark.parametrize("more", [1, 9_000])
def test_empty_columns_too_many_are_no_fault_in_a_wide_row_either(tmp_path, more):
    path = text_file(tmp_path / "s.csv", HEAD, row("a"), row("b") + "," * more, row("c"))
    reading = Reading(tmp_path, signups=path)
    assert reading.accounts == ["a", "b", "c"]
    assert reading.faults == []


@pytest.mark.parametrize("others", ["curl/8", '"Mozilla/5.0 (X11, Linux)"'])
def test_an_open_quote_before_ten_megabytes_of_rows_costs_its_line_only(tmp_path, others):
    clients = [others] * 200_000
    clients[20] = '"open'
    rows = [row(f"a{n}", client) for n, client in enumerate(clients)]
    reading = Reading(tmp_path, signups=text_file(tmp_path / "s.csv", HEAD, *rows))
    assert len(reading.accounts) == 199_999
    assert reading.faults == [(22, None, "broken quotes")]


VALUES = ["x", '"y"', '"two\nlines"', '"' + "z\n" * 30 + '"', '"' + "z" * 70 + '"', '"a ""b""\n"']


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.sampled_from(VALUES), max_size=12), piece=st.integers(1, 200))
@example(values=[VALUES[3]], piece=1)
def test_records_are_found_however_the_file_is_cut_into_pieces(tmp_path_factory, values, piece):
    path = tmp_path_factory.mktemp("records") / "s.csv"
    lines, wanted, at, line = [HEAD], [], len(HEAD) + 1, 2
    for value in values:
        text = row("a", value)
        lines.append(text)
        if len(text) + 1 > 64 and "\n" in text:
            wanted.append(Overlong(at, at + len(text) + 1, line, text.count("\n") + 1))
        at, line = at + len(text) + 1, line + text.count("\n") + 1
    path.write_text("\n".join(lines) + "\n")
    layout = layout_of(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(looking, "MAX_LINE", 64)
        patch.setattr(looking, "_CHUNK", piece)
        found = survey(layout)
        assert list(found.overlong) == wanted
        assert found.lines == line - 1


def test_rows_between_an_open_quote_and_the_next_value_in_quotes_are_no_record(tmp_path):
    some = [row(f"a{n}", "x" * 100) for n in range(100_000)]
    rows = [row("a", '"open'), *some, row("b", '"in quotes"'), row("c")]
    reading = Reading(tmp_path, signups=text_file(tmp_path / "s.csv", HEAD, *rows))
    assert len(reading.accounts) == 100_002
    assert reading.faults == [(2, None, "broken quotes")]
