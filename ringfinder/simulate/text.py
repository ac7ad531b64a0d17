"""Integer codes to strings, a column at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ringfinder.model import IntArray
from ringfinder.simulate.chance import U64

_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_ALNUM = np.frombuffer(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", np.uint8)
V6_FLAG = np.int64(1) << np.int64(40)
"""Address codes below are IPv4; the others hold 61 bits of an IPv6 prefix and 2 of a host."""


def fixed_width(chars: NDArray[np.uint8]) -> pa.StringArray:
    """Turn an (n, width) table of ASCII codes into n strings."""
    n, width = chars.shape
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(width)
    data = np.ascontiguousarray(chars)
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(data))


def hexadecimal(bits: U64, width: int = 16) -> pa.StringArray:
    """Return the leading hexadecimal digits of 64-bit values."""
    return fixed_width(_digits(bits, 4, width, _HEX))


def alphanumeric(bits: U64, width: int) -> pa.StringArray:
    """Return letters and digits made from 64-bit values, at most 10 of them."""
    return fixed_width(_ALNUM[_digits(bits, 6, width, None) % len(_ALNUM)])


def letters(bits: U64, width: int) -> pa.StringArray:
    """Return lower-case letters made from 64-bit values, at most 12 of them."""
    return fixed_width((97 + _digits(bits, 5, width, None) % 26).astype(np.uint8))


def uuids(high: U64, low: U64) -> pa.StringArray:
    """Return UUID strings (version 4) of 128 bits each."""
    digits = np.concatenate([_digits(high, 4, 16, _HEX), _digits(low, 4, 16, _HEX)], axis=1)
    digits[:, 12] = ord("4")
    digits[:, 16] = _HEX[8 + digits[:, 16] % 4]
    dash = np.full((len(digits), 1), ord("-"), np.uint8)
    groups = [digits[:, 0:8], digits[:, 8:12], digits[:, 12:16], digits[:, 16:20], digits[:, 20:]]
    parts = [column for group in groups for column in (group, dash)][:-1]
    return fixed_width(np.concatenate(parts, axis=1))


def _digits(
    bits: U64, size: int, width: int, alphabet: NDArray[np.uint8] | None
) -> NDArray[np.uint8]:
    shifts = (64 - size * np.arange(1, width + 1)).astype(np.uint64)
    digits = ((bits[:, None] >> shifts) & np.uint64((1 << size) - 1)).astype(np.uint8)
    return digits if alphabet is None else alphabet[digits]


def pick(table: Sequence[str] | pa.StringArray, index: IntArray) -> pa.StringArray:
    """Return the strings at the given places of a table."""
    column = table if isinstance(table, pa.Array) else pa.array(table, pa.string())
    return column.take(pa.array(index))


def join(*parts: pa.StringArray | str) -> pa.StringArray:
    """Concatenate columns and constants, row by row."""
    return pc.binary_join_element_wise(*parts, "")


def numbers(values: IntArray, digits: int = 0) -> pa.StringArray:
    """Return whole numbers as text, padded with zeros to `digits`."""
    text = pc.cast(pa.array(values.astype(np.int64)), pa.string())
    return pc.utf8_lpad(text, digits, "0") if digits else text


_OCTETS = pa.array([str(i) for i in range(256)])
_GROUPS = pa.array([f"{i:x}" for i in range(65536)])


def addresses(codes: IntArray, host_bits: U64) -> pa.StringArray:
    """Return IP addresses as servers log them.

    Parameters
    ----------
    codes
        int64 (n,): IPv4 as a number, or `v6_code`.
    host_bits
        uint64 (n,): the interface identifier of each IPv6 address.
    """
    is_v6 = codes >= V6_FLAG
    v4, v6 = codes[~is_v6], codes[is_v6]
    octets = [_OCTETS.take(pa.array((v4 >> shift) & 255)) for shift in (24, 16, 8, 0)]
    text4 = pc.binary_join_element_wise(*octets, ".")
    prefix = (v6.astype(np.uint64) >> np.uint64(2)) | np.uint64(0x2000000000000000)
    groups = [
        _GROUPS.take(pa.array(((half >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64)))
        for half in (prefix, host_bits[is_v6])
        for shift in (48, 32, 16, 0)
    ]
    text6 = pc.binary_join_element_wise(*groups, ":")
    place = np.empty(len(codes), np.int64)
    place[~is_v6] = np.arange(len(v4))
    place[is_v6] = len(v4) + np.arange(len(v6))
    return pa.concat_arrays([text4, text6]).take(pa.array(place))


def v6_code(prefix: U64, variant: IntArray) -> NDArray[np.int64]:
    """Return the code of a /64 prefix (within 2000::/3) and one of four hosts in it."""
    low = (prefix & np.uint64(0x1FFFFFFFFFFFFFFF)) << np.uint64(2)
    return (low | variant.astype(np.uint64)).astype(np.int64)
