"""Countries: clocks, carriers, banks, mail providers, phone numbers, names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.bench.otherworld.draws import Array, Rng, fresh, mix, zipf

# code, hours from UTC, calling code and start of a mobile number, more digits, local mail, domain
COUNTRIES = (
    ("US", -6, "1415", 7, "aol.com comcast.net", "com"),
    ("IN", 5.5, "9198", 8, "rediffmail.com", "in"),
    ("BR", -3, "5511", 9, "uol.com.br bol.com.br", "com.br"),
    ("DE", 1, "49151", 8, "gmx.de web.de t-online.de", "de"),
    ("GB", 0, "447400", 6, "btinternet.com", "co.uk"),
    ("FR", 1, "336", 8, "orange.fr free.fr", "fr"),
    ("JP", 9, "8190", 8, "yahoo.co.jp docomo.ne.jp", "jp"),
    ("KR", 9, "8210", 8, "naver.com daum.net", "kr"),
    ("ID", 7, "62812", 8, "", "id"),
    ("MX", -6, "5255", 8, "prodigy.net.mx", "mx"),
    ("NG", 1, "234803", 7, "", "ng"),
    ("VN", 7, "8490", 7, "", "vn"),
    ("PH", 8, "63917", 7, "", "ph"),
    ("TR", 3, "90532", 7, "mynet.com", "com.tr"),
    ("PL", 1, "4850", 7, "wp.pl onet.pl o2.pl", "pl"),
    ("ES", 1, "346", 8, "telefonica.net", "es"),
    ("IT", 1, "3934", 8, "libero.it virgilio.it", "it"),
    ("UA", 2, "38050", 7, "ukr.net i.ua", "com.ua"),
    ("PK", 5, "92300", 7, "", "pk"),
    ("EG", 2, "2010", 8, "", "eg"),
    ("NL", 1, "316", 8, "ziggo.nl kpnmail.nl", "nl"),
    ("CA", -5, "1416", 7, "sympatico.ca", "ca"),
    ("AU", 10, "614", 8, "bigpond.com", "com.au"),
    ("SE", 1, "4670", 7, "telia.com", "se"),
    ("AR", -3, "54911", 8, "fibertel.com.ar", "com.ar"),
    ("ZA", 2, "2782", 7, "mweb.co.za", "co.za"),
    ("KE", 3, "25471", 7, "", "co.ke"),
    ("BD", 6, "88017", 8, "", "com.bd"),
)
WORLD_MAIL = ("gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "icloud.com", "proton.me")
ONSETS = [
    "b",
    "c",
    "d",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "w",
    "z",
    "ch",
    "sh",
    "tr",
    "kr",
    "br",
    "st",
]
VOWELS = ["a", "e", "i", "o", "u", "a", "e", "i", "ai", "ou"]
CODAS = ["", "", "", "n", "r", "s", "l", "k", "m", "t"]
FIRST_OCTETS = np.array([*range(23, 100), *range(101, 126), *range(128, 169), *range(176, 192)])
ISPS, CELLS, BANKS = 6, 3, 40  # per country
FIRST_NAMES, LAST_NAMES = 300, 1500  # per country
CLOUDS, VPNS = 8, 6


def words(rng: Rng, size: int, syllables: int = 2) -> Array:
    """Pronounceable made-up words as an object array of str."""
    parts = []
    for part in range(syllables):
        parts += [rng.choice(ONSETS, size), rng.choice(VOWELS, size)]
        if part == syllables - 1 or part == 0:
            parts.append(rng.choice(CODAS, size))
    return np.array(["".join(p) for p in zip(*parts, strict=True)], dtype=object)


def v4(block: Array, low: Array) -> Array:
    """Address code of host `low` (16 bits) in the /16 number `block`."""
    return (block.astype(np.uint64) << np.uint64(16)) | low.astype(np.uint64)


@dataclass(frozen=True)
class Places:
    """The countries of one world; all arrays by country, then by carrier or bank."""

    rng: Rng
    codes: Array
    hours: Array
    share: Array
    mobile_first: Array  # how much of a country is online by phone only
    v6_share: Array
    isp: Array  # /16 blocks of home carriers (country, ISPS, blocks)
    isp6: Array  # IPv6 /32 of the same
    cell: Array  # /16 block of each mobile carrier
    egress: Array  # IPv4 addresses behind which one mobile carrier puts everybody
    bank: Array
    cloud: Array
    vpn: Array  # addresses of commercial VPN services (VPNS, addresses)
    first: Array
    last: Array
    mail: list[tuple[list[str], Array]]

    def homes(self, region: Array) -> Array:
        """A home address each: IPv6 behind some carriers, IPv4 elsewhere."""
        rng, n = self.rng, len(region)
        carrier = zipf(rng, n, ISPS, 1.1)
        block = rng.integers(0, self.isp.shape[2], n)
        four = v4(self.isp[region, carrier, block], rng.integers(1, 2**16, n))
        line = rng.integers(1, 2**31, n, dtype=np.uint64)
        six = (
            (np.uint64(1) << np.uint64(63))
            | (self.isp6[region, carrier].astype(np.uint64) << np.uint64(31))
            | line
        )
        return np.where(rng.random(n) < self.v6_share[region], six, four)

    def mobiles(self, region: Array) -> Array:
        """An address of a carrier's NAT each: thousands of strangers behind one."""
        carrier = zipf(self.rng, len(region), CELLS, 0.7)
        door = (self.rng.random(len(region)) * self.egress[region, carrier]).astype(np.int64)
        return v4(self.cell[region, carrier], 256 * 7 + 3 * door + 1)

    def vpns(self, size: int) -> Array:
        return self.vpn[
            zipf(self.rng, size, VPNS, 1.0), zipf(self.rng, size, self.vpn.shape[1], 0.5)
        ]

    def clouds(self, size: int) -> Array:
        which = self.cloud[zipf(self.rng, size, CLOUDS, 1.0)]
        return v4(which, self.rng.integers(1, 2**16, size))

    def phones(self, region: Array) -> Array:
        """Plausible mobile numbers as integers, calling code first."""
        start = np.array([int(c[2]) for c in COUNTRIES], dtype=np.uint64)
        more = np.array([c[3] for c in COUNTRIES], dtype=np.uint64)
        index = self.codes[region]
        span = np.uint64(10) ** more[index]
        low = 0.2 + 0.8 * self.rng.random(len(region))  # local numbers do not start with 0 or 1
        return start[index] * span + (low * span).astype(np.uint64)

    def names(self, region: Array) -> tuple[Array, Array]:
        n = len(region)
        return (
            self.first[region, zipf(self.rng, n, FIRST_NAMES, 0.8)],
            self.last[region, zipf(self.rng, n, LAST_NAMES, 0.6)],
        )

    def banks(self, region: Array) -> Array:
        return self.bank[region, zipf(self.rng, len(region), BANKS, 1.0)]

    def mail_providers(self, region: Array) -> Array:
        out = np.empty(len(region), dtype=object)
        u = self.rng.random(len(region))
        for r, (providers, cdf) in enumerate(self.mail):
            rows = np.flatnonzero(region == r)
            pick = np.minimum(np.searchsorted(cdf, u[rows]), len(providers) - 1)
            out[rows] = np.array(providers, dtype=object)[pick]
        return out


