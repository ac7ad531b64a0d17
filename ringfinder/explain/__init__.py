"""Why a ring is a ring: reasons in words and nats, pictures, the change that would clear.

Pure: from columns to words and coordinates. `publish` sets them on a page.
"""

from ringfinder.explain.build import Joined, build_ring_view, build_run_view
from ringfinder.explain.clear import Change, clearing_change
from ringfinder.explain.facts import RingFacts, ring_facts
from ringfinder.explain.given import FeatureWords, Judgement, RunFacts
from ringfinder.explain.links import EvidenceLinks, evidence_links
from ringfinder.explain.reasons import AccountReasons, account_reasons
from ringfinder.explain.summary import ring_summaries
from ringfinder.explain.view import RingView, RunView

__all__ = [
    "AccountReasons",
    "Change",
    "EvidenceLinks",
    "FeatureWords",
    "Joined",
    "Judgement",
    "RingFacts",
    "RingView",
    "RunFacts",
    "RunView",
    "account_reasons",
    "build_ring_view",
    "build_run_view",
    "clearing_change",
    "evidence_links",
    "ring_facts",
    "ring_summaries",
]
