"""The snapshot's arrays on disk: whole, or refused."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from models import small_graph, snapshot_of

from ringfinder.errors import StoreError
from ringfinder.publish.model import META, TABLES, open_model
from ringfinder.score.online.model import ARRAY_NAMES


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    return snapshot_of(small_graph(), tmp_path_factory.mktemp("snapshot"))


@pytest.fixture
def copy(snapshot, tmp_path):
    return shutil.copytree(snapshot.directory, tmp_path / "copy")


FILES = [META, *(f"model-{name}.npy" for name in ARRAY_NAMES)]
FILES += [f"model-{name}.arrow" for name in TABLES]


def test_every_array_comes_back_mapped_and_read_only(snapshot):
    for name in ARRAY_NAMES:
        array = getattr(snapshot.model.arrays, name)
        assert not len(array) or not array.flags.writeable


def test_rings_members_and_evidence_are_the_runs(snapshot):
    run, model = snapshot.analysis.run, snapshot.model
    assert model.ring_ids.to_pylist() == list(run.judgement.ring_id)
    assert model.rings["size"].to_pylist() == run.rings.size.tolist()
    for ring in range(len(run.rings.size)):
        first, last = model.arrays.member_start[ring : ring + 2].tolist()
        members = model.members["account_id"][first:last].to_pylist()
        assert members == run.graph.account_ids.take(run.links.members_of(ring)).to_pylist()
        first, last = model.arrays.evidence_start[ring : ring + 2].tolist()
        rows = run.links.rows_of(ring)
        assert (
            model.evidence["nats"][first:last].to_pylist() == run.rings.evidence_nats[rows].tolist()
        )


def test_every_account_has_its_reasons(snapshot):
    run, model = snapshot.analysis.run, snapshot.model
    starts = model.arrays.reason_start
    assert (np.diff(starts) >= 1).all()
    assert starts[-1] == len(model.arrays.reason)
    account = int(np.flatnonzero(snapshot.analysis.judged.ring >= 0)[0])
    row = model.find_account(run.graph.account_ids[account].as_py())
    told = model.reasons["reason"].take(model.arrays.reason[starts[row] : starts[row + 1]])
    assert told[0].as_py()["code"].startswith("ring_")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(copy, name):
    (copy / name).unlink()
    with pytest.raises(StoreError, match="cannot be read|no whole one"):
        open_model(copy, verify=False)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.999])
def test_a_file_cut_short_is_refused(copy, name, kept):
    path = copy / name
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(StoreError):
        open_model(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_refused(copy, name):
    path = copy / name
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) * 2 // 3] ^= 4
    path.write_bytes(bytes(damaged))
    with pytest.raises(StoreError):
        open_model(copy)


def test_a_file_of_rows_cut_away_is_refused_without_checksums(copy):
    path = copy / "model-ring_size.npy"
    np.save(path, np.load(path)[:-1])
    with pytest.raises(StoreError, match="ring_size has another length"):
        open_model(copy, verify=False)


def test_a_later_format_is_refused_and_says_what_to_do(copy):
    meta = json.loads((copy / META).read_bytes())
    (copy / META).write_text(json.dumps({**meta, "format": meta["format"] + 1}))
    with pytest.raises(StoreError, match="Upgrade the servers"):
        open_model(copy, verify=False)


def test_other_attribute_kinds_are_refused(copy):
    meta = json.loads((copy / META).read_bytes())
    (copy / META).write_text(json.dumps({**meta, "kinds": meta["kinds"][:-1]}))
    with pytest.raises(StoreError, match="other attribute kinds"):
        open_model(copy, verify=False)


@pytest.mark.parametrize("content", ["[]", "null", '"model"', "{}", "\x00"])
def test_a_description_of_something_else_is_refused(copy, content):
    (copy / META).write_text(content)
    with pytest.raises(StoreError):
        open_model(copy, verify=False)
