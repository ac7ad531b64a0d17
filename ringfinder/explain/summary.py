"""A ring in one sentence that a person can act on, and why it was judged so."""

from __future__ import annotations

import math

from ringfinder.durations import DAY_MS
from ringfinder.explain.facts import MAIN_SHARE, RingFacts
from ringfinder.explain.features import feature_phrase
from ringfinder.explain.given import Judgement
from ringfinder.explain.links import EvidenceLinks
from ringfinder.explain.numbers import big, day, duration, listing, number, plural, share
from ringfinder.explain.view import FeatureView
from ringfinder.explain.words import counted_kind
from ringfinder.graph.columns import AttributeGraph, Rings
from ringfinder.model import Lifecycle, Verdict
from ringfinder.schema import FAMILY_OF_KIND, KINDS

FLAT = 0.25
"""Use counts as round the clock when the quietest eight hours hold this share (even: 0.33)."""
WORKING = 0.05
"""Use counts as daytime when the quietest eight hours hold less than this share."""
ENOUGH_USE = 200
"""Exchanges below which hours of use are not spoken of."""
VARIED = 0.3
"""Prompts count as varied when a smaller share of the members has one in common."""
NEARLY_ALL = 0.995
"""From this share of the members on, a sentence leaves out how many."""
WORTH_TELLING = 0.25
"""Kinds that a smaller share of the members has in common stay out of the sentence."""
_PROMPTS = [code for code, kind in enumerate(KINDS) if kind.name.startswith("prompt_")]


def ring_summaries(
    graph: AttributeGraph,
    rings: Rings,
    judgement: Judgement,
    links: EvidenceLinks,
    facts: RingFacts,
) -> list[str]:
    """Say every ring in one sentence.

    Parameters
    ----------
    graph, rings, judgement
        Of one run.
    links, facts
        `evidence_links` and `ring_facts` of the run.

    Returns
    -------
    list of str, length R
        Without personal data: counts, kinds and times only.
    """
    used = bool(graph.profiles.exchanges.any())
    return [
        _summary(graph, rings, judgement, links, facts, ring, used=used)
        for ring in range(len(rings.size))
    ]


def _summary(
    graph: AttributeGraph,
    rings: Rings,
    judgement: Judgement,
    links: EvidenceLinks,
    facts: RingFacts,
    ring: int,
    *,
    used: bool,
) -> str:
    size, verdict = int(rings.size[ring]), judgement.verdict[ring]
    shared = _shared(graph, rings, links, facts, ring)
    parts = [f"{_who(verdict, size)} {_opened(facts, ring)}" + (f" on {shared}" if shared else "")]
    use = _use(facts, ring, int(judgement.exchanges[ring]))
    if use:
        parts.append(use)
    parts.append(_state(judgement, ring, used=used))
    return "; ".join(part for part in parts if part) + "."


def _who(verdict: str, size: int) -> str:
    accounts = plural(size, "account")
    return {
        Verdict.FLEET: f"Fleet of {accounts}",
        Verdict.ORGANISATION: f"Organisation of {accounts}, not flagged,",
        Verdict.HOUSEHOLD: f"Household or small team of {accounts}, not flagged,",
    }.get(Verdict(verdict), f"For review: {accounts}")


def _opened(facts: RingFacts, ring: int) -> str:
    whole, main = int(facts.span_ms[ring]), int(facts.main_span_ms[ring])
    if main < 0.6 * whole:
        return (
            f"opened over {duration(whole)}, {share(MAIN_SHARE)} of them within {duration(main)},"
        )
    return f"opened within {duration(whole)}"


def _shared(
    graph: AttributeGraph, rings: Rings, links: EvidenceLinks, facts: RingFacts, ring: int
) -> str:
    """Return the two or three kinds that say most, one per family first."""
    rows = links.rows_of(ring)
    strongest: dict[int, float] = {}
    for value, nats in zip(rings.evidence_value[rows], rings.evidence_nats[rows], strict=True):
        strongest.setdefault(int(graph.kind[value]), float(nats))
    covered = facts.covered[ring] / max(1, int(rings.size[ring]))
    # many values of a kind mark a ring less plainly than one
    said = {
        kind: nats * covered[kind] / (1 + math.log(max(1, facts.values[ring, kind])))
        for kind, nats in strongest.items()
    }
    best: dict[int, int] = {}
    for kind in sorted(said, key=lambda kind: (-said[kind], kind)):
        if covered[kind] >= WORTH_TELLING or not best:
            best.setdefault(FAMILY_OF_KIND[kind], kind)
    return listing(
        [
            counted_kind(KINDS[kind], max(1, int(facts.values[ring, kind])))
            + (f" ({share(float(covered[kind]))} of them)" if covered[kind] < NEARLY_ALL else "")
            for kind in list(best.values())[:3]
        ]
    )


