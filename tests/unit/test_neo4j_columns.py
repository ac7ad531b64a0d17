"""Batches as columns of parameters, and ids as keys of nodes."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored import START_MS, batch_of, graph_tables, label, profile, rows_of

from ringfinder.schema import CODE
from ringfinder.store.batches import LABELS, SIGHTINGS, VALUES
from ringfinder.store.neo4j.columns import (
    FACTS,
    distinct_values,
    facts_of,
    fold,
    fold_sightings,
    named_accounts,
)
from ringfinder.store.neo4j.keys import key_of, keys_of, repeated_row_keys, row_keys

MOST = 2**63 - 1
SIGHTING = st.tuples(
    st.integers(0, 2), st.integers(0, 2), st.integers(0, 9), st.integers(0, 9),
    st.sampled_from([1, 2, MOST // 2, MOST]),
)  # fmt: skip


def sightings_of(rows):
    """Build sightings of (account, value, first, last, count)."""
    return pa.table(list(zip(*rows, strict=True)), schema=SIGHTINGS)


class TestSightings:
    @given(st.lists(SIGHTING, min_size=1, max_size=20))
    def test_a_pair_becomes_one_row_with_its_first_its_last_and_a_bounded_sum(self, rows):
        rows = [(a, v, min(x, y), max(x, y), n) for a, v, x, y, n in rows]
        plain = {}
        for account, value, first, last, count in rows:
            old = plain.get((account, value), (first, last, 0))
            plain[account, value] = (
                min(old[0], first),
                max(old[1], last),
                min(old[2] + count, MOST),
            )
        account, value = (
            np.array(column, np.int64) for column in list(zip(*rows, strict=True))[:2]
        )
        folded = fold_sightings(account, value, sightings_of(rows))
        found = [tuple(row.values()) for row in folded.to_pylist()]
        assert found == [(*pair, *plain[pair]) for pair in sorted(plain)]
        assert folded["count"].type == pa.int64()


class TestValues:
    def test_equal_values_are_one_and_kinds_keep_them_apart(self):
        rows = [("ip", "1"), ("device", "1"), ("ip", "0"), ("ip", "1")]
        table = rows_of(VALUES, *({"kind": CODE[k], "pseudonym": v} for k, v in rows))
        values = distinct_values(table)
        found = [(int(values.kind[row]), values.pseudonyms[row]) for row in values.of_row]
        assert found == [(CODE[k], v) for k, v in rows]
        assert len(values.pseudonyms) == 3
        assert sorted(values.kind.tolist()) == values.kind.tolist()

    def test_no_values_are_no_values(self):
        assert distinct_values(VALUES.empty_table()).pseudonyms == []


class TestAccounts:
    def test_everybody_whom_a_batch_names_is_named_once(self):
        batch = batch_of(
            1,
            graph=graph_tables({"ann": {}, "bob": None}),
            labels=[label("cid"), label("ann")],
            profiles=[profile("dan", 1, 1)],
            decisions=[{"account_id": "eve", "decision": "allow", "decided_ms": START_MS}],
        )
        assert sorted(named_accounts(batch).to_pylist()) == ["ann", "bob", "cid", "dan", "eve"]

    def test_accounts_that_are_only_named_say_nothing(self):
        tables = graph_tables({"ann": None, "bob": {"country": "DE"}})
        facts = facts_of(tables.accounts, np.array([7, 9]))
        assert facts.schema == FACTS
        (bob,) = facts.to_pylist()
        assert (bob["account"], bob["country"], bob["country_ms"]) == (9, "DE", START_MS)

    def test_facts_fold_as_in_the_embedded_store(self):
        tables = graph_tables({"a": {"created_ms": START_MS + 5, "country": "FR", "plan": "pro"}})
        more = graph_tables({"a": {"country": "DE", "closed_ms": START_MS + 9}})
        facts = [facts_of(t.accounts, np.array([3])) for t in (tables, more)]
        (row,) = fold("fact", pa.concat_tables(facts)).to_pylist()
        assert (row["created_ms"], row["country"], row["plan"]) == (START_MS, "DE", "pro")
        assert (row["plan_ms"], row["closed_ms"]) == (START_MS + 5, START_MS + 9)


class TestKeys:
    @pytest.mark.parametrize("text", ["", "plain", "x" * 1000, "é" * 500, "\x00", "sha25"])
    def test_a_short_id_is_its_own_key(self, text):
        assert key_of(text) == text
        assert keys_of(pa.array([text, None])) == ([text, None], [None, None])

    @pytest.mark.parametrize("text", ["x" * 1001, "é" * 501, "sha256:" + "0" * 64])
    def test_a_long_id_is_kept_beside_its_hash_and_so_is_what_looks_like_one(self, text):
        keys, whole = keys_of(pa.array(["a", text]))
        assert keys == ["a", key_of(text)]
        assert whole == [None, text]
        assert len(key_of(text)) == len("sha256:") + 64
        assert key_of(key_of(text)) != key_of(text)

    @given(st.lists(st.text(max_size=4) | st.sampled_from(["y" * 1500, "z" * 1500])))
    def test_different_ids_have_different_keys(self, texts):
        keys, _ = keys_of(pa.array(texts, pa.string()))
        assert len(set(keys)) == len(set(texts))
        assert keys == [key_of(text) for text in texts]

    def test_equal_rows_have_equal_keys_and_columns_do_not_run_together(self):
        rows = [label("ann"), label("ann"), label("an", "nfraud"), label("ann", source="")]
        keys = row_keys(rows_of(LABELS, *rows))
        assert keys[0] == keys[1]
        assert len(set(keys)) == 3
        assert len(set(repeated_row_keys(rows_of(LABELS, *rows)))) == 4
