"""The audit from files to files: the contract of its results, to the letter."""

from __future__ import annotations

import hashlib
import itertools
import json
import re

import pyarrow.parquet as pq
import pytest
from audits import FILES, TABLES, Audited, audited, make_world, write_rows

from ringfinder.model import Decision, Lifecycle, Verdict
from ringfinder.schema import KIND
from ringfinder.score.features import NAMES

DECIDED = "2026-04-10T00:00:00Z"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(
        tmp_path_factory.mktemp("world"), accounts=3_000, seed=11, prevalence=0.1,
        rows_per_account=6.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(world, tmp_path_factory) -> Audited:
    return audited(world, tmp_path_factory.mktemp("out") / "audit")


@pytest.fixture(scope="module")
def truth(world):
    return {row["account_id"]: row for row in pq.read_table(world["truth"]).to_pylist()}


def types(path):
    return [(field.name, str(field.type)) for field in pq.read_schema(path)]


def by(rows, name):
    keyed = sorted(rows, key=lambda row: row[name] or "")
    return {key: list(group) for key, group in itertools.groupby(keyed, lambda row: row[name])}


class TestFiles:
    def test_are_the_ones_of_the_contract_and_no_other(self, found):
        assert {path.name for path in found.out.iterdir()} == FILES

    def test_are_named_in_the_run_with_their_digests(self, found):
        digests = {
            name: hashlib.sha256((found.out / name).read_bytes()).hexdigest()
            for name in FILES - {"run.json"}
        }
        assert found.run["files"] == digests

    def test_the_report_is_one_page_that_loads_nothing(self, found):
        page = (found.out / "report.html").read_text("utf-8")
        assert page.lstrip().lower().startswith("<!doctype html>")
        assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)

    def test_nothing_was_rejected(self, found):
        assert (found.out / "rejects.jsonl").read_bytes() == b""


class TestAccounts:
    def test_columns_and_types(self, found):
        reason = "struct<code: string, family: string, kind: string, nats: double, text: string>"
        assert types(found.out / "accounts.parquet") == [
            ("account_id", "string"),
            ("ring_id", "string"),
            ("membership", "double"),
            ("score", "double"),
            ("decision", "string"),
            ("reasons", f"list<element: {reason}>"),
        ]

    def test_every_sign_up_is_one_row_in_order(self, found, world):
        ids = [row["account_id"] for row in found.rows("accounts")]
        assert ids == sorted(pq.read_table(world["signups"])["account_id"].to_pylist())

    def test_numbers_are_shares_and_membership_is_for_members(self, found):
        for row in found.rows("accounts"):
            assert 0 <= row["membership"] <= 1
            assert 0 <= row["score"] <= 1
            assert (row["membership"] > 0) == (row["ring_id"] is not None)

    def test_a_members_score_is_member_times_fleet_and_no_stranger_passes_half(self, found):
        fleet = {row["ring_id"]: row["score"] for row in found.rows("rings")}
        for row in found.rows("accounts"):
            if row["ring_id"] is None:
                assert row["score"] <= 0.5
            else:
                assert row["score"] == pytest.approx(row["membership"] * fleet[row["ring_id"]])

    def test_only_members_of_fleets_are_bothered_and_nobody_is_denied(self, found):
        verdict = {row["ring_id"]: row["verdict"] for row in found.rows("rings")}
        decisions = set()
        for row in found.rows("accounts"):
            decisions.add(row["decision"])
            if row["decision"] != Decision.ALLOW:
                assert verdict[row["ring_id"]] == Verdict.FLEET
        assert {"allow", "challenge"} <= decisions <= {"allow", "review", "challenge"}

    def test_every_decision_has_reasons_in_plain_words(self, found):
        for row in found.rows("accounts"):
            assert row["reasons"]
            for reason in row["reasons"]:
                assert reason["code"]
                assert reason["family"]
                assert reason["kind"]
                assert reason["text"].endswith(".")
                assert reason["nats"] == reason["nats"]


