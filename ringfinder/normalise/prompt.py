"""Prompt text: its skeleton, and MinHash bands that texts of one template share.

The skeleton keeps the words that a template repeats and masks what varies: quotations,
links, anything with a digit, long tokens. Three words in a row make a shingle; sixteen
minima over the shingles make the signature; four bands of four minima are the values.

Two texts with Jaccard similarity s of their shingles share at least one band with
probability 1 - (1 - s**4)**4: 0.99 at 0.9, 0.88 at 0.8, 0.23 at 0.5, 0.03 at 0.3, below
0.001 at 0.1. Instances of one template lie above 0.7 once masked; texts that merely share a
phrase below 0.3. Four bands keep the number of values per text small, and an account that
used a template ten times misses all of its bands only if the template is no template.

Nothing of the text survives: a band is a hash of hashes.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.model import BoolArray, IntArray
from ringfinder.normalise.text import codes_of, flags, to_strings, where

BANDS = 4
ROWS = 4
SHINGLE = 3
"""Words per shingle: two are idiom, four miss every second variation."""

MIN_WORDS = 4
"""Skeletons of fewer words (a greeting, a test) say nothing."""

HEAD = 2048
"""Characters read at the start and again at the end of longer texts: templates put what
varies in the middle, and the cost of a text must not depend on who sends it."""

_MASK = (
    r'[a-z]{2,6}://\S+|www\.\S+|"[^"]*"|“[^”]*”|«[^»]*»|„[^“”]*[“”]|```[^`]*```|`[^`]*`'
    r"|\S*\pN\S*|[^\s,.;:!?/()\[\]{}<>|=+*_-]{25,}"
)
_WIDE = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"
# Runs of what is no word, single spaces left out: replacing each of those by itself costs most.
_GAPS = r"[^\pL\pM# ][^\pL\pM#]*| [^\pL\pM#]+"
_BAND_SHAPE = r"^b[0-9]:[0-9a-f]{16}$"
_CHUNK_BYTES = 1 << 22
_POLY = np.uint64(0x9E3779B97F4A7C15)  # odd, so it has an inverse modulo 2**64
_POLY_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 2**64))
_HEX = np.frombuffer("".join(f"{i:02x}" for i in range(256)).encode(), dtype="S2")


def skeletons(texts: pa.StringArray) -> pa.StringArray:
    """Return the skeleton of each text: lower-case words, ``#`` for what varies.

    Parameters
    ----------
    texts
        String array (V,). Of texts longer than twice `HEAD`, both ends are read.

    Returns
    -------
    pa.StringArray, shape (V,)
        Words separated by single spaces; null where the text is.
    """
    texts = to_strings(texts)
    long = flags(pc.greater(pc.utf8_length(texts), 2 * HEAD))
    texts = where(texts, long, _both_ends)
    foreign = ~flags(pc.string_is_ascii(texts))
    texts = where(pc.ascii_lower(texts), foreign, _plain)
    masked = pc.replace_substring_regex(texts, _MASK, " # ")
    words = pc.replace_substring_regex(masked, _GAPS, " ")
    merged = pc.replace_substring_regex(words, r"#(?: ?#)+", "#")
    return pc.utf8_trim_whitespace(merged)


def prompt_bands(texts: pa.StringArray) -> pa.ListArray:
    """Return the MinHash bands of each text; the text is not kept.

    Parameters
    ----------
    texts
        String array (V,).

    Returns
    -------
    pa.ListArray of strings, shape (V,)
        `BANDS` values such as ``b2:0123456789abcdef`` per text; null where the text has
        fewer than `MIN_WORDS` words. The same text gives the same bands on every machine.
    """
    code, bands = distinct_bands(texts)
    said = code >= 0
    offsets = np.concatenate([[0], np.cumsum(said * BANDS)]).astype(np.int32)
    row = (code[said, None] * BANDS + np.arange(BANDS)).ravel()
    return pa.ListArray.from_arrays(pa.array(offsets), bands.take(row), mask=pa.array(~said))


def distinct_bands(texts: pa.StringArray) -> tuple[IntArray, pa.StringArray]:
    """Return the bands of the distinct skeletons, and which of them each text has.

    Returns
    -------
    code : int64 (V,)
        The bands of text i are rows ``BANDS * code[i]`` and following, -1 for none.
    bands : pa.StringArray
    """
    code, distinct = codes_of(skeletons(texts))
    bands = np.zeros((len(distinct), BANDS), dtype=np.uint64)
    known = np.zeros(len(distinct) + 1, dtype=bool)
    for start, stop in _chunks(distinct):
        bands[start:stop], known[start:stop] = _signatures(distinct.slice(start, stop - start))
    return np.where(known[code], code, -1), _band_texts(bands)


def are_bands(values: pa.StringArray) -> bool:
    """Tell whether a whole column holds bands, fingerprinted on entry, and no text."""
    shaped = pc.fill_null(pc.match_substring_regex(values, _BAND_SHAPE), True)
    return len(values) > 0 and bool(pc.all(shaped).as_py())


def _both_ends(rows: pa.Array) -> pa.Array:
    head = pc.utf8_slice_codeunits(rows, 0, HEAD)
    return pc.binary_join_element_wise(head, pc.utf8_slice_codeunits(rows, -HEAD), " ")


def _plain(rows: pa.Array) -> pa.Array:
    """Return text composed for compatibility, lower case, scripts without spaces taken apart."""
    lower = pc.utf8_normalize(pc.utf8_lower(pc.utf8_normalize(rows, "NFKC")), "NFKC")
    return pc.replace_substring_regex(lower, _WIDE, r" \1 ")


def _chunks(values: pa.StringArray) -> list[tuple[int, int]]:
    """Return slices of about `_CHUNK_BYTES` of text each."""
    size = np.cumsum(
        pc.fill_null(pc.binary_length(values), 0).to_numpy(zero_copy_only=False), dtype=np.int64
    )
    if not len(size):
        return []
    marks = np.searchsorted(size, np.arange(_CHUNK_BYTES, size[-1] + 1, _CHUNK_BYTES)) + 1
    cuts = np.unique(np.concatenate([[0], marks, [len(values)]])).tolist()
    return list(pairwise(cuts))


def _signatures(skeleton: pa.StringArray) -> tuple[IntArray, BoolArray]:
    """Return uint64 (V, BANDS) bands and which rows have enough words for them."""
    words, count = _word_hashes(skeleton)
    known = count >= MIN_WORDS
    bands = np.zeros((len(count), BANDS), dtype=np.uint64)
    if not known.any():
        return bands, known
    row = np.repeat(np.arange(len(count)), count)
    at = np.arange(len(words) - SHINGLE + 1)
    at = at[(row[at] == row[at + SHINGLE - 1]) & known[row[at]]]  # none spans two texts
    shingles: IntArray = words[at]
    for step in range(1, SHINGLE):
        shingles = _mix(shingles) + words[at + step]
    shingles = _mix(shingles)
    size = count[known] - SHINGLE + 1
    starts = np.cumsum(size) - size
    for band in range(BANDS):
        value: IntArray = np.full(len(size), band, dtype=np.uint64)
        for seed, factor in _SEEDS[band * ROWS : (band + 1) * ROWS]:
            value = _mix(value + np.minimum.reduceat((shingles ^ seed) * factor, starts))
        bands[known, band] = value
    return bands, known


def _word_hashes(skeleton: pa.StringArray) -> tuple[IntArray, IntArray]:
    """Return a 64-bit hash of every word, uint64 (W,), and the words of each row, (V,).

    A polynomial over the bytes, all words at once: prefix sums modulo 2**64, differenced
    at the word's ends and divided by the power of its start.
    """
    joined = "\n".join(skeleton.to_pylist()).encode()
    data = np.frombuffer(joined, dtype=np.uint8)
    edge = np.diff((data > ord(" ")).astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)
    power = np.cumprod(np.full(len(data) + 1, _POLY))
    undo = np.cumprod(np.full(len(data) + 1, _POLY_INVERSE))
    total = np.concatenate([[np.uint64(0)], np.cumsum((data + np.uint64(1)) * power[:-1])])
    hashes = _mix((total[ends] - total[starts]) * undo[starts])
    row_of_byte = np.cumsum(data == ord("\n"))
    return hashes, np.bincount(row_of_byte[starts], minlength=len(skeleton))


def _mix(x: IntArray) -> IntArray:
    """Return x with its 64 bits stirred (the finaliser of SplitMix64, Steele et al. 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _seeds() -> list[tuple[np.uint64, np.uint64]]:
    steps = _mix(np.arange(1, 2 * BANDS * ROWS + 1, dtype=np.uint64) * _POLY)
    return [(steps[2 * i], steps[2 * i + 1] | np.uint64(1)) for i in range(BANDS * ROWS)]


_SEEDS = _seeds()


def _band_texts(bands: IntArray) -> pa.StringArray:
    """Write uint64 (V, BANDS) as ``b<band>:<16 hexadecimal digits>``, row after row."""
    rows = bands.size
    text = np.empty((rows, 19), dtype=np.uint8)
    text[:, 0], text[:, 2] = ord("b"), ord(":")
    text[:, 1] = ord("0") + np.tile(np.arange(BANDS), len(bands))
    octets = np.ascontiguousarray(bands.astype(">u8")).view(np.uint8).reshape(rows, 8)
    text[:, 3:] = np.ascontiguousarray(_HEX[octets]).view(np.uint8).reshape(rows, 16)
    offsets = (np.arange(rows + 1, dtype=np.int64) * 19).astype(np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(text))
