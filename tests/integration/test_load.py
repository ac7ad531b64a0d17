"""`load` and `audit` read the same files: what they make of them must be the same graph."""

from __future__ import annotations

import json

import pytest
from loads import (
    PEPPER,
    RECEIVED_MS,
    assert_same,
    audited_graph,
    home_at,
    loaded,
    loaded_graph,
    some_rows,
    write_rows,
)
from source_files import NEW_YEAR_MS, write

from ringfinder.errors import InputError, StoreError, StoreUnavailable
from ringfinder.schema import CODE, KINDS
from ringfinder.store import EventType


@pytest.fixture
def home(tmp_path):
    with home_at(tmp_path / "data") as opened:
        yield opened


def events(home, kind):
    """Every event of a type, as rows."""
    return [row for table in home.log.read(kind) for row in table.to_pylist()]


class TestTheSameGraphAsTheAudit:
    @pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet", "csv.gz"])
    def test_of_rows_with_every_field(self, home, tmp_path, ending):
        files = write_rows(tmp_path, some_rows(1), ending)
        loaded(home, files)
        graph = loaded_graph(home)
        assert_same(graph, audited_graph(files))
        assert {KINDS[code].name for code in graph.kind.tolist()} >= {
            "prompt_band", "model_adoption", "activity_window", "signup_window", "phone",
            "organisation", "referrer", "mailbox",
        }  # fmt: skip

    @pytest.mark.parametrize("seed", range(2, 6))
    def test_of_other_rows(self, home, tmp_path, seed):
        files = write_rows(tmp_path, some_rows(seed))
        loaded(home, files)
        assert_same(loaded_graph(home), audited_graph(files))

    def test_without_usage_there_are_no_hours_of_use(self, home, tmp_path):
        files = write_rows(tmp_path, {"signups": some_rows(1)["signups"]})
        loaded(home, files)
        graph = loaded_graph(home)
        assert_same(graph, audited_graph(files))
        assert CODE["activity_window"] not in graph.kind

    def test_of_phones_written_without_a_country(self, home, tmp_path):
        rows = [
            {"account_id": str(n), "created_at": NEW_YEAR_MS, "phone": "020 7946 0018"}
            for n in range(3)
        ]
        files = {"signups": [write(tmp_path / "s.csv", rows)]}
        loaded(home, files, default_region="GB")
        graph = loaded_graph(home)
        assert_same(graph, audited_graph(files, default_region="GB"))
        assert CODE["phone"] in graph.kind

    def test_of_networks_that_a_list_knows(self, home, tmp_path):
        from ringfinder.normalise import NetworkLists

        asns = tmp_path / "asn.csv"
        asns.write_text("network,asn\n9.9.0.0/16,64500\n")
        files = write_rows(tmp_path, some_rows(3))
        loaded(home, files, asn_list=asns)
        lists = NetworkLists.from_files(asn=[asns])
        graph = loaded_graph(home)
        assert_same(graph, audited_graph(files, networks=lists))
        assert CODE["asn"] in graph.kind


class TestInPieces:
    def test_two_halves_in_either_order_give_the_graph_of_the_whole(self, tmp_path):
        rows = some_rows(7)
        halves = [
            write_rows(tmp_path / str(half), {t: held[half::2] for t, held in rows.items()})
            for half in range(2)
        ]
        prints = []
        for name, order in (("forth", halves), ("back", halves[::-1])):
            with home_at(tmp_path / name) as home:
                for files in order:
                    loaded(home, files)
                assert_same(loaded_graph(home), audited_graph(write_rows(tmp_path, rows)))
                prints.append(home.store.fingerprint())
        assert prints[0] == prints[1]

    def test_usage_before_its_sign_ups_waits_for_them(self, tmp_path, home):
        rows, said = some_rows(8), []
        files = write_rows(tmp_path, rows)
        first = loaded(home, {t: files[t] for t in ("usage", "logins", "payments")}, said=said)
        assert len(loaded_graph(home).account_ids) == 0
        assert first.strangers == {"usage": 300, "payments": 60, "logins": 60}
        assert "usage: 300 rows name accounts that have not signed up" in said[0]
        second = loaded(home, {"signups": files["signups"]})
        assert second.strangers == {}
        assert_same(loaded_graph(home), audited_graph(files))

    def test_accounts_of_an_earlier_load_are_no_strangers(self, tmp_path, home):
        files = write_rows(tmp_path, some_rows(8))
        loaded(home, {"signups": files["signups"]})
        said = []
        assert loaded(home, {"usage": files["usage"]}, said=said).strangers == {}
        assert not any("have not signed up" in sentence for sentence in said)


