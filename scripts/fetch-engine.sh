#!/bin/sh
# Makes sure that an embedded ClickHouse can be started: does nothing where an official `clickhouse` is on PATH or the
# library is already there, else fetches the engine as one shared library, pinned and checked, into the user's cache.
# What it leaves: ${CDRSCOPE_ENGINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cdrscope}/engine-$release/libchdb.so
set -eu

release=26.7.3-stable.1

fail() {
    echo "fetch-engine: $1" >&2
    exit 1
}

if command -v clickhouse >/dev/null 2>&1; then
    exit 0
fi

# The pin: package, sha512 of its archive, sha256 and size of the library in it. No other platform has this release.
case "$(uname -s)-$(uname -m)" in
Linux-x86_64)
    package=@chdb/lib-linux-x64-gnu
    archive_sha512=XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw==
    library_bytes=566330096
    ;;
*)
    fail "no engine library for $(uname -s) $(uname -m): install the official clickhouse program on PATH"
    ;;
esac

cache=${CDRSCOPE_ENGINE_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/cdrscope}
target=$cache/engine-$release
library=$target/libchdb.so

# The library is moved into place whole, after its archive was checked: a size that differs is a damaged disk or a
# stranger's file, and both are fetched anew.
if [ -f "$library" ] && [ "$(wc -c <"$library")" -eq "$library_bytes" ]; then
    exit 0
fi

way_out="or install the official clickhouse program on PATH"
command -v npm >/dev/null 2>&1 || fail "npm is not there to fetch the engine with: install Node.js, $way_out"
command -v openssl >/dev/null 2>&1 || fail "openssl is not there to check the engine with: install it, $way_out"

# Beside the target, so that the last step is a rename on one file system.
work=$(mkdir -p "$cache" 2>/dev/null && mktemp -d "$cache/fetch.XXXXXX" 2>/dev/null) ||
    fail "cannot write in $cache: name another folder with CDRSCOPE_ENGINE_CACHE"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

echo "fetch-engine: fetching $package $release (178 MB, once) into $target" >&2
# In an empty folder, whose npm settings are the user's and not a project's.
(cd "$work" && npm pack --loglevel=error --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 \
    "$package@$release" >npm.out 2>npm.err) || {
    cause=$(sed -n 's/^npm [^ ]* code //p' "$work/npm.err" | head -n 1)
    fail "npm could not fetch $package $release${cause:+ ($cause)}: check the network and npm's registry setting, $way_out"
}
archive=$(find "$work" -name '*.tgz' | head -n 1)
[ -n "$archive" ] || fail "npm left no archive of $package $release: try a later npm, $way_out"

sum=$(openssl dgst -sha512 -binary "$archive" | openssl base64 -A)
[ "$sum" = "$archive_sha512" ] ||
    fail "the fetched $package $release is not the one that was pinned (sha512 $sum): try again, $way_out"

tar -xzf "$archive" -C "$work" package/libchdb.so || fail "cannot unpack 566 MB in $cache: free some disk space"
rm -f "$archive"
rm -rf "$target"
mv "$work/package" "$target" 2>/dev/null || [ -f "$library" ] || fail "cannot move the engine to $target"
