"""The answer to one sign-up: evidence from `score.online`, with words.

answer = Scorer(model, overlay).score(signup)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from ringfinder.explain.numbers import plural
from ringfinder.explain.reasons import OUTSIDE, SHOWN, log_odds, near_reason, ring_sentence
from ringfinder.explain.words import account_sentence, newcomer_sentence
from ringfinder.model import Decision, Family, Reason, Verdict
from ringfinder.normalise.one import NormalisedSignup
from ringfinder.schema import FAMILIES, FAMILY_OF_KIND, KINDS
from ringfinder.score.online.belonging import Belonging
from ringfinder.score.online.judgement import CHALLENGE_NEWBORN, REVIEW_NEWBORN, TOO_FEW
from ringfinder.score.online.known import Standing, Tie
from ringfinder.score.online.model import Model
from ringfinder.score.online.overlay import Overlay
from ringfinder.score.verdicts import CHALLENGE


@dataclass(frozen=True, slots=True)
class RingAnswer:
    """The ring a sign-up belongs to.

    Attributes
    ----------
    ring_id
        Of the snapshot, or ``new-...`` for a ring that was seen since.
    membership
        P(member of it), 0-1.
    verdict
        What it was judged to be; a ring seen since is `unclear` until a nightly run judges it.
    size
        Accounts in it, those that came since the snapshot included.
    provisional
        Seen since the snapshot.
    """

    ring_id: str
    membership: float
    verdict: Verdict
    size: int
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of one sign-up.

    Attributes
    ----------
    score
        0-1, higher is worse.
    ring
        Its ring, None outside rings.
    families
        Evidence families of which at least one value ties it to the ring.
    reasons
        Strongest first after the ring's verdict; at least one.
    suggested
        What the scoring itself would do; a policy decides. Never `deny`, and never more
        than `review` on one family.
    """

    score: float
    ring: RingAnswer | None
    families: frozenset[Family]
    reasons: tuple[Reason, ...]
    suggested: Decision


class Shown(Protocol):
    """A value that ties a sign-up to a ring."""

    @property
    def kind(self) -> int:
        """Code of its kind."""

    @property
    def nats(self) -> float:
        """Weight of evidence."""

    @property
    def inside(self) -> int:
        """Members that hold it."""

    @property
    def total(self) -> int:
        """Accounts that hold it."""


class Scorer:
    """Scores sign-ups against one snapshot and what came since.

    Parameters
    ----------
    model
        The snapshot.
    overlay
        Sign-ups since; an empty one if not given.
    """

    def __init__(self, model: Model, overlay: Overlay | None = None) -> None:
        self.model = model
        self.overlay = Overlay(model) if overlay is None else overlay

    def score(self, signup: NormalisedSignup) -> Answer:
        """Return the answer; changes nothing. `Overlay.add` takes the sign-up in."""
        looked = self.overlay.look(signup.values)
        standing, belonging = looked.standing, looked.belonging
        if belonging is not None and belonging.ring.size + 1 >= TOO_FEW:
            return _newborn(standing, belonging, size=belonging.ring.size + 1)
        if standing.member and standing.tie is not None:
            return self._known(standing, standing.tie)
        reasons = (OUTSIDE,) if standing.tie is None else self._near(standing.tie)
        return Answer(standing.score, None, frozenset(), reasons, Decision.ALLOW)

    def score_again(self, account_id: str) -> Answer | None:
        """Return the answer that somebody would get now who signed up since the snapshot.

        None where no newborn ring has grown around them: then what they were answered stands.
        The first of a fleet are allowed, and so is who makes all attempts before any of them
        completes; only what came after them tells.
        """
        looked = self.overlay.look_again(account_id)
        if looked is None or looked.belonging is None or looked.belonging.ring.size < TOO_FEW:
            return None
        return _newborn(looked.standing, looked.belonging, size=looked.belonging.ring.size)

    def _near(self, tie: Tie) -> tuple[Reason, ...]:
        """Say what brings somebody near a fleet who is no member of it."""
        size = int(self.model.views.ring_size[tie.ring])
        return (near_reason(size), *self._shared(tie, member=False))

    def _known(self, standing: Standing, tie: Tie) -> Answer:
        """Answer of a member of a ring of the snapshot; decided as `pipeline.judgement` does."""
        ring, verdict = tie.ring, self.model.verdicts[tie.ring]
        probability = float(self.model.arrays.ring_probability[ring])
        size = int(self.model.arrays.ring_size[ring])
        decision = Decision.ALLOW
        if verdict is Verdict.FLEET:
            decision = Decision.CHALLENGE if standing.score >= CHALLENGE else Decision.REVIEW
        told = Reason(
            f"ring_{verdict}", "ring", "verdict", log_odds(probability),
            ring_sentence(str(verdict), size, probability),
        )  # fmt: skip
        size += self.overlay.joined.get(ring, 0)
        return Answer(
            standing.score,
            RingAnswer(self.model.ring_ids[ring].as_py(), standing.membership, verdict, size),
            frozenset(FAMILIES[code] for code in tie.families),
            (told, *self._shared(tie)),
            decision,
        )

    def _shared(self, tie: Tie, *, member: bool = True) -> list[Reason]:
        """Return what ties somebody to a ring of the snapshot, strongest first."""
        reasons = []
        for hit in _strongest(tie.hits):
            inside, total = hit.inside + 1, hit.total + 1  # with the sign-up itself
            kind = KINDS[hit.kind]
            text = account_sentence(kind, inside=inside, total=total, member=member)
            reasons.append(_reason(hit, text))
        return reasons


def _newborn(standing: Standing, belonging: Belonging, *, size: int) -> Answer:
    """Answer of one of `size` accounts of a ring that was seen since the snapshot."""
    ring = belonging.ring
    here = belonging.membership * ring.probability
    score = 1.0 - (1.0 - standing.score) * (1.0 - here)
    families = frozenset(FAMILIES[code] for code in belonging.families)
    decision = Decision.ALLOW
    if here >= REVIEW_NEWBORN:
        sure = (
            min(ring.probability, belonging.core) * belonging.membership >= CHALLENGE_NEWBORN
            and len(families & marking(ring.families)) >= 2
            and belonging.is_held
        )
        decision = Decision.CHALLENGE if sure else Decision.REVIEW
    told = Reason(
        "ring_newborn", "ring", "verdict", log_odds(ring.probability),
        f"In a ring of {plural(size, 'account')} that formed since the last nightly run"
        + (" and begins like a fleet." if decision is not Decision.ALLOW else "."),
    )  # fmt: skip
    shared = [
        _reason(one, newcomer_sentence(KINDS[one.kind], others=one.inside, total=one.total))
        for one in _strongest(belonging.shown)
    ]
    return Answer(
        score,
        RingAnswer(ring.name, belonging.membership, Verdict.UNCLEAR, size, True),
        families,
        (told, *shared),
        decision,
    )


def marking(codes: Iterable[int]) -> frozenset[Family]:
    """Return families by their codes."""
    return frozenset(FAMILIES[code] for code in codes)


def _strongest(shown: Iterable[Shown]) -> list[Shown]:
    """Return the strongest value of each family, strongest first, `SHOWN` at most."""
    best: dict[int, Shown] = {}
    for one in sorted(shown, key=lambda one: (-one.nats, one.kind)):
        best.setdefault(FAMILY_OF_KIND[one.kind], one)
    return list(best.values())[:SHOWN]


def _reason(one: Shown, text: str) -> Reason:
    kind = KINDS[one.kind]
    return Reason(f"shared_{kind.name}", str(kind.family), kind.name, one.nats, text)
