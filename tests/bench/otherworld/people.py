"""One row per account, with everything an ordinary person would show.

Groups and operators start from people too and overwrite what they share: an account that
drops out of a habit of its fleet looks like anybody, in the same formats.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tests.bench.otherworld.draws import DAY, Accounts, Array, Rng, coin, fresh, mix, zipf
from tests.bench.otherworld.habits import CLOCK, Habits, moments, referrers
from tests.bench.otherworld.places import COUNTRIES, Places, words

DISPOSABLE = np.array(
    [
        "mailinator.com", "guerrillamail.com", "yopmail.com", "10minutemail.com", "trashmail.com",
        "temp-mail.org", "sharklasers.com", "getnada.com", "maildrop.cc", "dispostable.com",
    ],
    dtype=object,
)  # fmt: skip
ENDINGS = np.array(
    ["io", "ai", "dev", "co", "com", "com", "com", "net", "org", "tech", "app"], dtype=object
)
IPS, DEVICES, TEMPLATES = 8, 3, 6


@dataclass
class World:
    """What generators share: the dice, the places, the habits, and what is popular."""

    rng: Rng
    habits: Habits
    places: Places
    popular: Array  # codes of templates that strangers share
    extension: Array  # templates of one browser extension and one SDK
    proxies: Array  # exit addresses of a commercial proxy service: homes of real people
    hubs: list[dict[str, object]] = field(default_factory=list)  # of benign groups, for decoys
    groups: int = 0

    def next_group(self) -> int:
        self.groups += 1
        return self.groups


def domain_names(world: World, size: int, region: Array | None = None) -> Array:
    """Domains of firms and individuals, some under the country's own ending."""
    rng = world.rng
    ending = ENDINGS[rng.integers(0, len(ENDINGS), size)]
    if region is not None:
        own = np.array([COUNTRIES[c][5] for c in world.places.codes], dtype=object)[region]
        ending = np.where(coin(rng, size, 0.4), own, ending)
    second = np.array(
        ["", "", "", "labs", "soft", "tech", "works", "data", "hq", "-ai"], dtype=object
    )[rng.integers(0, 10, size)]
    names: Array = words(rng, size, 3) + second + "." + ending
    return names


def local_parts(world: World, region: Array, style: Array | None = None) -> Array:
    """Local parts as people make them: names, initials, years, nicknames."""
    rng, n = world.rng, len(region)
    first, last = world.places.names(region)
    nick = words(rng, n, 2)
    style = rng.choice(7, n, p=[0.24, 0.16, 0.1, 0.16, 0.12, 0.12, 0.1]) if style is None else style
    number = rng.integers(1, 1000, n)
    year = rng.integers(60, 110, n) % 100
    out = np.empty(n, dtype=object)
    for i, (f, a, k, s, d, y) in enumerate(
        zip(first, last, nick, style.tolist(), number.tolist(), year.tolist(), strict=True)
    ):
        out[i] = (
            f"{f}.{a}", f"{f}{a}{y:02d}", f"{f[0]}{a}", f"{f}{d}", f"{k}{a[:3]}{d % 100}",
            f"{f}_{a}{y:02d}", f"{k}{y:02d}",
        )[s]  # fmt: skip
    return out


def emails(world: World, region: Array) -> Array:
    rng, n = world.rng, len(region)
    domain = world.places.mail_providers(region)
    own = coin(rng, n, 0.04)
    domain[own] = domain_names(world, int(own.sum()), region[own])
    local = local_parts(world, region)
    tag = coin(rng, n, 0.01)
    local[tag] = local[tag] + "+" + words(rng, int(tag.sum()), 1)
    out = local + "@" + domain
    shouting = np.flatnonzero(coin(rng, n, 0.03))
    out[shouting] = [text.capitalize() for text in out[shouting]]
    return out


