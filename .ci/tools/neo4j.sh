#!/usr/bin/env bash
# Fetch the Neo4j that the tests run on: 190 MB the first time, a look at the files afterwards.
# usage: .ci/tools/neo4j.sh [PYTHON]    RINGFINDER_NEO4J_CACHE says where it is kept
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${1:-.venv/bin/python}

"$python" - <<'PY' && exit 0
import sys
import time

from ringfinder.config import load
from ringfinder.errors import RingfinderError
from ringfinder.local import fetch
from ringfinder.local.jars import java

began = time.monotonic()
try:
    jars = fetch(load().neo4j_cache)
    java()
except RingfinderError as error:
    sys.exit(f"ringfinder: {error}")
if time.monotonic() - began > 5:
    print(f"fetched {len(jars)} jars of Neo4j in {time.monotonic() - began:.0f} s", file=sys.stderr)
PY
echo "ringfinder: the tests need a Neo4j; or leave out those that do: make test NEO4J=0" >&2
exit 1
