"""Quality: every row of the table of promises, measured.

python -m tests.bench quality                    every row (hours)
python -m tests.bench quality --only hard,none   some rows
python -m tests.bench quality --list
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ringfinder.evaluate import Evaluation
from tests.bench.results import keep, markdown
from tests.bench.rows import ROWS, Row, dollars, reported
from tests.bench.run import Run, audited
from tests.bench.tally import Check, evaluation_of, most_in_a_cohort, pooled, shown, worst_style
from tests.bench.why import causes, why

HEAD = ("world", "P", "R", "benign flagged", "worst style", "30+", "10-29", "5-9", "cohort",
        "one of", "in rings", "s")  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.bench quality")
    parser.add_argument("--only", help="rows, separated by commas")
    parser.add_argument("--list", action="store_true", help="say which rows there are")
    parser.add_argument("--why", action="store_true", help="show what was missed in each world")
    parser.add_argument("--first", type=int, help="the first so many worlds of each row")
    given = parser.parse_args(arguments)
    if given.list:
        print("\n".join(f"{row.name:14}{row.promise}" for row in ROWS.values()))
        return 0
    names = given.only.split(",") if given.only else list(ROWS)
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        parser.error(f"there is no row {', '.join(unknown)}; expected {', '.join(ROWS)}")
    verdicts: list[tuple[str, str, str, str]] = []
    for name in names:
        verdicts += measure(ROWS[name], explain=given.why, first=given.first)
    print("\n" + markdown(("row", "promise", "measured", "holds"), verdicts))
    return 0


def measure(
    row: Row, *, explain: bool = False, first: int | None = None
) -> list[tuple[str, str, str, str]]:
    """Run one row's worlds and return its promises with what was measured."""
    print(f"\n## {row.name}: {row.promise}\n", flush=True)
    runs: list[Run] = []
    lines = []
    for make in row.worlds[:first]:
        run = audited(make())
        runs.append(run)
        found = evaluation_of(run.outcomes)
        lines.append(line(run.files.name, found, run.seconds))
        print(markdown(HEAD, lines[-1:]).splitlines()[-1], flush=True)
        if explain:
            print("\n" + why(run) + "\n", flush=True)
        keep("quality", row.name, {"world": run.files.name, "seconds": run.seconds,
                                   "steps": run.record["steps"], **found.to_dict()})  # fmt: skip
    all_of = pooled([run.outcomes for run in runs])
    found = evaluation_of(all_of)
    if len(runs) > 1:
        lines.append(line("all", found, sum(run.seconds for run in runs)))
    print("\n" + markdown(HEAD, lines))
    if row.name == "adversary":
        print("\n" + against_dollars(runs))
    print("\n" + by_group(found), flush=True)
    if any(run.outcomes.fleets for run in runs):
        print("\n" + causes(runs), flush=True)
    # A row cut short has not measured what it promises.
    checks = row.checks(runs, all_of, found) if len(runs) == len(row.worlds) else []
    keep("quality", row.name, {"world": "all", "checks": [vars(check) for check in checks],
                               **found.to_dict()})  # fmt: skip
    said = {True: "yes", False: "NO", None: "told"}
    return [(row.name, c.what, c.measured, said[c.holds]) for c in checks]


def line(name: str, found: Evaluation, seconds: float) -> tuple[str, ...]:
    style, cohort = worst_style(found), most_in_a_cohort(found)
    by_size = found.recall_by_size
    return (
        name,
        reported(found.precision),
        reported(found.recall),
        f"{found.benign_flagged.hits} ({found.benign_flagged.value or 0:.4%})",
        f"{style[0]} {reported(style[1])}" if style else "-",
        reported(by_size.get("30 or more")),
        reported(by_size.get("10-29")),
        reported(by_size.get("5-9")),
        f"{cohort[0]} {cohort[1]}" if cohort and cohort[1] else "0",
        str(found.most_flagged_in_one_instance or 0),
        f"{found.benign_in_rings.value or 0:.2%}",
        f"{seconds:.0f}",
    )


def by_group(found: Evaluation) -> str:
    """Intervals, styles and cohorts of all worlds of a row together."""
    rows = [("precision", shown(found.precision)), ("recall", shown(found.recall))]
    rows.append(("benign flagged", shown(found.benign_flagged)))
    rows += [(f"style {name}", shown(rate)) for name, rate in found.recall_by_style.items()]
    rows += [(f"size {name}", shown(rate)) for name, rate in found.recall_by_size.items()]
    rows += [
        (f"cohort {name}", f"{shown(group.flagged)}; in rings {reported(group.in_rings)}")
        for name, group in found.benign_by_cohort.items()
    ]
    if found.rings:
        rows.append(("fleets found", shown(found.rings.fleets_found)))
        rows.append(("false rings", shown(found.rings.false_rings)))
        rows.append(("published false discovery rate", f"{found.rings.published_fdr}"))
    return markdown(("all worlds together", "measured"), rows)


def against_dollars(runs: Sequence[Run]) -> str:
    rows = []
    for run in runs:
        found = evaluation_of(run.outcomes)
        measured = shown(found.recall), reported(found.precision)
        rows.append((run.files.name, dollars(run.files), *measured))
    return markdown(("operator's knob", "$ per account", "recall", "precision"), rows)


__all__ = ["Check", "main", "measure"]
