"""Where the shapes of a drawing stand: networkx' spring layout, then no two overlap."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np

from ringfinder.model import FloatArray, IntArray

MARGIN = 8.0
_ROUNDS = 200


@dataclass(frozen=True, slots=True)
class Box:
    """The room a shape needs."""

    width: float
    height: float


def place(
    boxes: list[Box], held: IntArray, *, width: float, seed: int
) -> tuple[list[tuple[float, float]], float]:
    """Find places for groups of accounts and for values.

    Parameters
    ----------
    boxes
        Room of each group, then of each value.
    held
        int (groups, values): accounts of the group that hold the value.
    width
        Of the drawing.
    seed
        Of the spring layout.

    Returns
    -------
    list of (x, y), float
        Centres, within the drawing and without overlaps as far as there is room, and the
        height of the drawing that this took.
    """
    if not boxes:
        return [], 2 * MARGIN
    room = np.array([[box.width, box.height] for box in boxes])
    area = float((room[:, 0] * room[:, 1]).sum())
    height = float(np.clip(3.0 * area / width, 200.0, 640.0))
    at = _spring(len(boxes), held, seed)
    at = _stretch(at, np.array([width, height]), room)
    at = _sweep(_push_apart(at, room, np.array([width, height])), room)
    low = float((at[:, 1] - room[:, 1] / 2).min()) - MARGIN
    high = float((at[:, 1] + room[:, 1] / 2).max()) + MARGIN
    at[:, 1] -= low
    return [(round(float(x), 1), round(float(y), 1)) for x, y in at], round(high - low, 1)


def _spring(number: int, held: IntArray, seed: int) -> FloatArray:
    groups = held.shape[0]
    graph = nx.Graph()
    graph.add_nodes_from(range(number))
    most = max(1, int(held.max(initial=1)))
    for group, value in np.argwhere(held).tolist():
        graph.add_edge(group, groups + value, weight=0.3 + float(held[group, value]) / most)
    for alone in [node for node in graph if not graph[node] and number > 1]:
        graph.add_edge(alone, (alone + 1) % number, weight=0.05)
    angle = 2 * np.pi * np.arange(number) / number
    start = {node: (np.cos(angle[node]), np.sin(angle[node])) for node in range(number)}
    found = nx.spring_layout(graph, pos=start, seed=seed, iterations=150, k=1.6 / number**0.5)
    return np.array([found[node] for node in range(number)], dtype=np.float64)


def _stretch(at: FloatArray, size: FloatArray, room: FloatArray) -> FloatArray:
    """Turn the longest direction level and fill the drawing."""
    centred = at - at.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    turned = centred @ axes[:, ::-1]
    turned *= np.where(turned[np.abs(turned).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    low, high = turned.min(axis=0), turned.max(axis=0)
    scale = np.where(high - low > 1e-9, high - low, 1.0)
    inner = size - room - 2 * MARGIN
    placed: FloatArray = MARGIN + room / 2 + (turned - low) / scale * np.maximum(inner, 0.0)
    return placed


def _push_apart(at: FloatArray, room: FloatArray, size: FloatArray) -> FloatArray:
    """Move overlapping shapes apart along the shorter way, a little at a time."""
    need = (room[:, None] + room[None, :]) / 2
    lowest, highest = MARGIN + room / 2, size - MARGIN - room / 2
    highest[:, 1] = np.inf
    rank = np.arange(len(at))
    tie = np.sign(rank[:, None] - rank)[..., None]
    for _ in range(_ROUNDS):
        gap = at[:, None] - at[None, :]
        over = np.maximum(need - np.abs(gap), 0.0)
        hit = (over.min(axis=2) > 0.01) & (rank[:, None] != rank)
        if not hit.any():
            break
        level = over[..., 0] <= over[..., 1]
        way = np.where(gap == 0, tie, np.sign(gap))
        move = np.where(np.stack([level, ~level], axis=2), way * over, 0.0) * hit[..., None]
        at = np.clip(at + 0.35 * move.sum(axis=1), lowest, highest)
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
