#!/usr/bin/env bash
# Starts the service over made-up calls and feeds its answers to Grafana's own data library; the dashboards, data sources
# and alert rules of config/grafana are looked at, and everything in them is asked for. npm packages are pinned, and
# fetched once.
# Usage: scripts/grafana-checks.sh PROGRAM [FILE], the cdrscope to be checked, and a file of tests/node-grafana to be run
# instead of all of its tests.
set -euo pipefail
program=$(realpath "${1:?usage: scripts/grafana-checks.sh PROGRAM [FILE]}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/demo-service.sh
source scripts/demo-service.sh

npm_packages tests/node-grafana
CDRSCOPE_AUTH_SECRET=$(openssl rand -hex 32)
export CDRSCOPE_AUTH_SECRET
# load.mjs counts the statements in the log.
[ -z "${2:-}" ] || export CDRSCOPE_LOG=${CDRSCOPE_LOG:-info,cdrscope::store=debug}
# Enough for an hour of any weekday to have calls of each account, and for the made-up silence to stand out.
serve_demo "$program" "${DEMO_CALLS:-300000}"
OTHER_TOKEN=$("$program" token --customer 2)
VENDOR_TOKEN=$("$program" token --customer 9001)
# The demo prints a customer's token first, then one of the operator's.
OPERATOR_TOKEN=$(grep '^eyJ' "$work/out" | sed -n 2p)
# Days of the tests are those that they ask for.
export TZ=UTC
export URL=$url TOKEN=$token ACCOUNT=$account OTHER_TOKEN VENDOR_TOKEN OPERATOR_TOKEN LOG=$work/log

if [ -n "${2:-}" ]; then
    echo "grafana-checks: $2"
    node "$2"
else
    echo "grafana-checks: node --test"
    # It takes about half a minute, more beside the tests; whatever hangs is not waited for.
    timeout 900 node --test --test-reporter=spec tests/node-grafana/*.test.mjs
fi
