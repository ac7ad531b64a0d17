"""The independent generator: same seed, same world; the files tell nothing but the data."""

import json
import re
import string

import numpy as np
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from tests.bench.otherworld.styles import STYLES
from tests.bench.otherworld.world import Wish, make_world

SIGNUP_FIELDS = {
    "account_id", "created_at", "email", "email_verified", "ip", "device_id", "payment_fingerprint",
    "card_bin", "phone", "user_agent", "tls_fingerprint", "country", "plan", "organisation_id",
    "referrer", "closed_at",
}  # fmt: skip
USAGE_FIELDS = {
    "account_id", "occurred_at", "ip", "device_id", "model", "input_tokens", "output_tokens",
    "prompt_fingerprint", "exchanges",
}  # fmt: skip
TRUTH_FIELDS = {
    "account_id", "fleet_id", "style", "cohort", "cohort_id", "network_class", "region",
    "established",
}  # fmt: skip
N = 3000
SEEDS = (3, 4)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    out = {}
    for seed in SEEDS:
        folder = tmp_path_factory.mktemp(f"other{seed}")
        told = make_world(Wish(N, seed, prevalence=0.2, window_days=30, rows_a_day=8), folder)
        tables = {path.stem: pq.read_table(path) for path in sorted(folder.glob("*.parquet"))}
        out[seed] = folder, told, tables
    return out


def column(table, name):
    return np.array(table[name].to_pylist(), dtype=object)


def of_signups(tables):
    """Sign-ups and, in the same order, whether the account belongs to a fleet."""
    signups, truth = tables["signups"], tables["truth"]
    fleet = dict(zip(column(truth, "account_id"), column(truth, "fleet_id"), strict=True))
    return signups, np.array([fleet[a] is not None for a in column(signups, "account_id")])


def seconds(table, name):
    """Epoch seconds; NaN where there is no moment."""
    return table[name].cast("int64").to_numpy().astype(float) / 1000.0


def numbers(tables, name):
    """Row of the sign-up of each row of another table."""
    ids = tables["signups"]["account_id"].to_pylist()
    place = dict(zip(ids, range(len(ids)), strict=True))
    return np.array([place[a] for a in tables[name]["account_id"].to_pylist()])


def order_auc(position, fleet):
    """Chance that a fleet account stands after a benign one."""
    rank = np.empty(len(position))
    rank[np.argsort(position)] = np.arange(len(position))
    return (rank[fleet].mean() - (fleet.sum() - 1) / 2) / (~fleet).sum()


def shape(text):
    """Letters to a, digits to 9, runs to one; what stays is punctuation."""
    if text is None:
        return None
    return re.sub(r"[0-9a-z]+", "x", text.lower())


def test_the_same_seed_gives_the_same_bytes(worlds, tmp_path):
    folder = worlds[SEEDS[0]][0]
    make_world(Wish(N, SEEDS[0], prevalence=0.2, window_days=30, rows_a_day=8), tmp_path)
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_two_seeds_give_two_worlds(worlds):
    one, two = (worlds[seed][2]["signups"]["email"].to_pylist() for seed in SEEDS)
    assert len(set(one) & set(two)) < 10


@pytest.mark.parametrize("seed", SEEDS)
def test_columns_are_those_of_the_input_contract(worlds, seed):
    tables = worlds[seed][2]
    assert set(tables["signups"].column_names) <= SIGNUP_FIELDS
    assert set(tables["usage"].column_names) == USAGE_FIELDS
    assert set(tables["truth"].column_names) == TRUTH_FIELDS
    assert {"payment_fingerprint", "card_bin"} <= set(tables["payments"].column_names)
    assert {"ip", "device_id", "user_agent"} <= set(tables["logins"].column_names)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_account_signs_up_once_and_has_one_truth(worlds, seed):
    tables = worlds[seed][2]
    ids = tables["signups"]["account_id"].to_pylist()
    assert len(ids) == len(set(ids)) == N
    assert sorted(tables["truth"]["account_id"].to_pylist()) == sorted(ids)
    for name in ("usage", "payments", "logins"):
        assert set(tables[name]["account_id"].to_pylist()) <= set(ids)


