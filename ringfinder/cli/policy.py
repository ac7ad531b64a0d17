"""``ringfinder policy``: check a policy file, show the default, compare two."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ringfinder.cli.arguments import Group
from ringfinder.cli.terminal import notice, say, say_json, table

if TYPE_CHECKING:
    from ringfinder.score.policy import Policy
    from ringfinder.serve.policydiff import Difference

_FILE = click.Path(path_type=Path)


@click.group(cls=Group)
def policy() -> None:
    """Check, show and compare policies: what is decided from score, verdict and evidence."""


@policy.command()
def show() -> None:
    """Print the default policy, to copy and change."""
    from ringfinder.serve.policy import default_policy_text

    say(default_policy_text().rstrip("\n"))


@policy.command()
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print the policy as one JSON object.")
def check(file: Path, as_json: bool) -> None:
    """Read FILE as `serve` would, and say what it decides."""
    from ringfinder.serve.policy import read_policy_file

    found = read_policy_file(file)
    for sentence in cautions(found):
        notice(sentence)
    if as_json:
        say_json(
            {
                "version": found.version,
                "mode": found.mode,
                "otherwise": found.otherwise,
                "rules": [
                    {"name": rule.name, "then": rule.then, "shadow": rule.shadow, "line": rule.line}
                    for rule in found.rules
                ],
            }
        )
        return
    say(f"{found.version}: {len(found.rules)} rules, mode {found.mode}")
    rows = [
        (str(number), rule.then + (" (shadow)" if rule.shadow else ""), rule.name)
        for number, rule in enumerate(found.rules, start=1)
    ]
    say(table(("rule", "then", "name"), [*rows, ("", found.otherwise, "where no rule matches")]))


@policy.command()
@click.argument("before", metavar="A", type=_FILE)
@click.argument("after", metavar="B", type=_FILE)
@click.option(
    "--over",
    required=True,
    metavar="RECORDED",
    type=_FILE,
    help="Recorded traffic: a data directory, the directory of an audit, or a file of JSON lines.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the difference as one JSON object.")
def diff(before: Path, after: Path, over: Path, as_json: bool) -> None:
    """Decide recorded traffic by the policies A and B, and show where they differ.

    Nothing is written, and nobody is held up. A data directory and an audit have sign-ups
    alone; rules for other actions need JSON lines that name their action. Rules in shadow are
    passed over, and a policy in shadow mode is compared as if it acted.
    """
    from ringfinder.errors import InputError
    from ringfinder.serve.policy import read_policy_file
    from ringfinder.serve.policydiff import compare, read_recorded

    old, new = read_policy_file(before), read_policy_file(after)
    found = compare(old, new, read_recorded(over))
    if not found.decided:
        raise InputError(
            f"{over} holds no decision with the facts it was made on; expected a data directory "
            "that has served sign-ups, the directory of an audit, or a file of JSON lines."
        )
    if found.unreadable:
        notice(f"{found.unreadable:,} records hold no facts to decide on and were left out.")
    if as_json:
        say_json({"before": old.version, "after": new.version} | found.to_dict())
    else:
        _show(old, new, found)


def cautions(policy: Policy) -> list[str]:
    """Return a sentence for each rule that will not do what it seems to say."""
    from ringfinder.score.policy import INDEPENDENT_FAMILIES, Label, When
    from ringfinder.serve.policy import MILD

    found, looked, closed = [], False, ""
    for rule in policy.rules:
        looked = looked or rule.when.looks_at_evidence
        if closed:
            found.append(f"The rule {rule.name!r} is never reached: {closed!r} matches everybody.")
        enough = (rule.when.families_at_least or 0) >= INDEPENDENT_FAMILIES or (
            len(rule.when.families_include or ()) >= INDEPENDENT_FAMILIES
        )
        if looked and rule.then not in MILD and not enough and rule.when.label is not Label.FRAUD:
            found.append(
                f"The rule {rule.name!r} says {rule.then}; accounts that evidence of one family "
                "alone speaks against get `review`."
            )
        if rule.when == When() and not rule.actions and not rule.shadow:
            closed = rule.name
    return found


def _show(before: Policy, after: Policy, found: Difference) -> None:
    changed = sum(found.changed.values())
    say(f"{before.version} -> {after.version}")
    share = changed / found.decided
    say(f"{found.decided:,} decisions, {changed:,} of them otherwise ({share:.2%})")
    rows = [
        (
            before_word,
            after_word,
            f"{count:,}",
            ", ".join(example.account_id for example in found.examples[before_word, after_word]),
        )
        for (before_word, after_word), count in found.changed.most_common()
    ]
    if rows:
        say(table(("from", "to", "accounts", "such as"), rows, left=(0, 1)))
