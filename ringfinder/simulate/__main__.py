"""Make one world: ``python -m ringfinder.simulate --accounts N --seed S --out DIR``."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import Any

from ringfinder.errors import RingfinderError
from ringfinder.simulate import PRESETS, Adversary, WorldSpec, preset, simulate, write_world


def spec_of(options: dict[str, Any]) -> WorldSpec:
    """Turn options into a spec: those that are None keep the preset's value.

    Parameters
    ----------
    options
        Fields of `WorldSpec` and of `Adversary`, and `preset`.
    """
    given = {name: value for name, value in options.items() if value is not None}
    spec = preset(str(given.pop("preset", "hard")))
    knobs = {item.name for item in dataclasses.fields(Adversary)} & given.keys()
    attack = dataclasses.replace(spec.adversary, **{name: given.pop(name) for name in knobs})
    return dataclasses.replace(spec, adversary=attack, **given)


def main(arguments: list[str] | None = None) -> int:
    """Make one world and write it."""
    parser = argparse.ArgumentParser(prog="ringfinder.simulate", description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--preset", choices=sorted(PRESETS))
    for whole in ("accounts", "seed", "regions", "days", "split", "framing", "fleets"):
        parser.add_argument(f"--{whole}", type=int)
    for real in (
        "prevalence", "rows-per-account", "missing", "decoy-rate", "template-variation",
        "merge-company", "shared-pools", "camouflage-decoys",
    ):  # fmt: skip
        parser.add_argument(f"--{real}", type=float)
    parser.add_argument("--smallest-fleet", type=int)
    parser.add_argument("--largest-fleet", type=int)
    parser.add_argument("--no-country", dest="country_given", action="store_false", default=None)
    parser.add_argument("--untidy", action="store_true", default=None)
    options = vars(parser.parse_args(arguments))
    out = options.pop("out")
    try:
        world = simulate(spec_of(options))
    except RingfinderError as problem:
        sys.stderr.write(f"{problem}\n")
        return problem.exit_code
    write_world(world, out)
    sys.stderr.write(f"{world.info['rows']} in {out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
