"""Features of a ring in words: the value, the population's, the difference in its unit."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ringfinder.explain.given import FeatureWords, Judgement
from ringfinder.explain.numbers import number, share, signed
from ringfinder.explain.view import FeatureView

_SUFFIXES = {
    "_share": "share",
    "_fraction": "share",
    "_ratio": "ratio",
    "_sd": "sd",
    "_days": "days",
    "_hours": "hours",
    "_nats": "nats",
    "_tokens": "tokens",
}
FEW = 0.2
"""Shares below this are called few."""
_WELCOME = frozenset(["network_focus", "card_focus", "domain_ownership"])
"""Features of which little speaks for one operator."""
SAME = 0.005
"""Differences below this share of the population's value are told as 'the same'."""


def words_of(name: str, words: Mapping[str, FeatureWords]) -> FeatureWords:
    """Return how to call a feature; an unknown name is made readable, its unit guessed."""
    if name in words:
        return words[name]
    for suffix, unit in _SUFFIXES.items():
        if name.endswith(suffix):
            return FeatureWords(name.removesuffix(suffix).replace("_", " "), unit)
    return FeatureWords(name.replace("_", " "))


def is_relative(unit: str) -> bool:
    """Whether a value in this unit is beside the population's already: a ratio, or in sd."""
    return unit.startswith(("ratio", "ln ratio")) or "sd" in unit.split()


def measure(value: float, unit: str) -> str:
    """Return a value with its unit: ``33%``, ``2.4 ×``, ``+1.9 sd``, ``41 hours``.

    Logarithms are for models: a value in ``ln`` or ``ln ratio`` is told as what it is the
    logarithm of.
    """
    if not math.isfinite(value):
        return "unknown"
    if unit.startswith("share"):
        return share(value)
    if unit.startswith("ln"):
        value = math.exp(min(value, 300.0))
        return f"{number(value)} ×" if is_relative(unit) else number(value)
    if is_relative(unit):
        sign = "+" if value > 0 else ""
        return f"{sign}{number(value)} sd" if "sd" in unit.split() else f"{number(value)} ×"
    return f"{number(value)} {unit}" if unit else number(value)


def difference(value: float, population: float, unit: str) -> str:
    """Return how a value differs from the population's, in its unit: ``+24 points``."""
    gap = value - population
    if not math.isfinite(gap):
        return ""
    if abs(gap) <= SAME * abs(population):
        return "the same"
    sign = "+" if gap > 0 else "−"
    if unit.startswith("share"):
        return f"{sign}{number(100 * abs(gap))} points"
    if population > 0 and value > 0 and not is_relative(unit):
        times = value / population
        if times >= 2:
            return f"{number(times)} times as much"
        if times <= 0.5:
            return f"{number(1 / times)} times less"
    return sign + measure(abs(gap), unit).lstrip("+")


def feature_sentence(feature: FeatureView) -> str:
    """Return one feature as a sentence: what it is here, in the population, and its weight."""
    if feature.value is None or not math.isfinite(feature.value):
        return f"{_capital(feature.words)}: {signed(feature.nats)} nats."
    text = f"{_capital(feature.words)}: {measure(feature.value, feature.unit)}"
    if feature.population is not None and math.isfinite(feature.population):
        gap = difference(feature.value, feature.population, feature.unit)
        text += f"; population {measure(feature.population, feature.unit)}"
        text += f", {gap}" if gap else ""
    return text + "."


def feature_phrase(feature: FeatureView, note: str = "") -> str:
    """Return one feature inside a sentence: ``use at night (33%, population 9%)``.

    A note is added in the brackets. A small share is called few where little speaks for one
    operator: that hardly anybody is on one network must not read as its opposite.
    """
    if feature.value is None or not math.isfinite(feature.value):
        return feature.words
    unit = "" if feature.unit and feature.unit in feature.words else feature.unit
    text = measure(feature.value, unit)
    if not is_relative(feature.unit) and feature.population is not None:
        text += f", population {measure(feature.population, unit)}"
    few = feature.name in _WELCOME and feature.value < FEW
    return f"{'few ' if few else ''}{feature.words} ({text}{'; ' if note else ''}{note})"


def feature_views(judgement: Judgement, ring: int) -> tuple[FeatureView, ...]:
    """Return a ring's features, those that weigh most first; groups of features too.

    Parameters
    ----------
    judgement
        Features, contributions, population and words of the run.
    ring
        Index of the ring.

    Returns
    -------
    tuple of FeatureView
        Every name of `features` and `contributions` once; falling absolute nats, then
        the given order. Their nats and `judgement.prior_nats` add up to the log odds.
    """
    views = []
    for name in dict.fromkeys((*judgement.features, *judgement.contributions)):
        words = words_of(name, judgement.words)
        values, nats = judgement.features.get(name), judgement.contributions.get(name)
        views.append(
            FeatureView(
                name=name,
                words=words.words,
                value=None if values is None else float(values[ring]),
                unit=words.unit,
                population=judgement.population.get(name),
                nats=0.0 if nats is None else float(nats[ring]),
            )
        )
    return tuple(sorted(views, key=lambda view: -abs(view.nats)))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
