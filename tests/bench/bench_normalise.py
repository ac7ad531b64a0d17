"""How long one million rows of every input field take, field by field and as a whole.

Run by hand: ``python -m tests.bench.bench_normalise [ROWS]``. The values are drawn as
exports hold them: nearly every mailbox, device, card and phone number distinct, a fifth of
the addresses IPv6, every prompt text distinct over 2,000 templates.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.graph.columns import NEVER, Profiles
from ringfinder.graph.telemetry import RawSightings, Telemetry
from ringfinder.normalise import NetworkLists, Pepper, normalise_with_traits
from ringfinder.normalise.readers import Context, read_field
from ringfinder.normalise.text import canonical_country

START_MS = 1_772_323_200_000  # 2026-03-01
SPAN_MS = 90 * 86_400_000
COUNTRIES = ("US", "GB", "DE", "FR", "BR", "IN", "JP", "CA", "PL", "ES")
CODES = (
    "1415555",
    "447911",
    "4915112",
    "33612",
    "5511912",
    "919812",
    "81901",
    "1604555",
    "48512",
    "34612",
)
NATIONAL = (
    "(415) 555-",
    "07911 ",
    "0151 12",
    "06 12 ",
    "(11) 912",
    "098-12",
    "090-1",
    "604.555.",
    "512 ",
    "612 ",
)
HOSTS = (
    "gmail.com",
    "GMail.com",
    "outlook.com",
    "yahoo.co.uk",
    "icloud.com",
    "proton.me",
    "qq.com",
)
TEXT = (
    "please write summarise explain the following text as a senior engineer answer in short plain "
    "sentences return only valid json with keys for each step of solution do not repeat question "
    "think about edge cases first then give final result customer order product review"
)
WORDS = TEXT.split()


def text(*parts: object) -> pa.StringArray:
    """Join columns, numbers and constants into strings, row by row."""
    columns = [
        pa.array(p).cast(pa.string()) if isinstance(p, np.ndarray) and p.dtype.kind != "U"
        else pa.array(p) if isinstance(p, np.ndarray) else p
        for p in parts
    ]  # fmt: skip
    return pc.binary_join_element_wise(*columns, "")


def fields(rows: int, rng: np.random.Generator) -> dict[str, pa.StringArray]:
    """Draw raw values of every input field, one per account."""
    i = np.arange(rows)
    place = rng.integers(len(COUNTRIES), size=rows)
    draw = rng.integers
    corp = text("mail", draw(rows // 20 + 1, size=rows), np.array([".com", ".io", ".co.uk"])[i % 3])
    host = pc.if_else(
        pa.array(i % 3 == 0), corp, pa.array(np.array(HOSTS)[draw(len(HOSTS), size=rows)])
    )
    tag = np.where(i % 17 == 0, "+promo", "")
    v4 = text(
        draw(1, 100, size=rows),
        ".",
        draw(256, size=rows),
        ".",
        draw(256, size=rows),
        ".",
        draw(256, size=rows),
    )
    v6 = text(
        "2a01:c0",
        np.char.mod("%02x", draw(256, size=rows)),
        ":",
        np.char.mod("%x", draw(1, 65536, size=rows)),
        ":",
        np.char.mod("%x", draw(1, 65536, size=rows)),
        "::1",
    )
    tail = np.char.mod("%06d", draw(10**6, size=rows))
    phone = pc.if_else(
        pa.array(i % 2 == 0),
        text("+", np.array(CODES)[place], tail),
        text(np.array(NATIONAL)[place], tail),
    )
    template = [" ".join(rng.choice(WORDS, size=30)) for _ in range(2000)]
    prompt = text(
        np.array(template)[draw(2000, size=rows)], ' "item ', i, '" from https://x.example/', i
    )
    return {
        "ip": pc.if_else(pa.array(i % 5 == 0), v6, v4),
        "email": text(np.where(i % 2, "jo.smith", "Anna"), i, tag, "@", host),
        "device_id": text(
            np.char.mod("%08x", draw(2**32, size=rows)), "-0000-4000-8000-", np.char.mod("%012X", i)
        ),
        "payment_fingerprint": text("fp_", np.char.mod("%016x", draw(2**62, size=rows))),
        "card_bin": text(draw(400000, 405000, size=rows)),
        "phone": phone,
        "user_agent": text("Mozilla/5.0 (X11) Chrome/", draw(3000, size=rows)),
        "tls_fingerprint": text("t13d1516h2_8daaf6152771_", draw(500, size=rows)),
        "organisation_id": text("org_", draw(20000, size=rows)),
        "referrer": text(
            "https://site", draw(300, size=rows), ".example/a?utm=", draw(1000, size=rows)
        ),
        "prompt_fingerprint": text("sha256:", draw(200000, size=rows)),
        "prompt": prompt,
        "model": text("model-", draw(8, size=rows)),
    }  # fmt: skip


def sightings(field: str, values: pa.StringArray, seen_ms: np.ndarray) -> RawSightings:
    """Return one sighting per account, as the sources hand them over."""
    distinct = pc.unique(values).sort()
    return RawSightings(
        field,
        distinct,
        np.arange(len(values), dtype=np.int32),
        pc.index_in(values, distinct).to_numpy().astype(np.int32),
        seen_ms,
        seen_ms + 1000,
        np.ones(len(values), dtype=np.int32),
    )


def telemetry(rows: int, seed: int = 1) -> Telemetry:
    """Draw a world of as many accounts, every field given once per account."""
    rng = np.random.default_rng(seed)
    created = START_MS + rng.integers(SPAN_MS, size=rows)
    none32, none64 = np.zeros(0, np.int32), np.zeros(rows, np.int64)
    profiles = Profiles(
        np.zeros((rows, 24), np.int32), np.zeros(rows, np.int8), np.ones(rows, np.int32),
        none64, none64, none64, created + 1000, created + SPAN_MS, none32, none32, none32,
    )  # fmt: skip
    place = np.random.default_rng(seed).integers(len(COUNTRIES), size=rows)
    return Telemetry(
        pa.array(np.char.mod("a%08d", np.arange(rows))),
        created,
        np.full(rows, NEVER),
        pa.array(np.array(COUNTRIES)[place]),
        pa.nulls(rows, pa.string()),
        np.full(rows, -1, np.int8),
        {name: sightings(name, values, created) for name, values in fields(rows, rng).items()},
        profiles,
        True,
        None,
    )


def operator_lists(folder: Path | None) -> NetworkLists:
    """Return lists of 53,000 networks: the ones in `folder`, or drawn ones."""
    if folder is not None:
        return NetworkLists.from_files(
            vpn=sorted(folder.glob("*vpn*")), hosting=sorted(folder.glob("*datacenter*"))
        )
    from ringfinder.normalise.lists import Ranges

    rng = np.random.default_rng(7)
    starts = rng.integers(1 << 24, 100 << 24, size=53_000) & ~0xFF
    return NetworkLists(classes_v4=Ranges.of([(int(s), 24, 2) for s in starts], 32))


class Clock:
    """Wall seconds, and processor seconds beside them: other work shares the machine."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def __str__(self) -> str:
        wall, cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
        return f"{wall:6.2f} s {cpu:6.2f} s"


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    world = telemetry(rows)
    print(f"{'':24}     wall processor")
    clock = Clock()
    networks = operator_lists(folder)
    print(f"{'network lists':24} {clock}")
    context = Context(canonical_country(world.country), networks)
    pepper = Pepper.derived([b"bench"])
    for name, seen in world.sightings.items():
        clock = Clock()
        found = read_field(seen, context)
        kinds = ", ".join(f"{c.kind} {len(c.values):,}" for c in found.columns)
        print(f"{name:24} {clock}   {kinds}")
    clock = Clock()
    graph = normalise_with_traits(world, pepper=pepper, networks=networks).graph
    size = f"{graph.values:,} values, {len(graph.account):,} sightings"
    print(f"{'everything, pseudonyms':24} {clock}   {size}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB")


if __name__ == "__main__":
    main()
