"""Worlds with a name: the public campaigns at their published sizes, and the usual test beds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from ringfinder.errors import InvalidParameter
from ringfinder.simulate.spec import Adversary, Campaign, WorldSpec

CAMPAIGNS: dict[str, Campaign] = {
    # Published: accounts, exchanges, days.
    "campaign-28.8m": Campaign("hydra", 25_000, 28_800_000, 45),
    # Published: the exchanges, and half of the traffic moving within a day of a release.
    # Accounts and days are ours, at the 25.6 exchanges a day of the first one.
    "campaign-13m": Campaign("model_switch", 11_500, 13_200_000, 45),
    "campaign-3.4m": Campaign("quiet", 3_000, 3_400_000, 44),
    # Published: the exchanges; synchronous use and shared ways to pay.
    "campaign-150k": Campaign("reused", 260, 150_000, 23),
}
"""The four public campaigns; what was not published is said in the comments."""


def _campaign(name: str) -> Callable[[], WorldSpec]:
    campaign = CAMPAIGNS[name]
    accounts = max(20_000, round(campaign.accounts / 0.06))
    return lambda: WorldSpec(accounts=accounts, prevalence=0.0, campaigns=(campaign,))


PRESETS: dict[str, tuple[str, Callable[[], WorldSpec]]] = {
    **{
        name: (
            f"{c.exchanges:,} exchanges of {c.accounts:,} accounts in {c.days} days ({c.style})",
            _campaign(name),
        )
        for name, c in CAMPAIGNS.items()
    },
    "demo": ("a small world, audited in seconds", lambda: WorldSpec(accounts=6_000)),
    "hard": ("60,000 accounts, 6% in fleets, all styles and cohorts", WorldSpec),
    "regions-12": ("the same with twelve countries", lambda: WorldSpec(regions=12)),
    "regions-25": ("the same with twenty-five countries", lambda: WorldSpec(regions=25)),
    "unnamed": (
        "twelve countries, and no country in the data",
        lambda: WorldSpec(regions=12, country_given=False),
    ),
    "honest": ("no fleet at all", lambda: WorldSpec(prevalence=0.0)),
    "million": (
        "1,000,000 accounts and 10,000,000 usage rows, fleets from 10 to 10,000",
        lambda: WorldSpec(accounts=1_000_000, smallest_fleet=10),
    ),
    "framing": (
        "1,000 attacker accounts imitate one company",
        lambda: WorldSpec(adversary=Adversary(framing=1000)),
    ),
    "untidy": (
        "fields missing, formats mixed, three sightings in ten lost",
        lambda: WorldSpec(untidy=True, missing=0.3),
    ),
}  # fmt: skip
"""What each preset is, and how it is made."""


def preset(name: str, **knobs: Any) -> WorldSpec:
    """Return a named spec, with some of its fields replaced.

    Parameters
    ----------
    name
        One of `PRESETS`.
    knobs
        Fields of `WorldSpec`, such as `seed` or `accounts`.

    Raises
    ------
    InvalidParameter
        If there is no such preset, or a knob is out of range.
    """
    if name not in PRESETS:
        raise InvalidParameter(f"preset is {name!r}; expected one of {', '.join(PRESETS)}")
    return dataclasses.replace(PRESETS[name][1](), **knobs)
