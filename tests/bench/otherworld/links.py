"""How much an analyst could see of each fleet by exact matches: the difficulty of a world."""

from __future__ import annotations

import zlib

import numpy as np

from tests.bench.otherworld.draws import Accounts, Array
from tests.bench.otherworld.files import SIX

Pairs = tuple[Array, Array]


def _text(values: list[str]) -> Array:
    codes = [zlib.crc32(v.encode()) << 31 | zlib.adler32(v.encode()) >> 1 for v in values]
    return np.array(codes, dtype=np.uint64)


def _pairs(*columns: Array) -> Pairs:
    """Distinct (account, value) of several columns over all accounts; zeros left out."""
    account = np.tile(np.arange(len(columns[0])), len(columns))
    value = np.concatenate([column.astype(np.uint64) for column in columns])
    account, value = account[value > 0], value[value > 0]
    order = np.lexsort((value, account))
    account, value = account[order], value[order]
    new = np.r_[True, (np.diff(account) != 0) | (value[1:] != value[:-1])][: len(account)]
    return account[new], value[new]


def _held(a: Accounts) -> dict[str, Pairs]:
    """Per family, the values an exact link could rest on: of sign-up and of use."""
    parts = [text.lower().split("@") for text in a["email"]]
    domain = _text([part[1] for part in parts])
    stem = _text([part[0].split("+")[0].replace(".", "") + "@" + part[1] for part in parts])
    ips = [a["signup_ip"], *a["ips"].T]
    nets = [
        np.where((ip > 0) & (ip < SIX), (ip >> np.uint64(8)) | np.uint64(2**62), 0) for ip in ips
    ]
    return {
        "network": _pairs(*ips, *nets),
        "payment": _pairs(a["card"]),
        "identity": _pairs(domain, stem, a["phone"]),
        "device": _pairs(*a["devices"].T),
        "behaviour": _pairs(*[np.where(a["prompt_hidden"], 0, t) for t in a["templates"].T]),
    }


def shared_inside(a: Accounts, fleets: int) -> dict[str, list[float]]:
    """Share of each fleet's members that are linked to another member, per family.

    Linked: by a value of which at least a fifth of all holders are members. Issuers, clients,
    carriers and hours are not counted; they are left to finer detectors.
    """
    out: dict[str, list[float]] = {}
    size = np.maximum(np.bincount(a["fleet"] + 1, minlength=fleets + 1)[1:], 1)
    for family, (account, codes) in _held(a).items():
        value = np.unique(codes, return_inverse=True)[1]
        holders = np.bincount(value)
        inside = np.flatnonzero(a["fleet"][account] >= 0)
        key = a["fleet"][account[inside]].astype(np.int64) * max(len(holders), 1) + value[inside]
        _, at, count = np.unique(key, return_inverse=True, return_counts=True)
        good = (count[at] >= 2) & (count[at] >= 0.2 * holders[value[inside]])
        linked = np.unique(account[inside][good])
        share = np.bincount(a["fleet"][linked], minlength=fleets)[:fleets] / size[:fleets]
        out[family] = [round(float(s), 3) for s in share]
    return out
