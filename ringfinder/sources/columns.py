"""What a row of each input table may hold, declared once.

The reader, its error messages and the documentation are derived from `TABLES`, a contract
with whoever writes these files.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ringfinder.errors import InvalidParameter
from ringfinder.schema import fields_of_values


class Type(StrEnum):
    """How a field is read."""

    TEXT = "text"
    TIME = "time"  # RFC 3339, a Parquet timestamp, epoch seconds or milliseconds; UTC
    COUNT = "count"  # a whole number, zero or more
    FLAG = "flag"  # true or false
    LABEL = "label"  # fraud or legitimate
    EVENT = "event"  # a row with an event_id that was seen before counts once
    PROMPT = "prompt"  # text, fingerprinted on entry and never stored
    RECEIVED = "received"  # a time, for the event log alone; what is none says nothing
    UNREAD = "unread"  # known, and of no use here


@dataclass(frozen=True, slots=True)
class Column:
    """One field of one input table.

    Attributes
    ----------
    name
        The field's name, in files, in ``--map`` and over HTTP.
    type
        How it is read.
    meaning
        One sentence for the documentation.
    required
        Whether a row without it is rejected, and a file without it refused.
    most
        For text the longest value in bytes; for counts the greatest number.
    """

    name: str
    type: Type
    meaning: str
    required: bool = False
    most: int = 65_536

    @property
    def is_value(self) -> bool:
        """Whether accounts that share its values share an attribute value."""
        return self.type in {Type.TEXT, Type.PROMPT} and self.name in fields_of_values()


_ACCOUNT = Column("account_id", Type.TEXT, "The account.", required=True)
_OCCURRED = Column("occurred_at", Type.TIME, "When it happened.", required=True)
_EVENT = Column("event_id", Type.EVENT, "Names the row: a row given twice counts once.")
_RECEIVED = Column(
    "received_at", Type.RECEIVED, "When the operator learned of it; for the event log."
)
_IP = Column("ip", Type.TEXT, "The address it came from, IPv4 or IPv6.")
_DEVICE = Column("device_id", Type.TEXT, "The identifier of the device.")
_AGENT = Column("user_agent", Type.TEXT, "The user agent the client sent.")
_TLS = Column("tls_fingerprint", Type.TEXT, "How the client speaks TLS (JA3, JA4).")
_CARD = Column("payment_fingerprint", Type.TEXT, "The payment provider's fingerprint of the card.")
_BIN = Column("card_bin", Type.TEXT, "The first six to eight digits of the card.")
_TOKENS = 10**12

TABLES: dict[str, tuple[Column, ...]] = {
    "signups": (
        _ACCOUNT,
        Column("created_at", Type.TIME, "When the account was created.", required=True),
        _EVENT,
        _RECEIVED,
        Column("email", Type.TEXT, "The address given at sign-up."),
        Column("email_verified", Type.FLAG, "Whether the address was confirmed."),
        _IP,
        _DEVICE,
        _CARD,
        _BIN,
        Column("phone", Type.TEXT, "The telephone number given."),
        _AGENT,
        _TLS,
        Column(
            "country",
            Type.TEXT,
            "The country of the account, by the operator's knowledge: ISO code or English name.",
        ),
        Column("plan", Type.TEXT, "The plan or product signed up for."),
        Column("organisation_id", Type.TEXT, "The customer organisation it was made in."),
        Column("referrer", Type.TEXT, "Where the sign-up says it came from."),
        Column("closed_at", Type.TIME, "When the operator closed the account."),
    ),
    "usage": (
        _ACCOUNT,
        _OCCURRED,
        _EVENT,
        _RECEIVED,
        _IP,
        _DEVICE,
        Column("model", Type.TEXT, "The model that was asked."),
        Column("input_tokens", Type.COUNT, "Tokens in, of the whole row.", most=_TOKENS),
        Column("output_tokens", Type.COUNT, "Tokens out, of the whole row.", most=_TOKENS),
        Column("prompt_fingerprint", Type.TEXT, "A fingerprint of the prompt or its template."),
        Column(
            "prompt",
            Type.PROMPT,
            "The text of the prompt: fingerprinted on entry, never stored.",
            most=1_048_576,
        ),
        Column("exchanges", Type.COUNT, "Exchanges in this row; 1 if not given.", most=10**9),
    ),
    "payments": (_ACCOUNT, _OCCURRED, _EVENT, _CARD, _BIN),
    "logins": (_ACCOUNT, _OCCURRED, _EVENT, _IP, _DEVICE, _AGENT, _TLS),
    "labels": (
        _ACCOUNT,
        Column("label", Type.LABEL, "`fraud` or `legitimate`.", required=True),
        Column("decided_at", Type.TIME, "When that was decided.", required=True),
        Column("source", Type.TEXT, "Who or what decided."),
        Column("note", Type.UNREAD, "A remark for people."),
    ),
}
"""The columns of every input table; the tables in the order in which they are read."""

TIME_OF: dict[str, str] = {
    "signups": "created_at",
    "usage": "occurred_at",
    "payments": "occurred_at",
    "logins": "occurred_at",
    "labels": "decided_at",
}
"""The column that says when a row of the table happened."""

WORDS: dict[str, str] = {
    "signups": "sign-ups",
    "usage": "usage",
    "payments": "payments",
    "logins": "logins",
    "labels": "labels",
}
"""How a sentence names the table."""


def is_read(column: Column, *, record: bool) -> bool:
    """Tell whether a column is read: by an audit, or (`record`) to record its rows as events."""
    return column.type is not Type.UNREAD and (record or column.type is not Type.RECEIVED)


def column(table: str, name: str) -> Column:
    """Return one declared column.

    Raises
    ------
    InvalidParameter
        If the table has no such column.
    """
    for declared in TABLES[table]:
        if declared.name == name:
            return declared
    raise InvalidParameter(f"{WORDS[table]} have no column {name}")


def fields() -> tuple[str, ...]:
    """Return the names of the fields of all tables, each once, in table order."""
    return tuple(dict.fromkeys(c.name for columns in TABLES.values() for c in columns))
