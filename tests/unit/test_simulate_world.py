"""The files of a world: columns, bounds, counts, and that they tell nothing but data."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from simulated import DAY, column, groups, members, truth_of, values, world_of

from ringfinder.errors import InvalidParameter
from ringfinder.simulate import (
    COHORTS,
    STYLES,
    Adversary,
    Campaign,
    WorldSpec,
    simulate,
    write_world,
)
from ringfinder.simulate.__main__ import main, spec_of
from ringfinder.simulate.spec import NETWORK_CLASSES

SIGNUPS = [
    "account_id", "created_at", "email", "email_verified", "ip", "device_id",
    "payment_fingerprint", "card_bin", "phone", "user_agent", "tls_fingerprint", "country",
    "plan", "referrer", "closed_at",
]  # fmt: skip
USAGE = [
    "account_id", "occurred_at", "ip", "device_id", "model", "input_tokens", "output_tokens",
    "prompt_fingerprint", "exchanges",
]  # fmt: skip


@pytest.fixture(scope="module")
def world():
    return world_of()


class TestTables:
    def test_signups_have_the_columns_of_the_contract(self, world):
        assert world["signups"].column_names == SIGNUPS

    def test_usage_has_the_columns_of_the_contract(self, world):
        assert world["usage"].column_names == USAGE

    def test_payments_and_logins_have_the_columns_of_the_contract(self, world):
        assert world["payments"].column_names == [
            "account_id", "occurred_at", "payment_fingerprint", "card_bin",
        ]  # fmt: skip
        assert world["logins"].column_names == [
            "account_id", "occurred_at", "ip", "device_id", "user_agent", "tls_fingerprint",
        ]  # fmt: skip

    def test_the_truth_is_not_in_any_other_table(self, world):
        told = {"fleet_id", "style", "cohort", "group_id", "network_class", "established"}
        for name in ("signups", "usage", "payments", "logins"):
            assert not told & set(world[name].column_names)

    def test_every_account_signs_up_once_and_has_one_truth(self, world):
        ids = column(world["signups"], "account_id")
        assert len(set(ids)) == len(ids) == 8000
        assert set(ids) == set(column(world["truth"], "account_id"))

    def test_every_row_belongs_to_an_account(self, world):
        ids = set(column(world["signups"], "account_id"))
        for name in ("usage", "payments", "logins"):
            assert set(column(world[name], "account_id")) <= ids

    def test_usage_comes_to_the_rows_that_were_asked_for(self, world):
        assert abs(world["usage"].num_rows / 8000 - 10) < 0.5

    def test_fewer_rows_can_be_asked_for(self):
        few = world_of(accounts=3000, rows_per_account=4.0)
        assert abs(few["usage"].num_rows / 3000 - 4) < 0.4

    def test_without_a_country_there_is_no_such_column(self):
        blind = world_of(accounts=2000, regions=3, country_given=False)
        assert "country" not in blind["signups"].column_names

    def test_times_are_utc_and_in_milliseconds(self, world):
        assert world["signups"].schema.field("created_at").type == pa.timestamp("ms", tz="UTC")


class TestBounds:
    def test_everything_happens_within_the_window(self, world):
        spec = WorldSpec()
        for name, field in (("signups", "created_at"), ("usage", "occurred_at"),
                            ("payments", "occurred_at"), ("logins", "occurred_at")):  # fmt: skip
            times = column(world[name], field)
            assert times.min() >= spec.start_ms
            assert times.max() < spec.end_ms

    @pytest.mark.parametrize("table", ["usage", "payments", "logins"])
    def test_nobody_acts_before_the_signup_or_after_the_closing(self, world, table):
        signups = world["signups"].to_pydict()
        created = dict(zip(signups["account_id"], signups["created_at"], strict=True))
        closed = dict(zip(signups["account_id"], signups["closed_at"], strict=True))
        rows = world[table].to_pydict()
        for account, when in zip(rows["account_id"], rows["occurred_at"], strict=True):
            assert when >= created[account]
            assert closed[account] is None or when <= max(closed[account], created[account])

    def test_nobody_is_closed_before_the_signup(self, world):
        rows = world["signups"].to_pylist()
        assert all(r["closed_at"] is None or r["closed_at"] >= r["created_at"] for r in rows)

    def test_every_row_has_exchanges_and_tokens(self, world):
        for name in ("exchanges", "input_tokens", "output_tokens"):
            assert column(world["usage"], name).min() >= 1

    def test_free_accounts_have_no_card_and_are_about_half(self, world):
        rows = world["signups"].to_pylist()
        free = [r for r in rows if r["plan"] == "free"]
        assert all(r["payment_fingerprint"] is None and r["card_bin"] is None for r in free)
        share = np.mean([r["payment_fingerprint"] is None for r in rows])
        assert 0.35 < share < 0.6

    def test_a_card_comes_with_its_issuer(self, world):
        issuer: dict[str, set] = {}
        for table in ("signups", "payments"):
            for row in world[table].to_pylist():
                if row["payment_fingerprint"] is not None:
                    issuer.setdefault(row["payment_fingerprint"], set()).add(row["card_bin"])
        assert max(map(len, issuer.values())) == 1

    def test_most_accounts_leave_no_phone(self, world):
        assert world["signups"]["phone"].null_count > 0.7 * 8000


class TestTruth:
    def test_fleets_have_the_share_that_was_asked_for(self, world):
        assert len(members(world, cohort="fleet")) == 1600

    def test_cohorts_have_their_shares(self, world):
        counts = Counter(column(world["truth"], "cohort"))
        assert set(counts) == set(COHORTS)
        assert abs(counts["company"] - 0.06 * 8000) <= 1
        assert abs(counts["family"] - 0.04 * 8000) <= 2

    def test_all_styles_are_planted_in_numbers_that_can_be_measured(self):
        counts = Counter(column(world_of(accounts=60_000, prevalence=0.06)["truth"], "style"))
        assert min(counts[style] for style in STYLES) >= 150

    def test_there_are_fleets_of_every_size(self):
        sizes = [len(one) for one in groups(world_of(accounts=60_000, prevalence=0.06)).values()]
        assert 50 <= len(sizes) <= 90
        assert min(sizes) < 10
        assert max(sizes) > 500
        assert sum(10 <= size < 30 for size in sizes) >= 10

    def test_only_fleet_accounts_have_a_fleet_and_a_style(self, world):
        for row in world["truth"].to_pylist():
            inside = row["cohort"] == "fleet"
            assert (row["fleet_id"] is not None) == (row["style"] is not None) == inside

    def test_members_of_cohorts_have_a_group_and_strangers_have_none(self, world):
        for row in world["truth"].to_pylist():
            alone = row["cohort"] in ("background", "fleet")
            assert (row["group_id"] is None) == alone

    def test_network_classes_are_the_known_ones(self, world):
        assert set(column(world["truth"], "network_class")) <= set(NETWORK_CLASSES)

    @pytest.mark.parametrize("prevalence", [0.0, 0.003, 0.3])
    def test_any_prevalence_can_be_asked_for(self, prevalence):
        made = world_of(accounts=4000, prevalence=prevalence)
        assert len(members(made, cohort="fleet")) == round(4000 * prevalence)

    def test_a_world_without_fleets_still_has_all_look_alikes(self):
        made = world_of(accounts=4000, prevalence=0.0)
        assert set(column(made["truth"], "cohort")) == set(COHORTS) - {"fleet"}


class TestOpacity:
    def test_the_order_of_accounts_tells_nothing(self, world):
        truth = truth_of(world)
        flags = [truth[a]["fleet_id"] is not None for a in sorted(truth)]
        runs = np.count_nonzero(np.diff(np.array(flags, int)))
        expected = 2 * 8000 * 0.2 * 0.8
        assert abs(runs - expected) < 5 * expected**0.5

    def test_all_ids_have_one_shape(self, world):
        assert {len(a) for a in column(world["truth"], "account_id")} == {20}

    @pytest.mark.parametrize(
        ("field", "shape"),
        [
            ("device_id", len), ("payment_fingerprint", len), ("card_bin", len),
            ("tls_fingerprint", len), ("plan", str), ("referrer", str), ("user_agent", str),
        ],
    )  # fmt: skip
    def test_no_fleet_value_has_a_shape_that_honest_people_lack(self, world, field, shape):
        fleets = members(world, cohort="fleet")
        found = values(world, "signups", field)
        ours = {shape(v) for a, vs in found.items() if a in fleets for v in vs}
        theirs = {shape(v) for a, vs in found.items() if a not in fleets for v in vs}
        assert ours <= theirs

    def test_honest_people_pad_their_numbers_too(self, world):
        fleets = members(world, cohort="fleet")
        found = values(world, "signups", "email")
        padded = {a for a, vs in found.items() if "0" in vs[0] and vs[0].rpartition("@")[0]
                  .rstrip("0123456789") != vs[0].rpartition("@")[0]}  # fmt: skip
        assert padded - fleets


class TestDeterminism:
    def test_the_same_spec_gives_the_same_bytes(self, tmp_path):
        spec = WorldSpec(accounts=1500, seed=3, regions=2, untidy=True, missing=0.1)
        first = write_world(simulate(spec), tmp_path / "a")
        second = write_world(simulate(spec), tmp_path / "b")
        for name, path in first.items():
            assert path.read_bytes() == second[name].read_bytes(), name

    def test_another_seed_gives_another_world(self):
        one, two = world_of(accounts=500, seed=1), world_of(accounts=500, seed=2)
        assert not set(column(one["signups"], "ip")) & set(column(two["signups"], "ip")) - {None}

    def test_threads_change_nothing(self):
        before = pa.cpu_count()
        try:
            pa.set_cpu_count(1)
            alone = simulate(WorldSpec(accounts=800, seed=9))
        finally:
            pa.set_cpu_count(before)
        assert alone["usage"].equals(simulate(WorldSpec(accounts=800, seed=9))["usage"])


class TestFiles:
    def test_files_and_facts_are_written(self, world, tmp_path):
        paths = write_world(world, tmp_path / "new" / "folder")
        assert set(paths) == {"signups", "usage", "payments", "logins", "truth", "world"}
        assert pq.read_table(paths["signups"]).num_rows == 8000
        facts = json.loads(paths["world"].read_text())
        assert facts["spec"]["seed"] == 5
        assert sum(one["size"] for one in facts["fleets"]) == 1600
        assert facts["rows"]["usage"] == world["usage"].num_rows

    def test_signups_are_written_in_order_of_time(self, world):
        times = column(world["signups"], "created_at")
        assert (np.diff(times) >= 0).all()

    def test_the_module_writes_a_world(self, tmp_path):
        given = ["--accounts", "400", "--seed", "2", "--out", str(tmp_path), "--no-country"]
        assert main([*given, "--framing", "20"]) == 0
        assert "country" not in pq.read_schema(tmp_path / "signups.parquet").names
        styles = pq.read_table(tmp_path / "truth.parquet")["style"].to_pylist()
        assert styles.count("framing") == 20

    def test_an_impossible_wish_ends_with_one_sentence(self, tmp_path, capsys):
        assert main(["--accounts", "3", "--out", str(tmp_path)]) == 2
        assert capsys.readouterr().err == "accounts is 3; expected 50 or more\n"

    def test_options_that_were_not_given_keep_the_presets_value(self):
        spec = spec_of({"preset": "untidy", "seed": 4, "accounts": None, "decoy_rate": 0.2})
        assert (spec.missing, spec.untidy, spec.seed, spec.accounts) == (0.3, True, 4, 60_000)
        assert spec.adversary == Adversary(decoy_rate=0.2)


@pytest.mark.parametrize(
    ("knobs", "named"),
    [
        ({"accounts": 10}, "accounts"),
        ({"prevalence": 0.95}, "prevalence"),
        ({"regions": 0}, "regions"),
        ({"days": 3}, "days"),
        ({"missing": 1.0}, "missing"),
        ({"styles": ("unheard-of",)}, "styles"),
        ({"styles": ()}, "styles"),
        ({"cohort_shares": {"company": 0.97}}, "share of accounts"),
        ({"cohort_shares": {"martians": 0.1}}, "cohort_shares"),
        ({"adversary": Adversary(decoy_rate=2)}, "decoy_rate"),
        ({"accounts": 1000, "adversary": Adversary(framing=800)}, "share of accounts"),
        ({"campaigns": (Campaign("camouflage", 10, 10, 10),)}, "style"),
        ({"campaigns": (Campaign("hydra", 10, 10, 100),)}, "campaign days"),
    ],
)  # fmt: skip
def test_an_impossible_spec_is_refused_by_name(knobs, named):
    with pytest.raises(InvalidParameter, match=named):
        WorldSpec(**knobs)


def test_a_day_is_a_day():
    assert WorldSpec(days=10).end_ms - WorldSpec(days=10).start_ms == 10 * DAY
