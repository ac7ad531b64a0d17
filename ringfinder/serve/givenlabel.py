"""One label as it was given, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from ringfinder.score.labels import LabelState
from ringfinder.score.policy import Label


@dataclass(frozen=True, slots=True)
class GivenLabel:
    """One label, and what became of it.

    Attributes
    ----------
    event_id
        The sender's name of it.
    account_id, label, decided_ms, source
        What was said, of whom, and when it was decided.
    ring_id
        The account's ring when it was given; None outside rings.
    key_id
        Who gave it: the lineage of a key, so that rotating a key makes nobody a second person.
    given_ms
        When the desk got it.
    state
        Only an effective one has an effect.
    second_key_id, second_ms
        Who approved or refused it, and when; None where nobody had to.
    """

    event_id: str
    account_id: str
    label: Label
    decided_ms: int
    source: str | None
    ring_id: str | None
    key_id: str
    given_ms: int
    state: LabelState = LabelState.EFFECTIVE
    second_key_id: str | None = None
    second_ms: int | None = None

    def same_words(self, other: GivenLabel) -> bool:
        """Return whether both say the same of the same account."""
        # Where the sender gave no time both were decided when they came: at another now.
        at_once = self.decided_ms == self.given_ms and other.decided_ms == other.given_ms
        return (self.account_id, self.label, self.source) == (
            other.account_id, other.label, other.source,
        ) and (at_once or self.decided_ms == other.decided_ms)  # fmt: skip
