"""Raw values in, canonical values and pseudonyms out; never touches the network.

Each kind has its own module with ``canonical_*`` functions over columns of distinct raw
strings; `assemble` puts the kinds together as one graph.
"""

from ringfinder.normalise.assemble import Normalised, normalise, normalise_with_traits
from ringfinder.normalise.domains import DomainClass, DomainLists, domain_class
from ringfinder.normalise.events import NORMALISER, Rows, Rules, event_columns
from ringfinder.normalise.lists import NetworkClass, NetworkLists
from ringfinder.normalise.prompt import prompt_bands
from ringfinder.normalise.pseudonym import Pepper, wrap
from ringfinder.normalise.traits import AccountTraits, email_classes
from ringfinder.normalise.unread import Unread

__all__ = [
    "NORMALISER",
    "AccountTraits",
    "DomainClass",
    "DomainLists",
    "NetworkClass",
    "NetworkLists",
    "Normalised",
    "Pepper",
    "Rows",
    "Rules",
    "Unread",
    "domain_class",
    "email_classes",
    "event_columns",
    "normalise",
    "normalise_with_traits",
    "prompt_bands",
    "wrap",
]