def _use(facts: RingFacts, ring: int, exchanges: int) -> str:
    if exchanges <= 0:
        return ""
    per_day, when = float(facts.per_day[ring]), when_used(facts, ring)
    rate = ""
    if math.isfinite(per_day):
        many = "exchange" if number(per_day) == "1" else "exchanges"
        rate = f"{number(per_day)} {many} per account and day of use"
    text = ", ".join(part for part in (rate, when) if part)
    return f"{text}; {big(exchanges)} exchanges in all" if text else f"{big(exchanges)} exchanges"


def when_used(facts: RingFacts, ring: int) -> str:
    """Return ``round the clock``, ``in a day's hours``, or nothing between them."""
    if facts.hours[ring].sum() < ENOUGH_USE:
        return ""
    quiet = float(facts.quiet_share[ring])
    return "round the clock" if quiet >= FLAT else "in a day's hours" if quiet < WORKING else ""


def _state(judgement: Judgement, ring: int, *, used: bool) -> str:
    """Say where in its life a ring is; where nobody's use is known, none of its silence."""
    last = day(int(judgement.last_seen_ms[ring]))
    quiet = "silent" if used else "no sign-up"
    return {
        Lifecycle.GROWING: "still growing",
        Lifecycle.ACTIVE: "still active",
        Lifecycle.SILENT: f"{quiet} since {last}" if last != "unknown" else "silent",
        Lifecycle.CLOSED: "closed",
    }.get(Lifecycle(judgement.lifecycle[ring]), "")


ORDINARY = {
    "card_reuse": "companies pay with one, too",
    "network_focus": "offices have one, too",
    "domain_ownership": "companies have theirs, too",
    "domain_spread": "agencies have several, too",
    "signup_span": "groups that grow do so over time",
}
"""Why sharing more of something may speak against one operator: who else does."""


def why(
    verdict: str, features: tuple[FeatureView, ...], rings: Rings, facts: RingFacts, ring: int
) -> str:
    """Say why a ring was judged so: what speaks for one operator, and what against.

    Parameters
    ----------
    verdict
        Of the ring.
    features
        `feature_views` of the ring.
    rings, facts, ring
        Its row.

    Returns
    -------
    str
        One or two sentences.
    """
    against = [feature_phrase(view, _who_else(view)) for view in features if view.nats <= -0.05][:3]
    towards = [feature_phrase(view) for view in features if view.nats >= 0.05][:3]
    if verdict == Verdict.FLEET:
        said = [_said("What speaks for one operator", towards), _said("Against it", against)]
    else:
        if not against:
            against = _plain(rings, facts, ring)
        said = [_said("What speaks against one operator", against), _said("For it", towards)]
    return " ".join(sentence for sentence in said if sentence) or (
        "It shares values beyond chance; nothing in its behaviour tells a fleet from strangers."
    )


def _who_else(view: FeatureView) -> str:
    """Return who else is like that, where a ring has more of it than others."""
    more = view.value is not None and view.value > (view.population or 0.0)
    return ORDINARY.get(view.name, "") if more else ""


def _said(opening: str, phrases: list[str]) -> str:
    return f"{opening}: {listing(phrases)}." if phrases else ""


def _plain(rings: Rings, facts: RingFacts, ring: int) -> list[str]:
    found = []
    if when_used(facts, ring) == "in a day's hours":
        found.append("use in a day's hours")
    shared = facts.covered[ring, _PROMPTS].max(initial=0) / max(1, int(rings.size[ring]))
    if facts.hours[ring].sum() >= ENOUGH_USE and shared < VARIED:
        found.append("varied prompts")
    if facts.main_span_ms[ring] > 14 * DAY_MS:
        found.append(f"sign-ups spread over {duration(int(facts.span_ms[ring]))}")
    return found


def finding(totals: dict[str, tuple[int, int, int]], *, accounts: int, exchanges: int) -> str:
    """Say a whole run in one sentence.

    Parameters
    ----------
    totals
        Verdict -> rings, accounts in them, exchanges of these.
    accounts, exchanges
        Of the whole run.

    Returns
    -------
    str
    """
    rings, members, used = totals.get(Verdict.FLEET, (0, 0, 0))
    unclear = totals.get(Verdict.UNCLEAR, (0, 0, 0))[0]
    look = f" {plural(unclear, 'more ring')} {'needs' if unclear == 1 else 'need'} a person's look."
    if not rings:
        text = f"No fleet found among {plural(accounts, 'account')}."
        return text + (look.replace(" more", "") if unclear else "")
    who = f"{plural(rings, 'fleet')} {'hold' if rings > 1 else 'holds'} "
    who += f"{plural(members, 'account')} ({share(members / accounts)} of all)"
    if exchanges > 0 and used > 0:
        text = f"{who} and made {big(used)} exchanges, {share(used / exchanges)} of all use."
    else:
        text = f"{who} that look run by one operator{' each' if rings > 1 else ''}."
    return text + (look if unclear else "")
