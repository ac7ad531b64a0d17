"""Labelled worlds: fleets, honest look-alikes, and a background with structure.

A detector that cannot be tested is not believed. `simulate` makes a world of accounts of
which the truth is known, in the files that `audit` reads: sign-ups, usage, payments, logins,
and `truth`, which no detector may see.

::

    from ringfinder.simulate import WorldSpec, preset, simulate, write_world

    world = simulate(WorldSpec(accounts=60_000, seed=7, prevalence=0.06, regions=12))
    write_world(world, "world")                      # signups.parquet ... truth.parquet, world.json
    world = simulate(preset("campaign-28.8m", seed=7))

Everybody begins as an ordinary person of a country (`people`): own carriers with shared
and own addresses, banks, mail providers, prompts, hours. Cohorts and fleets overwrite the
traits in which they differ, and nothing else tells them apart.

Fleet styles
    ``reused``         cards and devices, each on several accounts
    ``hydra``          fresh residential addresses, cards and devices; catch-all domains with
                       about 150 accounts each; four prompt templates
    ``freemail_farm``  names made by one script at free-mail providers, behind carrier NAT
    ``burst``          signed up in hours, used hard for 24-72 hours, then silence
    ``trial``          5-30 free accounts on the tags and dots of one mailbox, few devices
    ``quiet``          no domain, card or device in common: templates, part of a proxy pool,
                       the issuer of virtual cards, the tool, the hours
    ``model_switch``   half of the use moves to a new model within a day of its release
    ``camouflage``     any of the above, with decoys borrowed from real hubs

Benign cohorts
    ``company``        one domain, an office, a corporate card, days of onboarding, working
                       hours; some run a service that never sleeps
    ``campus``, ``lecture``, ``hackathon``, ``coworking``
                       shared networks and prompts, sign-ups within hours, bursts and silence
    ``family``         two to six people, one connection, often one card
    ``agency``         one card, the domains of several clients, shared machines
    ``carrier_nat``    a town behind one or two addresses
    ``privacy``        VPN exits, mail aliases, hardened browsers, virtual cards

An attacker who has read the code is described by `Adversary`; `world.json` tells what each
fleet bought and what one account cost. What is real: tokens per exchange and how clients
differ in rate, burstiness, days and hours are fitted to public traces (`fit`). What is
assumed: everything else, in particular how often ordinary people share things.
"""

from ringfinder.simulate.presets import CAMPAIGNS, PRESETS, preset
from ringfinder.simulate.spec import (
    ALL_STYLES,
    COHORTS,
    STYLES,
    Adversary,
    Campaign,
    World,
    WorldSpec,
)
from ringfinder.simulate.world import simulate
from ringfinder.simulate.write import write_world

__all__ = [
    "ALL_STYLES",
    "CAMPAIGNS",
    "COHORTS",
    "PRESETS",
    "STYLES",
    "Adversary",
    "Campaign",
    "World",
    "WorldSpec",
    "preset",
    "simulate",
    "write_world",
]
