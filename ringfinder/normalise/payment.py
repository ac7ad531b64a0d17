"""Cards: the network's fingerprint of one card, and the bank that issued it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.model import BoolArray
from ringfinder.normalise.text import clean, flags, where, without

BIN_DIGITS = 6
"""Digits kept of a BIN.

Issuers moved from six to eight digits in 2022 and exports mix both; only the first six
compare across all of them. What the other two would add (the product) is small beside one
bank split in two by the file its cards came from.
"""

_CARD_LIKE = r"^[2-6][0-9]{11,18}$"
_HARDWARE = r"^(?:[24-6][0-9]|3[0-35689])[0-9]{13}$"


def canonical_payment_fingerprint(values: pa.StringArray) -> pa.StringArray:
    """Return card fingerprints folded, their case kept.

    Fingerprints are opaque base-62 tokens at the large processors, in which case tells two
    cards apart. A number that could be a card number itself is kept as evidence, digits
    only; `shown_payment_fingerprint` makes sure that it is never shown.
    """
    values = clean(values)
    spaced = flags(pc.match_substring_regex(values, r"^[0-9][0-9 -]{11,30}$"))
    return where(values, spaced, _joined_if_card)


def shown_payment_fingerprint(canonical: pa.StringArray) -> pa.StringArray:
    """Return what may be shown in clear: card numbers are cut to their last four digits."""
    return where(canonical, is_card_number(canonical), _cut)


def shown_text(canonical: pa.StringArray) -> pa.StringArray:
    """Return what may be shown in clear of any other text: card numbers typed there are cut, too.

    Spaces and hyphens between the digits do not hide one. Fifteen digits are a card number
    only with the first two of the one network whose numbers are that long: the numbers of
    phones' hardware (IMEI) pass the same check.
    """
    spaced = flags(pc.match_substring_regex(canonical, r"^[2-6][0-9 -]{11,30}$"))

    def shown(rows: pa.Array) -> pa.Array:
        joined = pc.replace_substring_regex(rows, "[ -]", "")
        card = is_card_number(joined) & ~flags(pc.match_substring_regex(joined, _HARDWARE))
        return pc.if_else(pa.array(card), _cut(joined), rows)

    return where(canonical, spaced, shown)


def _cut(cards: pa.Array) -> pa.Array:
    last = pc.utf8_slice_codeunits(cards, -4)
    return pc.binary_join_element_wise("card number ending in", last, " ")


def canonical_card_bin(values: pa.StringArray) -> pa.StringArray:
    """Return the first six digits; null without six digits at the start.

    A whole card number, masked (``411111******1111``) or not, is cut to its first six
    digits here, before anything is made of it.
    """
    values = clean(values, max_chars=32)
    compact = pc.replace_substring_regex(values, r"[ -]", "")
    first = pc.utf8_slice_codeunits(compact, 0, BIN_DIGITS)
    shaped = flags(pc.match_substring_regex(compact, r"^[0-9]{6}[0-9xX*.•#]{0,13}$"))
    return without(first, ~shaped | flags(pc.equal(first, "0" * BIN_DIGITS)))


def is_card_number(values: pa.StringArray) -> BoolArray:
    """Tell which values could be a card number: 12 to 19 digits that pass Luhn's check.

    Parameters
    ----------
    values
        String array (V,).

    Returns
    -------
    BoolArray, shape (V,)
    """
    shaped = flags(pc.match_substring_regex(values, _CARD_LIKE))
    if shaped.any():
        shaped[np.flatnonzero(shaped)] = _passes_luhn(values.filter(pa.array(shaped)))
    return shaped


def _joined_if_card(rows: pa.Array) -> pa.Array:
    """Return digits without separators where they form a card number."""
    joined = pc.replace_substring_regex(rows, "[ -]", "")
    return pc.if_else(pa.array(is_card_number(joined)), joined, rows)


def _passes_luhn(digits: pa.StringArray) -> BoolArray:
    """Check rows of ASCII digits only, at most 19 of them."""
    padded = pc.utf8_lpad(digits, 20, padding="0").cast(pa.binary(20))
    text = np.frombuffer(padded.buffers()[1], dtype=np.uint8)[: 20 * len(padded)]
    numbers = text.reshape(-1, 20).astype(np.int16) - ord("0")
    doubled = numbers[:, 0::2] * 2  # counted from the right, every second digit
    doubled -= 9 * (doubled > 9)
    passes: BoolArray = (doubled.sum(axis=1) + numbers[:, 1::2].sum(axis=1)) % 10 == 0
    return passes
