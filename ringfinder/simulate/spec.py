"""What a world is made from, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ringfinder.durations import DAY_MS
from ringfinder.errors import InvalidParameter

STYLES: tuple[str, ...] = (
    "reused",
    "hydra",
    "freemail_farm",
    "burst",
    "trial",
    "quiet",
    "model_switch",
    "camouflage",
)
ALL_STYLES: tuple[str, ...] = (*STYLES, "framing")
"""`framing` is never drawn: see `Adversary.framing`."""
COHORTS: tuple[str, ...] = (
    "background",
    "company",
    "campus",
    "lecture",
    "hackathon",
    "coworking",
    "family",
    "agency",
    "carrier_nat",
    "privacy",
    "fleet",
)
NETWORK_CLASSES: tuple[str, ...] = (
    "broadband",
    "carrier_nat",
    "office",
    "campus",
    "vpn",
    "hosting",
    "residential_proxy",
)
WINDOW_START_MS = 1_767_571_200_000
"""2026-01-05T00:00Z, a Monday: the first day of every world."""

DEFAULT_COHORT_SHARES: dict[str, float] = {
    "company": 0.060,
    "campus": 0.035,
    "lecture": 0.020,
    "hackathon": 0.015,
    "coworking": 0.012,
    "family": 0.040,
    "agency": 0.008,
    "carrier_nat": 0.030,
    "privacy": 0.020,
}


@dataclass(frozen=True)
class Adversary:
    """What an operator who has read the code does, and how hard; all off by default.

    Attributes
    ----------
    decoy_rate
        0-1: share of an account's further sightings borrowed from real hubs (popular
        prompts, VPN exits, carrier addresses, domains of real firms, stolen cards).
    template_variation
        0-1: probability that a prompt of a fleet account is varied beyond recognition,
        so that its fingerprint is unique.
    split
        Accounts per cell: the operator gives every cell its own infrastructure; 0 does
        not split.
    merge_company
        0-1: share of the fleets that join a real company: its domain, its office
        network and its sign-up days.
    framing
        Attacker accounts that imitate one victim company: domain, network and prompts.
    """

    decoy_rate: float = 0.0
    template_variation: float = 0.0
    split: int = 0
    merge_company: float = 0.0
    framing: int = 0


@dataclass(frozen=True)
class Campaign:
    """One fleet of a known size, planted beside the drawn ones.

    Attributes
    ----------
    style
        See `STYLES`; not `camouflage`.
    accounts, exchanges, days
        Its accounts, what they did altogether, and in how many days.
    """

    style: str
    accounts: int
    exchanges: int
    days: int


@dataclass(frozen=True)
class WorldSpec:
    """One labelled world; the same spec gives the same bytes.

    Attributes
    ----------
    accounts
        Accounts in all, fleets included.
    seed
        Of every random draw.
    prevalence
        0-0.9: share of the accounts that belong to fleets.
    regions
        Countries with carriers, banks, mail providers, languages and hours of their own.
    country_given
        Whether the sign-ups have a `country` column.
    days
        Length of the observation window.
    rows_per_account
        Target mean of usage rows per account; usage is aggregated to rows of an hour.
    styles
        Fleet styles to plant; see `STYLES`.
    cohort_shares
        Share of all accounts in each benign cohort; the rest is background.
    camouflage_decoys
        Decoy rate of the style `camouflage`.
    fleets
        Number of fleets; 0 chooses by the number of fleet accounts.
    largest_fleet
        Cap on the size of one fleet; 0 chooses 30% of the fleet accounts, at most 10,000.
    smallest_fleet
        The smallest fleet.
    shared_pools
        0-1: share of proxy-using fleets that share their pool with another operator.
    missing
        0-1: share of sightings (attribute values, and whole usage rows) that the export
        lost at random.
    untidy
        Also leave out fields and columns as real exports do, in odd formats.
    campaigns
        Fleets of known size, planted besides those of `prevalence`.
    adversary
        See `Adversary`.
    """

    accounts: int = 60_000
    seed: int = 1
    prevalence: float = 0.06
    regions: int = 1
    country_given: bool = True
    days: int = 90
    rows_per_account: float = 10.0
    styles: tuple[str, ...] = STYLES
    cohort_shares: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_COHORT_SHARES))
    camouflage_decoys: float = 0.35
    fleets: int = 0
    largest_fleet: int = 0
    smallest_fleet: int = 5
    shared_pools: float = 0.5
    missing: float = 0.0
    untidy: bool = False
    campaigns: tuple[Campaign, ...] = ()
    adversary: Adversary = field(default_factory=Adversary)

    def __post_init__(self) -> None:
        _check(self.accounts >= 50, "accounts", self.accounts, "50 or more")
        _check(0 <= self.prevalence <= 0.9, "prevalence", self.prevalence, "0 to 0.9")
        _check(1 <= self.regions <= 40, "regions", self.regions, "1 to 40")
        _check(7 <= self.days <= 730, "days", self.days, "7 to 730")
        _check(0 < self.rows_per_account <= 500, "rows_per_account", self.rows_per_account, "0-500")
        _check(0 <= self.missing < 1, "missing", self.missing, "0 to below 1")
        _check(self.smallest_fleet >= 2, "smallest_fleet", self.smallest_fleet, "2 or more")
        _check(
            self.largest_fleet == 0 or self.largest_fleet >= self.smallest_fleet,
            "largest_fleet", self.largest_fleet, f"at least smallest_fleet, {self.smallest_fleet}",
        )  # fmt: skip
        _check(set(self.styles) <= set(STYLES), "styles", self.styles, f"some of {STYLES}")
        _check(bool(self.styles), "styles", self.styles, "at least one style")
        shares = self.cohort_shares
        _check(set(shares) < set(COHORTS), "cohort_shares", tuple(shares), f"some of {COHORTS}")
        planted = sum(campaign.accounts for campaign in self.campaigns) + self.adversary.framing
        taken = sum(shares.values()) + self.prevalence + planted / self.accounts
        _check(
            min(shares.values(), default=0) >= 0 and taken <= 0.98, "the share of accounts in "
            "cohorts and fleets", round(taken, 3), "at most 0.98, the rest being background",
        )  # fmt: skip
        for campaign in self.campaigns:
            _check(campaign.style in STYLES[:-1], "style", campaign.style, f"one of {STYLES[:-1]}")
            _check(
                campaign.days <= self.days, "campaign days", campaign.days, f"at most {self.days}"
            )
        knobs = self.adversary
        for name in ("decoy_rate", "template_variation", "merge_company"):
            _check(0 <= getattr(knobs, name) <= 1, name, getattr(knobs, name), "0 to 1")
        _check(knobs.framing >= 0, "framing", knobs.framing, "0 or more")
        _check(knobs.split >= 0, "split", knobs.split, "0 or more")

    @property
    def start_ms(self) -> int:
        """First millisecond of the window."""
        return WINDOW_START_MS

    @property
    def end_ms(self) -> int:
        """First millisecond after the window."""
        return WINDOW_START_MS + self.days * DAY_MS


@dataclass(frozen=True)
class World:
    """A labelled world, as tables.

    Attributes
    ----------
    tables
        `signups`, `usage`, `payments`, `logins`, `truth`: columns as an audit reads them;
        truth has account_id, group_id (of a benign group), fleet_id, style, cohort,
        network_class, established and region.
    info
        What `world.json` says: the spec, counts, and each fleet's parameters and costs.
    """

    tables: dict[str, pa.Table]
    info: dict[str, Any]

    def __getitem__(self, name: str) -> pa.Table:
        return self.tables[name]


def _check(holds: bool, name: str, given: object, expected: str) -> None:
    if not holds:
        raise InvalidParameter(f"{name} is {given}; expected {expected}")
