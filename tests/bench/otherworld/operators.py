"""What an operator buys, writes and runs. Every means has a share of accounts it misses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.bench.otherworld.draws import (
    DAY,
    Accounts,
    Array,
    Rng,
    coin,
    dealt,
    fresh,
    put_list,
    zipf,
)  # fmt: skip
from tests.bench.otherworld.groups import restart
from tests.bench.otherworld.habits import CLOCK, moments
from tests.bench.otherworld.people import DISPOSABLE, World, domain_names, people
from tests.bench.otherworld.places import v4, words

FREE_MAIL = ("gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "proton.me")


@dataclass
class Operator:
    """One fleet in the making: `block` its accounts, `notes` what was chosen."""

    world: World
    n: int
    regions: Array  # countries it claims to be in
    notes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        region = self.rng.choice(self.regions, self.n)
        self.block: Accounts = people(self.world, region, "fleet")
        self.block["network"][:] = "home"
        self.block["closed"][:] = np.nan

    @property
    def rng(self) -> Rng:
        return self.world.rng

    def takes(self, share: float) -> Array:
        """Rows of the accounts that take part."""
        return np.flatnonzero(coin(self.rng, self.n, share))

    def _arrive(self, rows: Array, codes: Array, network: str) -> None:
        put_list(self.block["ips"], rows, codes)
        pick = self.rng.integers(0, codes.shape[1], len(rows))
        self.block["signup_ip"][rows] = codes[np.arange(len(rows)), pick]
        self.block["network"][rows] = network

    # --- network -----------------------------------------------------------------------------
    def proxies(self, share: float, pool: Array | None = None, each: int = 6) -> None:
        """Residential exits: a sub-pool of the service, or exits of its own, rotated."""
        size = int(np.clip(self.n * self.rng.uniform(0.3, 1.6), 4, 6000))
        if pool is None:
            own = self.rng.random() < 0.5
            homes = self.world.places.homes(self.rng.choice(self.regions, size))
            pool = homes if own else self.rng.choice(self.world.proxies, size)
            self.notes["proxies"] = "own" if own else "service"
        rows = self.takes(share)
        each = min(each, len(pool))
        self._arrive(rows, self.rng.choice(pool, (len(rows), each)), "proxy")
        self.notes |= {"network": "proxy", "network_share": share, "pool": len(pool)}

    def carrier(self, share: float) -> None:
        """SIM cards of one mobile carrier: the addresses of thousands of strangers."""
        region = np.full(self.n, self.regions[0])
        codes = np.stack([self.world.places.mobiles(region) for _ in range(3)], axis=1)
        rows = self.takes(share)
        self._arrive(rows, codes[rows], "carrier_nat")
        self.notes |= {"network": "carrier_nat", "network_share": share}

    def hosting(self, share: float, networks: int) -> None:
        """Rented machines in a few /24 of a cloud that back-ends use too."""
        start = self.world.places.clouds(networks) & ~np.uint64(255)
        codes = start[self.rng.integers(0, networks, (self.n, 4))]
        codes = codes + self.rng.integers(1, 255, (self.n, 4), dtype=np.uint64)
        rows = self.takes(share)
        self._arrive(rows, codes[rows], "datacentre")
        self.notes |= {"network": "datacentre", "network_share": share, "networks": networks}

    def lines(self, share: float, count: int) -> None:
        """A few fixed lines: the farm's own rooms."""
        place = self.world.places
        low = self.rng.integers(1, 65_000, count)
        lines = v4(place.isp[self.regions[0], self.rng.integers(0, 4, count), 0], low)
        codes = lines[self.rng.integers(0, count, (self.n, 2))]
        rows = self.takes(share)
        self._arrive(rows, codes[rows], "office")
        self.notes |= {"network": "lines", "network_share": share, "lines": count}

    # --- payment -----------------------------------------------------------------------------
    def reused_cards(self, share: float, low: int, high: int) -> None:
        hand = dealt(self.rng, self.n, low, high)
        card = fresh(self.rng, self.n)[hand]
        issuer = self.world.places.banks(self.rng.choice(self.regions, self.n))[hand]
        self._pay(self.takes(share), card, issuer)
        self.notes |= {"payment": f"cards reused {low}-{high} times", "payment_share": share}

    def one_issuer(self, share: float) -> None:
        """Virtual or prepaid cards: each its own, few issuers, which ordinary people use too."""
        issuers = self.rng.choice([485_900, 485_901, 485_902, 531_260, 531_261], 2, replace=False)
        if self.rng.random() < 0.4:
            issuers = self.world.places.banks(self.rng.choice(self.regions, 2))
        issuer = issuers[zipf(self.rng, self.n, 2, 2.0)]
        self._pay(self.takes(share), fresh(self.rng, self.n), issuer)
        self.notes |= {"payment": "one issuer", "payment_share": share}

    def own_cards(self, share: float) -> None:
        issuer = self.world.places.banks(self.block["region"])
        self._pay(self.takes(share), fresh(self.rng, self.n), issuer)

    def no_cards(self, share: float) -> None:
        rows = self.takes(share)
        for name in ("card", "bin", "plan"):
            self.block[name][rows] = 0

    def _pay(self, rows: Array, card: Array, issuer: Array) -> None:
        self.block["card"][rows], self.block["bin"][rows] = card[rows], issuer[rows]
        self.block["plan"][rows] = self.rng.choice([1, 1, 2], len(rows))

    # --- identity ----------------------------------------------------------------------------
    def catch_all(self, share: float, low: int, high: int) -> None:
        """Own domains, any local part; `low`..`high` accounts on each."""
        hand = dealt(self.rng, self.n, min(low, self.n), min(high, self.n))
        domain = domain_names(self.world, self.n)[hand]
        local = np.array([text.split("@")[0].lower() for text in self.block["email"]], dtype=object)
        if self.rng.random() < 0.4:
            local = words(self.rng, self.n, 3)
        self._mail(self.takes(share), local + "@" + domain)
        self.notes |= {"identity": f"catch-all domains of {low}-{high}", "identity_share": share}

    def pattern(self, share: float) -> None:
        """Free-mail made by a script: one or two shapes of local part, one or two providers."""
        rng, n = self.rng, self.n
        first, last = self.world.places.names(self.block["region"])
        number = rng.integers(1000, 10_000, n).astype(str).astype(object)
        shape = int(rng.integers(0, 4))
        made = (
            first + last + number,
            words(rng, n, 3) + number,
            np.array([a[:3] + b for a, b in zip(first, number, strict=True)], dtype=object) + last,
            first + "." + last + "." + number,
        )[shape]
        providers = np.array(rng.choice(FREE_MAIL, 2, replace=False), dtype=object)
        self._mail(self.takes(share), made + "@" + providers[zipf(rng, n, 2, 2.0)])
        self.notes |= {"identity": f"free-mail shape {shape}", "identity_share": share}

    def tags(self, share: float, mailboxes: int) -> None:
        """Dots and tags of a few mailboxes."""
        rng, n = self.rng, self.n
        first, last = self.world.places.names(np.full(mailboxes, self.regions[0]))
        base = [f"{f}{a}" for f, a in zip(first, last, strict=True)]
        out = np.empty(n, dtype=object)
        for i, (box, cut, tag) in enumerate(
            zip(rng.integers(0, mailboxes, n), rng.random(n), words(rng, n, 1), strict=True)
        ):
            name = base[box]
            at = 1 + int(cut * (len(name) - 2))
            out[i] = (
                f"{name[:at]}.{name[at:]}" if cut < 0.5 else f"{name}+{tag}{i}"
            ) + "@gmail.com"
        self._mail(self.takes(share), out)
        self.notes |= {"identity": f"tags and dots of {mailboxes}", "identity_share": share}

    def throw_away(self, share: float) -> None:
        local = words(self.rng, self.n, 3) + self.rng.integers(0, 9999, self.n).astype(str).astype(
            object
        )
        self._mail(self.takes(share), local + "@" + DISPOSABLE[zipf(self.rng, self.n, 3)])

    def typed_domains(self, share: float) -> None:
        """Decoys: unverified addresses under real firms' domains."""
        if not self.world.hubs:
            return
        hubs = [str(hub["domain"]) for hub in self.world.hubs]
        rows = self.takes(share)
        local = np.array([text.split("@")[0].lower() for text in self.block["email"]], dtype=object)
        domain = self.rng.choice(np.array(hubs, dtype=object), min(4, len(hubs)), replace=False)
        chosen = domain[self.rng.integers(0, len(domain), len(rows))]
        self.block["email"][rows] = local[rows] + "@" + chosen
        self.block["verified"][rows] = False
        self.notes["decoy_domains"] = len(domain)

    def _mail(self, rows: Array, address: Array) -> None:
        self.block["email"][rows] = address[rows]
        self.block["verified"][rows] = coin(self.rng, len(rows), 0.9)

    def phone_blocks(self, share: float, low: int = 2, high: int = 6) -> None:
        """Numbers rented one after the other, each used a few times."""
        start = self.world.places.phones(np.full(3, self.regions[0])) // np.uint64(1000)
        number = start[self.rng.integers(0, 3, self.n)] * np.uint64(1000)
        number = number + self.rng.integers(0, 1000, self.n, dtype=np.uint64)
        rows = self.takes(share)
        self.block["phone"][rows] = number[dealt(self.rng, self.n, low, high)][rows]
        self.notes["phone_share"] = share

    # --- device ------------------------------------------------------------------------------
    def reused_devices(self, share: float, low: int, high: int) -> None:
        hand = dealt(self.rng, self.n, low, high)
        rows = self.takes(share)
        self.block["devices"][rows, 0] = fresh(self.rng, self.n)[hand][rows]
        self.notes |= {"device": f"reused {low}-{high} times", "device_share": share}

    def builds(self, share: float, count: int, common: bool = False) -> None:
        """User agents and TLS fingerprints of one tool: of a rare build, or a common library."""
        top = self.world.habits.clients
        agent = self.rng.integers(0, 25, count) if common else self.rng.integers(70, top, count)
        tls = self.rng.integers(0, 40, count) if common else self.rng.integers(50, 100, count)
        rows = self.takes(share)
        pick = self.rng.integers(0, count, len(rows))
        self.block["agent"][rows], self.block["tls"][rows] = agent[pick], tls[pick]
        self.notes |= {"client_builds": count, "client_share": share, "client_common": common}

    # --- behaviour ---------------------------------------------------------------------------
    def prompts(self, share: float, count: int, each: int, weight: float) -> None:
        """`count` templates; each account runs `each` of them for `weight` of its use."""
        codes = fresh(self.rng, count)
        rows = self.takes(share)
        pick = codes[self.rng.integers(0, count, (len(rows), min(each, count)))]
        put_list(self.block["templates"], rows, pick)
        self.block["template_share"][rows] = self.rng.beta(
            12 * weight, 12 * (1 - weight), len(rows)
        )
        self.notes |= {"templates": count, "template_weight": weight, "template_share": share}

    def signs_up(self, rows: Array, created: Array) -> None:
        restart(self.world, self.block, rows, created)

    def signs_up_between(self, first: float, last: float, clock: str) -> None:
        n, hours = self.n, self.world.places.hours[self.regions[0]]
        when = moments(
            self.rng, n, np.full(n, first), np.full(n, last), np.full(n, CLOCK[clock]), hours
        )
        self.signs_up(np.arange(n), when)
        self.notes["signup_days"] = round((last - first) / DAY, 2)

    def runs(self, *, rate: float, clock: str, day_chance: float, weekend: float) -> None:
        """Give the machine's rate and clock, with differences between accounts."""
        rng, n = self.rng, self.n
        rate *= float(np.exp(rng.normal(0.0, 0.45)))
        zone = (
            self.world.places.hours[self.regions[0]] - self.world.places.hours[self.block["region"]]
        )
        self.block["rate"] = rate * np.exp(rng.normal(0.0, 0.45, n))
        self.block["day_chance"] = np.clip(rng.normal(day_chance, 0.05, n), 0.05, 1.0)
        self.block["weekend"] = np.full(n, weekend)
        if clock in ("flat", "half_flat") and rng.random() < 0.35:
            clock = str(rng.choice(["flat", "half_flat", "traffic", "allday"]))
        self.block["clock"] = np.full(n, CLOCK[clock])
        self.block["phase"] = rng.normal(0.0, 0.4, n) - zone
        self.block["stop"] = np.full(n, self.world.habits.end)
        self.block["api"] = coin(rng, n, 0.8)
        self.notes |= {"rate": round(rate, 2), "clock": clock, "day_chance": round(day_chance, 2)}

    def lasts(self, days: float) -> None:
        """Accounts are spent, sold or banned after about this many days."""
        stay = self.rng.exponential(days, self.n) * DAY + 3600.0
        self.block["stop"] = np.minimum(self.block["start"] + stay, self.world.habits.end)

    def holds_back(self) -> None:
        """Stock kept unused, accounts left to ripen, aged accounts bought from others."""
        rng, h, block = self.rng, self.world.habits, self.block
        if rng.random() < 0.6:
            stock = self.takes(float(rng.uniform(0.0, 0.25)))
            block["rate"][stock] = 0.0
            self.notes["stock"] = len(stock)
        if rng.random() < 0.3:
            rows = self.takes(0.8)
            lasts = block["stop"][rows] - block["start"][rows]
            later = block["start"][rows] + rng.exponential(8.0, len(rows)) * DAY
            block["start"][rows] = np.minimum(later, h.end - 60.0)
            block["stop"][rows] = np.minimum(block["start"][rows] + lasts, h.end)
            self.notes["ripened"] = len(rows)
        if h.older > 0 and rng.random() < 0.35:
            rows = self.takes(float(rng.uniform(0.1, 0.5)))
            block["created"][rows] = h.begin - DAY * rng.uniform(5.0, 500.0, len(rows))
            self.notes["bought_aged"] = len(rows)

    def writes(self, mu: float, between: float, sd: float) -> None:
        """Length of outputs: about `mu` on average of the logarithm (what is asked for differs
        between operators), its spread over accounts and over rows.
        """
        mu += self.rng.normal(0.0, 0.3)
        if self.rng.random() < 0.12:  # labels and short answers, not essays
            mu -= 1.8
        self.block["out_mu"] = self.rng.normal(mu, between, self.n)
        self.block["out_sd"] = np.clip(self.rng.normal(sd, 0.08, self.n), 0.1, 2.0)
        self.notes |= {"out_mu": round(mu, 2), "out_sd": round(sd, 2)}
