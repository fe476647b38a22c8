#!/usr/bin/env bash
# Makes packages of a release binary in target/packages: `deb`, a Debian package. The tools are pinned and built once, into
# target/tools.
# Usage: scripts/package.sh deb PROGRAM, the cdrscope of `make build`.
# A fork puts its own maintainer into the Debian package: DEBFULLNAME and DEBEMAIL, as Debian's tools have them.
set -euo pipefail
usage="usage: scripts/package.sh deb PROGRAM"
kind=${1:?$usage}
program=$(realpath "${2:?$usage}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    echo "package: $1" >&2
    exit 1
}

# tool NAME VERSION: the tool's path, once it is there in that version.
tool() {
    "${CARGO:-cargo}" install --quiet --locked --root target/tools "$1" --version "$2" >&2 ||
        fail "cargo could not install $1 $2"
    echo "target/tools/bin/$1"
}

version=$("$program" -V | cut -d ' ' -f 2)
in_manifest=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
[ "$version" = "$in_manifest" ] ||
    fail "$program is version $version, Cargo.toml says $in_manifest: make build"

# Times in packages are those of the commit, so that they can be made again.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

out=target/packages
made=$out/made
rm -rf "$made"
mkdir -p "$made/completions"
"$program" man "$made/man" >/dev/null
for shell in bash zsh fish; do "$program" completions "$shell" >"$made/completions/$shell"; done

case $kind in
deb)
    cargo_deb=$(tool cargo-deb 3.8.0)
    maintainer=$(sed -n 's/^maintainer = "\(.*\)"/\1/p' Cargo.toml)
    [ -z "${DEBEMAIL:-}" ] || maintainer="${DEBFULLNAME:-cdrscope} <$DEBEMAIL>"
    cat >"$made/changelog" <<TEXT
cdrscope ($version-1) unstable; urgency=medium

  * Version $version. What is new: /usr/share/doc/cdrscope/changelog.gz

 -- $maintainer  $(date --utc --date="@$SOURCE_DATE_EPOCH" -R)
TEXT
    "$cargo_deb" --quiet --no-build --locked --maintainer "$maintainer" --output "$out/"
    ;;
*) fail "$usage" ;;
esac
ls -l "$out"
