"""Text that may come from an attacker, made safe to look at.

Escaping for HTML is jinja's part. This is about what escaping leaves: characters that
hide, reorder or pile up. They become visible marks, so that two values that look the
same are the same.
"""

from __future__ import annotations

import unicodedata

LONGEST = 600
MARKS = 2
"""Combining marks kept on one letter; more of them pile up over the lines around."""
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_COMBINING = {"Mn", "Me", "Mc"}
_BLANK = {"\u115f", "\u1160", "\u2800", "\u3164", "\uffa0", "\u034f", "\u17b4", "\u17b5"}
"""Letters and marks that show nothing although Unicode does not call them invisible."""


def visible(text: str, longest: int = LONGEST) -> str:
    """Return text in which nothing hides.

    Parameters
    ----------
    text
        Any string, lone surrogates included.
    longest
        Characters to show; a longer text keeps its beginning and end around an ellipsis.

    Returns
    -------
    str
        Encodable as UTF-8. Control, formatting (bidirectional overrides and isolates,
        zero-width characters), private and unassigned characters and blank letters stand
        as ``[U+202E]``, every space other than the common one too; beyond `MARKS` on one
        letter, combining marks are counted. Applying it twice changes nothing more.
    """
    return shorten(_spelt(shorten(text, longest)), longest)


def fitted(text: str, columns: int) -> str:
    """Return visible text that is at most so many columns wide; some letters take two."""
    for longest in range(columns, 0, -1):
        shown = visible(text, longest)
        wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in shown)
        if len(shown) + wide <= columns:
            return shown
    return "…"


def shorten(text: str, longest: int) -> str:
    """Cut a long text in its middle: ``abcdefgh…xyz``; the end says as much as the start."""
    if len(text) <= longest:
        return text
    tail = max(0, (longest - 1) // 3)
    return text[: longest - 1 - tail] + "…" + (text[-tail:] if tail else "")


def _spelt(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    parts, marks = [], 0
    for character in text:
        if unicodedata.category(character) in _COMBINING and character not in _BLANK:
            marks += 1
            if marks <= MARKS:
                parts.append(character)
            continue
        if marks > MARKS:
            parts.append(f"[+{marks - MARKS} marks]")
        marks = 0
        parts.append(f"[U+{ord(character):04X}]" if _hides(character) else character)
    if marks > MARKS:
        parts.append(f"[+{marks - MARKS} marks]")
    return "".join(parts)


def _hides(character: str) -> bool:
    category = unicodedata.category(character)
    return category in _HIDDEN or character in _BLANK or (category == "Zs" and character != " ")
