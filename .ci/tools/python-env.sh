#!/usr/bin/env bash
# Make .venv with ringfinder in it and the pinned packages that it needs to run, or to be worked on.
# usage: .ci/tools/python-env.sh run|dev [DIR]    PYTHON=python3.12 chooses the interpreter
set -euo pipefail
cd "$(dirname "$0")/../.."
purpose=${1:?run or dev}
env_dir=${2:-.venv}

die() {
    echo "ringfinder: $*" >&2
    exit 1
}

new_enough() {
    command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))'
}

find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
        if new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    die "no Python of 3.11 or later was found; install one, or name it: make PYTHON=/path/to/python3"
}

# Debian ships venv without the part that puts pip into an environment.
need_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    local package
    package=python$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $package" >&2
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$package"; } >&2
    else
        die "$1 cannot make environments; as root: apt-get install $package"
    fi
}

# Compiling on first use instead of now halves the time to the first result.
install() {
    "$env_dir/bin/python" -m pip --disable-pip-version-check install --quiet --no-compile "$@"
}

if [ ! -e "$env_dir/ready-run" ]; then
    python=$(find_python)
    need_venv "$python"
    echo "setting up $env_dir with $("$python" --version)" >&2
    "$python" -m venv --clear "$env_dir"
fi
if [ "$purpose" = dev ]; then
    install --require-hashes -r constraints.txt
else
    install --require-hashes -r constraints-run.txt
fi
install --no-deps --no-build-isolation --editable .
touch "$env_dir/ready-run" "$env_dir/ready-$purpose"
