#!/bin/sh
# Run a command every night: NIGHTLY_AT=02:30 ringfinder-nightly ringfinder recompute
# The time is UTC. Exit code 4, a store that is away or a run that is still going, is tried again
# every NIGHTLY_RETRY_S seconds, six times; anything else waits for the next night, and the file
# NIGHTLY_FAILED says so meanwhile.
set -u
at=${NIGHTLY_AT:-02:30}
retry=${NIGHTLY_RETRY_S:-600}
failed=${NIGHTLY_FAILED:-/tmp/nightly-failed}

# What runs is a child that is waited for, so that being told to stop is heard at once.
child=
stop() {
    [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
    wait
    exit 143
}
trap stop TERM INT

run() {
    "$@" &
    child=$!
    wait "$child"
    code=$?
    child=
    return "$code"
}

if ! date -u -d "$at" >/dev/null 2>&1; then
    echo "nightly: NIGHTLY_AT=$at is no time of day; expected one such as 02:30" >&2
    exit 2
fi
while :; do
    now=$(date -u +%s)
    next=$(date -u -d "$at" +%s)
    [ "$next" -gt "$now" ] || next=$((next + 86400))
    echo "nightly: next run at $(date -u -d "@$next" +%FT%TZ)" >&2
    run sleep $((next - now))
    tries=0
    while :; do
        run "$@"
        code=$?
        tries=$((tries + 1))
        if [ "$code" -ne 4 ] || [ "$tries" -gt 6 ]; then break; fi
        run sleep "$retry"
    done
    if [ "$code" -eq 0 ]; then rm -f "$failed"; else echo "$code" >"$failed"; fi
done
