"""The part of an address before the @, as people of a country make it up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.model import IntArray
from ringfinder.simulate.block import Block
from ringfinder.simulate.chance import salt_of, scramble, stream
from ringfinder.simulate.ground import FIRST_NAMES, LAST_NAMES
from ringfinder.simulate.people import FORM
from ringfinder.simulate.text import join, letters, numbers, pick

_NICKS = (
    "dark", "sky", "pixel", "storm", "neo", "blue", "wolf", "star", "code", "fox", "zen", "mr",
    "the", "real", "shadow", "sunny", "mega", "its", "just", "happy", "cyber", "lucky", "silent",
)  # fmt: skip
_ROLES = ("info", "hello", "dev", "admin", "team", "office", "ai", "it", "tech", "support", "api")
_TAGS = ("ai", "llm", "api", "test", "shop", "work", "news", "x", "dev", "1", "2", "beta")


def name_table(sounds: Sequence[str], each: int, parts: int, seed: int, what: str) -> list[str]:
    """Make `each` names per country from its syllables, usual ones first."""
    names: list[str] = []
    for index, text in enumerate(sounds):
        rng = stream(seed, what, index)
        syllables = text.split()
        seen: dict[str, None] = {}
        while len(seen) < each:
            count = parts + int(rng.random() < 0.4)
            seen["".join(rng.choice(syllables, count))] = None
        names += list(seen)
    return names


def local_parts(block: Block, seed: int, sounds: Sequence[str]) -> pa.StringArray:
    """Return the local part of every account's address."""
    firsts = pa.array(name_table(sounds, FIRST_NAMES, 2, seed, "first names"))
    lasts = pa.array(name_table(sounds, LAST_NAMES, 2, seed, "last names"))
    parts, places = [], []
    for form in np.unique(block.form):
        where = np.flatnonzero(block.form == form)
        parts.append(_one_form(int(form), block, where, firsts, lasts, seed))
        places.append(where)
    order = np.empty(len(block), np.int64)
    order[np.concatenate(places)] = np.arange(len(block))
    return pa.concat_arrays(parts).take(pa.array(order))


def _one_form(
    form: int,
    block: Block,
    where: IntArray,
    firsts: pa.StringArray,
    lasts: pa.StringArray,
    seed: int,
) -> pa.StringArray:
    first, last = pick(firsts, block.first[where]), pick(lasts, block.last[where])
    number = _padded(block.number[where], block.digits[where])
    tag = block.tag[where]
    name = {code: text for text, code in FORM.items()}[form]
    initial = pc.utf8_slice_codeunits(first, 0, 1)
    simple = {
        "first.last": lambda: join(first, ".", last),
        "firstlast": lambda: join(first, last),
        "flast": lambda: join(initial, last),
        "first_last": lambda: join(first, "_", last),
        "firstlastN": lambda: join(first, last, number),
        "firstN": lambda: join(first, number),
        "last.first": lambda: join(last, ".", first),
        "nickN": lambda: join(pick(_NICKS, tag % len(_NICKS)), first, number),
        "first": lambda: first,
        "random": lambda: letters(scramble(tag, salt_of(seed, "random mailbox")), 10),
        "tag": lambda: join(
            first, ".", last, "+", pick(_TAGS, tag % len(_TAGS)), numbers(tag // 16 % 97)
        ),
        "role": lambda: pick(_ROLES, tag % len(_ROLES)),
        "dots": lambda: _dotted(join(first, last), tag),
    }
    return simple[name]()


def _padded(values: IntArray, digits: IntArray) -> pa.StringArray:
    text = numbers(values)
    for width in np.unique(digits[digits > 0]):
        text = pc.if_else(pa.array(digits == width), pc.utf8_lpad(text, int(width), "0"), text)
    return text


def _dotted(names: pa.StringArray, tags: IntArray) -> pa.StringArray:
    """Put dots where the bits of the tag say; the mailbox stays the same."""
    texts = []
    for name, tag in zip(names.to_pylist(), tags.tolist(), strict=True):
        marks = [letter + ("." if tag >> k & 1 else "") for k, letter in enumerate(name[:-1])]
        texts.append("".join(marks) + name[-1])
    return pa.array(texts, pa.string())
