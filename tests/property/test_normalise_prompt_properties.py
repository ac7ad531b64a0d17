"""Bands are a function of the words, and texts share them as their words overlap."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfinder.normalise import prompt
from ringfinder.normalise.prompt import BANDS, MIN_WORDS, ROWS, SHINGLE, prompt_bands, skeletons

MASK64 = 2**64 - 1
words = st.text("abcdeéж", min_size=1, max_size=6)
sentences = st.lists(words, min_size=1, max_size=12).map(" ".join)


def mix(x):
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK64
    return x ^ (x >> 31)


def plainly(skeleton):
    """The bands of one skeleton, in plain Python."""
    hashes = []
    for word in skeleton.split():
        poly, power = 0, 1
        for byte in word.encode():
            poly = (poly + (byte + 1) * power) & MASK64
            power = power * 0x9E3779B97F4A7C15 & MASK64
        hashes.append(mix(poly))
    if len(hashes) < MIN_WORDS:
        return None
    shingles = set()
    for start in range(len(hashes) - SHINGLE + 1):
        value = hashes[start]
        for step in range(1, SHINGLE):
            value = (mix(value) + hashes[start + step]) & MASK64
        shingles.add(mix(value))
    bands = []
    for band in range(BANDS):
        value = band
        for seed, factor in prompt._SEEDS[band * ROWS : (band + 1) * ROWS]:
            least = min((s ^ int(seed)) * int(factor) & MASK64 for s in shingles)
            value = mix((value + least) & MASK64)
        bands.append(f"b{band}:{value:016x}")
    return bands


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(st.one_of(st.none(), sentences, st.just("")), max_size=8))
def test_bands_are_what_plain_code_makes_of_the_skeleton(texts):
    found = prompt_bands(pa.array(texts, pa.string())).to_pylist()
    assert found == [None if text is None else plainly(text) for text in texts]


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(sentences, min_size=2, max_size=8))
def test_how_texts_are_cut_into_chunks_changes_nothing(texts):
    whole = prompt_bands(pa.array(texts)).to_pylist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prompt, "_CHUNK_BYTES", 7)
        assert prompt_bands(pa.array(texts)).to_pylist() == whole


@settings(max_examples=50, deadline=None)
@given(text=sentences, number=st.integers(0, 10**9), quote=words)
def test_what_a_template_fills_in_does_not_show(text, number, quote):
    filled = f'{text.upper()} "{quote}" order {number}, see https://a.example/{quote}'
    other = f'{text}   "something else" order 7: see https://b.example/'
    assert skeletons(pa.array([filled])).to_pylist() == skeletons(pa.array([other])).to_pylist()


@pytest.mark.parametrize(
    ("kept", "low", "high"), [(0.95, 0.85, 1.0), (0.8, 0.35, 0.75), (0.3, 0.0, 0.02)]
)
def test_texts_share_a_band_as_often_as_their_overlap_says(kept, low, high):
    """`kept` of forty words stay; a changed word spoils the three shingles it is in."""
    rng = np.random.default_rng(5)
    vocabulary = [f"w{hashlib.sha256(bytes([i % 256, i // 256])).hexdigest()}" for i in range(4000)]
    vocabulary = ["".join(c for c in word if c.isalpha())[:12] for word in vocabulary]
    shared, pairs = 0, 400
    texts = []
    for _ in range(pairs):
        first = rng.choice(vocabulary, size=40)
        second = first.copy()
        changed = np.arange(round(40 * (1 - kept)))  # together: one part of the text varies
        second[changed] = rng.choice(vocabulary, size=len(changed))
        texts += [" ".join(first), " ".join(second)]
    bands = prompt_bands(pa.array(texts)).to_pylist()
    for left, right in zip(bands[::2], bands[1::2], strict=True):
        shared += bool(set(left) & set(right))
    assert low <= shared / pairs <= high