@pytest.mark.parametrize("seed", SEEDS)
def test_use_is_after_sign_up_before_closing_and_inside_the_window(worlds, seed):
    _, told, tables = worlds[seed]
    account, t = numbers(tables, "usage"), seconds(tables["usage"], "occurred_at")
    created, closed = (
        seconds(tables["signups"], f"{name}_at")[account] for name in ("created", "closed")
    )
    hour = 3600.0  # a roll-up begins at its hour
    assert np.all(t >= created - hour)
    assert not np.any(t > closed)
    assert t.min() >= told["habits"]["begin"]
    assert t.max() < told["habits"]["begin"] + 30 * 86400


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_are_whole_numbers_of_exchanges_and_tokens(worlds, seed):
    usage = worlds[seed][2]["usage"]
    for name, least in (("exchanges", 1), ("input_tokens", 1), ("output_tokens", 0)):
        assert usage[name].type == "int64"
        assert usage[name].to_numpy().min() >= least


@pytest.mark.parametrize("seed", SEEDS)
def test_raw_rows_and_hourly_rows_both_occur_and_say_nothing_of_fleets(worlds, seed):
    tables = worlds[seed][2]
    _, fleet = of_signups(tables)
    account, t = numbers(tables, "usage"), seconds(tables["usage"], "occurred_at")
    rows, off_the_hour = (
        np.bincount(account, minlength=N),
        np.bincount(account[t % 3600 > 0], minlength=N),
    )
    hourly = (off_the_hour == 0)[rows > 0]
    inside, outside = hourly[fleet[rows > 0]].mean(), hourly[~fleet[rows > 0]].mean()
    assert 0.2 < outside < 0.95
    assert abs(inside - outside) < 0.12


@pytest.mark.parametrize("seed", SEEDS)
def test_neither_ids_nor_rows_are_ordered_by_truth(worlds, seed):
    signups, fleet = of_signups(worlds[seed][2])
    created = seconds(signups, "created_at")
    by_time = order_auc(created, fleet)
    by_id = order_auc(column(signups, "account_id").astype(str), fleet)
    by_row = order_auc(np.arange(len(fleet)), fleet)
    margin = 0.05  # four standard errors
    assert min(abs(by_id - 0.5), abs(by_id - by_time)) < margin
    assert min(abs(by_row - 0.5), abs(by_row - by_time)) < margin


@pytest.mark.parametrize("seed", SEEDS)
def test_ids_and_devices_of_fleets_have_no_alphabet_or_length_of_their_own(worlds, seed):
    signups, fleet = of_signups(worlds[seed][2])
    for name in ("account_id", "device_id", "payment_fingerprint", "card_bin", "tls_fingerprint"):
        if name not in signups.column_names:
            continue
        values = column(signups, name)
        inside, outside = (
            {(shape(v), None if v is None else len(v)) for v in values[side]}
            for side in (fleet, ~fleet)
        )
        assert inside <= outside, name
        used = {c for v in values if v for c in v.lower()}
        assert used <= set(string.ascii_lowercase + string.digits + "-_")


@pytest.mark.parametrize("seed", SEEDS)
def test_devices_are_missing_as_often_in_fleets_as_outside(worlds, seed):
    signups, fleet = of_signups(worlds[seed][2])
    missing = np.array([v is None for v in column(signups, "device_id")])
    assert abs(missing[~fleet].mean() - 0.3) < 0.04
    assert abs(missing[fleet].mean() - 0.3) < 0.08


def test_seven_of_ten_strangers_have_no_card(worlds):
    signups, _ = of_signups(worlds[SEEDS[0]][2])
    truth = worlds[SEEDS[0]][2]["truth"]
    stranger = dict(
        zip(column(truth, "account_id"), column(truth, "cohort") == "background", strict=True)
    )
    mine = np.array([stranger[a] for a in column(signups, "account_id")])
    without = np.array([v is None for v in column(signups, "payment_fingerprint")])
    assert abs(without[mine].mean() - 0.7) < 0.05


@pytest.mark.parametrize("seed", SEEDS)
def test_every_style_occurs_and_every_large_fleet_has_links(worlds, seed):
    told = worlds[seed][1]
    assert {fleet["style"] for fleet in told["fleets"]} == {style.__name__ for style in STYLES}
    for fleet in told["fleets"]:
        assert fleet["accounts"] >= 5
        if fleet["accounts"] >= 30:
            assert sum(fleet["linked"].values()) > 0.4, fleet


def test_a_world_without_fleets_has_none_and_may_come_as_csv(tmp_path):
    told = make_world(
        Wish(800, 5, prevalence=0.0, signups_format="csv", country=False, usage=False), tmp_path
    )
    table = pc.read_csv(tmp_path / "signups.csv")
    truth = pq.read_table(tmp_path / "truth.parquet")
    assert told["fleets"] == []
    assert table.num_rows == 800
    assert "country" not in table.column_names
    assert truth["fleet_id"].null_count == 800
    assert not (tmp_path / "usage.parquet").exists()
    assert json.loads((tmp_path / "world.json").read_text())["wish"]["seed"] == 5
