#!/usr/bin/env bash
# Make sure that there is a Chromium for the tests that open the report in a browser.
set -euo pipefail

for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing chromium for the browser tests" >&2
    {
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium
    } >&2
else
    echo "ringfinder: the browser tests need Chromium; as root: apt-get install chromium" >&2
    echo "ringfinder: or leave them out: make test BROWSER=0" >&2
    exit 1
fi
