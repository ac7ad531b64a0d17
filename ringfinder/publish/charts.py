"""Small charts as SVG paths: numbers only, so that no text of anybody's can enter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ringfinder.durations import DAY_MS
from ringfinder.explain.numbers import big, day, share
from ringfinder.explain.view import Hours, Timeline

DAYS_APART = 200
"""Longer timelines are drawn by week."""


@dataclass(frozen=True)
class Chart:
    """One chart, `width` x `height`, its baseline at `height`.

    Attributes
    ----------
    bars, front
        Path data of the bars, and of bars standing in front of them (may be empty).
    line
        Path data of a line across (may be empty).
    ticks
        Places on the x axis and their labels.
    peak
        The highest bar, in words; empty if all are zero.
    """

    width: float
    height: float
    bars: Markup
    front: Markup
    line: Markup
    ticks: tuple[tuple[float, str], ...]
    peak: str


def day_chart(
    counts: Sequence[int],
    days: Sequence[int],
    *,
    window: tuple[int, int],
    size: tuple[float, float],
    front: Timeline | None = None,
    front_counts: Sequence[int] = (),
) -> Chart:
    """Draw counts by day within a window that all charts of a run share.

    Parameters
    ----------
    counts, days
        Consecutive days since 1970-01-01 and what happened on each.
    window
        First and last day of the axis.
    size
        Width and height.
    front, front_counts
        A part of the same counts, drawn in front.

    Returns
    -------
    Chart
    """
    width, height = size
    step = 7 if window[1] - window[0] >= DAYS_APART else 1
    slots = (window[1] - window[0]) // step + 1
    behind = _binned(counts, days, window, step, slots)
    before = _binned(front_counts, front.days if front else (), window, step, slots)
    top = max(max(behind, default=0), max(before, default=0))
    unit = "week" if step == 7 else "day"
    return Chart(
        width,
        height,
        _bars(behind, top, width, height),
        _bars(before, top, width, height),
        Markup(""),
        _day_ticks(window, width),
        f"peak {big(top)} a {unit}" if top else "",
    )


def hour_chart(
    counts: Sequence[int], population: Sequence[float], size: tuple[float, float]
) -> Chart:
    """Draw shares by hour of day as bars, and the population's as a line across."""
    width, height = size
    total = sum(counts)
    shares = [count / total if total else 0.0 for count in counts]
    top = max(*shares, *population, 1e-9)
    step = width / 24
    corners = "".join(
        f"{'L' if hour else 'M'}{hour * step:.1f} {height * (1 - part / top):.1f}h{step:.1f}"
        for hour, part in enumerate(population)
    )
    ticks = tuple((hour * step, f"{hour:02d}") for hour in (0, 6, 12, 18, 24))
    line = Markup(corners) if any(population) else Markup("")  # noqa: S704  # numbers only
    return Chart(width, height, _bars(shares, top, width, height), Markup(""), line, ticks, "")


def hours_in_words(hours: Hours) -> str:
    """Say what the chart of hours of use shows, for those who cannot see it."""
    total = sum(hours.use)
    if not total:
        return "No use."
    busiest = max(range(24), key=lambda hour: hours.use[hour])
    quietest = min(range(24), key=lambda hour: hours.use[hour])
    most, least = share(hours.use[busiest] / total), share(hours.use[quietest] / total)
    return f"Use by UTC hour: most at {busiest:02d} ({most}), least at {quietest:02d} ({least})."


def _binned(
    counts: Sequence[int], days: Sequence[int], window: tuple[int, int], step: int, slots: int
) -> list[int]:
    bins = [0] * slots
    for one, number in zip(days, counts, strict=True):
        if window[0] <= one <= window[1]:
            bins[(one - window[0]) // step] += number
    return bins


def _bars(values: Sequence[float], top: float, width: float, height: float) -> Markup:
    if not values or top <= 0:
        return Markup("")
    step = width / len(values)
    gap = min(1.0, 0.2 * step)
    parts = []
    for place, value in enumerate(values):
        if value > 0:
            tall = max(1.0, height * value / top)
            left, wide = place * step + gap / 2, step - gap
            parts.append(f"M{left:.1f} {height:g}v-{tall:.1f}h{wide:.1f}V{height:g}z")
    return Markup("".join(parts))  # noqa: S704  # numbers only


def _day_ticks(window: tuple[int, int], width: float) -> tuple[tuple[float, str], ...]:
    first, last = window
    slots = last - first + 1
    number = min(4, slots)
    places = [first + round(place * (slots - 1) / max(1, number - 1)) for place in range(number)]
    year = day(first * DAY_MS)[-4:] != day(last * DAY_MS)[-4:]
    return tuple(
        ((at - first + 0.5) * width / slots, day(at * DAY_MS)[: None if year else -5])
        for at in places
    )
