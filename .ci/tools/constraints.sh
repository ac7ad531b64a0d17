#!/usr/bin/env bash
# Pin every dependency with its hashes, without a word of where packages come from.
# constraints.txt: to work on ringfinder; constraints-run.txt: to run it; tests/bench/: what it is
# compared with.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v uv >/dev/null || { echo "ringfinder: this needs uv" >&2; exit 1; }

pin() {
    uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --no-header "$@"
}

pin pyproject.toml --extra dev --output-file constraints.txt
printf 'hatchling\n' | pin pyproject.toml - --constraint constraints.txt \
    --output-file constraints-run.txt
printf 'networkit>=11\n' | pin - --constraint constraints.txt --no-deps \
    --output-file tests/bench/constraints.txt
