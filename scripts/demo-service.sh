# Sourced by the checks: the service over made-up calls, in a folder that goes when the check ends, and tools of npm and pip.
# The check's name is $0; it has set -euo pipefail and stands in the project's folder.

fail() {
    echo "$(basename "$0" .sh): $1" >&2
    exit 1
}

# Whether what was installed from a lock file is of its present text.
fresh() {
    [ "$(cat "$2" 2>/dev/null)" = "$(sha256sum <"$1")" ]
}

# The packages of a folder's lock file; a second run finds them in place.
npm_packages() {
    local lock=$1/package-lock.json mark=$1/node_modules/.of
    fresh "$lock" "$mark" && return
    npm ci --prefix "$1" --no-audit --no-fund --loglevel=error || fail "npm could not fetch the packages of $1"
    sha256sum <"$lock" >"$mark"
}

# The packages of Python's lock file, in .venv. Of two checks that begin at once one fetches them.
python_packages() {
    local lock=tests/python/requirements.txt mark=.venv/.of
    exec 9<"$lock"
    flock 9
    if ! fresh "$lock" "$mark"; then
        python3 -m venv --clear .venv || fail "python3 makes no environments: install python3-venv"
        .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r "$lock" ||
            fail "pip could not fetch the packages of $lock"
        sha256sum <"$lock" >"$mark"
    fi
    exec 9<&-
}

work=$(mktemp -d)
pid=
stop() {
    [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

# Serves so many made-up calls of the data in $work/data, and sets url, token, account (a big one of the token's) and operator_token.
serve_demo() {
    # Read below, maybe before the service's own shell has made it.
    : >"$work/log" >"$work/out"
    # The checks ask as fast as they can.
    CDRSCOPE_LIMITS_REQUESTS_PER_SECOND=0 CDRSCOPE_HTTP_STRANGERS_PER_SECOND=0 \
        "$1" serve --demo --demo-calls "$2" --http-listen 127.0.0.1:0 --engine-data-dir "$work/data" \
        >"$work/out" 2>"$work/log" &
    pid=$!
    # It listens first; the operator's token is the last that it prints when all calls are made.
    for _ in $(seq 900); do
        [ "$(grep -c '^eyJ' "$work/out")" -lt 2 ] || break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.2
    done
    url=$(sed -n 's/.*listening on //p' "$work/log")
    token=$(grep -m 1 '^eyJ' "$work/out") || { tail -n 20 "$work/log" >&2 && fail "the service did not start"; }
    operator_token=$(grep '^eyJ' "$work/out" | sed -n 2p)
    account=$(grep -m 1 -o '[0-9a-f]\{8\}-[0-9a-f-]\{27\}' "$work/out")
}
