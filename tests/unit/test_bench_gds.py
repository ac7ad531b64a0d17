"""What the comparison with Graph Data Science computes besides seconds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.bench import gds, gds_child


@pytest.fixture
def found(tmp_path):
    """Two pairs of accounts, each with a value of its own, and one value between."""
    ids = ["a", "b", "c", "d"]
    gds_child.write(tmp_path / "ours.parquet", pa.array(ids), np.array([0, 0, 1, 1]))
    edges = np.array([[0, 0], [1, 0], [2, 1], [3, 1], [1, 2], [2, 2], [1, 3]])
    np.savez(tmp_path / "ours.npz", edges=edges)
    return tmp_path


def test_accounts_are_matched_by_their_ids_whatever_the_order(tmp_path):
    truth = pa.table({"account_id": ["b", "a", "c"], "fleet_id": ["f", None, None]})
    pq.write_table(truth, tmp_path / "truth.parquet")
    gds_child.write(tmp_path / "out.parquet", ["a", "b", "c"], [70, 8, 70])
    fraud, community = gds.against(tmp_path / "truth.parquet", tmp_path / "out.parquet")
    assert fraud.tolist() == [True, False, False]
    assert community[1] == community[2] != community[0]


def test_modularity_is_igraphs_with_every_value_where_most_of_its_accounts_are(found):
    graph = gds_child.bipartite(4, *np.load(found / "ours.npz")["edges"].T)
    assert graph.vcount() == 8
    by_hand = max(graph.modularity([0, 0, 1, 1, 0, 1, middle, 0]) for middle in (0, 1))
    placed = gds._modularity(found / "ours.parquet", found / "ours.npz")
    assert placed == pytest.approx(by_hand)


def test_modularity_does_not_depend_on_names_and_order(found):
    gds_child.write(found / "gds.parquet", ["d", "c", "b", "a"], [4, 4, 900, 900])
    assert gds._modularity(found / "gds.parquet", found / "ours.npz") == pytest.approx(
        gds._modularity(found / "ours.parquet", found / "ours.npz")
    )


def test_one_community_of_all_has_no_modularity(found):
    gds_child.write(found / "wcc.parquet", ["a", "b", "c", "d"], [3, 3, 3, 3])
    assert gds._modularity(found / "wcc.parquet", found / "ours.npz") == pytest.approx(0.0)


def test_values_of_one_holder_are_left_out_and_communities_found():
    account, value = np.array(
        [(one, one // 5 * 4 + kind) for one in range(10) for kind in range(3)]
        + [(0, 8), (9, 8)]  # held by one of either side
        + [(one, 20 + one) for one in range(10)]  # held by nobody else
    ).T
    community = gds_child._partition(10, account, value)
    assert community.tolist() == [community[0]] * 5 + [community[9]] * 5
    assert community[0] != community[9]
