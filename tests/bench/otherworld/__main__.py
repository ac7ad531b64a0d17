"""python -m tests.bench.otherworld --accounts N --seed S --out DIR"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from tests.bench.otherworld.world import KINDS, Wish, make_world


def main() -> None:
    parser = argparse.ArgumentParser(prog="otherworld", description="A world nobody tuned for.")
    parser.add_argument("--accounts", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--prevalence", type=float, default=0.06, help="share of accounts in fleets"
    )
    parser.add_argument("--regions", type=int, default=6, help="countries, 1 to 28")
    parser.add_argument("--no-country", action="store_true")
    parser.add_argument("--no-usage", action="store_true")
    parser.add_argument("--window-days", type=int, default=None, help="default: 30 to 120 by seed")
    parser.add_argument(
        "--format", choices=["parquet", "csv"], default="parquet", help="of sign-ups"
    )
    parser.add_argument(
        "--rows-a-day", type=int, default=20, help="usage rows per account and day, at most"
    )
    parser.add_argument("--kind", choices=sorted(KINDS), default="mixed")
    given = parser.parse_args()
    began = time.perf_counter()
    told = make_world(
        Wish(
            accounts=given.accounts, seed=given.seed, prevalence=given.prevalence,
            regions=given.regions, country=not given.no_country, window_days=given.window_days,
            signups_format=given.format, kind=given.kind, usage=not given.no_usage,
            rows_a_day=given.rows_a_day,
        ),
        given.out,
    )  # fmt: skip
    print(f"{given.out}: {len(told['fleets'])} fleets, {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
