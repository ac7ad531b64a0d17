"""Where the shapes of a drawing stand: values in two columns, accounts between them.

Boxes at the sides and circles in the middle, so that no line passes behind a box. What
belongs together stands together: networkx' spring layout gives the first order, a few
rounds of barycentres (the mean place of what a shape is tied to) straighten the lines.

References
----------
K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system
structures", 1981: barycentres.
"""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np

from ringfinder.model import FloatArray, IntArray

MARGIN = 10.0
GAP = 10.0
_ROUNDS = 120
_BARYCENTRES = 3


@dataclass(frozen=True, slots=True)
class Box:
    """The room a shape needs, and what it is put beside (the code of its family)."""

    width: float
    height: float
    group: int = 0


def place(
    circles: list[Box], boxes: list[Box], held: IntArray, *, width: float, seed: int
) -> tuple[list[tuple[float, float]], float]:
    """Find places for groups of accounts and for values.

    Parameters
    ----------
    circles, boxes
        Room of each group of accounts; of each value.
    held
        int (circles, boxes): accounts of the group that hold the value.
    width
        Of the drawing.
    seed
        Of the spring layout.

    Returns
    -------
    list of (x, y), float
        Centres of circles, then of boxes; none overlap; and the height this took.
    """
    tied = held / np.maximum(held.sum(axis=1, keepdims=True), 1)
    rank = _first_order(held, seed)
    circle_y, box_y = rank[: len(circles)], rank[len(circles) :]
    columns = _columns(boxes, box_y)
    for _ in range(_BARYCENTRES):
        stacked = _stack(boxes, columns, box_y)
        circle_y = np.where(held.any(axis=1), tied @ stacked, stacked.max(initial=0.0))
        box_y = _means(held, circle_y, stacked)
    box_y = _stack(boxes, columns, box_y)
    side = np.array([1.0 if box in columns[1] else -1.0 for box in range(len(boxes))])
    circle_y = _spread(circle_y, box_y)
    at = np.stack([width / 2 + 60 * (tied @ side), circle_y], axis=1)
    room = np.array([[one.width, one.height] for one in circles]).reshape(-1, 2)
    edge = MARGIN + max((box.width for box in boxes), default=0.0) + 56
    at = _sweep(_push_apart(at, room, edge, width - edge), room)
    box_y = _beside(box_y, at[:, 1], room[:, 1])
    box_x = [
        width - MARGIN - box.width / 2 if side[number] > 0 else MARGIN + box.width / 2
        for number, box in enumerate(boxes)
    ]
    all_y = np.concatenate([at[:, 1], box_y])
    half = np.array([one.height / 2 for one in (*circles, *boxes)])
    low = float((all_y - half).min(initial=0.0)) - MARGIN
    high = float((all_y + half).max(initial=0.0)) + MARGIN
    places = zip([*at[:, 0].tolist(), *box_x], (all_y - low).tolist(), strict=True)
    return [(round(x, 1), round(y, 1)) for x, y in places], round(high - low, 1)


def _first_order(held: IntArray, seed: int) -> FloatArray:
    """Return a place from 0 to 1 for every circle and box: along the spring layout's length."""
    circles, boxes = held.shape
    number = circles + boxes
    if number < 3:
        return np.linspace(0.0, 1.0, number)
    graph = nx.Graph()
    graph.add_nodes_from(range(number))
    most = max(1, int(held.max(initial=1)))
    for circle, box in np.argwhere(held).tolist():
        weight = 0.2 + float(held[circle, box]) / most
        graph.add_edge(circle, circles + box, weight=weight)
    angle = 2 * np.pi * np.arange(number) / number
    start = {node: (np.cos(angle[node]), np.sin(angle[node])) for node in range(number)}
    found = nx.spring_layout(graph, pos=start, seed=seed, iterations=60)
    at = np.array([found[node] for node in range(number)], dtype=np.float64)
    centred = at - at.mean(axis=0)
    along = centred @ np.linalg.eigh(centred.T @ centred)[1][:, -1]
    along *= -1.0 if along[np.abs(along).argmax()] > 0 else 1.0
    order: FloatArray = np.argsort(np.argsort(along, kind="stable"), kind="stable") / (number - 1)
    return order


