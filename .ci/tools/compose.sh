#!/usr/bin/env bash
# Make sure that docker/compose.yaml can be checked by what will read it; without it the tests
# check the file as YAML only, and say so.
set -euo pipefail

docker compose version >/dev/null 2>&1 && exit 0
command -v docker-compose >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing docker-compose to check docker/compose.yaml" >&2
    {
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends docker-compose
    } >&2 && exit 0
fi
echo "ringfinder: without docker compose, docker/compose.yaml is checked as YAML only" >&2
