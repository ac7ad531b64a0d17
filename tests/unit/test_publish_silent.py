"""Kinds that were no evidence in the run are none when its snapshot is scored against."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
from models import PEPPER, signups_of, small_graph, snapshot_of

from ringfinder.detect.echoes import Echo
from ringfinder.pipeline import analyse
from ringfinder.publish.model import META, open_model
from ringfinder.schema import CODE
from ringfinder.score.online.overlay import Overlay

SILENT = ("device", "user_agent")
CODES = {CODE[name] for name in SILENT}
OWN = ("ip", "mailbox", "payment_fingerprint", "phone")


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    """A snapshot of a run in which two kinds were told by others."""
    told = [Echo(name, "created_at", 1.0) for name in SILENT]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(analyse, "echoes", lambda *_, **__: told)
        return snapshot_of(small_graph(), tmp_path_factory.mktemp("silent"), verify=False)


@pytest.fixture
def overlay(snapshot):
    return Overlay(snapshot.model)


def values(number, **shared):
    """Values of somebody's own, and those named; in the order of kinds."""
    clear = {kind: f"{kind} of {number}" for kind in OWN} | shared
    return tuple(sorted((CODE[kind], PEPPER.pseudonym(kind, text)) for kind, text in clear.items()))


def without(some):
    return tuple(one for one in some if one[0] not in CODES)


def strangers(overlay):
    for number in range(1000, 1040):
        overlay.add(f"stranger{number}", number, values(number, device=f"d{number}"))


def in_rings(overlay):
    return [one.account_id for one in overlay.newcomers() if overlay.ring_of(one) is not None]


class TestOnDisk:
    def test_the_model_opens_with_their_codes(self, snapshot):
        assert snapshot.model.silent == CODES

    def test_a_model_of_before_opens_with_none(self, snapshot, tmp_path):
        copy = shutil.copytree(snapshot.directory, tmp_path / "copy")
        meta = json.loads((copy / META).read_bytes())
        assert meta.pop("silent") == list(SILENT)
        (copy / META).write_text(json.dumps(meta))
        assert open_model(copy, verify=False).silent == frozenset()

    @pytest.mark.parametrize("kind", SILENT)
    def test_no_value_of_theirs_is_known_not_even_one_that_a_member_alone_holds(
        self, snapshot, kind
    ):
        graph, ring = snapshot.graph, snapshot.analysis.judged.ring
        held = graph.value[(ring[graph.account] >= 0) & (graph.kind[graph.value] == CODE[kind])]
        assert len(held) > 50
        names = graph.pseudonym.take(np.unique(held)).to_pylist()
        assert (snapshot.model.find_values(names) == -1).all()

    def test_what_a_member_alone_holds_of_other_kinds_is_known(self, snapshot):
        graph, ring = snapshot.graph, snapshot.analysis.judged.ring
        cards = graph.kind[graph.value] == CODE["payment_fingerprint"]
        held = graph.value[(ring[graph.account] >= 0) & cards]
        names = graph.pseudonym.take(np.unique(held)).to_pylist()
        assert (snapshot.model.find_values(names) >= 0).all()


class TestScoring:
    def test_who_shows_a_members_values_gets_the_answer_it_would_without_them(self, tmp_path):
        """Even of a model that knows the values, they are not looked up."""
        whole = snapshot_of(small_graph(), tmp_path / "whole", verify=False)
        heard = Overlay(whole.model)
        overlay = Overlay(dataclasses.replace(whole.model, silent=frozenset(CODES)))
        members = np.flatnonzero(whole.analysis.judged.ring >= 0)[::20]
        differing = 0
        for kinds, names in signups_of(whole.graph, members):
            shown = tuple(zip(kinds, names, strict=True))
            assert overlay.look(shown) == overlay.look(without(shown))
            assert overlay.look(shown) == heard.look(without(shown))
            differing += heard.look(shown) != heard.look(without(shown))
        assert differing > 5

    def test_newcomers_who_share_one_and_a_card_are_no_ring(self, overlay):
        strangers(overlay)
        same = {"payment_fingerprint": "one card", "device": "one", "user_agent": "one"}
        for number in range(5):
            overlay.add(f"new{number}", number, values(number, **same))
        assert in_rings(overlay) == []
        assert overlay.look(values(9, **same)).belonging is None

    def test_nor_if_they_are_seen_with_it_later(self, overlay):
        strangers(overlay)
        for number in range(5):
            overlay.add(f"new{number}", number, values(number, payment_fingerprint="one card"))
            overlay.see(f"new{number}", [(CODE["device"], PEPPER.pseudonym("device", "one"))])
        assert in_rings(overlay) == []

    @pytest.mark.parametrize("later", [False, True])
    def test_of_kinds_that_are_heard_the_same_makes_one(self, overlay, later):
        strangers(overlay)
        same = {"payment_fingerprint": "one card", "ip": "one"}
        seen = [(CODE[kind], PEPPER.pseudonym(kind, text)) for kind, text in same.items()]
        for number in range(5):
            overlay.add(f"new{number}", number, values(number, **({} if later else same)))
            overlay.see(f"new{number}", seen)
        assert in_rings(overlay) == [f"new{number}" for number in range(5)]
