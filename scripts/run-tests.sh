#!/usr/bin/env bash
# Runs all tests of Cargo, and beside them one check after the other: those wait for one another's programs as much as the tests
# do. Each check is told when it has ended, and all that it said when the tests are over.
# Usage: scripts/run-tests.sh PROGRAM CHECK…, the cdrscope to be checked, and names of scripts in this folder.
set -euo pipefail
program=$(realpath "${1:?usage: scripts/run-tests.sh PROGRAM CHECK…}")
shift
cd "$(dirname "${BASH_SOURCE[0]}")/.."

said=$(mktemp -d)
pid=
stop() {
    [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null || true
    rm -rf "$said"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

check_all() {
    local check running='' is_right=0
    trap '[ -z "$running" ] || kill "$running"; exit 1' TERM
    for check; do
        "scripts/$check.sh" "$program" >"$said/$check" 2>&1 &
        running=$!
        if wait "$running"; then echo "$check: ok"; else echo "$check: FAILED, see below" && is_right=1; fi
    done
    return "$is_right"
}

check_all "$@" &
pid=$!
failed=0
"${CARGO:-cargo}" test --locked || failed=1
wait "$pid" || failed=1
pid=
for check; do
    echo "== $check"
    cat "$said/$check"
done
exit "$failed"
