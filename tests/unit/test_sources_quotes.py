"""An open quote costs its own line: what it swallowed is read all the same."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from source_files import Reading, packed, text_file

from ringfinder.errors import InputError
from ringfinder.sources import intake

TWO = '"two\nlines"'
HEAD = "account_id,created_at,ip,user_agent"


def row(name: str, client: str) -> str:
    return f"{name},2026-01-01T00:00:00Z,8.8.8.8,{client}"


def file_of(place, clients: list[str], *, name="s.csv", end="\n") -> str:
    return text_file(place / name, HEAD, *(row(f"a{i}", c) for i, c in enumerate(clients)), end=end)


def opened_at(reading: Reading) -> list[int]:
    assert {(field, reason) for _, field, reason in reading.faults} <= {(None, "broken quotes")}
    return [line for line, _, _ in reading.faults]


@pytest.mark.parametrize("others", ["curl/8", '"Mozilla/5.0 (X11, Linux)"'])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst"])
def test_rows_behind_an_open_quote_are_read(tmp_path, others, end, ending):
    clients = [others] * 60
    clients[20] = '"Mozilla open'
    text = "".join(line + end for line in [HEAD, *(row(f"a{i}", c) for i, c in enumerate(clients))])
    file = tmp_path / f"s.{ending}"
    file.write_bytes(packed(text.encode(), file.name))
    reading = Reading(tmp_path, signups=file)
    assert reading.accounts == sorted(f"a{i}" for i in range(60) if i != 20)
    assert opened_at(reading) == [22]
    assert "s.csv" in reading.notices[0]
    assert "line 22" in reading.notices[0]


WITHIN_A_LINE = ["curl/8", '"a, b"', '"say ""hi"""', "", '5" wide', '"Mozilla open', '"abc"def']
BROKEN = {'"Mozilla open', '"abc"def'}


@settings(max_examples=60, deadline=None)
@given(clients=st.lists(st.sampled_from(WITHIN_A_LINE), max_size=25))
def test_whatever_the_rows_around_them_only_lines_with_open_quotes_are_lost(
    tmp_path_factory, clients
):
    place = tmp_path_factory.mktemp("quotes")
    clients = ["curl/8", *clients]
    broken = {at for at, client in enumerate(clients) if client in BROKEN}
    reading = Reading(place, signups=file_of(place, clients))
    told = {line - 2 for line in opened_at(reading)}
    # a quote within a bare value is no quote to one reader and a broken one to the other
    assert broken <= told <= {*broken, *(i for i, c in enumerate(clients) if '5"' in c)}
    assert reading.accounts == sorted(f"a{i}" for i in range(len(clients)) if i not in told)


@settings(max_examples=60, deadline=None)
@given(clients=st.lists(st.sampled_from(["curl/8", *sorted(BROKEN), TWO]), max_size=25))
def test_between_values_over_lines_nothing_is_lost_in_silence_and_nothing_made_up(
    tmp_path_factory, clients
):
    place = tmp_path_factory.mktemp("quotes")
    clients = ["curl/8", *clients]
    start = np.cumsum([2, *(1 + client.count("\n") for client in clients)]).tolist()
    reading = Reading(place, signups=file_of(place, clients))
    told = {line for line, _, _ in reading.faults}
    good = {f"a{at}" for at, client in enumerate(clients) if client not in BROKEN}
    assert set(reading.accounts) <= good
    for at, client in enumerate(clients):
        if f"a{at}" not in reading.accounts:
            assert told & set(range(start[at], start[at] + 1 + client.count("\n")))


def test_quotes_broken_within_their_line_cost_no_prompt_over_lines_behind_them(tmp_path):
    signups = file_of(tmp_path, ["curl/8"])
    rows = [f'a0,2026-01-02,"one {n}\ntwo\nthree"' for n in range(400)]
    for at in (10, 100, 200, 300):
        rows[at] = 'a0,2026-01-02,"abc"def'
    usage = text_file(tmp_path / "u.csv", "account_id,occurred_at,prompt", *rows)
    reading = Reading(tmp_path, signups=signups, usage=usage)
    assert reading.telemetry.record.rows["usage"] == 396
    assert len(reading.faults) == 4


def test_lines_inside_a_value_that_closes_never_become_rows(tmp_path):
    inside = row("made-up", "x").replace("8.8.8.8", "1.2.3.4")
    rows = [row("a1", '"x"y'), row("a2", f'"p\n{inside}\nq"'), row("a3", "curl/8")]
    reading = Reading(tmp_path, signups=text_file(tmp_path / "s.csv", HEAD, *rows))
    assert reading.accounts == ["a2", "a3"]
    assert opened_at(reading) == [2]


@pytest.mark.parametrize("others", ["x", '""', '"a, b"'])
@pytest.mark.parametrize("place", [0, 2, 11])
def test_a_lone_quote_costs_its_line_only(tmp_path, others, place):
    clients = [others] * 12
    clients[place] = '"'
    reading = Reading(tmp_path, signups=file_of(tmp_path, clients))
    assert reading.accounts == sorted(f"a{n}" for n in range(12) if n != place)
    assert opened_at(reading) == [place + 2]


def test_quotes_that_pair_up_across_columns_and_rows_cost_their_lines_only(tmp_path):
    rows = [row(f"a{n}", "x") for n in range(1, 7)]
    rows[1] = 'a2,"2026-01-01,8.8.8.8,x'
    rows[3] = 'a4,2026-01-01,8.8.8.8","x'
    reading = Reading(tmp_path, signups=text_file(tmp_path / "s.csv", HEAD, *rows))
    assert reading.accounts == ["a1", "a3", "a5", "a6"]
    assert opened_at(reading) == [3, 5]


