"""What a body may hold: the rows of the input tables (`sources.columns`), over HTTP.

Strict where a mistake would be silent: a field that no row has is refused by name, text is
text and a number a number. Forgiving where nothing is lost: what is optional may be left
out, null or empty.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ringfinder.sources.checks import AHEAD_MS, EXAMPLE_TIME
from ringfinder.sources.columns import column

_DAY = (
    r"20\d\d-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
    r"|02-(?:0[1-9]|1\d|2[0-8]))|20(?:[02468][048]|[13579][26])-02-29"
)
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?"
TIME_PATTERN = f"^(?:{_DAY})(?:[Tt ]{_CLOCK})?$".replace(r"\d", "[0-9]")
"""RFC 3339 in this century, and without a zone, which means UTC."""

_SECONDS = Field(ge=946_684_800, lt=4_102_444_800)
_MILLISECONDS = Field(ge=946_684_800_000, lt=4_102_444_800_000)


def _in_the_past(said: str | float) -> str | float:
    """Return a time that is not in the future: what is has not happened."""
    if to_ms(said) > time.time_ns() // 1_000_000 + AHEAD_MS:
        raise PydanticCustomError("ringfinder_future", "lies in the future")
    return said


Time = Annotated[
    Annotated[str, StringConstraints(pattern=TIME_PATTERN, max_length=40)]
    | Annotated[float, _SECONDS]
    | Annotated[float, _MILLISECONDS],
    AfterValidator(_in_the_past),
]
"""RFC 3339, epoch seconds or epoch milliseconds, from 2000 to now; a day's grace for clocks."""
BECAME = "\x1faccount"
"""Ends the event_id of the account that an attempt became: no caller's holds such a character."""
NO_CONTROLS = r"^[^\x00-\x1f\x7f]+$"
Id = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=NO_CONTROLS)]
Text = Annotated[str, StringConstraints(max_length=4096, pattern=r"^[^\x00]*$")]


def _whole(number: object) -> object:
    """Return 3.0 as 3: to JSON they are one number."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


Count = Annotated[int, Field(ge=0, le=10**12), BeforeValidator(_whole)]
Exchanges = Annotated[int, Field(ge=0, le=10**9), BeforeValidator(_whole)]


def to_ms(said: str | float) -> int:
    """Return a time of a row as milliseconds since 1970 UTC."""
    if isinstance(said, str):
        moment = datetime.fromisoformat(_six_digits(said.upper()))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (
            int(moment.timestamp() * 1000 + 0.0005)
            if moment.microsecond
            else (int(moment.timestamp()) * 1000)
        )
    return int(said * 1000 + 0.0005) if said < 100_000_000_000 else int(said)


def _six_digits(time: str) -> str:
    """Return the time without what is finer than a microsecond, and its fraction in full."""
    whole, point, rest = time.partition(".")
    if not point:
        return time
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{whole}.{rest[:digits][:6]:0<6}{rest[digits:]}"


class Row(BaseModel):
    """One row of a table."""

    model_config = ConfigDict(
        extra="forbid", strict=True, hide_input_in_errors=True, defer_build=False
    )


def _says(table: str, name: str) -> str:
    return column(table, name).meaning


EventId = Annotated[
    Id, Field(description="Your name of this row: the same one again has no second effect.")
]


class Signup(Row):
    """One sign-up. Give `account_id`, or `attempt_id` where there is no account yet."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["account_id"]}, {"required": ["attempt_id"]}],
            "examples": [
                {
                    "event_id": "evt-1", "account_id": "acct-1", "created_at": EXAMPLE_TIME,
                    "email": "ada@example.org", "ip": "192.0.2.17", "device_id": "dev-1",
                    "country": "GB",
                }
            ],
        }
    )  # fmt: skip

    event_id: EventId
    created_at: Time = Field(description=_says("signups", "created_at"))
    account_id: Id = Field(default="", description=_says("signups", "account_id"))
    attempt_id: Id = Field(
        default="", description="The attempt, where the hook runs before the account exists."
    )
    received_at: Time | None = Field(None, description=_says("signups", "received_at"))
    email: Text | None = Field(None, description=_says("signups", "email"))
    email_verified: bool | None = Field(None, description=_says("signups", "email_verified"))
    ip: Text | None = Field(None, description=_says("signups", "ip"))
    device_id: Text | None = Field(None, description=_says("signups", "device_id"))
    payment_fingerprint: Text | None = Field(
        None, description=_says("signups", "payment_fingerprint")
    )
    card_bin: Text | None = Field(None, description=_says("signups", "card_bin"))
    phone: Text | None = Field(None, description=_says("signups", "phone"))
    user_agent: Text | None = Field(None, description=_says("signups", "user_agent"))
    tls_fingerprint: Text | None = Field(None, description=_says("signups", "tls_fingerprint"))
    country: Text | None = Field(None, description=_says("signups", "country"))
    plan: Text | None = Field(None, description=_says("signups", "plan"))
    organisation_id: Text | None = Field(None, description=_says("signups", "organisation_id"))
    referrer: Text | None = Field(None, description=_says("signups", "referrer"))
    closed_at: Time | None = Field(None, description=_says("signups", "closed_at"))

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if bool(self.account_id) == bool(self.attempt_id):
            raise PydanticCustomError(
                "ringfinder_names", "expects either account_id or attempt_id, and not both"
            )
        return self


