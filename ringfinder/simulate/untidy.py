"""What exports lose and garble: missing sightings, gaps, odd formats, junk values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.simulate.block import Block
from ringfinder.simulate.chance import stream
from ringfinder.simulate.ragged import Ragged
from ringfinder.simulate.spec import WorldSpec

LOST_DOMAIN = -1_000_000
"""The domain code of an account whose address was lost."""
JUNK_DEVICE = "00000000-0000-0000-0000-000000000000"
_PLACEHOLDERS = ("N/A", "null", "-", "unknown")


def lose_sightings(block: Block, rate: float, rng: np.random.Generator) -> None:
    """Lose each (account, value) pair with the given probability, for good, in every table."""
    if rate <= 0:
        return
    for lists in (block.ips, block.devices, block.cards, block.prompts):
        lists.items[rng.random(len(lists.items)) < rate] = -1
    n = len(block)
    for name in ("agent", "tls", "phone", "referrer"):
        getattr(block, name)[rng.random(n) < rate] = -1
    block.domain[rng.random(n) < rate] = LOST_DOMAIN


def lose_fields(block: Block, rng: np.random.Generator) -> None:
    """Leave fields out as exports do: of an age, of a client, of a share of the accounts."""
    n = len(block)
    early = block.created < np.quantile(block.created, 0.15)
    block.tls[early | (rng.random(n) < 0.05)] = -1
    block.agent[rng.random(n) < 0.03] = -1
    app = rng.random(n) < 0.12
    block.devices = _blank(block.devices, app)
    block.ips = _blank(block.ips, rng.random(n) < 0.02)
    block.domain[rng.random(n) < 0.03] = LOST_DOMAIN


def _blank(lists: Ragged, who: np.ndarray) -> Ragged:
    items = lists.items.copy()
    items[who[lists.owner]] = -1
    return Ragged(items, lists.counts)


def garble(tables: dict[str, pa.Table], spec: WorldSpec) -> dict[str, pa.Table]:
    """Write values in the formats that real exports mix."""
    result = {}
    for name, table in tables.items():
        rng = stream(spec.seed, "garble", name)
        columns = {field: table[field].combine_chunks() for field in table.column_names}
        if name == "truth":
            result[name] = table
            continue
        if "ip" in columns:
            columns["ip"] = _other_form(columns["ip"], _mapped_address, 0.06, rng)
        if "device_id" in columns:
            columns["device_id"] = _other_form(columns["device_id"], pc.utf8_upper, 0.05, rng)
            columns["device_id"] = _junk(columns["device_id"], (JUNK_DEVICE,), 0.02, rng)
        if "user_agent" in columns:
            columns["user_agent"] = _other_form(columns["user_agent"], _double_spaces, 0.04, rng)
        if "country" in columns:
            columns["country"] = _other_form(columns["country"], pc.utf8_lower, 0.08, rng)
        if "plan" in columns:
            columns["plan"] = _other_form(columns["plan"], pc.utf8_upper, 0.1, rng)
        for field in ("phone", "referrer", "card_bin"):
            if field in columns:
                columns[field] = _junk(columns[field], _PLACEHOLDERS, 0.01, rng)
        result[name] = pa.table(columns)
    return result


def _mapped_address(text: pa.StringArray) -> pa.StringArray:
    """Write IPv4 as mapped IPv6, and IPv6 in capitals."""
    mapped = pc.binary_join_element_wise("::ffff:", text, "")
    return pc.if_else(pc.match_substring(text, ":"), pc.utf8_upper(text), mapped)


def _double_spaces(text: pa.StringArray) -> pa.StringArray:
    # Arrow's replacement with a limit leaves arbitrary bytes behind; there are few distinct words.
    return pa.array([word.replace(" ", "  ", 2) for word in text.to_pylist()], pa.string())


def _as_dictionary(column: pa.Array) -> pa.DictionaryArray:
    return column if isinstance(column, pa.DictionaryArray) else pc.dictionary_encode(column)


def _other_form(
    column: pa.Array, form: pc.Function, rate: float, rng: np.random.Generator
) -> pa.DictionaryArray:
    """Write some of the rows in another form of the same value."""
    coded = _as_dictionary(column)
    words = coded.dictionary
    shift = np.where(rng.random(len(coded), np.float32) < rate, len(words), 0).astype(np.int32)
    both = pa.concat_arrays([words, form(words)])
    return _unique(pc.add(coded.indices, pa.array(shift)), both)


def _unique(indices: pa.Array, words: pa.StringArray) -> pa.DictionaryArray:
    """Make a dictionary column whose words differ: Parquet's bytes vary where they repeat."""
    once = pc.dictionary_encode(words)
    return pa.DictionaryArray.from_arrays(once.indices.take(indices), once.dictionary)


def _junk(
    column: pa.Array, words: tuple[str, ...], rate: float, rng: np.random.Generator
) -> pa.DictionaryArray:
    """Put placeholders where some of the rows have a value or none."""
    coded = _as_dictionary(column)
    known = coded.dictionary
    chosen = len(known) + rng.integers(0, len(words), len(coded))
    hit = rng.random(len(coded), np.float32) < rate
    indices = pc.if_else(pa.array(hit), pa.array(chosen.astype(np.int32)), coded.indices)
    return _unique(indices, pa.concat_arrays([known, pa.array(list(words))]))
