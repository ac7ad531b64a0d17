"""Policy: from what is known of an account to what is done about it.

A policy is a list of rules; the first one that matches decides. Below every policy lie
three promises that no rule can break:

- a person's `legitimate` label clears the account, until a nightly run finds new attested
  evidence against it (`score.labels.contradicted`);
- one shared value, or several of one family, get nobody past `review`, whatever the rule
  says, unless a person labelled this very account as fraud;
- nothing is denied unless a person wrote a policy that says so: the default never denies.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any

from ringfinder.model import Decision, Family, Verdict

INDEPENDENT_FAMILIES = 2
"""Families that must speak before evidence gets an account past `review`."""

_SEVERITY = {decision: rank for rank, decision in enumerate(Decision)}


class Action(StrEnum):
    """What the account is about to do."""

    SIGNUP = "signup"
    LOGIN = "login"
    USAGE = "usage"
    PAYMENT = "payment"
    PAYOUT = "payout"


class Mode(StrEnum):
    """Whether a policy's decisions are acted on, or only recorded."""

    ACT = "act"
    SHADOW = "shadow"


class Label(StrEnum):
    """What a person said of an account."""

    FRAUD = "fraud"
    LEGITIMATE = "legitimate"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a policy may look at; no personal data, so that it can be recorded.

    Attributes
    ----------
    score
        Of the account, 0-1, higher is worse.
    verdict
        Of its ring; None outside rings.
    membership
        P(member of that ring), 0-1.
    ring_size
        Accounts in the ring; 0 outside rings.
    families
        Evidence families of which at least one value ties the account to the ring.
    provisional
        The ring was seen since the last snapshot, and no nightly run has judged it.
    degraded
        Scored without a snapshot, or with one that is too old.
    label
        What a person said of this very account; None: nothing.
    suggested
        What the scoring itself would do; of a ring that formed since the last snapshot it
        knows more than score and verdict say.
    """

    score: float
    verdict: Verdict | None = None
    membership: float = 0.0
    ring_size: int = 0
    families: frozenset[Family] = frozenset()
    provisional: bool = False
    degraded: bool = False
    label: Label | None = None
    suggested: Decision = Decision.ALLOW

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values, for the journal: `policy diff` decides them again."""
        record = dict(zip(_FACTS, _read_facts(self), strict=True))
        return record | {"families": sorted(self.families)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Facts:
        """Return the facts that `to_record` wrote; raise ValueError if they are none."""
        known = {entry.name for entry in fields(cls)}
        values = {name: value for name, value in record.items() if name in known}
        try:
            values["score"] = float(values["score"])
            values["families"] = frozenset(Family(name) for name in values.get("families", ()))
            for name, kind in (("verdict", Verdict), ("label", Label), ("suggested", Decision)):
                if values.get(name) is not None:
                    values[name] = kind(values[name])
            return cls(**values)
        except (KeyError, TypeError, ValueError):
            raise ValueError("these are no facts that a policy can decide on") from None


_FACTS = tuple(entry.name for entry in fields(Facts))
_read_facts = attrgetter(*_FACTS)


@dataclass(frozen=True, slots=True)
class When:
    """What a rule asks; everything it asks must hold, and what is None is not asked.

    Attributes
    ----------
    verdict
        Verdicts of the account's ring, any of which will do; None among them: no ring.
    families_include
        Families that must all speak.
    suggested
        Decisions, any of which will do.
    """

    score_at_least: float | None = None
    score_below: float | None = None
    verdict: frozenset[Verdict | None] | None = None
    membership_at_least: float | None = None
    ring_size_at_least: int | None = None
    families_at_least: int | None = None
    families_include: frozenset[Family] | None = None
    provisional: bool | None = None
    degraded: bool | None = None
    label: Label | None = None
    suggested: frozenset[Decision] | None = None

    @property
    def looks_at_evidence(self) -> bool:
        """Whether the answer depends on what the account shares with others."""
        return any(asked is not None for asked in _read_evidence(self))

    def holds(self, facts: Facts) -> bool:
        """Return whether everything that is asked holds."""
        return (
            (self.score_at_least is None or facts.score >= self.score_at_least)
            and (self.score_below is None or facts.score < self.score_below)
            and (self.verdict is None or facts.verdict in self.verdict)
            and (self.membership_at_least is None or facts.membership >= self.membership_at_least)
            and (self.ring_size_at_least is None or facts.ring_size >= self.ring_size_at_least)
            and (self.families_at_least is None or len(facts.families) >= self.families_at_least)
            and (self.families_include is None or self.families_include <= facts.families)
            and (self.provisional is None or facts.provisional == self.provisional)
            and (self.degraded is None or facts.degraded == self.degraded)
            and (self.label is None or facts.label == self.label)
            and (self.suggested is None or facts.suggested in self.suggested)
        )


_BESIDE = {"degraded", "label"}
_read_evidence = attrgetter(*(one.name for one in fields(When) if one.name not in _BESIDE))


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a policy.

    Attributes
    ----------
    name
        Shown to analysts and in the audit log.
    when, then
        What it asks, and the decision where that holds.
    actions
        Actions it applies to; empty: all.
    shadow
        Decide and record, but let the next rules act.
    line
        Where it stands in its file, 1-based; 0 where there is none.
    """

    name: str
    when: When
    then: Decision
    actions: frozenset[Action] = frozenset()
    shadow: bool = False
    line: int = 0

    def applies(self, action: Action) -> bool:
        """Return whether the rule speaks about an action."""
        return not self.actions or action in self.actions


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in order, and what happens where none matches.

    Attributes
    ----------
    name
        The person's name for it.
    mode
        `shadow`: every decision is recorded and nobody is held up.
    version
        Name and 12 hexadecimal digits of the content: what answers and audit log say.
    """

    name: str
    rules: tuple[Rule, ...]
    otherwise: Decision = Decision.ALLOW
    mode: Mode = Mode.ACT
    version: str = field(init=False, default="")

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self._canonical()).hexdigest()
        object.__setattr__(self, "version", f"{self.name}@{digest[:12]}")

    def _canonical(self) -> bytes:
        content = {
            "mode": self.mode,
            "otherwise": self.otherwise,
            "rules": [
                {
                    "name": rule.name,
                    "then": rule.then,
                    "actions": sorted(rule.actions),
                    "shadow": rule.shadow,
                    "when": {
                        entry.name: _plain(getattr(rule.when, entry.name))
                        for entry in fields(rule.when)
                    },
                }
                for rule in self.rules
            ],
        }
        return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a policy decided.

    Attributes
    ----------
    decision
        To act on.
    rule
        Name of the rule that decided; empty where none matched.
    would_be, would_be_rule
        What the first matching shadow rule, or a policy in shadow mode, would have decided;
        None where the same.
    capped
        The rule asked for more than the evidence can carry.
    """

    decision: Decision
    rule: str = ""
    would_be: Decision | None = None
    would_be_rule: str = ""
    capped: bool = False


CLEARED = "labelled legitimate"


def decide(policy: Policy, facts: Facts, action: Action = Action.SIGNUP) -> Ruling:
    """Decide on one account.

    Parameters
    ----------
    policy
        The rules.
    facts
        What is known of the account.
    action
        What it is about to do.
    """
    if facts.label is Label.LEGITIMATE:
        return Ruling(Decision.ALLOW, CLEARED)
    looked = False
    shadow: tuple[Decision, str] | None = None
    decision, name = policy.otherwise, ""
    for rule in policy.rules:
        if not rule.applies(action):
            continue
        # A rule that comes after one that looked at the evidence depends on it as well: it is
        # reached because the other did not match.
        looks = looked or rule.when.looks_at_evidence
        if rule.when.holds(facts):
            if not rule.shadow:
                looked, decision, name = looks, rule.then, rule.name
                break
            if shadow is None:
                shadow = (_carried(rule.then, facts) if looks else rule.then, rule.name)
        if not rule.shadow:
            looked = looks
    final = _carried(decision, facts) if looked else decision
    capped = final != decision
    if shadow is not None and policy.mode is Mode.ACT and shadow[0] != final:
        return Ruling(final, name, shadow[0], shadow[1], capped)
    return _acted(policy, Ruling(final, name, capped=capped))


def _carried(decision: Decision, facts: Facts) -> Decision:
    """Return a decision as far as the evidence carries it."""
    if facts.label is Label.FRAUD or len(facts.families) >= INDEPENDENT_FAMILIES:
        return decision
    return min(decision, Decision.REVIEW, key=_SEVERITY.__getitem__)


def _acted(policy: Policy, ruling: Ruling) -> Ruling:
    if policy.mode is Mode.ACT or ruling.decision is Decision.ALLOW:
        return ruling
    return Ruling(Decision.ALLOW, "", ruling.decision, ruling.rule, ruling.capped)


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted("none" if item is None else str(item) for item in value)
    return value


_PUBLIC: dict[Decision, str] = {
    Decision.ALLOW: "Nothing more is needed.",
    Decision.REVIEW: "A person will look at this. You need not do anything now.",
    Decision.CHALLENGE: "One more step is needed to confirm that this is you.",
    Decision.DENY: "This cannot be done at the moment.",
}


def public_reason(decision: Decision, appeal: str = "support") -> str:
    """Return what may be told to the applicant: no evidence, no ring, and how to appeal.

    Parameters
    ----------
    decision
        The decision.
    appeal
        Whom to write to: an address or a page of the service's.
    """
    if decision is Decision.ALLOW:
        return _PUBLIC[decision]
    return (
        f"{_PUBLIC[decision]} If you think this is a mistake, contact {appeal}: "
        "a person will decide."
    )