class TestRings:
    def test_columns_and_types(self, found):
        assert types(found.out / "rings.parquet") == [
            ("ring_id", "string"),
            ("size", "int64"),
            ("score", "double"),
            ("verdict", "string"),
            ("lifecycle", "string"),
            ("first_seen", "timestamp[ms, tz=UTC]"),
            ("last_seen", "timestamp[ms, tz=UTC]"),
            ("exchanges", "int64"),
            ("output_tokens", "int64"),
            *((name, "double") for name in NAMES),
            ("false_discovery_rate", "double"),
            ("summary", "string"),
        ]

    def test_rows_agree_with_the_accounts(self, found):
        members = by(found.rows("accounts"), "ring_id")
        rings = found.rows("rings")
        assert len({ring["ring_id"] for ring in rings}) == len(rings) > 5
        assert {ring["ring_id"]: ring["size"] for ring in rings} == {
            name: len(rows) for name, rows in members.items() if name is not None
        }

    def test_what_they_did_is_what_their_members_did(self, found, world):
        ring_of, sums = found.ring_of(), {}
        for row in pq.read_table(world["usage"]).to_pylist():
            did = sums.setdefault(ring_of[row["account_id"]], [0, 0])
            did[0] += row["exchanges"]
            did[1] += row["output_tokens"]
        for ring in found.rows("rings"):
            did = [ring["exchanges"], ring["output_tokens"]]
            assert did == sums.get(ring["ring_id"], [0, 0])

    def test_they_are_seen_from_the_first_sign_up_on(self, found, world):
        ring_of, first = found.ring_of(), {}
        for row in pq.read_table(world["signups"]).to_pylist():
            ring = ring_of[row["account_id"]]
            first[ring] = min(first.get(ring, row["created_at"]), row["created_at"])
        for ring in found.rows("rings"):
            assert ring["first_seen"] == first[ring["ring_id"]] <= ring["last_seen"]

    def test_words_and_rates_are_of_their_kind(self, found):
        for ring in found.rows("rings"):
            assert ring["verdict"] in set(Verdict)
            assert ring["lifecycle"] in set(Lifecycle)
            assert 0 <= ring["score"] <= 1
            assert (ring["verdict"] == Verdict.FLEET) == (ring["score"] >= 0.5)
            assert 0 <= ring["false_discovery_rate"] <= 0.01
            assert ring["summary"].endswith(".")


class TestEvidence:
    def test_columns_and_types(self, found):
        assert types(found.out / "evidence.parquet") == [
            ("ring_id", "string"),
            ("family", "string"),
            ("kind", "string"),
            ("value", "string"),
            ("accounts_inside", "int64"),
            ("accounts_total", "int64"),
            ("nats", "double"),
        ]

    def test_values_are_counted_and_sorted_by_weight_within_their_ring(self, found):
        size = {ring["ring_id"]: ring["size"] for ring in found.rows("rings")}
        rings = by(found.rows("evidence"), "ring_id")
        assert set(rings) == set(size)
        for name, rows in rings.items():
            nats = [row["nats"] for row in rows]
            assert nats == sorted(nats, reverse=True)
            for row in rows:
                assert KIND[row["kind"]].family == row["family"]
                assert 2 <= row["accounts_inside"] <= min(size[name], row["accounts_total"])
                assert row["value"].startswith("p")

    def test_no_fleet_rests_on_one_family(self, found):
        evidence = by(found.rows("evidence"), "ring_id")
        for ring in found.rows("rings"):
            if ring["verdict"] == Verdict.FLEET:
                assert len({row["family"] for row in evidence[ring["ring_id"]]}) >= 2


class TestRun:
    def test_it_records_what_was_done(self, found):
        run = found.run
        assert {"versions", "settings", "seed", "counts", "rejects", "steps"} <= set(run)
        assert {"ringfinder", "python"} <= set(run["versions"])
        assert run["seed"] == run["settings"]["seed"] == 0
        assert run["rejects"] == {}
        assert [step["step"] for step in run["steps"]][:2] == ["read", "normalise"]
        for step in run["steps"]:
            assert step["seconds"] >= 0
            assert step["peak_mb"] > 1

    def test_flagged_are_the_members_of_fleets(self, found):
        fleets = {row["ring_id"] for row in found.rows("rings") if row["verdict"] == "fleet"}
        flagged = sum(ring in fleets for ring in found.ring_of().values())
        assert found.run["counts"]["flagged"] == found.summary.flagged == flagged
        assert {line.ring_id for line in found.summary.fleets} == fleets
        assert str(flagged) in found.summary.headline.replace(",", "")

    def test_fleets_are_found_and_others_left_alone(self, found, truth):
        fleets = {row["ring_id"] for row in found.rows("rings") if row["verdict"] == "fleet"}
        flagged = {account for account, ring in found.ring_of().items() if ring in fleets}
        planted = {account for account, row in truth.items() if row["fleet_id"] is not None}
        assert len(flagged & planted) >= 0.85 * len(planted)
        assert len(flagged - planted) <= 0.05 * len(flagged)


class TestEarlierRuns:
    def test_rings_keep_their_names_though_their_founders_are_gone(self, found, world, tmp_path):
        ring_of = found.ring_of()
        signups = pq.read_table(world["signups"]).sort_by("created_at")
        met: dict[str, int] = {}
        kept = []
        for account in signups["account_id"].to_pylist():
            ring = ring_of[account]
            met[ring] = met.get(ring, 0) + 1
            kept.append(ring is None or met[ring] > 5 or met[ring] == 1)
        pq.write_table(signups.filter(kept), tmp_path / "later.parquet")
        later = {**world, "signups": tmp_path / "later.parquet"}
        again = audited(later, tmp_path / "out", previous=found.out)
        large = {name for name, count in met.items() if name is not None and count >= 40}
        assert len(large) >= 3
        assert large <= {ring["ring_id"] for ring in again.rows("rings")}
        for account, ring in again.ring_of().items():
            if ring in large and ring_of[account] in large:
                assert ring == ring_of[account]


