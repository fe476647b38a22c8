#!/usr/bin/env bash
# Starts the service over made-up calls, lints its API document, and has schemathesis send it requests made from that
# document. Both tools are pinned, and fetched once by npm and pip: a second run finds them in place.
# Usage: scripts/api-checks.sh PROGRAM, the cdrscope to be checked.
set -euo pipefail
program=$(realpath "${1:?usage: scripts/api-checks.sh PROGRAM}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/demo-service.sh
source scripts/demo-service.sh

npm_packages tests/node
python_packages

export LOGIN=ann PASSWORD="correct horse battery staple" ACCOUNT
echo "$PASSWORD" | "$program" access add --id 1000000 --customer 1 --login "$LOGIN" --engine-data-dir "$work/data" \
    >"$work/access" 2>&1 || { cat "$work/access" >&2 && fail "the login was not added"; }
serve_demo "$program" 20000
ACCOUNT=$account

echo "api-checks: linting"
REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
    tests/node/node_modules/.bin/redocly lint --config tests/node/redocly.yaml "$url/openapi.json"

echo "api-checks: schemathesis"
# The cases that it keeps for later runs go with the work folder.
export SCHEMATHESIS_HOOKS=$PWD/tests/python/hooks.py
schemathesis=("$PWD/.venv/bin/schemathesis" --config-file "$PWD/tests/python/schemathesis.toml")
cd "$work"
# It takes minutes, more of them beside the tests; whatever hangs is not waited for.
# Of each question about CDRs the hooks ask for a cursor.
export API_URL=$url
API_TOKEN=$token timeout 1800 "${schemathesis[@]}" run --exclude-tag Operator --header "Authorization: $token" "$url/openapi.json"
# The operator's paths want a token of their own.
API_TOKEN=$operator_token timeout 1800 "${schemathesis[@]}" run --include-tag Operator --header "Authorization: $operator_token" "$url/openapi.json"