def signup_times(world: World, region: Array, clock: Array) -> Array:
    """Growth over the window; a share of accounts is older than the window."""
    rng, h, n = world.rng, world.habits, len(region)
    growth = rng.random(n) ** 0.8 * h.days * DAY
    first = np.floor((h.begin + growth) / DAY) * DAY
    first = np.clip(first, h.begin, h.end - DAY)
    older = coin(rng, n, h.older)
    first[older] = h.begin - DAY * (1 + np.floor(rng.exponential(250.0, int(older.sum())) % 900))
    return moments(rng, n, first, first + DAY, clock, world.places.hours[region])


def addresses(world: World, region: Array) -> Array:
    """Lists of addresses in order of habit: home lines, the phone's carrier, other places."""
    rng, places, n = world.rng, world.places, len(region)
    lists = np.zeros((n, IPS), dtype=np.uint64)
    mobile = coin(rng, n, 1.0) & (rng.random(n) < places.mobile_first[region])
    home = places.homes(region)
    lists[:, 0] = np.where(mobile, places.mobiles(region), home)
    second = np.where(coin(rng, n, 0.5), places.mobiles(region), places.homes(region))
    lists[:, 1] = np.where(coin(rng, n, 0.55), second, 0)
    lists[:, 2] = np.where(coin(rng, n, 0.2) & (lists[:, 1] > 0), places.homes(region), 0)
    vpn = coin(rng, n, 0.03)
    lists[vpn, 0] = places.vpns(int(vpn.sum()))
    exit_node = coin(rng, n, 0.004)  # their line is sold as a residential proxy
    lists[exit_node, 0] = rng.choice(world.proxies, int(exit_node.sum()))
    return lists


def templates(world: World, n: int) -> tuple[Array, Array]:
    """Popular templates a person uses, and how much of the use is theirs."""
    rng = world.rng
    lists = np.zeros((n, TEMPLATES), dtype=np.uint64)
    uses = coin(rng, n, 0.3)
    lists[uses, 0] = world.popular[zipf(rng, int(uses.sum()), len(world.popular), 1.0)]
    more = uses & coin(rng, n, 0.35)
    lists[more, 1] = world.popular[zipf(rng, int(more.sum()), len(world.popular), 0.7)]
    return lists, np.where(uses, rng.beta(1.5, 3.0, n), 0.0)


def habits_of_use(world: World, n: int, created: Array) -> Accounts:
    """Rates, clocks, outputs. Half the accounts are tried once and forgotten."""
    rng, h = world.rng, world.habits
    dormant = coin(rng, n, 0.5)
    stays = rng.exponential(45.0, n) * DAY
    start = np.maximum(created, h.begin)
    stays[dormant] = DAY * rng.integers(0, 3, int(dormant.sum()))
    # Whoever is older than the window and was only tried once does not come back inside it.
    never = dormant & (coin(rng, n, 0.45) | (created < h.begin))
    waits = np.where(coin(rng, n, 0.15), rng.exponential(10.0, n) * DAY, rng.exponential(900.0, n))
    start = np.minimum(start + np.where(created < h.begin, 0.0, waits), h.end - 60.0)
    adopts = h.new_model_at + rng.exponential(25.0, n) * DAY
    # People whose editor or agent asks for them: the heavy tail of ordinary use.
    heavy = coin(rng, n, 0.09) & ~dormant
    rate = np.exp(rng.normal(1.2, 1.35, n))
    rate[heavy] = np.exp(rng.normal(3.4, 0.9, int(heavy.sum())))
    often = rng.beta(0.7, 2.0, n) * 0.95 + 0.05
    often[heavy] = rng.uniform(0.4, 0.98, int(heavy.sum()))
    stays[heavy] *= 4.0
    clock = rng.choice(
        [CLOCK[c] for c in ("office", "evening", "student", "allday", "owl", "traffic")],
        n, p=[0.33, 0.23, 0.14, 0.22, 0.04, 0.04],
    )  # fmt: skip
    return {
        "rate": np.where(never, 0.0, rate),
        "day_chance": np.where(dormant, 1.0, often),
        "weekend": rng.choice([0.1, 0.4, 1.0, 1.3], n, p=[0.25, 0.25, 0.4, 0.1]),
        "start": start,
        "stop": np.minimum(start + stays + 3600.0, h.end),
        "clock": clock,
        "phase": rng.normal(0.0, 1.2, n),
        "out_mu": rng.normal(5.5, 0.85, n),
        "out_sd": np.clip(rng.normal(0.95, 0.25, n), 0.3, 1.8),
        "in_mu": rng.normal(6.0, 1.1, n),
        "model_a": rng.choice(5, n, p=[0.3, 0.33, 0.22, 0.07, 0.08]),
        "model_b": rng.choice(5, n, p=[0.2, 0.2, 0.3, 0.2, 0.1]),
        "model_b_share": rng.beta(0.6, 3.0, n),
        "adopts": np.where(coin(rng, n, 0.5), adopts, np.inf),
        "adopts_share": rng.beta(2.0, 1.5, n),
        "prompts": np.exp(rng.normal(3.5, 1.3, n)).astype(np.int64) + 1,
        "api": coin(rng, n, 0.3),
    }


