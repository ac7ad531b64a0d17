#!/bin/sh
# The scoring API by hand. Needs a service (`ringfinder serve`) and a key:
#   export RINGFINDER_URL=http://127.0.0.1:8000
#   export RINGFINDER_KEY=$(ringfinder keys create --name me --scope admin --json | jq -r .key)
set -eu

call() { # METHOD PATH [BODY]
    curl --silent --show-error --fail-with-body --max-time 5 \
        --request "$1" "$RINGFINDER_URL$2" \
        --header "Authorization: Bearer $RINGFINDER_KEY" \
        --header "Content-Type: application/json" \
        ${3:+--data "$3"}
    echo
}

# One sign-up: scored, recorded, answered.
call POST /v1/signups '{
  "event_id": "example-1", "account_id": "example-account", "created_at": "2026-03-01T09:30:00Z",
  "email": "ada@example.org", "ip": "192.0.2.17", "device_id": "device-1", "country": "GB"
}'

# The same event_id again: the same answer, and no second effect.
call POST /v1/signups '{
  "event_id": "example-1", "account_id": "example-account", "created_at": "2026-03-01T09:30:00Z",
  "email": "ada@example.org", "ip": "192.0.2.17", "device_id": "device-1", "country": "GB"
}'

# A sign-up that is not an account yet, and what became of it.
call POST /v1/signups '{
  "event_id": "example-2", "attempt_id": "attempt-2", "created_at": "2026-03-01T09:31:00Z",
  "email": "grace@example.org", "ip": "192.0.2.18"
}'
call POST /v1/signups/example-2/outcome '{"outcome": "completed", "account_id": "example-two"}'

# What the account does: rows in batches, answered one by one.
call POST /v1/usage/batch '{"items": [
  {"event_id": "example-u1", "account_id": "example-account",
   "occurred_at": "2026-03-01T10:00:00Z", "exchanges": 3, "input_tokens": 900,
   "output_tokens": 4000}
]}'
call POST /v1/payments/batch '{"items": [
  {"event_id": "example-p1", "account_id": "example-account",
   "occurred_at": "2026-03-01T10:05:00Z", "payment_fingerprint": "Xt5EWLLDS7FJjR1c"}
]}'

# A person decided: an appeal was right.
call POST /v1/labels '{
  "event_id": "example-l1", "account_id": "example-account", "label": "legitimate",
  "source": "appeal", "note": "Sent an invoice of her company."
}'
call GET /v1/labels/pending

# What is known of an account, and of rings.
call GET /v1/accounts/example-account
call GET '/v1/rings?limit=5'

# The account asks to be forgotten.
call DELETE /v1/accounts/example-account/personal-data
