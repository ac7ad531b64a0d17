"""The words of the domain, as small frozen types.

*Account*; *attribute value* (a kind and a canonical value); *sighting* (an account
was seen with a value); *community* (one block of a Leiden partition of one run);
*ring* (a community that passed the evidence tests); *fleet* (a ring judged to be run
by one operator).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

IntArray: TypeAlias = NDArray[np.integer[Any]]
FloatArray: TypeAlias = NDArray[np.floating[Any]]
BoolArray: TypeAlias = NDArray[np.bool_]


class Family(StrEnum):
    """Kinds of one family are not independent witnesses; kinds of two families are."""

    NETWORK = "network"
    PAYMENT = "payment"
    IDENTITY = "identity"
    DEVICE = "device"
    BEHAVIOUR = "behaviour"


class Standing(StrEnum):
    """Who vouches for a value."""

    ATTESTED = "attested"  # the card network, the connection itself, our own clock
    OBSERVED = "observed"  # seen by us, but under the account's control
    CLAIMED = "claimed"  # typed by the account: may be anybody's


class Privacy(StrEnum):
    """How a clear value must be treated."""

    PERSONAL = "personal"
    PERSONAL_WHEN_RARE = "personal_when_rare"
    TECHNICAL = "technical"


class Verdict(StrEnum):
    """What a ring was judged to be."""

    FLEET = "fleet"
    ORGANISATION = "organisation"
    HOUSEHOLD = "household"
    UNCLEAR = "unclear"


class Decision(StrEnum):
    """What to do with an account, mildest first."""

    ALLOW = "allow"
    REVIEW = "review"
    CHALLENGE = "challenge"
    DENY = "deny"


class Lifecycle(StrEnum):
    """Where in its life a ring stands at the end of the data."""

    GROWING = "growing"
    ACTIVE = "active"
    SILENT = "silent"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Reason:
    """One piece of evidence about an account or a ring, for a person to read.

    Attributes
    ----------
    code
        Stable machine name, such as ``shared_device_id``.
    family, kind
        Of the evidence; `kind` names an attribute kind or a ring feature.
    nats
        Weight of evidence, natural logarithm; positive speaks for one operator.
    text
        One sentence without personal data.
    """

    code: str
    family: str
    kind: str
    nats: float
    text: str