def _columns(boxes: list[Box], rank: FloatArray) -> tuple[list[int], list[int]]:
    """Share the boxes out to left and right: whole groups, about equal heights."""
    groups: dict[int, list[int]] = {}
    for box in np.argsort(rank, kind="stable").tolist():
        groups.setdefault(boxes[box].group, []).append(box)
    left: list[int] = []
    right: list[int] = []
    for group in sorted(groups.values(), key=lambda members: (-len(members), members)):
        (left if len(left) <= len(right) else right).extend(group)
    while len(left) > len(right) + 1:
        right.append(left.pop())
    while len(right) > len(left) + 1:
        left.append(right.pop())
    return left, right


def _stack(boxes: list[Box], columns: tuple[list[int], list[int]], wish: FloatArray) -> FloatArray:
    """Stand each column's boxes on one another in the order wished, groups together."""
    y = np.zeros(len(boxes))
    for column in columns:
        mean = {
            group: np.mean([wish[box] for box in column if boxes[box].group == group])
            for group in {boxes[box].group for box in column}
        }
        column.sort(key=lambda box: (mean[boxes[box].group], boxes[box].group, wish[box], box))
        tall = sum(boxes[box].height + GAP for box in column)
        top = -tall / 2
        for box in column:
            y[box] = top + (boxes[box].height + GAP) / 2
            top += boxes[box].height + GAP
    return y


def _means(held: IntArray, circle_y: FloatArray, otherwise: FloatArray) -> FloatArray:
    total = held.sum(axis=0)
    return np.where(total > 0, (held.T @ circle_y) / np.maximum(total, 1), otherwise)


def _beside(box_y: FloatArray, circle_y: FloatArray, tall: FloatArray) -> FloatArray:
    """Stand the boxes beside the circles: about the same middle, a little further apart."""
    if not len(circle_y) or not len(box_y):
        return box_y
    top, bottom = (circle_y - tall / 2).min(), (circle_y + tall / 2).max()
    reach = np.ptp(box_y)
    wider = np.clip(0.7 * (bottom - top) / reach, 1.0, 1.8) if reach > 0 else 1.0
    return (box_y - (box_y.min() + box_y.max()) / 2) * wider + (top + bottom) / 2


def _spread(circle_y: FloatArray, box_y: FloatArray) -> FloatArray:
    """Let the circles fill the height that the boxes take anyway."""
    if not len(circle_y) or not len(box_y):
        return circle_y
    middle = (circle_y.min() + circle_y.max()) / 2
    reach, room = np.ptp(circle_y) / 2, 0.85 * np.ptp(box_y) / 2
    return (circle_y - middle) * (room / reach if reach > 1e-9 else 1.0)


def _push_apart(at: FloatArray, room: FloatArray, left: float, right: float) -> FloatArray:
    """Move overlapping circles apart along the shorter way, a little at a time."""
    need = (room[:, None] + room[None, :]) / 2
    lowest = np.minimum(left + room[:, 0] / 2, (left + right) / 2)
    highest = np.maximum(right - room[:, 0] / 2, (left + right) / 2)
    rank = np.arange(len(at))
    tie = np.sign(rank[:, None] - rank)[..., None]
    for _ in range(_ROUNDS):
        gap = at[:, None] - at[None, :]
        over = np.maximum(need - np.abs(gap), 0.0)
        hit = (over.min(axis=2, initial=np.inf) > 0.01) & (rank[:, None] != rank)
        if not hit.any():
            break
        level = over[..., 0] <= over[..., 1]
        way = np.where(gap == 0, tie, np.sign(gap))
        move = np.where(np.stack([level, ~level], axis=2), way * over, 0.0) * hit[..., None]
        at = at + 0.35 * move.sum(axis=1)
        at[:, 0] = np.clip(at[:, 0], lowest, highest)
    return at


def _sweep(at: FloatArray, room: FloatArray) -> FloatArray:
    """Move what still overlaps down to the next free place; from the top, so it ends."""
    at = at.copy()
    done: list[int] = []
    for shape in np.argsort(at[:, 1] - room[:, 1] / 2, kind="stable").tolist():
        need = (room[done] + room[shape]) / 2
        beside = np.abs(at[done, 0] - at[shape, 0]) < need[:, 0] - 0.02
        for other in sorted(np.flatnonzero(beside).tolist(), key=lambda row: at[done[row], 1]):
            if abs(at[done[other], 1] - at[shape, 1]) < need[other, 1] - 0.02:
                at[shape, 1] = at[done[other], 1] + need[other, 1]
        done.append(shape)
    return at