def clients(world: World, api: Array) -> tuple[Array, Array]:
    """User agent and TLS fingerprint; the client mostly decides both."""
    rng, n, kinds = world.rng, len(api), world.habits.clients
    agent = np.where(api, zipf(rng, n, 25, 0.9), 25 + zipf(rng, n, kinds - 25, 0.8))
    tls = mix(agent.astype(np.uint64)) % np.uint64(40)
    odd = coin(rng, n, 0.15)
    tls[odd] = 40 + zipf(rng, int(odd.sum()), 60, 0.8)
    return agent, tls.astype(np.int64)


def people(world: World, region: Array, cohort: str, network: str = "home") -> Accounts:
    """Ordinary accounts of the given countries."""
    rng, n = world.rng, len(region)
    clock = rng.choice([CLOCK["office"], CLOCK["evening"], CLOCK["allday"]], n)
    created = signup_times(world, region, clock)
    use = habits_of_use(world, n, created)
    ips = addresses(world, region)
    agent, tls = clients(world, use["api"])
    shared, shared_use = templates(world, n)
    card = coin(rng, n, 0.3)  # seven in ten stay on the free tier, without a card
    devices = np.zeros((n, DEVICES), dtype=np.uint64)
    devices[:, 0] = fresh(rng, n)
    devices[:, 1] = np.where(coin(rng, n, 0.3), fresh(rng, n), 0)
    closed = np.where(coin(rng, n, 0.02), created + rng.exponential(30.0, n) * DAY, np.nan)
    block: Accounts = use | {
        "region": region,
        "geo": region.copy(),
        "created": created,
        "closed": np.where(closed < world.habits.end, closed, np.nan),
        "email": emails(world, region),
        "verified": coin(rng, n, 0.85),
        "ips": ips,
        "signup_ip": ips[:, 0].copy(),
        "devices": devices,
        "card": np.where(card, fresh(rng, n), np.uint64(0)),
        "bin": np.where(card, world.places.banks(region), 0),
        "phone": world.places.phones(region),
        "agent": agent,
        "tls": tls,
        "plan": np.where(card, rng.choice([1, 1, 2], n), 0),
        "organisation": np.zeros(n, dtype=np.uint64),
        "referrer": referrers(rng, n),
        "templates": shared,
        "template_share": shared_use,
        "fleet": np.full(n, -1),
        "style": np.full(n, None, dtype=object),
        "cohort": np.full(n, cohort, dtype=object),
        "cohort_id": np.full(n, None, dtype=object),
        "network": np.full(n, network, dtype=object),
    }
    nat = (ips[:, 0] < np.uint64(2**63)) & np.isin(ips[:, 0] >> np.uint64(16), world.places.cell)
    block["network"][nat] = "carrier_nat"
    block["network"][np.isin(ips[:, 0], world.places.vpn)] = "vpn"
    return block


def somewhere(world: World, size: int) -> Array:
    """Countries of `size` strangers."""
    share = world.places.share
    return world.rng.choice(len(share), size, p=share)