class TestLabels:
    @pytest.fixture(scope="class")
    @staticmethod
    def labelled(found, world, tmp_path_factory):
        """Two members of the largest fleet cleared, and all of the smallest other ring."""
        rings = found.rows("rings")
        fleet = max((r for r in rings if r["verdict"] == "fleet"), key=lambda r: r["size"])
        other = min((r for r in rings if r["verdict"] != "fleet"), key=lambda r: r["size"])
        members = {
            ring["ring_id"]: [a for a, name in found.ring_of().items() if name == ring["ring_id"]]
            for ring in (fleet, other)
        }
        cleared = members[fleet["ring_id"]][:2] + members[other["ring_id"]]
        labels = [{"account_id": a, "label": "legitimate"} for a in cleared]
        labels += [{"account_id": members[fleet["ring_id"]][5], "label": "fraud"}]
        alone = next(a for a, ring in found.ring_of().items() if ring is None)
        labels += [{"account_id": alone, "label": "fraud"}]
        labels += [{"account_id": "nobody", "label": "fraud"}]
        labels += [{"account_id": cleared[0], "label": "perhaps"}]
        directory = tmp_path_factory.mktemp("labels")
        path = write_rows(
            directory / "labels.jsonl", [row | {"decided_at": DECIDED} for row in labels]
        )
        return audited(world, directory / "out", labels=[path]), cleared, fleet, other

    def test_legitimate_accounts_belong_to_no_ring_and_are_told_why(self, labelled):
        again, cleared, _, _ = labelled
        rows = {row["account_id"]: row for row in again.rows("accounts")}
        for account in cleared:
            assert rows[account]["ring_id"] is None
            assert rows[account]["score"] == 0
            assert rows[account]["decision"] == "allow"
            assert rows[account]["reasons"][0]["code"] == "label_legitimate"

    def test_accounts_labelled_fraud_are_reviewed_at_least_and_are_told_why(self, labelled):
        again, *_ = labelled
        told = {
            row["ring_id"]: (row["decision"], [one["code"] for one in row["reasons"][:2]])
            for row in again.rows("accounts")
            if row["reasons"][0]["code"] == "labelled_fraud"
        }
        assert told[None] == ("review", ["labelled_fraud", "no_ring"])
        (member,) = (found for ring, found in told.items() if ring is not None)
        assert member[0] in {"review", "challenge"}
        assert member[1] == ["labelled_fraud", "ring_fleet"]

    def test_their_ring_stays_a_fleet_without_them(self, labelled):
        again, _, fleet, _ = labelled
        ring = next(r for r in again.rows("rings") if r["size"] == fleet["size"] - 2)
        assert ring["verdict"] == "fleet"

    def test_a_ring_of_legitimate_accounts_alone_is_gone(self, labelled):
        again, _, _, other = labelled
        assert other["ring_id"] not in {ring["ring_id"] for ring in again.rows("rings")}
        assert all(ring["size"] > 0 for ring in again.rows("rings"))

    def test_bad_labels_are_rejected_and_counted(self, labelled):
        again, _, _, _ = labelled
        expected = {
            "labels: unknown account": 1,
            "labels: neither fraud nor legitimate": 1,
        }
        assert again.run["rejects"] == dict(again.summary.rejects) == expected
        lines = (again.out / "rejects.jsonl").read_text("utf-8").splitlines()
        assert {json.loads(line)["table"] for line in lines} == {"labels"}


class TestLittleToGoOn:
    def test_sign_ups_alone_are_enough_for_rings(self, world, truth, tmp_path):
        alone = audited({"signups": world["signups"]}, tmp_path / "out")
        assert {path.name for path in alone.out.iterdir()} == FILES
        fleets = {row["ring_id"] for row in alone.rows("rings") if row["verdict"] == "fleet"}
        flagged = {account for account, ring in alone.ring_of().items() if ring in fleets}
        honest = {account for account in flagged if truth[account]["fleet_id"] is None}
        assert flagged
        assert len(honest) <= 0.05 * len(flagged)
        assert all(row["exchanges"] == 0 for row in alone.rows("rings"))
        spared = [ring.verdict for ring in alone.summary.spared]
        assert "unclear" in spared
        assert spared == sorted(spared, key=lambda verdict: verdict != "unclear")

    @pytest.mark.parametrize("accounts", [1, 200])
    def test_a_world_without_any_shared_value_has_no_ring(self, accounts, tmp_path):
        rows = [
            {
                "account_id": f"a{n}",
                "created_at": 1_700_000_000 + 7_919 * n,
                "device_id": f"device-{n}",
                "payment_fingerprint": f"card-{n}",
            }
            for n in range(accounts)
        ]
        files = {"signups": write_rows(tmp_path / "s.jsonl", rows)}
        lonely = audited(files, tmp_path / "out")
        assert {path.name for path in lonely.out.iterdir()} == FILES
        assert lonely.rows("rings") == lonely.rows("evidence") == []
        assert [row["ring_id"] for row in lonely.rows("accounts")] == [None] * accounts
        assert lonely.summary.flagged == 0
        for name in TABLES:
            assert pq.read_schema(lonely.out / name).names