class TestOnce:
    def test_the_same_files_twice_change_nothing(self, tmp_path, home):
        files = write_rows(tmp_path, some_rows(1))
        first = loaded(home, files)
        before = home.store.fingerprint(), home.log.last_sequence
        again = loaded(home, files)
        assert (home.store.fingerprint(), home.log.last_sequence) == before
        assert set(again.recorded.values()) == {0}
        assert again.known == first.recorded

    def test_a_file_under_another_name_is_known_by_its_content(self, tmp_path, home):
        files = write_rows(tmp_path, some_rows(1))
        loaded(home, files)
        renamed = tmp_path / "yesterday.jsonl"
        renamed.write_bytes((tmp_path / "usage.jsonl").read_bytes())
        again = loaded(home, {"usage": [str(renamed)]})
        assert again.recorded == {"usage": 0}

    def test_rows_whose_event_id_says_nothing_are_all_recorded(self, tmp_path, home):
        rows = [
            {"account_id": name, "created_at": NEW_YEAR_MS, "event_id": "NULL"} for name in "abc"
        ]
        loaded(home, {"signups": [write(tmp_path / "s.csv", rows)]})
        assert [row["account_id"] for row in events(home, EventType.SIGNUPS)] == ["a", "b", "c"]

    def test_an_event_id_counts_once_also_in_another_format(self, tmp_path, home):
        rows = [
            {"event_id": f"e{n}", "account_id": f"a{n % 3}", "occurred_at": NEW_YEAR_MS + n}
            for n in range(9)
        ]
        first = loaded(home, {"logins": [write(tmp_path / "l.csv", rows)]})
        again = loaded(home, {"logins": [write(tmp_path / "l.parquet", rows[4:])]})
        assert (first.recorded, again.recorded) == ({"logins": 9}, {"logins": 0})
        assert {row["event_id"] for row in events(home, EventType.LOGINS)} == {
            f"e{n}" for n in range(9)
        }

    def test_rows_that_repeat_an_event_id_in_one_load_are_told(self, tmp_path, home):
        rows = [
            {"event_id": "same", "account_id": "a", "occurred_at": NEW_YEAR_MS + n, "ip": ip}
            for n, ip in enumerate(("8.8.8.8", "8.8.8.8", "9.9.9.9"))
        ]
        told = loaded(home, {"logins": [write(tmp_path / "l.csv", rows)]})
        assert told.repeated == {"logins": 2}
        assert told.recorded == {"logins": 1}

    def test_rows_without_an_id_are_named_by_file_and_row(self, tmp_path, home):
        import hashlib

        rows = [{"account_id": f"a{n}", "occurred_at": NEW_YEAR_MS} for n in range(3)]
        file = write(tmp_path / "l.csv", rows)
        loaded(home, {"logins": [file]})
        digest = hashlib.sha256((tmp_path / "l.csv").read_bytes()).hexdigest()
        assert {row["event_id"]: row["account_id"] for row in events(home, EventType.LOGINS)} == {
            f"{digest}:{n + 1}": f"a{n}" for n in range(3)
        }


class TestWhatIsRecorded:
    def test_times_are_the_files_own_and_else_the_loads(self, tmp_path, home):
        rows = [
            {"account_id": "a", "created_at": NEW_YEAR_MS, "received_at": NEW_YEAR_MS + 5},
            {"account_id": "b", "created_at": NEW_YEAR_MS, "received_at": None},
            {"account_id": "c", "created_at": NEW_YEAR_MS, "received_at": "yesterday"},
        ]
        told = loaded(home, {"signups": [write(tmp_path / "s.csv", rows)]})
        assert told.rejects == {}
        received = {r["account_id"]: r["received_ms"] for r in events(home, EventType.SIGNUPS)}
        assert received == {"a": NEW_YEAR_MS + 5, "b": RECEIVED_MS, "c": RECEIVED_MS}

    def test_labels_are_kept_with_their_source(self, tmp_path, home):
        rows = [
            {"account_id": "a", "label": "Fraud", "decided_at": NEW_YEAR_MS, "source": "team"},
            {"account_id": "b", "label": "legitimate", "decided_at": NEW_YEAR_MS, "note": "x"},
        ]
        loaded(home, {"labels": [write(tmp_path / "l.jsonl", rows)]})
        assert home.store.read_labels().to_pylist() == [
            {"account_id": "a", "label": "fraud", "source": "team"} | _times(),
            {"account_id": "b", "label": "legitimate", "source": None} | _times(),
        ]

    def test_no_clear_value_is_in_any_file(self, tmp_path, home):
        canary = "canary-7f3a"
        rows = [
            {
                "account_id": "a",
                "created_at": NEW_YEAR_MS,
                "email": f"{canary}@{canary}.org",
                "device_id": f"{canary}-device",
                "phone": "+49 30 7654321",
                "ip": "93.184.216.34",
                "note": canary,
            }
        ]
        usage = [
            {"account_id": "a", "occurred_at": NEW_YEAR_MS, "prompt": f"{canary} tell me a story"}
        ]
        files = {
            "signups": [write(tmp_path / "s.csv", rows)],
            "usage": [write(tmp_path / "u.jsonl", usage)],
        }
        loaded(home, files)
        assert home.store.counts()["values"] > 8
        for path in home.directory.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                for clear in (canary, "93.184.216", "30765432", "tell me a story"):
                    assert clear.encode() not in content, path.name


