"""Numbers, times and plurals as a person writes them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PLURALS = {
    "first day on a model": "first days on a model",
    "hour of sign-up": "hours of sign-up",
    "block of phone numbers": "blocks of phone numbers",
    "first or last hour of use": "first or last hours of use",
}
_AN = ("a", "e", "i", "o", "hour", "IP")


def count(number: int) -> str:
    """Return a whole number with its thousands set apart: ``12,345``."""
    return f"{number:,}"


def big(number: float) -> str:
    """Return a quantity to three figures in words: ``28.8 million``; small ones in full."""
    if not math.isfinite(number):
        return "unknown"
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if abs(number) >= 0.9995 * size:
            return f"{_three_figures(number / size)} {word}"
    return f"{round(number):,}"


def _three_figures(number: float) -> str:
    digits = 2 if abs(number) < 10 else 1 if abs(number) < 100 else 0
    text = f"{number:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(value: float) -> str:
    """Return a measured value to about three figures: ``0.031``, ``25.2``, ``1,204``."""
    if not math.isfinite(value):
        return "unknown"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e6:
        text = big(size)
    elif size >= 1:
        text = _three_figures(size)
    else:
        digits = min(6, 1 - math.floor(math.log10(size)))
        text = f"{size:.{digits}f}".rstrip("0").rstrip(".")
    return "−" + text if value < 0 else text


def share(value: float) -> str:
    """Return a share (0-1) in percent, never rounding to 0% or 100% what is not."""
    if not math.isfinite(value):
        return "unknown"
    percent = 100 * value
    if value in (0, 1) or 9.95 <= percent <= 99:
        return f"{percent:.0f}%"
    if 0 < percent < 0.01:
        return "under 0.01%"
    if 99.9 < percent < 100:
        return "over 99.9%"
    digits = 2 if 0 < percent < 0.1 else 1
    text = f"{percent:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "%"


def signed(nats: float) -> str:
    """Return a weight of evidence with its sign: ``+3.2``, ``−0.4``."""
    if not math.isfinite(nats):
        return "unknown"
    text = f"{abs(nats):.1f}"
    return text if text == "0.0" else ("+" if nats > 0 else "−") + text


def plural(number_of: int, word: str) -> str:
    """Return a count with its noun: ``1 account``, ``3 e-mail domains``."""
    return f"{count(number_of)} {plural_of(word) if number_of != 1 else word}"


def plural_of(word: str) -> str:
    """Return the plural of a noun of ours."""
    return _PLURALS.get(word, word + ("es" if word.endswith(("s", "x", "ch")) else "s"))


def article(word: str) -> str:
    """Return the noun with its article: ``an e-mail domain``, ``a user agent``."""
    return f"{'an' if word.startswith(_AN) else 'a'} {word}"


def duration(milliseconds: float) -> str:
    """Return a span of time in the unit a person would choose: ``41 hours``, ``12 days``."""
    minutes = max(1, round(milliseconds / 60_000))
    if minutes < 120:
        return plural(minutes, "minute")
    if minutes < 72 * 60:
        return plural(round(minutes / 60), "hour")
    return plural(round(minutes / (24 * 60)), "day")


def day(milliseconds: int) -> str:
    """Return the UTC day of a time as ``1 Mar 2026``; ``unknown`` outside the calendar."""
    try:
        moment = _EPOCH + timedelta(milliseconds=int(milliseconds))
    except OverflowError:
        return "unknown"
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def moment(milliseconds: int) -> str:
    """Return a time to the minute as ``2026-03-01 13:05``; ``unknown`` outside the calendar."""
    try:
        when = _EPOCH + timedelta(milliseconds=int(milliseconds))
    except OverflowError:
        return "unknown"
    return when.strftime("%Y-%m-%d %H:%M")


def listing(parts: list[str]) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return ", ".join(parts[:-1]) + " and " + parts[-1]
