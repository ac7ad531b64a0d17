"""``ringfinder simulate``: a labelled world, to see what the audit finds in it."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click

from ringfinder.cli.arguments import Command, Several, settings_from, settings_options
from ringfinder.cli.terminal import notice, say, say_json


@click.command(cls=Command)
@click.option("--accounts", type=int, metavar="N", help="Accounts in all, fleets included.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Where to write the files; made if missing.",
)
@click.option(
    "--preset",
    default="hard",
    show_default=True,
    metavar="NAME",
    help="The world to begin with; the other options change it.",
)
@click.option(
    "--prevalence", type=float, metavar="SHARE", help="Share of accounts in fleets, 0-0.9."
)
@click.option(
    "--regions", type=int, metavar="N", help="Countries with carriers and hours of their own."
)
@click.option("--no-country", is_flag=True, help="Leave the country out of the sign-ups.")
@click.option("--days", type=int, metavar="N", help="Length of the window.")
@click.option("--rows-per-account", type=float, metavar="N", help="Mean rows of usage per account.")
@click.option(
    "--styles", cls=Several, metavar="STYLE...", help="Fleet styles to plant; all if not given."
)
@click.option("--fleets", type=int, metavar="N", help="Number of fleets.")
@click.option("--smallest-fleet", type=int, metavar="N", help="Accounts in the smallest fleet.")
@click.option("--largest-fleet", type=int, metavar="N", help="Accounts in the largest fleet.")
@click.option("--missing", type=float, metavar="SHARE", help="Share of values the export lost.")
@click.option(
    "--untidy", is_flag=True, help="Write fields as people type them, and leave some out."
)
@click.option("--decoy-rate", type=float, metavar="SHARE", help="Values borrowed from real hubs.")
@click.option(
    "--template-variation", type=float, metavar="SHARE", help="Prompts varied beyond recognition."
)
@click.option("--split", type=int, metavar="N", help="Accounts per cell of infrastructure.")
@click.option(
    "--merge-company", type=float, metavar="SHARE", help="Fleets that hide in a real company."
)
@click.option("--framing", type=int, metavar="N", help="Accounts that imitate one victim company.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as one JSON object.")
@settings_options("seed")
def simulate(out: Path, preset: str, no_country: bool, as_json: bool, **options: Any) -> None:
    """Write a labelled world to try the audit on.

    It has fleets of many styles, benign look-alikes and a background with structure. The
    same options give the same files: signups.parquet, usage.parquet, payments.parquet,
    logins.parquet, truth.parquet and world.json.
    """
    settings = settings_from(options, notice)
    from ringfinder import simulate as worlds
    from ringfinder.simulate.presets import preset as preset_of

    # A switch that was not given says nothing; a zero that was given does.
    given = {
        name: one
        for name, one in options.items()
        if one is not None and one is not False and one != ()
    }
    spec = preset_of(preset, seed=settings.seed)
    adversary = replace(spec.adversary, **_of(worlds.Adversary, given))
    knobs = _of(worlds.WorldSpec, given) | ({"country_given": False} if no_country else {})
    world = worlds.simulate(replace(spec, adversary=adversary, **knobs))
    worlds.write_world(world, out)
    fleet = world["truth"]["fleet_id"]
    made = {
        "out": str(out),
        "accounts": len(fleet),
        "fleets": len(fleet.unique().drop_null()),
        "fleet_accounts": len(fleet) - fleet.null_count,
        "rows": {name: table.num_rows for name, table in world.tables.items()},
    }
    if as_json:
        say_json(made)
    else:
        say(
            f"{made['accounts']:,} accounts, {made['fleet_accounts']:,} of them in "
            f"{made['fleets']:,} fleets, and {made['rows']['usage']:,} rows of usage are in {out}."
        )


def _of(spec: type, given: dict[str, Any]) -> dict[str, Any]:
    """Return those of the options that a spec has, but for the seed."""
    names = {field.name for field in fields(spec)} - {"seed"}
    return {name: value for name, value in given.items() if name in names}