def _times():
    return {"decided_ms": NEW_YEAR_MS, "received_ms": RECEIVED_MS}


class TestRejects:
    def test_they_are_the_audits(self, tmp_path, home):
        rows = [
            {"account_id": "a", "created_at": NEW_YEAR_MS},
            {"account_id": "", "created_at": NEW_YEAR_MS},
            {"account_id": "b", "created_at": "soon"},
        ]
        file = write(tmp_path / "s.csv", rows)
        told = loaded(home, {"signups": [file]})
        assert told.recorded == {"signups": 1}
        assert told.rejects == {"signups: missing": 1, "signups: not a time": 1}
        lines = [json.loads(line) for line in told.rejects_file.read_text().splitlines()]
        assert [(line["line"], line["field"]) for line in lines] == [
            (3, "account_id"),
            (4, "created_at"),
        ]

    def test_without_any_there_is_no_file_of_them(self, tmp_path, home):
        told = loaded(home, write_rows(tmp_path, some_rows(1)))
        assert told.rejects_file is None
        assert not (home.directory / "rejects.jsonl").exists()

    @pytest.mark.parametrize(
        ("rows", "sentence"),
        [
            ([{"account_id": "a", "created_at": "x"}], "no sign-up in s.csv: all rows rejected"),
            ([{"account_id": "a"}], "no column created_at, which sign-ups need"),
        ],
    )
    def test_files_without_a_usable_row_are_refused_and_nothing_is_recorded(
        self, tmp_path, home, rows, sentence
    ):
        with pytest.raises(InputError, match=sentence):
            loaded(home, {"signups": [write(tmp_path / "s.csv", rows)]})
        assert home.log.last_sequence == 0

    def test_usage_alone_without_a_usable_row_is_refused(self, tmp_path, home):
        rows = [{"account_id": "a", "occurred_at": "x"}]
        with pytest.raises(InputError, match=r"no usable row in u\.csv"):
            loaded(home, {"usage": [write(tmp_path / "u.csv", rows)]})


class TestAFailingStore:
    @pytest.mark.parametrize("kind", [StoreError, StoreUnavailable])
    def test_the_rows_are_recorded_and_the_next_load_takes_them_in(
        self, tmp_path, home, monkeypatch, kind
    ):
        files = write_rows(tmp_path, some_rows(1))
        write_batch = home.store.write

        def failing(batch):
            raise kind("the store is away.")

        monkeypatch.setattr(home.store, "write", failing)
        with pytest.raises(kind, match=r"the store is away\. The rows are recorded in"):
            loaded(home, files)
        monkeypatch.setattr(home.store, "write", write_batch)
        assert set(loaded(home, files).recorded.values()) == {0}
        assert_same(loaded_graph(home), audited_graph(files))


def test_values_that_nobody_can_read_are_told_of(tmp_path, home):
    rows = [
        {"account_id": str(n), "created_at": NEW_YEAR_MS, "ip": ip, "phone": phone}
        for n, (ip, phone) in enumerate([("10.0.0.1", "+442079460958")] * 3 + [("8.8.8.8", "12")])
    ]
    said = []
    loaded(home, {"signups": [write(tmp_path / "s.csv", rows)]}, said=said)
    assert said == [
        "ip: 3 of its 4 values (75% of what was seen) are of no use; is it the right column?",
        "Values that say nothing, and are left out: phone 1 of 4.",
    ]


def test_the_summary_counts_rows_and_seconds(tmp_path, home):
    told = loaded(home, write_rows(tmp_path, some_rows(1))).to_dict()
    assert told["recorded"] == {"signups": 72, "usage": 300, "payments": 60, "logins": 60}
    assert told["last_sequence"] == 492
    assert told["batches"] == 4
    assert list(told["seconds"]) == ["read", "record", "project", "total"]
    assert told["rows_per_second"] > 0
    assert PEPPER not in json.dumps(told)


class TestTheFuture:
    def test_a_row_of_it_is_not_recorded_and_listed_with_the_reason(self, home, tmp_path):
        rows = [
            {"account_id": "a", "created_at": "2026-01-01", "received_at": "2030-01-01"},
            {"account_id": "b", "created_at": "2030-01-01"},
        ]
        files = {"signups": [write(tmp_path / "s.jsonl", rows)]}
        summary = loaded(home, files, now_ms=NEW_YEAR_MS)
        assert summary.rejects == {"signups: lies in the future": 1}
        (event,) = events(home, EventType.SIGNUPS)
        assert event["account_id"] == "a"
        assert event["received_ms"] == RECEIVED_MS
