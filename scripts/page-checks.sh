#!/usr/bin/env bash
# Builds the page from its sources and compares it with what is committed; then starts the service over made-up calls and uses
# its page in Chromium. npm packages are pinned, and fetched once.
# Usage: scripts/page-checks.sh PROGRAM [FILE…], the cdrscope to be checked, and files of tests/browser to be run instead of
# all of its tests, or other arguments of node --test. PICTURES=1 takes the pictures of docs/pictures anew.
set -euo pipefail
program=$(realpath "${1:?usage: scripts/page-checks.sh PROGRAM [FILE]}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/demo-service.sh
source scripts/demo-service.sh

if ! command -v chromium >/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        fail "chromium is not there: install it (Debian's package chromium)"
    fi
    apt-get update --quiet
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends chromium
fi
CHROMIUM=$(command -v chromium)

# What a folder holds, by name: packed forms count unpacked, for another release of zlib packs otherwise.
contents() {
    (cd "$1" && find . -type f | LC_ALL=C sort | while read -r name; do
        case $name in
        *.gz) sum=$(gzip -dc "$name" | sha256sum) ;;
        *.br) sum=$(node -e 'process.stdout.write(require("zlib").brotliDecompressSync(require("fs").readFileSync(process.argv[1])))' "$name" | sha256sum) ;;
        *) sum=$(sha256sum <"$name") ;;
        esac
        echo "$sum $name"
    done)
}

if [ -z "${2:-}" ]; then
    echo "page-checks: building the page"
    npm_packages web
    OUT_DIR=$work/dist npm run --prefix web --silent build >"$work/build" || { cat "$work/build" >&2 && fail "the page does not build"; }
    npm test --prefix web --silent >"$work/unit" || { cat "$work/unit" >&2 && fail "the unit tests of the page fail"; }
    contents web/dist >"$work/committed"
    contents "$work/dist" | diff "$work/committed" - >&2 ||
        fail "web/dist is not what its sources make: run npm run --prefix web build, and commit it"
fi

npm_packages tests/browser
CDRSCOPE_AUTH_SECRET=$(openssl rand -hex 32)
# Tests sign tokens of the operator's people who may see less.
CDRSCOPE_OPERATOR_SECRET=$(openssl rand -hex 32)
CDRSCOPE_EXPORTS_DIR=$work/exports
export CDRSCOPE_AUTH_SECRET CDRSCOPE_OPERATOR_SECRET CDRSCOPE_EXPORTS_DIR CHROMIUM
export LOGIN=ann PASSWORD="correct horse battery staple"
echo "$PASSWORD" | "$program" access add --id 1000000 --customer 1 --login "$LOGIN" --engine-data-dir "$work/data" \
    >"$work/access" 2>&1 || { cat "$work/access" >&2 && fail "the login was not added"; }
# As many as `make run` makes: the made-up incidents then stand out.
serve_demo "$program" "${DEMO_CALLS:-1000000}"
# PROGRAM makes tokens of sessions that end while they are looked at; the process is that whose engine is killed.
export TZ=UTC PROGRAM=$program SERVICE_PID=$pid
export URL=$url TOKEN=$token ACCOUNT=$account OPERATOR_TOKEN=$operator_token LOG=$work/log

if [ -n "${2:-}" ]; then
    echo "page-checks: ${*:2}"
    node --test --test-reporter=spec "${@:2}"
else
    echo "page-checks: node --test"
    # One browser after the other: they share the processors with the service. Whatever hangs is not waited for.
    timeout 2400 node --test --test-concurrency=1 --test-reporter=spec tests/browser/*.test.mjs
fi
