#!/usr/bin/env bash
# Simulate a small world, audit it, and compare what was found with what was planted.
# usage: RINGFINDER=.venv/bin/ringfinder OUT=demo .ci/tools/demo.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
read -ra ringfinder <<<"${RINGFINDER:-ringfinder}"
out=${OUT:-demo}

run() {
    echo "\$ ringfinder $*"
    "${ringfinder[@]}" "$@"
    echo
}

run simulate --accounts 6000 --seed 7 --out "$out/world"
run audit "$out/world/signups.parquet" --usage "$out/world/usage.parquet" \
    --payments "$out/world/payments.parquet" --logins "$out/world/logins.parquet" --out "$out/audit"
run evaluate "$out/audit" --truth "$out/world/truth.parquet"
echo "Open $out/audit/report.html in a browser."
