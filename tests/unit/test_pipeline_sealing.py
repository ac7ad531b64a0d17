"""Sealed streams: what goes in comes out, and nothing that somebody changed does."""

from __future__ import annotations

import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfinder.errors import InputError
from ringfinder.pipeline import sealing
from ringfinder.pipeline.sealing import CHUNK, TAG, SealedReader, SealingWriter

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Cheap scrypt: the tests open hundreds of streams."""
    monkeypatch.setattr(sealing, "COST", 4)


def sealed(content: bytes, *, pieces: int = 1, passphrase: str = PASSPHRASE) -> bytes:
    file = io.BytesIO()
    writer = SealingWriter(file, passphrase)
    step = max(len(content) // pieces, 1)
    for begin in range(0, len(content), step):
        writer.write(content[begin : begin + step])
    writer.finish()
    return file.getvalue()


def opened(content: bytes, passphrase: str = PASSPHRASE) -> bytes:
    return SealedReader(io.BytesIO(content), passphrase, "x.backup").read()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5])
def test_what_goes_in_comes_out(size):
    content = random.Random(size).randbytes(size)
    assert opened(sealed(content, pieces=3)) == content


def test_neither_the_content_nor_the_passphrase_is_in_it_and_no_two_are_alike():
    content = b"a canary that sings " * 100
    first, second = sealed(content), sealed(content)
    assert b"canary" not in first
    assert PASSPHRASE.encode() not in first
    assert first != second


def test_a_wrong_passphrase_is_told_apart_from_damage():
    with pytest.raises(InputError, match="does not open with this passphrase"):
        opened(sealed(b"x"), "another passphrase")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"RFBACKUP", b"x" * 500])
def test_what_is_no_backup_is_said_to_be_none(content):
    with pytest.raises(InputError, match="is no backup of ringfinder"):
        opened(content)


WHOLE = random.Random(1).randbytes(2 * CHUNK + 100)


class TestAltered:
    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def test_any_flipped_bit_is_found(self, data):
        content = bytearray(sealed(WHOLE))
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= 1 << data.draw(st.integers(0, 7))
        with pytest.raises(InputError):
            opened(bytes(content))

    @settings(max_examples=20, deadline=None)
    @given(st.floats(0, 0.999999))
    def test_any_cut_is_found(self, share):
        content = sealed(WHOLE)
        with pytest.raises(InputError):
            opened(content[: int(share * len(content))])

    @pytest.mark.parametrize("chunks", [(1, 0, 2), (0, 2), (0, 0, 1, 2), (0, 1)])
    def test_chunks_in_another_order_are_found(self, chunks):
        content = sealed(WHOLE)
        header, size = content[: sealing._HEADER.size], CHUNK + TAG
        body = content[len(header) :]
        parts = [body[i * size : (i + 1) * size] for i in range(3)]
        with pytest.raises(InputError, match="was altered or cut short"):
            opened(header + b"".join(parts[i] for i in chunks))

    def test_a_header_that_asks_for_all_memory_is_refused(self):
        content = bytearray(sealed(b"x"))
        content[len(sealing.MAGIC)] = 40
        with pytest.raises(InputError, match="was altered"):
            opened(bytes(content))

    def test_bytes_behind_the_end_are_found(self):
        with pytest.raises(InputError):
            opened(sealed(b"x") + b"y")
