"""The drawing of a ring: readable, honest, the same every time."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfinder.explain.layout import Box, place
from ringfinder.explain.picture import MOST_NODES, SMALL_RING, Shared, draw_ring
from ringfinder.explain.view import RingDrawing
from ringfinder.schema import CODE


def shared_of(held: dict[str, list[list[int]]]) -> Shared:
    """Build a ring's evidence from kind -> holders of each value."""
    values = [(kind, holders) for kind, lists in held.items() for holders in lists]
    return Shared(
        kind=np.array([CODE[kind] for kind, _ in values], dtype=np.int8),
        label=[f"{kind}-{number}" for number, (kind, _) in enumerate(values)],
        nats=np.full(len(values), 3.0),
        holder=np.array([one for _, holders in values for one in holders], dtype=np.int64),
        row=np.array(
            [row for row, (_, holders) in enumerate(values) for _ in holders], dtype=np.int64
        ),
    )


def big_ring(size: int = 5000, seed: int = 0) -> Shared:
    """Three prompts, 30 domains, and a card for every three or four accounts."""
    rng = np.random.default_rng(seed)

    def dealt(values: int) -> list[list[int]]:
        of = rng.integers(values, size=size)
        return [np.flatnonzero(of == value).tolist() for value in range(values)]

    return shared_of(
        {
            "prompt_band": dealt(3),
            "email_domain": dealt(30),
            "payment_fingerprint": dealt(size // 3),
            "ip_network": [rng.permutation(size)[: size // 4].tolist()],
        }
    )


def overlaps(drawing: RingDrawing) -> list[tuple[int, int]]:
    def apart(a, b) -> bool:
        return (
            abs(a.x - b.x) >= (a.width + b.width) / 2 - 0.2
            or abs(a.y - b.y) >= (a.height + b.height) / 2 - 0.2
        )

    pairs = combinations(range(len(drawing.nodes)), 2)
    return [(i, j) for i, j in pairs if not apart(drawing.nodes[i], drawing.nodes[j])]


def inside(drawing: RingDrawing) -> bool:
    return all(
        node.width / 2 <= node.x <= drawing.width - node.width / 2
        and node.height / 2 <= node.y <= drawing.height - node.height / 2
        for node in drawing.nodes
    )


class TestSmallRings:
    ring = shared_of(
        {"email_domain": [list(range(18))], "device": [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9, 10]]}
    )

    def test_every_account_is_a_circle_and_every_value_a_box(self):
        drawing = draw_ring(self.ring, size=20)
        assert sum(not node.is_value for node in drawing.nodes) == 20
        assert sum(node.is_value for node in drawing.nodes) == 4
        assert len(drawing.edges) == 18 + 4 + 3 + 4

    def test_every_edge_is_a_sighting(self):
        drawing = draw_ring(self.ring, size=20)
        for edge in drawing.edges:
            assert not drawing.nodes[edge.source].is_value
            assert drawing.nodes[edge.target].is_value
            assert edge.accounts == 1

    def test_values_of_one_holder_are_not_drawn(self):
        drawing = draw_ring(shared_of({"device": [[0], [1], [2, 3]]}), size=4)
        assert [node.label for node in drawing.nodes if node.is_value] == ["device-2"]

    def test_what_says_the_same_twice_is_drawn_once(self):
        ring = shared_of({"ip": [[0, 1, 2]], "ip_network": [[0, 1, 2]], "device": [[0, 1, 2]]})
        boxes = [node for node in draw_ring(ring, size=3).nodes if node.is_value]
        assert sorted(box.family for box in boxes) == ["device", "network"]

    def test_accounts_stand_between_the_values(self):
        drawing = draw_ring(self.ring, size=20)
        circles = [node.x for node in drawing.nodes if not node.is_value]
        boxes = [node.x for node in drawing.nodes if node.is_value]
        left, right = [x for x in boxes if x < 380], [x for x in boxes if x > 380]
        assert abs(len(left) - len(right)) <= 1
        assert max(left) < min(circles)
        assert max(circles) < min(right)


class TestLargeRings:
    @pytest.fixture(scope="class")
    @classmethod
    def drawing(cls):
        return draw_ring(big_ring(), size=5000)

    def test_it_has_few_shapes(self, drawing):
        assert 8 <= len(drawing.nodes) <= MOST_NODES

    def test_every_account_is_in_one_circle(self, drawing):
        assert sum(node.accounts for node in drawing.nodes if not node.is_value) == 5000

    def test_area_is_number(self, drawing):
        circles = [node for node in drawing.nodes if not node.is_value and node.width > 10]
        density = [node.accounts / node.width**2 for node in circles]
        assert max(density) == pytest.approx(min(density), rel=0.02)

    def test_the_edges_of_a_value_add_up_to_its_holders(self, drawing):
        for place_of, node in enumerate(drawing.nodes):
            if node.is_value:
                held = sum(edge.accounts for edge in drawing.edges if edge.target == place_of)
                assert held == node.accounts

    def test_rare_values_of_a_kind_are_one_box(self, drawing):
        cards = [node for node in drawing.nodes if node.family == "payment"]
        assert len(cards) == 1
        assert cards[0].heading.endswith(" payment cards")
        assert cards[0].note.startswith("together ")
        assert cards[0].label == ""

    def test_nothing_overlaps_and_nothing_leaves_the_page(self, drawing):
        assert overlaps(drawing) == []
        assert inside(drawing)

    def test_the_caption_says_what_a_circle_is(self, drawing):
        assert drawing.caption.startswith("5,000 accounts in ")
        assert "the area is their number" in drawing.caption

    def test_the_same_ring_gives_the_same_drawing(self, drawing):
        assert draw_ring(big_ring(), size=5000) == drawing


def test_patterns_beyond_the_room_are_put_together_and_none_is_lost():
    rng = np.random.default_rng(5)
    size = 400
    ring = shared_of(
        {
            "device": [rng.permutation(size)[:150].tolist() for _ in range(4)],
            "email_domain": [rng.permutation(size)[:150].tolist() for _ in range(4)],
            "prompt_band": [rng.permutation(size)[:150].tolist() for _ in range(4)],
        }
    )
    drawing = draw_ring(ring, size=size)
    assert len(drawing.nodes) <= MOST_NODES
    assert sum(node.accounts for node in drawing.nodes if not node.is_value) == size
    assert overlaps(drawing) == []


def test_members_that_hold_nothing_drawn_are_drawn_all_the_same():
    drawing = draw_ring(shared_of({"device": [list(range(60))]}), size=100)
    assert [node.accounts for node in drawing.nodes if not node.is_value] == [60, 40]
    assert drawing.nodes[1].detail.endswith("none of the values drawn")


def test_a_ring_without_evidence_is_only_its_accounts():
    drawing = draw_ring(shared_of({}), size=3)
    assert len(drawing.nodes) == 3
    assert drawing.edges == ()


@settings(deadline=None, max_examples=25)
@given(
    st.integers(min_value=1, max_value=3 * SMALL_RING),
    st.lists(st.sampled_from(["ip", "device", "mailbox", "prompt_band"]), min_size=1, max_size=30),
    st.integers(min_value=0, max_value=2**32 - 1),
)
def test_any_ring_can_be_drawn(size, kinds, seed):
    rng = np.random.default_rng(seed)
    held: dict[str, list[list[int]]] = {}
    for kind in kinds:
        number = int(rng.integers(1, size + 1))
        held.setdefault(kind, []).append(np.sort(rng.permutation(size)[:number]).tolist())
    drawing = draw_ring(shared_of(held), size=size)
    assert sum(node.accounts for node in drawing.nodes if not node.is_value) == size
    assert len(drawing.nodes) <= MOST_NODES
    assert inside(drawing)
    assert overlaps(drawing) == []


def test_places_are_apart_even_where_all_wish_for_one_point():
    circles, boxes = [Box(60, 60)] * 12, [Box(80, 40)] * 6
    places, height = place(circles, boxes, np.ones((12, 6), dtype=np.int64), width=760, seed=1)
    for (ax, ay), (bx, by) in combinations(places[:12], 2):
        assert abs(ax - bx) >= 59.8 or abs(ay - by) >= 59.8
    assert height >= 3 * 50


def test_order_follows_what_is_tied_together():
    held = np.kron(np.eye(3, dtype=np.int64), np.ones((2, 2), dtype=np.int64)) * 10
    places, _ = place([Box(20, 20)] * 6, [Box(80, 40)] * 6, held, width=760, seed=3)
    crossings = 0
    lines = np.argwhere(held).tolist()
    for (c1, b1), (c2, b2) in combinations(lines, 2):
        same_side = (places[6 + b1][0] < 380) == (places[6 + b2][0] < 380)
        over = (places[c1][1] - places[c2][1]) * (places[6 + b1][1] - places[6 + b2][1]) < 0
        crossings += same_side and over
    assert crossings <= len(lines)
