"""How good an audit was, where the truth is known.

    accounts.parquet, rings.parquet, truth -> read -> Outcomes -> compare -> Evaluation -> text

Everything after `read` is pure. Rates carry 95% Wilson intervals; those over accounts take
accounts as independent, which members of one fleet are not: with few fleets, look at how many
fleets were found rather than at the interval of recall.
"""

from ringfinder.evaluate.compare import Evaluation, compare
from ringfinder.evaluate.outcomes import Groups, Outcomes
from ringfinder.evaluate.rates import Rate, wilson
from ringfinder.evaluate.read import evaluate, read_outcomes
from ringfinder.evaluate.text import to_text

__all__ = [
    "Evaluation",
    "Groups",
    "Outcomes",
    "Rate",
    "compare",
    "evaluate",
    "read_outcomes",
    "to_text",
    "wilson",
]
