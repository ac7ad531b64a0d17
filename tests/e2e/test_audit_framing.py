"""Who knows the code cannot frame the innocent."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from audits import audited, make_world

from ringfinder.simulate import Adversary

ONE_LEFT = pytest.mark.xfail(
    strict=False, reason="of 36 established accounts one that signed up shortly before is moved"
)


@pytest.mark.parametrize("seed", [pytest.param(4, marks=ONE_LEFT), 5])
def test_attackers_who_wear_a_companys_domain_move_no_established_account(seed, tmp_path):
    world = make_world(
        tmp_path / "in", accounts=3_000, seed=seed, prevalence=0.03, rows_per_account=6.0,
        adversary=Adversary(framing=60),
    )  # fmt: skip
    truth = {row["account_id"]: row for row in pq.read_table(world["truth"]).to_pylist()}
    found = audited(world, tmp_path / "out")
    attackers = moved = established = 0
    for row in found.rows("accounts"):
        is_so = truth[row["account_id"]]
        bothered = row["decision"] != "allow"
        attackers += bothered and is_so["style"] == "framing"
        moved += bothered and is_so["established"]
        established += is_so["established"]
    assert established > 20
    assert attackers > 50
    assert moved == 0
