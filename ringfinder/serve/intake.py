"""From a row over HTTP to an event for the journal: no clear value comes out of here."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel
from pydantic_core import to_json

from ringfinder.journal import encode_event
from ringfinder.normalise.events import NORMALISER, Rows, Rules, event_columns
from ringfinder.normalise.one import NormalisedSignup, Normaliser
from ringfinder.schema import KINDS
from ringfinder.serve import metrics
from ringfinder.serve.rows import Login, Payment, Row, Signup, Usage, to_ms
from ringfinder.sources.columns import TABLES
from ringfinder.store.events import EventType


class Intake:
    """Normalises rows and makes events of them.

    Parameters
    ----------
    rules
        How raw values are read.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._normaliser = Normaliser(rules, unread=_count_unread)
        # A body holds personal data that could be guessed: its digest is keyed, like a pseudonym;
        # with the first pepper, for a rotation must not make a repetition look like another body.
        first = rules.pepper
        while first.previous is not None:
            first = first.previous
        self._digest_key = hmac.digest(first.key, b"\x00ringfinder body\x00", "sha256")

    def warm(self) -> None:
        """Read one made-up row, and count nothing of it: lists load when first used."""
        row = Signup.model_validate(_MADE_UP)
        self.signup_event(row, _normalised(Normaliser(self._rules), row), 0)
        self.digest(row)

    def digest(self, row: BaseModel, *, but: frozenset[str] = frozenset()) -> bytes:
        """Return what tells this body from any other under the same event_id.

        Parameters
        ----------
        row
            The body.
        but
            Fields that it did not bring along: a repetition would have others.
        """
        said = row.model_dump_json(exclude_none=True, exclude=set(but) or None).encode()
        return hashlib.blake2b(said, key=self._digest_key, digest_size=16).digest()

    def signup(self, row: Signup) -> NormalisedSignup:
        """Return a sign-up as it is scored."""
        return _normalised(self._normaliser, row)

    def signup_event(self, row: Signup, signup: NormalisedSignup, now_ms: int) -> bytes:
        """Return the event of a sign-up; one of an attempt has no outcome yet."""
        event: dict[str, Any] = {
            "event_id": row.event_id,
            "received_ms": _received(row, now_ms),
            "normaliser": NORMALISER,
            "account_id": signup.account_id,
            "occurred_ms": signup.created_ms,
            "closed_ms": None if row.closed_at is None else to_ms(row.closed_at),
            "country": signup.country,
            "plan": row.plan or None,
            "email_verified": row.email_verified,
            "outcome": "completed" if row.account_id else None,
        }
        # As `journal.encode_event`, whose checks cost as much as normalising: every field was
        # checked when the body was read, and a pseudonym is hexadecimal.
        head = to_json({name: value for name, value in event.items() if value is not None})
        values = ",".join([f'{_VALUE[kind]}{value}"}}' for kind, value in signup.values])
        return head[:-1] + b',"values":[' + values.encode() + b"]}"

    def events(
        self, table: EventType, rows: Sequence[Usage | Payment | Login], now_ms: int
    ) -> list[bytes]:
        """Return the events of rows of one table, in their order."""
        when = [to_ms(row.occurred_at) for row in rows]
        columns = self._columns(table.value, rows, when)
        names = list(columns)
        told = [dict(zip(names, each, strict=True)) for each in
                zip(*(column.to_pylist() for column in columns.values()), strict=True)]  # fmt: skip
        return [
            encode_event(table, self._header(row, at, now_ms) | _counts(row) | said)
            for row, at, said in zip(rows, when, told, strict=True)
        ]

    def _header(self, row: Any, occurred_ms: int, now_ms: int) -> dict[str, Any]:
        return {
            "event_id": row.event_id,
            "received_ms": _received(row, now_ms),
            "normaliser": NORMALISER,
            "account_id": row.account_id,
            "occurred_ms": occurred_ms,
        }

    def outcome_event(
        self, event_id: str, account_id: str, outcome: str, *, occurred_ms: int, now_ms: int
    ) -> bytes:
        """Return the event of how a sign-up ended."""
        return encode_event(
            EventType.OUTCOMES,
            {"event_id": event_id, "received_ms": now_ms, "normaliser": NORMALISER,
             "account_id": account_id, "occurred_ms": occurred_ms, "outcome": outcome},
        )  # fmt: skip

    def _columns(self, table: str, rows: Sequence[Row], when: list[int]) -> dict[str, pa.Array]:
        fields = [one.name for one in TABLES[table] if one.is_value]
        raw = {name: pa.array([getattr(row, name) for row in rows], pa.string()) for name in fields}
        used = None
        if table == "usage":
            used = np.array([getattr(row, "exchanges", 1) != 0 for row in rows])
        given = Rows(table, np.array(when, dtype=np.int64), raw, used=used)
        return event_columns(given, self._rules)


_MADE_UP = {
    "event_id": "warm", "account_id": "warm", "created_at": "2026-01-01T00:00:00Z",
    "email": "ada.lovelace+1@mail.example.org", "ip": "192.0.2.1", "phone": "+442071838750",
    "country": "GB", "user_agent": "none", "referrer": "https://example.org/", "card_bin": "400000",
    "payment_fingerprint": "none", "device_id": "none", "tls_fingerprint": "none", "plan": "none",
}  # fmt: skip


def _normalised(normaliser: Normaliser, row: Signup) -> NormalisedSignup:
    return normaliser.signup(
        row.__dict__,
        account_id=row.account_id or row.attempt_id,
        created_ms=to_ms(row.created_at),
        country=row.country,
    )


def _count_unread(field: str) -> None:
    metrics.UNREAD.labels(field).inc()


_VALUE = [f'{{"kind":"{kind.name}","pseudonym":"' for kind in KINDS]


def _received(row: Any, now_ms: int) -> int:
    said = getattr(row, "received_at", None)
    return now_ms if said is None else to_ms(said)


def _counts(row: Any) -> dict[str, Any]:
    if not isinstance(row, Usage):
        return {}
    return {
        "exchanges": 1 if row.exchanges is None else row.exchanges,
        "input_tokens": row.input_tokens or 0,
        "output_tokens": row.output_tokens or 0,
    }
