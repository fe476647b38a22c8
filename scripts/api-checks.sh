#!/usr/bin/env bash
# Starts the service over made-up calls, lints its API document, and has schemathesis send it requests made from that
# document. Both tools are pinned, and fetched once by npm and pip: a second run finds them in place.
# Usage: scripts/api-checks.sh PROGRAM, the cdrscope to be checked.
set -euo pipefail
program=$(realpath "${1:?usage: scripts/api-checks.sh PROGRAM}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    echo "api-checks: $1" >&2
    exit 1
}

# Whether what was installed from a lock file is of its present text.
fresh() {
    [ "$(cat "$2" 2>/dev/null)" = "$(sha256sum <"$1")" ]
}

lock=tests/node/package-lock.json mark=tests/node/node_modules/.of
if ! fresh "$lock" "$mark"; then
    npm ci --prefix tests/node --no-audit --no-fund --loglevel=error || fail "npm could not fetch the linter"
    sha256sum <"$lock" >"$mark"
fi

lock=tests/python/requirements.txt mark=.venv/.of
if ! fresh "$lock" "$mark"; then
    python3 -m venv --clear .venv || fail "python3 makes no environments: install python3-venv"
    .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r "$lock" ||
        fail "pip could not fetch schemathesis"
    sha256sum <"$lock" >"$mark"
fi

work=$(mktemp -d)
pid=
stop() {
    [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

export LOGIN=ann PASSWORD="correct horse battery staple"
echo "$PASSWORD" | "$program" access add --id 1000000 --customer 1 --login "$LOGIN" --engine-data-dir "$work/data" \
    >"$work/access" 2>&1 || { cat "$work/access" >&2 && fail "the login was not added"; }
"$program" serve --demo --demo-calls 20000 --http-listen 127.0.0.1:0 --engine-data-dir "$work/data" \
    >"$work/out" 2>"$work/log" &
pid=$!
for _ in $(seq 600); do
    url=$(sed -n 's/.*listening on //p' "$work/log")
    [ -z "$url" ] || break
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
done
# The sample is printed right after the line in the log.
sleep 0.2
token=$(grep -m 1 '^eyJ' "$work/out") || { tail -n 20 "$work/log" >&2 && fail "the service did not start"; }
export ACCOUNT
ACCOUNT=$(grep -m 1 -o '[0-9a-f]\{8\}-[0-9a-f-]\{27\}' "$work/out")

echo "api-checks: linting"
REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
    tests/node/node_modules/.bin/redocly lint --config tests/node/redocly.yaml "$url/openapi.json"

echo "api-checks: schemathesis"
# The cases that it keeps for later runs go with the work folder.
export SCHEMATHESIS_HOOKS=$PWD/tests/python/hooks.py
schemathesis=("$PWD/.venv/bin/schemathesis" --config-file "$PWD/tests/python/schemathesis.toml")
cd "$work"
# It takes a minute; whatever hangs is not waited for.
timeout 900 "${schemathesis[@]}" run --header "Authorization: $token" "$url/openapi.json"
