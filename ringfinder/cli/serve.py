"""``ringfinder serve``: the scoring API."""

from __future__ import annotations

from typing import Any

import click

from ringfinder.cli.arguments import Command, settings_from, settings_options
from ringfinder.cli.terminal import notice
from ringfinder.config.rows import SERVE, STORE


@click.command(cls=Command)
@settings_options(
    "pepper_file", "pepper_version", "default_region",
    "asn_list", "vpn_list", "hosting_list", "carrier_list", STORE, SERVE,
)  # fmt: skip
def serve(**options: Any) -> None:
    """Answer sign-ups over HTTP: score, decide, record durably.

    Runs the workers, the journal's writer and the projector, and ends them in order when told
    to stop. Make a key first: `ringfinder keys create`.
    """
    from ringfinder.pipeline.remembered import tell_other_store
    from ringfinder.serve.supervisor import serve as run

    settings = settings_from(options, notice)
    tell_other_store(settings, notice)
    run(settings, notice)
