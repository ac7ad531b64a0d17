"""The tables of the embedded store, and how repeated rows of a key fold into one.

Sightings, facts about accounts and profiles are appended and folded when read: a write
costs what it brings, not what is there, and folds of minima, maxima and sums do not
depend on the order of writes. Long strings appear once, in `account` and `attribute`.
"""

from __future__ import annotations

FORMAT = 1

SCHEMA = """
CREATE TABLE store (format INTEGER NOT NULL);
CREATE TABLE applied (first BIGINT NOT NULL, last BIGINT NOT NULL);
CREATE TABLE account (key INTEGER NOT NULL, account_id VARCHAR NOT NULL);
CREATE TABLE attribute (key INTEGER NOT NULL, kind VARCHAR NOT NULL, pseudonym VARCHAR NOT NULL);
CREATE TABLE fact (
    account INTEGER NOT NULL, created_ms BIGINT, closed_ms BIGINT,
    country_ms BIGINT, country VARCHAR, plan_ms BIGINT, plan VARCHAR,
    verified_ms BIGINT, email_verified BOOLEAN, outcome_ms BIGINT, outcome VARCHAR
);
CREATE TABLE sighting (
    account INTEGER NOT NULL, value INTEGER NOT NULL,
    first_ms BIGINT NOT NULL, last_ms BIGINT NOT NULL, count BIGINT NOT NULL
);
CREATE TABLE profile (
    account INTEGER NOT NULL, through BIGINT NOT NULL, hours INTEGER[24] NOT NULL,
    active_days INTEGER NOT NULL, exchanges BIGINT NOT NULL, input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL, first_use_ms BIGINT, last_use_ms BIGINT
);
CREATE TABLE label (
    account_id VARCHAR NOT NULL, label VARCHAR NOT NULL, decided_ms BIGINT NOT NULL,
    received_ms BIGINT NOT NULL, source VARCHAR
);
CREATE TABLE decision (
    account_id VARCHAR NOT NULL, decision VARCHAR NOT NULL, decided_ms BIGINT NOT NULL,
    score DOUBLE, ring_id VARCHAR, snapshot_id VARCHAR
);
CREATE TABLE folded (part VARCHAR NOT NULL, rows BIGINT NOT NULL);
CREATE TABLE run_lock (
    token BIGINT NOT NULL, holder VARCHAR, acquired_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL
);
CREATE TABLE run (run_id VARCHAR NOT NULL, token BIGINT NOT NULL);
CREATE TABLE ring (
    ring_id VARCHAR NOT NULL, size BIGINT NOT NULL, score DOUBLE NOT NULL, verdict VARCHAR NOT NULL,
    lifecycle VARCHAR, first_seen_ms BIGINT, last_seen_ms BIGINT, exchanges BIGINT,
    output_tokens BIGINT, false_discovery_rate DOUBLE, summary VARCHAR
);
CREATE TABLE member (
    ring_id VARCHAR NOT NULL, account_id VARCHAR NOT NULL, membership DOUBLE NOT NULL
);
CREATE TABLE evidence (
    ring_id VARCHAR NOT NULL, kind VARCHAR NOT NULL, pseudonym VARCHAR NOT NULL,
    accounts_inside BIGINT NOT NULL, accounts_total BIGINT NOT NULL, nats DOUBLE NOT NULL
);
CREATE TABLE lineage (
    run_id VARCHAR NOT NULL, change VARCHAR NOT NULL, ring_id VARCHAR, earlier_ring_id VARCHAR,
    shared BIGINT NOT NULL
);
"""

# A struct's minimum goes by its first field, then by the next: every tie has one outcome.
_FACT = """
    SELECT account, created_ms, closed_ms, unnest(country), unnest(plan), unnest(verified),
           unnest(outcome)
    FROM (
        SELECT account, min(created_ms) AS created_ms, max(closed_ms) AS closed_ms,
               min(struct_pack(country_ms, country)) FILTER (country IS NOT NULL) AS country,
               min(struct_pack(plan_ms, plan)) FILTER (plan IS NOT NULL) AS plan,
               min(struct_pack(verified_ms, email_verified))
                   FILTER (email_verified IS NOT NULL) AS verified,
               max(struct_pack(outcome_ms, outcome)) FILTER (outcome IS NOT NULL) AS outcome
        FROM fact GROUP BY account
    )
"""
_SIGHTING = """
    SELECT account, value, min(first_ms) AS first_ms, max(last_ms) AS last_ms,
           least(sum(count), 9223372036854775807)::BIGINT AS count
    FROM sighting GROUP BY account, value
"""
_PROFILE = """
    SELECT account, unnest(furthest)
    FROM (
        SELECT account, max(struct_pack(
            through, hours, active_days, exchanges, input_tokens, output_tokens,
            first_use_ms, last_use_ms)) AS furthest
        FROM profile GROUP BY account
    )
"""

FOLDS: dict[str, str] = {"fact": _FACT, "sighting": _SIGHTING, "profile": _PROFILE}
"""Appended table -> the query that returns one row per key, in the table's own columns."""

FROM_EVENTS = (
    "applied",
    "account",
    "attribute",
    "fact",
    "sighting",
    "profile",
    "label",
    "decision",
)
"""Tables that `clear` empties: what follows from events."""
