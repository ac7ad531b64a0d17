"""How people type: case, spaces, and phone numbers in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.model import IntArray
from ringfinder.simulate.chance import choose
from ringfinder.simulate.text import join, numbers

if TYPE_CHECKING:
    from ringfinder.simulate.ground import Region


def as_typed_email(addresses: pa.StringArray, rng: np.random.Generator) -> pa.StringArray:
    """Return addresses as typed: some with capitals, some with a space at an end."""
    kind = choose(rng, np.array([0.905, 0.055, 0.012, 0.014, 0.014]), len(addresses))
    typed = pc.if_else(pa.array(kind == 1), pc.utf8_capitalize(addresses), addresses)
    typed = pc.if_else(pa.array(kind == 2), pc.utf8_upper(addresses), typed)
    typed = pc.if_else(pa.array(kind == 3), join(addresses, " "), typed)
    return pc.if_else(pa.array(kind == 4), join(" ", addresses), typed)


def _without_prefix(phones: IntArray, dial: IntArray) -> IntArray:
    """Strip the calling code; no national number of a mobile begins with zero."""
    digits = np.floor(np.log10(phones)).astype(np.int64) - np.floor(np.log10(dial)).astype(np.int64)
    return phones - dial * 10**digits


def as_typed_phone(
    phones: IntArray, region: IntArray, regions: list[Region], rng: np.random.Generator
) -> pa.StringArray:
    """Return numbers in one of five formats each; null where there is none.

    Only one format in six needs the country to be understood.
    """
    some = np.flatnonzero(phones >= 0)
    if len(some) == 0:
        return pa.nulls(len(phones), pa.string())
    dial = np.array([int(r.country.dial) for r in regions])[region[some]]
    whole = numbers(phones[some])
    code = numbers(dial)
    national = numbers(_without_prefix(phones[some], dial))
    head, tail = pc.utf8_slice_codeunits(national, 0, 3), pc.utf8_slice_codeunits(national, 3)
    styles = [
        join("+", whole),
        join("+", code, " ", head, " ", tail),
        join(pc.if_else(pa.array(dial == 1), "", "00"), code, national),  # 011 from there
        join("+", code, "-", head, "-", tail),
        join("+", code, " (", head, ") ", tail),
        national,
    ]
    kind = choose(rng, np.array([0.45, 0.2, 0.1, 0.1, 0.05, 0.1]), len(some))
    typed = styles[0]
    for index, style in enumerate(styles[1:], 1):
        typed = pc.if_else(pa.array(kind == index), style, typed)
    place = np.full(len(phones), -1, np.int64)
    place[some] = np.arange(len(some))
    return typed.take(pa.array(place, mask=place < 0))
