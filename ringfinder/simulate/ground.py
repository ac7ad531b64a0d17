"""The ground a population stands on: carriers, banks, mail, prompts and hours of each country."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringfinder.model import FloatArray, IntArray
from ringfinder.simulate import countries
from ringfinder.simulate.chance import choose, salt_of, scramble, stream, zipf_weights
from ringfinder.simulate.clients import Clients
from ringfinder.simulate.mint import Mint
from ringfinder.simulate.spec import WorldSpec
from ringfinder.simulate.text import v6_code

FIRST_NAMES, LAST_NAMES = 260, 2400
MOBILE_SHARE = 0.34
V6_SHARE = 0.33


@dataclass
class Carrier:
    """One network operator of a country.

    Attributes
    ----------
    homes
        Addresses its broadband customers get from it, one after the other.
    nat
        The few addresses in front of its mobile customers.
    v6
        Its /32, in the upper half of 64 bits.
    """

    homes: IntArray
    nat: IntArray
    v6: int


@dataclass
class Pool:
    """The address pools of a country's carriers, one after the other."""

    items: IntArray
    starts: IntArray
    sizes: IntArray

    @classmethod
    def of(cls, parts: list[IntArray]) -> Pool:
        """Put pools one after the other."""
        sizes = np.array([len(part) for part in parts])
        return cls(np.concatenate(parts), np.cumsum(sizes) - sizes, sizes)

    def draw(self, rng: np.random.Generator, which: IntArray) -> IntArray:
        """Draw one address of each of the given pools."""
        inside = (rng.random(len(which)) * self.sizes[which]).astype(np.int64)
        codes: IntArray = self.items[self.starts[which] + inside]
        return codes


@dataclass
class Region:
    """One country of the world, or all of it."""

    index: int
    country: countries.Country
    share: float
    carriers: list[Carrier]
    carrier_weights: FloatArray
    homes: Pool
    nats: Pool
    mail: IntArray
    mail_weights: FloatArray
    bins: IntArray
    bin_weights: FloatArray
    prompts: IntArray
    prompt_weights: FloatArray
    referrer_weights: FloatArray
    tilt: FloatArray


class Ground:
    """All that ordinary people share without knowing each other.

    Attributes
    ----------
    regions
        The countries, largest first.
    mint
        Hands out new devices, cards, prompts, domains, addresses.
    vpn, vpn_weights
        Exits of VPN services, and how popular each is.
    hosting
        Addresses of data centres.
    proxies
        Residential addresses that proxy services rent out: real customers' homes.
    tutorials
        Prompts published world-wide.
    virtual_bins
        Issuers of virtual and prepaid cards, used by many honest people too.
    """

    def __init__(self, spec: WorldSpec) -> None:
        self.spec = spec
        self.mint = Mint(spec.seed)
        self.clients = Clients()
        rng = stream(spec.seed, "ground")
        shares = zipf_weights(spec.regions, 0.9)
        chosen = np.r_[0, 1 + rng.permutation(len(countries.COUNTRIES) - 1)][: spec.regions]
        virtual = rng.choice(np.arange(400_000, 560_000), 9, replace=False)
        self.virtual_bins: IntArray = virtual.astype(np.int64)
        self.regions: list[Region] = [
            self._region(i, countries.COUNTRIES[c], float(share), stream(spec.seed, "region", i))
            for i, (c, share) in enumerate(zip(chosen, shares, strict=True))
        ]
        exits = max(24, int(0.35 * spec.accounts**0.5))
        self.vpn = self.mint.addresses(rng, exits, networks=max(3, exits // 12))
        self.vpn_weights = zipf_weights(exits, 0.7)
        self.hosting = self.mint.addresses(rng, max(300, spec.accounts // 50), networks=40)
        self.tutorials = self.mint.prompts(60)
        self.tutorial_weights = zipf_weights(60, 0.9)
        self.region_weights = np.array([region.share for region in self.regions])

    def _region(
        self, index: int, country: countries.Country, share: float, rng: np.random.Generator
    ) -> Region:
        people = max(40.0, self.spec.accounts * share)
        count = int(rng.integers(4, 8))
        weights = zipf_weights(count, 0.8)
        carriers = [self._carrier(rng, people * float(w)) for w in weights]
        names = [*(name for name, _ in countries.GLOBAL_MAIL), *country.mail]
        own = rng.dirichlet(np.full(len(country.mail), 1.5)) * rng.uniform(0.12, 0.4)
        world = np.array([weight for _, weight in countries.GLOBAL_MAIL])
        world *= rng.lognormal(0.0, 0.35, len(world))
        banks = int(rng.integers(10, 26))
        bins = np.r_[
            rng.choice(np.arange(400_000, 560_000), banks, replace=False), self.virtual_bins
        ]
        issued = np.r_[zipf_weights(banks, 0.9) * 0.88, np.full(len(self.virtual_bins), 0.12 / 9)]
        popular = int(30 + 1.5 * people**0.5)
        sources = zipf_weights(len(countries.REFERRERS), 1.0)
        return Region(
            index, country, share, carriers, weights,
            Pool.of([c.homes for c in carriers]), Pool.of([c.nat for c in carriers]),
            self.mint.named_domains(names), np.r_[world, own], bins.astype(np.int64), issued,
            self.mint.prompts(popular), zipf_weights(popular, 0.75),
            sources * rng.lognormal(0, 0.3, len(sources)),
            rng.lognormal(0, 0.3, len(self.clients.weights)),
        )  # fmt: skip

    def _carrier(self, rng: np.random.Generator, customers: float) -> Carrier:
        homes = max(60, int(customers * (1 - MOBILE_SHARE) * 1.6))
        nat = int(np.clip(round((customers * MOBILE_SHARE) ** 0.5 / 2), 3, 2000))
        blocks = 1 + homes // 40_000
        return Carrier(
            homes=self.mint.addresses(rng, homes, networks=blocks, spread=1 << 16),
            nat=self.mint.addresses(rng, nat, networks=1 + nat // 120),
            v6=(0x2A00 + int(rng.integers(0, 16))) << 48 | int(rng.integers(1, 1 << 16)) << 32,
        )

    def home_v4(self, rng: np.random.Generator, region: Region, carrier: IntArray) -> IntArray:
        """Draw a broadband address of each one's carrier, as handed out by chance."""
        return region.homes.draw(rng, carrier)

    def nat(self, rng: np.random.Generator, region: Region, carrier: IntArray) -> IntArray:
        """Draw the shared address each mobile customer is seen behind."""
        return region.nats.draw(rng, carrier)

    def home_v6(self, rng: np.random.Generator, region: Region, carrier: IntArray) -> IntArray:
        """Make a new /64 of each one's carrier; its upper 32 bits are the carrier's."""
        top = np.array([c.v6 for c in region.carriers], np.uint64)[carrier]
        unique = self.mint.subscribers(len(carrier))
        low = scramble(unique, salt_of(self.spec.seed, "v6")) >> np.uint64(32)
        return v6_code(top | low, rng.integers(0, 4, len(carrier)))

    def residential(self, rng: np.random.Generator, region: Region, n: int) -> IntArray:
        """Draw n addresses that a proxy service rents from real customers of a country."""
        carrier = choose(rng, region.carrier_weights, n)
        codes = self.home_v4(rng, region, carrier)
        modern = rng.random(n) < V6_SHARE * 0.4
        codes[modern] = self.home_v6(rng, region, carrier[modern])
        return codes
