#!/usr/bin/env bash
# Make the secrets that compose.yaml hands to the containers; those that exist stay as they are.
# Keep docker/secrets/pepper: without it no pseudonym of the graph can be made again.
set -euo pipefail
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
chmod 700 secrets

random() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

[ -e secrets/pepper ] || random >secrets/pepper
[ -e secrets/neo4j_password ] || random >secrets/neo4j_password
[ -e secrets/neo4j_auth ] || printf 'neo4j/%s' "$(cat secrets/neo4j_password)" >secrets/neo4j_auth
# The containers' users read them; the directory keeps everybody else on this machine out.
chmod 444 secrets/*
echo "secrets are in $PWD/secrets"
