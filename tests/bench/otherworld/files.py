"""Codes become the strings of this provider's exports; tables are written."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from tests.bench.otherworld.draws import Accounts, Array, Rng, coin, mix
from tests.bench.otherworld.habits import MODELS, PLANS, Habits
from tests.bench.otherworld.places import COUNTRIES, Places

STAMP = pa.timestamp("ms", tz="UTC")
SIX = np.uint64(2**63)
SYSTEMS = (
    "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64",
    "iPhone; CPU iPhone OS 17_4 like Mac OS X", "Linux; Android 14; Pixel 8",
)  # fmt: skip
LIBRARIES = (
    "python-httpx/0.27.{}", "python-requests/2.32.{}", "node-fetch/3.3.{}", "axios/1.7.{}",
    "Go-http-client/1.{}", "okhttp/4.12.{}", "aiohttp/3.9.{}", "curl/8.{}.0", "sdk-python/1.{}.0",
)  # fmt: skip


def _base(codes: Array, digits: str) -> list[str]:
    """Thirteen digits each, all codes at once."""
    out = np.empty((len(codes), 13), dtype=np.uint8)
    alphabet, left = np.frombuffer(digits.encode(), dtype=np.uint8), codes.astype(np.uint64)
    for place in range(12, -1, -1):
        left, rest = np.divmod(left, np.uint64(len(digits)))
        out[:, place] = alphabet[rest.astype(np.int64)]
    return [word.decode() for word in out.view("S13").ravel().tolist()]


def _address(code: int, host: int) -> str:
    if code < 2**63:
        return f"{code >> 24}.{code >> 16 & 255}.{code >> 8 & 255}.{code & 255}"
    carrier, line = code >> 31 & 0xFFFFF, code & 0x7FFFFFFF
    head = f"2a{carrier >> 16:02x}:{carrier & 0xFFFF:x}:{line >> 16:x}:{line & 0xFFFF:x}"
    return (
        f"{head}:{host >> 48:x}:{host >> 32 & 0xFFFF:x}:{host >> 16 & 0xFFFF:x}:{host & 0xFFFF:x}"
    )


def _words(kind: str, codes: Array, h: Habits) -> list[str]:
    """Strings of distinct codes."""
    twins = mix(codes ^ np.uint64(0x5DEECE66D))
    pairs = list(zip(codes.tolist(), twins.tolist(), strict=True))
    base36 = "0123456789abcdefghijklmnopqrstuvwxyz"
    if kind == "ip":
        return [_address(c, d) for c, d in pairs]
    if kind == "prompt":
        return [f"{d:016x}" for _, d in pairs]
    if kind == "organisation":
        return [f"org-{word}" for word in _base(twins, base36)]
    form = h.device_format if kind == "device" else h.card_format
    if form == "uuid":
        return [str(uuid.UUID(int=c << 64 | d, version=4)) for c, d in pairs]
    if form == "base36":
        return _base(twins, base36)
    return [f"{d:016x}{c:016x}" for c, d in pairs]


def strings(kind: str, codes: Array, h: Habits) -> pa.Array:
    """Codes to an Arrow string array; 0 becomes null. Distinct codes are formatted once."""
    if not len(codes):
        return pa.array([], pa.string())
    distinct, index = np.unique(codes.astype(np.uint64), return_inverse=True)
    words = pa.array(_words(kind, distinct, h), pa.string())
    return words.take(pa.array(index, mask=codes == 0))


def agents(clients: int) -> pa.Array:
    """User agents, libraries first: the popular ones of each kind have the low numbers."""
    out = [LIBRARIES[i % 9].format(i // 9) for i in range(25)]
    for i in range(clients - 25):
        system, version = SYSTEMS[i * 7 % 5], 128 - i // 5
        out.append(
            f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) "
            f"Chrome/{version}.0.0.0 Safari/537.36"
        )
    return pa.array(out)


def tls_words() -> pa.Array:
    return pa.array([f"{int(c):016x}{int(c) >> 7:016x}" for c in mix(np.arange(1, 101))])


def times(seconds: Array) -> pa.Array:
    missing = np.isnan(seconds)
    ms = (np.where(missing, 0.0, seconds) * 1000.0).astype(np.int64)
    return pa.array(ms, mask=missing).cast(STAMP)


def account_ids(rng: Rng, form: str, created: Array) -> pa.Array:
    """Ids of accounts; where they count up they follow the moment of sign-up and nothing else."""
    n = len(created)
    code = rng.permutation(10 * n)[:n] + 10_000_000
    if form == "sequential":
        rank = np.empty(n, dtype=np.int64)
        rank[np.argsort(created, kind="stable")] = np.arange(n)
        return pa.array([f"acct_{r + 40_001:08d}" for r in rank.tolist()])
    if form == "integer":
        return pa.array([str(c) for c in code.tolist()])
    if form == "uuid":
        halves = mix(code.astype(np.uint64)).tolist(), mix(~code.astype(np.uint64)).tolist()
        return pa.array(
            [str(uuid.UUID(int=a << 64 | b, version=4)) for a, b in zip(*halves, strict=True)]
        )
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return pa.array([f"u_{word}" for word in _base(mix(code.astype(np.uint64)), letters)])


def hide(rng: Rng, h: Habits, a: Accounts) -> None:
    """Fields go missing the same way for everybody."""
    n = len(a["created"])
    a["devices"][coin(rng, n, h.device_missing)] = 0
    a["phone"][coin(rng, n, 0.03 if h.phones else 1.0)] = 0
    a["agent_missing"] = coin(rng, n, h.agent_missing)
    a["prompt_hidden"] = coin(rng, n, h.prompt_missing)
    if h.everyone_has_an_organisation:
        own = a["organisation"] == 0
        a["organisation"][own] = rng.integers(1, 2**63, int(own.sum()), dtype=np.uint64)
    wrong = coin(rng, n, h.country_wrong)
    a["geo"][wrong] = rng.permutation(a["geo"])[wrong]
    a["country_missing"] = coin(rng, n, h.country_missing)


def signups(
    rng: Rng, h: Habits, places: Places, a: Accounts, ids: pa.Array, country: bool
) -> pa.Table:
    n = len(ids)
    style = rng.integers(0, 3, n)
    phones = [
        None if not p else (f"+{p}", f"00{p}", f"+{str(p)[:2]} {str(p)[2:5]} {str(p)[5:]}")[s]
        for p, s in zip(a["phone"].tolist(), style.tolist(), strict=True)
    ]
    codes = pa.array([c[0] for c in COUNTRIES]).take(pa.array(places.codes))
    bins = [str(b) if b else None for b in a["bin"].tolist()]
    columns = {
        "account_id": ids,
        "created_at": times(a["created"]),
        "email": pa.array(a["email"], pa.string()),
        "email_verified": pa.array(a["verified"].astype(bool)),
        "ip": strings("ip", a["signup_ip"], h),
        "device_id": strings("device", a["devices"][:, 0], h),
        "payment_fingerprint": strings("card", a["card"], h),
        "card_bin": pa.array(bins, pa.string()),
        "user_agent": agents(h.clients).take(pa.array(a["agent"], mask=a["agent_missing"])),
        "organisation_id": strings("organisation", a["organisation"], h),
        "closed_at": times(a["closed"]),
    }
    if h.phones:
        columns["phone"] = pa.array(phones, pa.string())
    if h.tls:
        columns["tls_fingerprint"] = tls_words().take(pa.array(a["tls"], mask=a["agent_missing"]))
    if h.plans:
        columns["plan"] = pa.array(PLANS).take(pa.array(a["plan"]))
    if h.referrers:
        columns["referrer"] = pa.array(a["referrer"], pa.string())
    if country:
        columns["country"] = codes.take(pa.array(a["geo"], mask=a["country_missing"]))
    return pa.table(columns)


def usage_table(h: Habits, rows: Accounts, ids: pa.Array) -> pa.Table:
    return pa.table(
        {
            "account_id": ids.take(pa.array(rows["account"])),
            "occurred_at": times(rows["t"]),
            "ip": strings("ip", rows["ip"], h),
            "device_id": strings("device", rows["device"], h),
            "model": pa.array(MODELS).take(pa.array(rows["model"])),
            "input_tokens": pa.array(rows["input_tokens"]),
            "output_tokens": pa.array(rows["output_tokens"]),
            "prompt_fingerprint": strings("prompt", rows["prompt"], h),
            "exchanges": pa.array(rows["exchanges"]),
        }
    )


def logins_table(h: Habits, rows: Accounts, ids: pa.Array) -> pa.Table:
    columns = {
        "account_id": ids.take(pa.array(rows["account"])),
        "occurred_at": times(rows["t"]),
        "ip": strings("ip", rows["ip"], h),
        "device_id": strings("device", rows["device"], h),
        "user_agent": agents(h.clients).take(pa.array(rows["agent"])),
    }
    if h.tls:
        columns["tls_fingerprint"] = tls_words().take(pa.array(rows["tls"]))
    return pa.table(columns)


def payments_table(h: Habits, rows: Accounts, ids: pa.Array) -> pa.Table:
    return pa.table(
        {
            "account_id": ids.take(pa.array(rows["account"])),
            "occurred_at": times(rows["t"]),
            "payment_fingerprint": strings("card", rows["card"], h),
            "card_bin": pa.array([str(b) for b in rows["bin"].tolist()], pa.string()),
        }
    )


def write(table: pa.Table, path: Path) -> None:
    """Parquet, or CSV with RFC 3339 times."""
    if path.suffix == ".parquet":
        pq.write_table(table, path, compression="zstd")
        return
    for i, column in enumerate(table.schema):
        if column.type == STAMP:
            text = pa.compute.strftime(table[column.name], format="%Y-%m-%dT%H:%M:%SZ")
            table = table.set_column(i, column.name, text)
    pc.write_csv(table, path)
