"""``ringfinder simulate``: which world is asked for, and what is said of it."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from shell import run

from ringfinder import simulate as worlds


@pytest.fixture(scope="module")
def tiny():
    """The smallest world, made once."""
    return worlds.simulate(worlds.WorldSpec(accounts=200, seed=1, days=14))


@pytest.fixture
def asked(monkeypatch, tmp_path, tiny):
    """Remember the specs that were asked for; make a tiny world whatever they are."""
    monkeypatch.chdir(tmp_path)
    specs = []

    def simulate(spec):
        specs.append(spec)
        return tiny

    monkeypatch.setattr(worlds, "simulate", simulate)
    return specs


def test_a_preset_is_where_the_other_options_begin(asked):
    run("simulate", "--preset", "framing", "--accounts", 5000, "--out", "w")
    expected = worlds.WorldSpec(accounts=5000, seed=0, adversary=worlds.Adversary(framing=1000))
    assert asked == [expected]


def test_an_option_changes_only_its_part_of_the_presets_adversary(asked):
    run("simulate", "--preset", "framing", "--decoy-rate", 0.2, "--out", "w")
    assert asked[0].adversary == worlds.Adversary(framing=1000, decoy_rate=0.2)


def test_a_preset_without_the_country_stays_without(asked):
    run("simulate", "--preset", "unnamed", "--regions", 3, "--out", "w")
    assert (asked[0].country_given, asked[0].regions) == (False, 3)


def test_without_options_it_is_the_usual_world(asked):
    run("simulate", "--out", "w")
    assert asked == [worlds.WorldSpec(seed=0)]


def test_options_reach_the_spec(asked):
    run(
        "simulate", "--accounts", 500, "--seed", 9, "--prevalence", 0.01, "--regions", 12,
        "--no-country", "--untidy", "--styles", "hydra", "burst", "--out", "w",
    )  # fmt: skip
    assert asked == [
        worlds.WorldSpec(
            accounts=500, seed=9, prevalence=0.01, regions=12, country_given=False, untidy=True,
            styles=("hydra", "burst"),
        )
    ]  # fmt: skip


def test_the_adversary_has_options_of_its_own(asked):
    run("simulate", "--decoy-rate", 0.4, "--framing", 1000, "--out", "w")
    assert asked[0].adversary == worlds.Adversary(decoy_rate=0.4, framing=1000)


def test_none_in_fleets_can_be_asked_for(asked):
    run("simulate", "--prevalence", 0, "--out", "w")
    assert asked[0].prevalence == 0


def test_the_seed_may_come_from_a_variable(asked, monkeypatch):
    monkeypatch.setenv("RINGFINDER_SEED", "11")
    run("simulate", "--out", "w")
    assert asked[0].seed == 11


def test_it_says_what_it_made(asked, tmp_path):
    ran = run("simulate", "--out", "w")
    truth = pq.read_table(tmp_path / "w" / "truth.parquet")
    in_fleets = truth.num_rows - truth["fleet_id"].null_count
    assert ran.out.startswith(f"200 accounts, {in_fleets} of them in ")
    assert ran.out.endswith("are in w.\n")


def test_for_a_machine_it_is_one_object(asked):
    made = run("simulate", "--out", "w", "--json").json()
    assert made["accounts"] == 200
    assert made["rows"]["signups"] == 200


@pytest.mark.parametrize(
    "words",
    [
        ["--accounts", 10],
        ["--prevalence", 2],
        ["--styles", "none"],
        ["--preset", "x"],
        ["--smallest-fleet", 50, "--largest-fleet", 10],
    ],
)
def test_an_impossible_world_is_refused_with_code_2(tmp_path, words):
    ran = run("simulate", *words, "--out", tmp_path / "w")
    assert ran.code == 2
    assert "expected" in ran.err


def test_the_same_options_give_the_same_files(tmp_path):
    for name in ("a", "b"):
        run("simulate", "--accounts", 300, "--seed", 5, "--days", 14, "--out", tmp_path / name)
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
