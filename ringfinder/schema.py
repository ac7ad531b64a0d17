"""The attribute kinds, declared once.

The normaliser, the evidence model, the store's labels, the docs and the report are
derived from this table. A kind's index in `KINDS` is its code in every column.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringfinder.model import Family, Privacy, Standing


@dataclass(frozen=True, slots=True)
class AttributeKind:
    """One kind of value that accounts can share.

    Attributes
    ----------
    name
        Stable name, used in files and over HTTP.
    field
        The input field (`sources.columns`) it is derived from.
    family
        Two kinds of one family are not independent witnesses.
    standing
        Who vouches for it: for whoever reads the evidence. The search weighs all alike; that
        nobody is framed by what others typed is seen to by behaviour (`score.apart`).
    privacy
        How a clear value must be treated.
    label
        Neo4j node label.
    words
        How a sentence names it, in the singular.
    meaning
        One sentence for the documentation.
    coarse
        True where one value stands for a part of the population (a carrier's network,
        a bank, a client) rather than for something a person has: it marks a ring
        together with other values, but ties nobody to anybody by itself (`detect.ties`).
    witness
        False where a value is too wide to be evidence against anybody and only
        teaches the background.
    """

    name: str
    field: str
    family: Family
    standing: Standing
    privacy: Privacy
    label: str
    words: str
    meaning: str
    coarse: bool = False
    witness: bool = True


KINDS: tuple[AttributeKind, ...] = (
    AttributeKind(
        "ip", "ip", Family.NETWORK, Standing.ATTESTED, Privacy.PERSONAL, "Ip",
        "IP address", "The IPv4 address, or the /64 of an IPv6 address.",
    ),
    AttributeKind(
        "ip_network", "ip", Family.NETWORK, Standing.ATTESTED, Privacy.TECHNICAL, "IpNetwork",
        "network", "The /24 of an IPv4 address, the /48 of an IPv6 address.", coarse=True,
    ),
    AttributeKind(
        "asn", "ip", Family.NETWORK, Standing.ATTESTED, Privacy.TECHNICAL, "Asn",
        "network operator", "The autonomous system, from a list the operator supplies.",
        coarse=True,
    ),
    AttributeKind(
        "ip_block", "ip", Family.NETWORK, Standing.ATTESTED, Privacy.TECHNICAL, "IpBlock",
        "block of networks", "The /16 of an IPv4 address, the /32 of an IPv6 address.",
        coarse=True, witness=False,
    ),
    AttributeKind(
        "payment_fingerprint", "payment_fingerprint", Family.PAYMENT, Standing.ATTESTED,
        Privacy.PERSONAL, "Payment", "payment card", "The card network's fingerprint of one card.",
    ),
    AttributeKind(
        "card_bin", "card_bin", Family.PAYMENT, Standing.ATTESTED, Privacy.TECHNICAL, "CardBin",
        "card issuer", "The first six to eight digits of a card: bank and product.", coarse=True,
    ),
    AttributeKind(
        "mailbox", "email", Family.IDENTITY, Standing.CLAIMED, Privacy.PERSONAL, "Mailbox",
        "mailbox",
        "The mailbox an address delivers to: the provider's rules for dots and tags applied.",
    ),
    AttributeKind(
        "email_domain", "email", Family.IDENTITY, Standing.CLAIMED, Privacy.PERSONAL_WHEN_RARE,
        "EmailDomain", "e-mail domain",
        "The registrable domain of the address; free-mail and privacy-alias providers left out.",
    ),
    AttributeKind(
        "mail_provider", "email", Family.IDENTITY, Standing.CLAIMED, Privacy.PERSONAL_WHEN_RARE,
        "MailProvider", "mail provider",
        "The registrable domain of every address, free-mail providers included.",
        coarse=True, witness=False,
    ),
    AttributeKind(
        "email_pattern", "email", Family.IDENTITY, Standing.CLAIMED, Privacy.TECHNICAL,
        "EmailPattern", "e-mail pattern",
        "The shape of the local part, letters and digits, with its provider.", coarse=True,
    ),
    AttributeKind(
        "phone", "phone", Family.IDENTITY, Standing.OBSERVED, Privacy.PERSONAL, "Phone",
        "phone number", "The number in E.164.",
    ),
    AttributeKind(
        "phone_block", "phone", Family.IDENTITY, Standing.OBSERVED, Privacy.TECHNICAL, "PhoneBlock",
        "block of phone numbers", "The number in E.164 without its last three digits.", coarse=True,
    ),
    AttributeKind(
        "phone_prefix", "phone", Family.IDENTITY, Standing.OBSERVED, Privacy.TECHNICAL,
        "PhonePrefix", "phone prefix", "The country code and the next two digits.",
        coarse=True, witness=False,
    ),
    AttributeKind(
        "organisation", "organisation_id", Family.IDENTITY, Standing.OBSERVED,
        Privacy.PERSONAL_WHEN_RARE, "Organisation", "organisation",
        "The customer organisation the account was made in.",
    ),
    AttributeKind(
        "device", "device_id", Family.DEVICE, Standing.OBSERVED, Privacy.PERSONAL, "Device",
        "device", "The device identifier.",
    ),
    AttributeKind(
        "tls_fingerprint", "tls_fingerprint", Family.DEVICE, Standing.OBSERVED, Privacy.TECHNICAL,
        "TlsFingerprint", "TLS fingerprint", "How the client speaks TLS (JA3, JA4).", coarse=True,
    ),
    AttributeKind(
        "user_agent", "user_agent", Family.DEVICE, Standing.CLAIMED, Privacy.TECHNICAL, "UserAgent",
        "user agent", "The user agent string, white space folded.", coarse=True,
    ),
    AttributeKind(
        "prompt_fingerprint", "prompt_fingerprint", Family.BEHAVIOUR, Standing.OBSERVED,
        Privacy.TECHNICAL, "PromptFingerprint", "prompt fingerprint",
        "The fingerprint of a prompt or of a prompt template.",
    ),
    AttributeKind(
        "prompt_band", "prompt", Family.BEHAVIOUR, Standing.OBSERVED, Privacy.TECHNICAL,
        "PromptBand", "prompt template",
        "One band of the MinHash signature of a prompt's skeleton.",
    ),
    AttributeKind(
        "referrer", "referrer", Family.BEHAVIOUR, Standing.CLAIMED, Privacy.TECHNICAL, "Referrer",
        "referrer", "Where the sign-up says it came from.", coarse=True,
    ),
    AttributeKind(
        "signup_window", "created_at", Family.BEHAVIOUR, Standing.ATTESTED, Privacy.TECHNICAL,
        "SignupWindow", "hour of sign-up", "The clock hour in which the account was created.",
    ),
    AttributeKind(
        "activity_window", "occurred_at", Family.BEHAVIOUR, Standing.ATTESTED, Privacy.TECHNICAL,
        "ActivityWindow", "first or last hour of use",
        "The clock hour of the first or of the last use.",
    ),
    AttributeKind(
        "model_adoption", "model", Family.BEHAVIOUR, Standing.ATTESTED, Privacy.TECHNICAL,
        "ModelAdoption", "first day on a model", "A model and the day the account first used it.",
    ),
)  # fmt: skip

KIND: dict[str, AttributeKind] = {kind.name: kind for kind in KINDS}
CODE: dict[str, int] = {kind.name: code for code, kind in enumerate(KINDS)}
FAMILIES: tuple[Family, ...] = tuple(Family)
FAMILY_OF_KIND: tuple[int, ...] = tuple(FAMILIES.index(kind.family) for kind in KINDS)


_ONE_OBSERVATION: dict[str, str] = {
    "card_bin": "payment_fingerprint",
    "user_agent": "tls_fingerprint",
    "prompt": "prompt_fingerprint",
    "occurred_at": "created_at",
    "model": "created_at",
}
"""Fields that tell the same thing twice: a card has one issuer, a client one way to speak
TLS, a first use follows a sign-up. Of one observation only the strongest value speaks."""

_OBSERVED = tuple(_ONE_OBSERVATION.get(kind.field, kind.field) for kind in KINDS)
OBSERVATIONS: tuple[str, ...] = tuple(dict.fromkeys(_OBSERVED))
OBSERVATION_OF_KIND: tuple[int, ...] = tuple(OBSERVATIONS.index(name) for name in _OBSERVED)


def fields_of_values() -> tuple[str, ...]:
    """Return the input fields that hold attribute values, each once, in table order."""
    return tuple(dict.fromkeys(kind.field for kind in KINDS))


NODES: dict[str, str] = {
    "Account": "An account; what its sign-ups, outcomes and usage said are its properties.",
    "Value": "An attribute value, known by its pseudonym; the label of its kind stands beside.",
    "Outside": "Beside Account or Value: a ring names it, and no event does (any more).",
    "Label": "That somebody called an account fraud or legitimate.",
    "Decision": "That a sign-up was allowed, reviewed, challenged or denied.",
    "Ring": "A ring of the last run.",
    "RingName": "What a ring was ever called; it outlives the ring.",
    "Run": "A run that wrote rings.",
    "Change": "What a run found to have become of a ring.",
    "Store": "What the store knows about itself: events taken in, run lock, version.",
}
"""Node labels of the graph in Neo4j, beside the labels of the kinds, and what they mean."""

RELATIONSHIPS: dict[str, tuple[str, str]] = {
    "SEEN_WITH": ("Account", "Value"),
    "HAS_LABEL": ("Account", "Label"),
    "DECIDED": ("Account", "Decision"),
    "MEMBER_OF": ("Account", "Ring"),
    "MARKED_BY": ("Ring", "Value"),
    "NAMED": ("Ring", "RingName"),
    "RECORDED": ("Run", "Change"),
    "NOW": ("Change", "RingName"),
    "BEFORE": ("Change", "RingName"),
}
"""Relationship types of the graph in Neo4j, and what they lead from and to."""
