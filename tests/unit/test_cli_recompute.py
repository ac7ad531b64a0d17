"""What a nightly run tells a person."""

from __future__ import annotations

from pathlib import Path

from ringfinder.cli.recompute import SHOWN, show
from ringfinder.runs import RecomputeSummary, RingLine


def lines(verdict, number):
    return tuple(RingLine(f"{verdict}-{n}", verdict, 5, 0.5, 0, "x") for n in range(number))


def told(capsys, fleets, unclear):
    show(
        RecomputeSummary(
            snapshot_id="s", in_force=True, held=(), headline="What was found.", accounts=9,
            flagged=0, newly_flagged=0, no_longer_flagged=0, rings=0, changes={},
            fleets=lines("fleet", fleets), unclear=lines("unclear", unclear), edited=(),
            sequence=0, touched=None, steps={}, report=Path("report.html"), seconds=0.0,
        )
    )  # fmt: skip
    return capsys.readouterr().out


def test_rings_for_a_person_to_look_at_are_named_after_the_fleets(capsys):
    out = told(capsys, 1, 2)
    fleets, unclear = out.split("For a person to look at:")
    assert "fleet-0" in fleets
    assert "unclear-0" in unclear
    assert "unclear-1" in unclear


def test_where_there_is_no_ring_there_is_no_table(capsys):
    out = told(capsys, 0, 0)
    assert "Fleets" not in out
    assert "For a person" not in out


def test_of_many_the_number_of_the_others_is_told(capsys):
    assert "... and 3 more in rings.parquet." in told(capsys, 0, SHOWN + 3)
