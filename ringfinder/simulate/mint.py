"""Hands out new values, each once, and remembers what their text needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ringfinder.model import FloatArray, IntArray
from ringfinder.simulate.chance import salt_of, scramble, stream
from ringfinder.simulate.countries import COUNTRIES
from ringfinder.simulate.text import fixed_width, join, pick

GENERIC, CAMPUS = 0, 1
_TLDS = ("com", "net", "org", "io", "dev", "co", "info", "xyz", "online", "site")
_VOWELS, _CONSONANTS = b"aeiou", b"bcdfghjklmnprstvwz"
_PAIRS = len(_VOWELS) * len(_CONSONANTS)


class Mint:
    """Counters of devices, cards, prompts and so on, and the tables behind domains and cards."""

    common_profiles = 5

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._next: dict[str, int] = {}
        self._named: dict[str, int] = {}
        self._bins: list[IntArray] = []
        self._endings: list[IntArray] = []
        self.profiles: list[FloatArray] = []
        blocks = np.arange(5 << 8, 223 << 8)
        reserved = {10, 100, 127, 169, 172, 192, 198, 203}
        self._blocks = stream(seed, "blocks").permutation(
            blocks[~np.isin(blocks >> 8, sorted(reserved))]
        )

    def _take(self, kind: str, n: int) -> IntArray:
        start = self._next.get(kind, 0)
        self._next[kind] = start + n
        return np.arange(start, start + n, dtype=np.int64)

    def devices(self, n: int) -> IntArray:
        """Return n new devices."""
        return self._take("device", n)

    def prompts(self, n: int) -> IntArray:
        """Return n new prompts."""
        return self._take("prompt", n)

    def subscribers(self, n: int) -> IntArray:
        """Return n new lines of customers."""
        return self._take("subscriber", n)

    def groups(self, n: int) -> IntArray:
        """Return the numbers of n new groups of people who know each other."""
        return self._take("group", n)

    def profile(self, hours: FloatArray) -> int:
        """Register a profile of 24 hours and return its index after the common ones."""
        self.profiles.append(hours)
        return self.common_profiles + len(self.profiles) - 1

    def cards(self, bins: IntArray) -> IntArray:
        """Issue one new card per given BIN."""
        self._bins.append(bins.astype(np.int64))
        return self._take("card", len(bins))

    @property
    def bins(self) -> IntArray:
        """The BIN of every card issued so far."""
        return np.concatenate([*self._bins, np.zeros(1, np.int64)])

    def networks(self, n: int) -> IntArray:
        """Return n new public /16 networks (as the upper half of the address)."""
        places = self._take("network", n) % len(self._blocks)
        return self._blocks[places].astype(np.int64)

    def addresses(
        self, rng: np.random.Generator, n: int, *, networks: int = 1, spread: int = 250
    ) -> IntArray:
        """Return n IPv4 addresses in `networks` new ranges of `spread` addresses each."""
        ranges = self.networks(networks) << 16
        if spread < 1 << 16:
            ranges = ranges + (rng.integers(0, 256, networks) << 8)
        hosts = 1 + rng.permutation(max(n, networks * spread))[:n]
        return ranges[hosts % networks] + (hosts // networks) % min(spread + 1, 1 << 16)

    def named_domains(self, names: Sequence[str]) -> IntArray:
        """Return the codes of domains known by name, negative, the same at every call."""
        for name in names:
            self._named.setdefault(name, -1 - len(self._named))
        return np.array([self._named[name] for name in names], np.int64)

    def domains(
        self, rng: np.random.Generator, n: int, region: int, tld: str, *, campus: bool = False
    ) -> IntArray:
        """Register n new domains of firms (or universities) of a country."""
        own = next(i for i, country in enumerate(COUNTRIES) if country.tld == tld)
        general = np.minimum((rng.pareto(1.0, n) * 1.2).astype(np.int64), len(_TLDS) - 1)
        ending = np.where(rng.random(n) < 0.45, own, len(COUNTRIES) + general)
        self._endings.append(np.full(n, -1 - own) if campus else ending.astype(np.int64))
        return self._take("domain", n)

    def domain_names(self) -> tuple[pa.StringArray, int]:
        """Return all domain names, and how many known ones stand before code 0."""
        known = list(self._named)
        n = self._next.get("domain", 0)
        codes = np.arange(n, dtype=np.int64)
        endings = np.concatenate([*self._endings, np.zeros(0, np.int64)])
        table = [country.tld for country in COUNTRIES] + list(_TLDS)
        campus = ["edu" if c.code == "US" else f"ac.{c.tld.split('.')[-1]}" for c in COUNTRIES]
        text = pick(table + campus, np.where(endings >= 0, endings, len(table) - 1 - endings))
        body = _words(scramble(codes, salt_of(self.seed, "domain")).astype(np.int64), codes)
        names = [pa.array(known[::-1], pa.string()), join(body, ".", text)]
        return pa.concat_arrays(names), len(known)


def _words(bits: IntArray, codes: IntArray) -> pa.StringArray:
    """Make one pronounceable word per code; different codes below 53 million never agree."""
    space = _PAIRS**4
    unique = (codes * 7_368_787 + 104_729) % space
    chars = np.empty((len(codes), 8), np.uint8)
    consonants = np.frombuffer(_CONSONANTS, np.uint8)
    vowels = np.frombuffer(_VOWELS, np.uint8)
    for k in range(4):
        pair = unique % _PAIRS
        chars[:, 2 * k] = consonants[pair % len(consonants)]
        chars[:, 2 * k + 1] = vowels[pair // len(consonants)]
        unique = unique // _PAIRS
    endings = ("", "", "", "tech", "labs", "group", "soft", "data", "-it", "works", "media", "ai")
    return join(fixed_width(chars), pick(endings, np.abs(bits) % len(endings)))
