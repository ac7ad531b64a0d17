"""A ring's graph as a drawing that a person can read at 20 and at 5,000 accounts.

Values are boxes, accounts are circles. A small ring shows every account. In a large one,
accounts with the same shared values are one circle, its area their number, and values
that few accounts hold are one box per kind. Never more than `MOST_NODES` shapes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ringfinder.explain.layout import Box, place
from ringfinder.explain.numbers import count, plural, plural_of, share
from ringfinder.explain.view import DrawnEdge, DrawnNode, RingDrawing
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.schema import FAMILY_OF_KIND, KINDS

MOST_NODES = 60
MOST_SINGLE, MOST_OF_KIND, MOST_VALUES = 8, 3, 12
SMALL_RING = 40
"""Up to so many accounts, each is a circle of its own."""
MOST_CIRCLES = 18
RARE = 0.08
"""A value that a smaller share of a large ring holds is drawn together with its like."""
WORTH_DRAWING = 0.15
"""Values of a kind are drawn together when this share of the ring holds any of them."""
ALIKE = 0.8
"""A value whose holders are those of a stronger one of its family, to this share, is left out."""
WIDTH = 760.0
BOX_HEIGHT = 40.0
LABEL = 14
"""Columns kept for a value in its box, however short: what hides in it is spelt out."""
_BOLD, _CHARACTER = 7.6, 6.6
_SHORTEST, _LONGEST = 96.0, 210.0


@dataclass(frozen=True)
class Shared:
    """The evidence of one ring, strongest first, and which member holds what.

    Attributes
    ----------
    kind
        int (M,): index into `schema.KINDS`.
    label
        M value texts: pseudonyms or clear values; may come from an attacker.
    nats
        float (M,).
    holder, row
        int (L,): member (0..size-1) and value (0..M-1), distinct pairs.
    """

    kind: IntArray
    label: list[str]
    nats: FloatArray
    holder: IntArray
    row: IntArray


@dataclass(frozen=True)
class _Drawn:
    """A value to draw, or several of one kind together."""

    kind: int
    rows: IntArray
    holders: BoolArray
    label: str


def draw_ring(shared: Shared, *, size: int, seed: int = 7) -> RingDrawing:
    """Draw one ring.

    Parameters
    ----------
    shared
        Its evidence and who holds it.
    size
        Members.
    seed
        Of the layout; the same ring and seed give the same drawing.

    Returns
    -------
    RingDrawing
        At most `MOST_NODES` nodes; coordinates rounded to a tenth.
    """
    values = _values(shared, size)
    groups = _groups(values, size)
    held = np.array([[int(value.holders[group].sum()) for value in values] for group in groups])
    held = held.reshape(len(groups), len(values))
    boxes = [_box(value, size) for value in values]
    widest = max((box.width for box in boxes), default=0.0)
    boxes = [replace(box, width=widest) for box in boxes]
    circles = [
        _circle(len(group), row, values, size) for group, row in zip(groups, held, strict=True)
    ]
    room = [Box(dot.width + 8, dot.height + (26 if dot.note else 8)) for dot in circles]
    sides = [
        Box(box.width, box.height, FAMILY_OF_KIND[value.kind])
        for box, value in zip(boxes, values, strict=True)
    ]
    places, height = place(room, sides, held, width=WIDTH, seed=seed)
    nodes = [
        replace(shape, x=x, y=y) for shape, (x, y) in zip([*circles, *boxes], places, strict=True)
    ]
    edges = tuple(
        DrawnEdge(group, len(groups) + value, int(held[group, value]),
                  round(1 + 7 * math.sqrt(held[group, value] / max(size, 1)), 1))
        for group, value in np.argwhere(held).tolist()
    )  # fmt: skip
    return RingDrawing(WIDTH, height, tuple(nodes), edges, _caption(values, groups, size))


def _values(shared: Shared, size: int) -> list[_Drawn]:
    """Choose what to draw: the strongest value of every family, then the commonest strong.

    What says the same twice (an address and its network) is drawn once.
    """
    inside = np.bincount(shared.row, minlength=len(shared.kind))
    few = 1 if size <= SMALL_RING else max(3.0, RARE * size)
    rank = np.lexsort((np.arange(len(inside)), -inside * np.maximum(shared.nats, 0.01)))
    common = [int(row) for row in rank if inside[row] > few][: 4 * MOST_VALUES]
    family = [KINDS[int(kind)].family for kind in shared.kind]
    first = list({family[row]: row for row in reversed(common)}.values())
    single: list[_Drawn] = []
    for row in [*sorted(first, key=common.index), *(row for row in common if row not in first)]:
        value = _one(shared, row, size)
        of_kind = sum(other.kind == value.kind for other in single)
        alike = any(_alike(value, other) for other in single)
        if len(single) < MOST_SINGLE and of_kind < MOST_OF_KIND and not alike:
            single.append(value)
    taken = np.concatenate([value.rows for value in single]) if single else np.zeros(0, np.int64)
    together: list[_Drawn] = []
    for kind in np.unique(shared.kind):
        rows = np.setdiff1d(np.flatnonzero((shared.kind == kind) & (inside > 1)), taken)
        drawn = _several(shared, rows, size)
        if drawn is not None and drawn.holders.sum() > max(few, WORTH_DRAWING * size):
            together.append(drawn)
    together.sort(key=lambda drawn: -int(drawn.holders.sum()))
    for value in together:
        if len(single) < MOST_VALUES and not any(_alike(value, other) for other in single):
            single.append(value)
    return single


def _alike(value: _Drawn, other: _Drawn) -> bool:
    if FAMILY_OF_KIND[value.kind] != FAMILY_OF_KIND[other.kind]:
        return False
    both, either = value.holders & other.holders, value.holders | other.holders
    return bool(both.sum() >= ALIKE * either.sum())


def _one(shared: Shared, row: int, size: int) -> _Drawn:
    holders = np.zeros(size, dtype=np.bool_)
    holders[shared.holder[shared.row == row]] = True
    return _Drawn(int(shared.kind[row]), np.array([row]), holders, shared.label[row])


def _several(shared: Shared, rows: IntArray, size: int) -> _Drawn | None:
    if not len(rows):
        return None
    if len(rows) == 1:
        return _one(shared, int(rows[0]), size)
    holders = np.zeros(size, dtype=np.bool_)
    holders[shared.holder[np.isin(shared.row, rows)]] = True
    kind = int(shared.kind[rows[0]])
    return _Drawn(kind, rows, holders, "")


def _groups(values: list[_Drawn], size: int) -> list[IntArray]:
    """Put members together that hold the same values: the more of them, as there is room."""
    if size <= SMALL_RING:
        return [np.array([member]) for member in range(size)]
    code = np.zeros(size, dtype=np.int64)
    for bit, value in enumerate(values):
        finer = code | (value.holders.astype(np.int64) << bit)
        if len(np.unique(finer)) > MOST_CIRCLES:
            break
        code = finer
    groups = [np.flatnonzero(code == one) for one in np.unique(code)]
    return sorted(groups, key=lambda group: (-len(group), int(group[0])))


def _box(value: _Drawn, size: int) -> DrawnNode:
    kind, held, several = KINDS[value.kind], int(value.holders.sum()), len(value.rows)
    heading = kind.words if several == 1 else f"{count(several)} {plural_of(kind.words)}"
    note = share(held / size) if several == 1 else f"together {share(held / size)}"
    second = LABEL * bool(value.label) + len(note) + 3
    width = 24 + max(_BOLD * len(heading), _CHARACTER * second)
    width = round(min(_LONGEST, max(_SHORTEST, width)), 1)
    detail = f"{heading}: held by {plural(held, 'account')}, {share(held / size)} of the ring"
    return DrawnNode(
        0, 0, width, BOX_HEIGHT, str(kind.family), heading, value.label, note, detail, held
    )


def _circle(accounts: int, held: IntArray, values: list[_Drawn], size: int) -> DrawnNode:
    radius = 7.0 if size <= SMALL_RING else round(max(5.0, 62.0 * math.sqrt(accounts / size)), 1)
    fits = accounts > 1 and radius >= 5 + 3.4 * len(count(accounts))
    kinds = [KINDS[value.kind].words for value, number in zip(values, held, strict=True) if number]
    what = ", ".join(dict.fromkeys(kinds)) or "none of the values drawn"
    detail = f"{plural(accounts, 'account')}: {what}"
    label, note = (count(accounts), "") if fits else ("", count(accounts) if accounts > 1 else "")
    return DrawnNode(0, 0, 2 * radius, 2 * radius, "", "", label, note, detail, accounts)


def _caption(values: list[_Drawn], groups: list[IntArray], size: int) -> str:
    shown = sum(len(value.rows) for value in values)
    if size <= SMALL_RING:
        return f"{plural(size, 'account')} (circles) and the {plural(shown, 'value')} they share."
    return (
        f"{plural(size, 'account')} in {plural(len(groups), 'circle')} of accounts that share "
        f"alike; the area is their number, the lines are the {plural(shown, 'value')} they hold."
    )