def _mail(rng: Rng, country: int) -> tuple[list[str], Array]:
    local = COUNTRIES[country][4].split()
    weight = np.r_[rng.dirichlet([9, 2, 2, 2, 1.5, 0.7]), rng.gamma(1.0, 0.12, len(local))]
    return [*WORLD_MAIL, *local], np.cumsum(weight / weight.sum())


def make_places(rng: Rng, regions: int, accounts: int) -> Places:
    """Draw `regions` countries, at most as many as the table holds.

    Carriers grow with the population: about one address in ten of theirs is a customer's.
    """
    regions = max(1, min(regions, len(COUNTRIES)))
    codes = rng.permutation(len(COUNTRIES))[:regions]
    blocks = rng.permutation(np.add.outer(FIRST_OCTETS * 256, np.arange(256)).ravel())
    wide = 1 + accounts // (regions * 12_000)
    doors = max(1.0, (accounts / 60_000) ** 0.5)
    needs = [regions * ISPS * wide, regions * CELLS, CLOUDS, VPNS]
    take = iter(np.split(blocks, np.cumsum(needs)))
    isp, cell, cloud, vpn = (next(take) for _ in range(4))
    share = 1.0 / np.arange(1, regions + 1) ** rng.uniform(0.6, 1.3)
    bins = rng.permutation(np.arange(400_000, 560_000))[: regions * BANKS]
    return Places(
        rng=rng,
        codes=codes,
        hours=np.array([COUNTRIES[c][1] for c in codes], dtype=float),
        share=share / share.sum(),
        mobile_first=rng.uniform(0.08, 0.5, regions),
        v6_share=rng.choice([0.05, 0.25, 0.5], regions),
        isp=isp.reshape(regions, ISPS, wide),
        isp6=(mix(isp[: regions * ISPS]) % np.uint64(2**20)).reshape(regions, ISPS),
        cell=cell.reshape(regions, CELLS),
        egress=np.minimum(doors * rng.integers(3, 20, (regions, CELLS)), 1000).astype(np.int64),
        bank=bins.reshape(regions, BANKS),
        cloud=cloud,
        vpn=v4(vpn[:, None], fresh(rng, VPNS, int(60 * doors)) % np.uint64(2**16)),
        first=words(rng, regions * FIRST_NAMES).reshape(regions, FIRST_NAMES),
        last=words(rng, regions * LAST_NAMES, 3).reshape(regions, LAST_NAMES),
        mail=[_mail(rng, int(c)) for c in codes],
    )
