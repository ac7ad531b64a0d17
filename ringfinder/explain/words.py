"""Sentences about evidence. None holds a value: only kinds and counts."""

from __future__ import annotations

from ringfinder.explain.numbers import article, count, plural, plural_of
from ringfinder.schema import AttributeKind

_DID = {
    "signup_window": "signed up in the same clock hour",
    "activity_window": "began or stopped in the same clock hour",
    "model_adoption": "moved to the same model on the same day",
}
"""Kinds that are something an account did; all others are something it has."""


def evidence_sentence(kind: AttributeKind, *, inside: int, size: int, total: int) -> str:
    """Say what a shared value says about a ring.

    Parameters
    ----------
    kind
        Of the value.
    inside, size, total
        Members holding it, members, accounts holding it anywhere.

    Returns
    -------
    str
        Such as ``148 of 150 members share an e-mail domain that 2 others use.``
    """
    who = (
        f"All {count(size)} members"
        if inside >= size
        else f"{count(inside)} of {count(size)} members"
    )
    return f"{who} {_shares(kind)}{_others(kind, total - inside)}."


def account_sentence(kind: AttributeKind, *, inside: int, total: int, member: bool = True) -> str:
    """Say what a shared value says about one account, to somebody who looks at that account.

    Parameters
    ----------
    kind
        Of the value.
    inside, total
        Members of the ring that hold it, with the account; accounts that do.
    member
        Whether the account is one; else the ring is a fleet that it comes near to.
    """
    others = plural(max(0, inside - 1), "other member" if member else "account")
    whose = "of its ring" if member else "of that fleet"
    if kind.name in _DID:
        text = f"{_DID[kind.name].capitalize()} as {others} {whose}"
    else:
        text = f"Has {article(kind.words)} in common with {others} {whose}"
    outside = total - inside
    if outside <= 0:
        return f"{text}; no account outside it does."
    return f"{text}; {plural(outside, 'account')} outside {'does' if outside == 1 else 'do'}."


def newcomer_sentence(kind: AttributeKind, *, others: int, total: int) -> str:
    """Say what a value says that a sign-up shares with members of a ring that is being born.

    Parameters
    ----------
    kind
        Of the value.
    others, total
        Members that hold it; sign-ups since the snapshot that do.
    """
    whom = f"{plural(others, 'account')} of its ring"
    if kind.name in _DID:
        text = f"{_DID[kind.name].capitalize()} as {whom}"
    else:
        text = f"Has {article(kind.words)} in common with {whom}"
    outside = total - others
    if outside <= 0:
        return f"{text}."
    return f"{text}; {count(outside)} of the other new ones {'does' if outside == 1 else 'do'}."


def counted_kind(kind: AttributeKind, number: int) -> str:
    """Return how many values of a kind there are: ``one e-mail domain``, ``3 user agents``."""
    return f"one {kind.words}" if number == 1 else f"{count(number)} {plural_of(kind.words)}"


def _shares(kind: AttributeKind) -> str:
    return _DID.get(kind.name, f"share {article(kind.words)}")


def _others(kind: AttributeKind, others: int) -> str:
    if kind.name in _DID:
        return "; no other account did" if others <= 0 else f"; {plural(others, 'other')} did"
    if others <= 0:
        return " that nobody else uses"
    return f" that {plural(others, 'other')} {'uses' if others == 1 else 'use'}"
