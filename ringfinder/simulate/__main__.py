"""Interim command line: ``python -m ringfinder.simulate --accounts N --seed S --out DIR``."""

from __future__ import annotations

import argparse
import sys

from ringfinder.simulate import Adversary, WorldSpec, simulate, write_world


def main(arguments: list[str] | None = None) -> int:
    """Make one world and write it."""
    parser = argparse.ArgumentParser(prog="ringfinder.simulate", description=__doc__)
    parser.add_argument("--accounts", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", required=True)
    parser.add_argument("--prevalence", type=float, default=0.06)
    parser.add_argument("--regions", type=int, default=1)
    parser.add_argument("--no-country", action="store_true")
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--rows-per-account", type=float, default=10.0)
    parser.add_argument("--missing", type=float, default=0.0)
    parser.add_argument("--untidy", action="store_true")
    for knob in ("decoy-rate", "template-variation", "merge-company"):
        parser.add_argument(f"--{knob}", type=float, default=0.0)
    parser.add_argument("--split", type=int, default=0)
    parser.add_argument("--framing", type=int, default=0)
    given = parser.parse_args(arguments)
    spec = WorldSpec(
        accounts=given.accounts, seed=given.seed, prevalence=given.prevalence,
        regions=given.regions, country_given=not given.no_country, days=given.days,
        rows_per_account=given.rows_per_account, missing=given.missing, untidy=given.untidy,
        adversary=Adversary(
            given.decoy_rate, given.template_variation, given.split, given.merge_company,
            given.framing,
        ),
    )  # fmt: skip
    world = simulate(spec)
    write_world(world, given.out)
    sys.stderr.write(f"{world.info['rows']} in {given.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