class Usage(Row):
    """One use, or several of one account summed into a row."""

    event_id: EventId
    account_id: Id = Field(description=_says("usage", "account_id"))
    occurred_at: Time = Field(description=_says("usage", "occurred_at"))
    received_at: Time | None = Field(None, description=_says("usage", "received_at"))
    ip: Text | None = Field(None, description=_says("usage", "ip"))
    device_id: Text | None = Field(None, description=_says("usage", "device_id"))
    model: Text | None = Field(None, description=_says("usage", "model"))
    input_tokens: Count | None = Field(None, description=_says("usage", "input_tokens"))
    output_tokens: Count | None = Field(None, description=_says("usage", "output_tokens"))
    prompt_fingerprint: Text | None = Field(None, description=_says("usage", "prompt_fingerprint"))
    prompt: Annotated[str, StringConstraints(max_length=1_048_576)] | None = Field(
        None, description=_says("usage", "prompt")
    )
    exchanges: Exchanges | None = Field(None, description=_says("usage", "exchanges"))


class Payment(Row):
    """One payment."""

    event_id: EventId
    account_id: Id = Field(description=_says("payments", "account_id"))
    occurred_at: Time = Field(description=_says("payments", "occurred_at"))
    payment_fingerprint: Text | None = Field(
        None, description=_says("payments", "payment_fingerprint")
    )
    card_bin: Text | None = Field(None, description=_says("payments", "card_bin"))


class Login(Row):
    """One log-in."""

    event_id: EventId
    account_id: Id = Field(description=_says("logins", "account_id"))
    occurred_at: Time = Field(description=_says("logins", "occurred_at"))
    ip: Text | None = Field(None, description=_says("logins", "ip"))
    device_id: Text | None = Field(None, description=_says("logins", "device_id"))
    user_agent: Text | None = Field(None, description=_says("logins", "user_agent"))
    tls_fingerprint: Text | None = Field(None, description=_says("logins", "tls_fingerprint"))


class Outcome(Row):
    """How a sign-up ended."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"outcome": "completed", "account_id": "acct-1"}]}
    )

    outcome: Literal["completed", "abandoned", "denied"] = Field(
        description="Only completed sign-ups are counted as accounts."
    )
    account_id: Id | None = Field(
        None, description="The account that an attempt became; needed where it completed."
    )
    occurred_at: Time | None = Field(None, description="When it ended; now if not given.")


MOST_ROWS = 10_000
UNREAD = "(unread)"
"""A field put into a row of which something was not read, so that the row is refused."""


class Batch(BaseModel):
    """Rows, answered one by one: a bad one does not hold up the others."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    items: list[dict[str, Any]] = Field(
        max_length=MOST_ROWS, description=f"Rows of this table, at most {MOST_ROWS:,}."
    )


TABLES: dict[str, type[Row]] = {
    "signups": Signup, "usage": Usage, "payments": Payment, "logins": Login,
}  # fmt: skip