def test_rows_inside_a_row_of_too_few_columns_are_told_of(tmp_path):
    file = text_file(
        tmp_path / "s.csv", HEAD, '"', row("a2", "x"), row("a3", "x"), '"', row("a5", "x")
    )
    reading = Reading(tmp_path, signups=file)
    assert reading.accounts == ["a5"]
    assert any("3 lines lie inside" in notice for notice in reading.notices)


def test_a_header_that_swallows_rows_is_refused(tmp_path):
    head = 'account_id,created_at,ip,"user_agent'
    file = text_file(tmp_path / "s.csv", head, row("a1", "x"), row("a2", 'x"'), row("a3", "x"))
    with pytest.raises(InputError, match="quote is opened in the header"):
        Reading(tmp_path, signups=file)


def test_a_line_too_long_costs_itself_only(tmp_path):
    signups = file_of(tmp_path, ["curl/8"])
    rows = [f"a0,2026-01-02,plain {n}" for n in range(40)]
    rows[3] = "a0,2026-01-02," + "z" * 9_000_000
    rows[20] = rows[30] = 'a0,2026-01-02,"two\nlines"'
    usage = text_file(tmp_path / "u.csv", "account_id,occurred_at,prompt", *rows)
    reading = Reading(tmp_path, signups=signups, usage=usage)
    assert reading.telemetry.record.rows["usage"] == 39
    assert reading.faults == [(5, None, "line too long")]


def test_open_quotes_further_apart_than_a_buffer_cost_a_line_each(tmp_path):
    clients = ["curl/8 and what else a client says of itself" * 3] * 120_000
    for at in (20, 60_000, 61_000, 119_990):
        clients[at] = '"Mozilla open'
    reading = Reading(tmp_path, signups=file_of(tmp_path, clients))
    assert opened_at(reading) == [22, 60_002, 61_002, 119_992]
    assert len(reading.accounts) == 120_000 - 4
    assert "quotes of 4 lines" in reading.notices[0]


def test_more_open_quotes_than_there_are_rounds_are_told_of(tmp_path, monkeypatch):
    clients = ["curl/8", '"Mozilla open'] * 400
    reading = Reading(tmp_path, signups=file_of(tmp_path, clients))
    assert len(reading.accounts) == len(opened_at(reading)) == 400
    assert not any("may be lost" in notice for notice in reading.notices)
    monkeypatch.setattr(intake, "ROUNDS", 2)
    reading = Reading(tmp_path, signups=file_of(tmp_path, clients))
    assert len(reading.accounts) < 400
    assert any("may be lost" in notice for notice in reading.notices)


def test_rows_of_an_account_with_open_quotes_are_lost_in_usage_too_and_no_others(tmp_path):
    signups = file_of(tmp_path, ["curl/8"] * 3)
    usage = text_file(
        tmp_path / "u.csv",
        "account_id,occurred_at,prompt",
        'a0,2026-01-02,"two\nlines"',
        'a0,2026-01-02,"never closed',
        "a1,2026-01-03,plain",
        'a2,2026-01-04,"two, ""and""\nlines"',
    )
    reading = Reading(tmp_path, signups=signups, usage=usage)
    assert reading.faults == [(4, None, "broken quotes")]
    assert reading.telemetry.record.rows["usage"] == 3
    assert reading.telemetry.profiles.exchanges.tolist() == [1, 1, 1]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("ended", [True, False])
def test_a_quote_that_closes_rows_later_is_told_of(tmp_path, end, ended):
    clients = ["curl/8"] * 60
    clients[20], clients[40] = '"Mozilla open', 'closes here"'
    file = file_of(tmp_path, clients, end=end)
    if not ended:
        Path(file).write_text(Path(file).read_text().rstrip())
    reading = Reading(tmp_path, signups=file)
    assert reading.faults == []
    assert len(reading.accounts) == 40
    (told,) = [notice for notice in reading.notices if "over several lines" in notice]
    assert "1 row has" in told
    assert "line 22; 20 lines" in told


def test_a_time_that_swallows_rows_is_told_of(tmp_path):
    rows = [row(f"a{n}", "x") for n in range(9)]
    rows[3] = 'a3,"2026-01-01,8.8.8.8,x'
    rows[6] = 'a6,2026-01-01",8.8.8.8,x'
    reading = Reading(tmp_path, signups=text_file(tmp_path / "s.csv", HEAD, *rows))
    assert reading.accounts == ["a0", "a1", "a2", "a7", "a8"]
    assert any("3 lines lie inside" in notice for notice in reading.notices)


def test_prompts_over_several_lines_are_nothing_to_tell_of(tmp_path):
    signups = file_of(tmp_path, ["curl/8", "curl/9"])
    usage = text_file(
        tmp_path / "u.csv", "account_id,occurred_at,prompt,model", 'a0,2026-01-02,"a\nb\nc",m', ""
    )
    reading = Reading(tmp_path, signups=signups, usage=usage)
    assert not any("lines" in notice for notice in reading.notices)


def test_the_order_of_files_does_not_hide_which_one_has_values_over_lines(tmp_path):
    late = file_of(tmp_path, ["curl/8", '"open', 'close"'], name="late.csv")
    good = text_file(tmp_path / "good.csv", HEAD, row("b", "x"), "", "", row("c", "y"))
    reading = Reading(tmp_path, signups=[late, good])
    told = [notice for notice in reading.notices if "over several lines" in notice]
    assert [notice.partition(":")[0] for notice in told] == ["late.csv"]
