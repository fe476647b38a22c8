#!/usr/bin/env bash
# Makes packages of a release binary in target/packages: `deb`, a Debian package; `dist`, an archive with its checksum and
# lists of what is in the binary and in its page (SBOM). The tools are pinned and built once, into target/tools.
# Usage: scripts/package.sh deb|dist PROGRAM, the cdrscope of `make build`.
# A fork puts its own maintainer into the Debian package: DEBFULLNAME and DEBEMAIL, as Debian's tools have them.
set -euo pipefail
usage="usage: scripts/package.sh deb|dist PROGRAM"
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
    cmp --silent "$program" target/release/cdrscope ||
        fail "the package has target/release/cdrscope, and $program is another program"
    cargo_deb=$(tool cargo-deb 3.8.0)
    rm -f "$out"/cdrscope_*.deb
    maintainer=$(sed -n 's/^maintainer = "\(.*\)"/\1/p' Cargo.toml)
    [ -z "${DEBEMAIL:-}" ] || maintainer="${DEBFULLNAME:-cdrscope} <$DEBEMAIL>"
    cat >"$made/changelog" <<TEXT
cdrscope ($version-1) unstable; urgency=medium

  * Version $version. What is new: /usr/share/doc/cdrscope/changelog.gz

 -- $maintainer  $(date --utc --date="@$SOURCE_DATE_EPOCH" -R)
TEXT
    "$cargo_deb" --quiet --no-build --locked --maintainer "$maintainer" --output "$out/"
    ;;
dist)
    cargo_cyclonedx=$(tool cargo-cyclonedx 0.5.9)
    name=cdrscope-$version-$(uname -m)-linux
    rm -rf "$out"/cdrscope-*
    mkdir "$out/$name"
    cp -R "$program" README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE docs config schema "$made/man" "$made/completions" \
        "$out/$name/"
    tar --create --gzip --file "$out/$name.tar.gz" --directory "$out" --sort name --mtime "@$SOURCE_DATE_EPOCH" \
        --owner 0 --group 0 --numeric-owner --mode u=rwX,go=rX "$name"
    rm -rf "${out:?}/$name"
    # It writes beside Cargo.toml and nowhere else, and names this folder.
    "$cargo_cyclonedx" cyclonedx --quiet --format json --spec-version 1.5 --override-filename "$name.cdx"
    sed "s#path+file://$PWD#path+file://#g" "$name.cdx.json" >"$out/$name.cdx.json"
    rm "$name.cdx.json"
    # The page's own, which the program has in it too.
    npm sbom --prefix web --package-lock-only --omit dev --sbom-format cyclonedx --sbom-type application >"$out/$name-page.cdx.json" ||
        fail "npm (10 or later) could not list what the page is made of"
    (cd "$out" && sha256sum "$name.tar.gz" "$name.cdx.json" "$name-page.cdx.json" >"$name.sha256")
    ;;
*) fail "$usage" ;;
esac
ls -l "$out"
