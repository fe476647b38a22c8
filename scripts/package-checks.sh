#!/usr/bin/env bash
# Installs a Debian package as an operator does, in a Debian of its own that systemd has booted: what is in it, the first
# start, a report over HTTP, logs, an upgrade, removal, purge. Needs root, debootstrap, lintian and systemd-container.
# Usage: scripts/package-checks.sh PACKAGE.deb [FOLDER], where the bare Debian is kept for the next run.
set -euo pipefail
usage="usage: scripts/package-checks.sh PACKAGE.deb [FOLDER]"
package=$(realpath "${1:?$usage}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${2:-target/package-checks}
# shellcheck source=scripts/demo-service.sh
source scripts/demo-service.sh

[ "$(id -u)" = 0 ] || fail "only root can install packages: run it as root"
for tool in debootstrap lintian systemd-nspawn nsenter curl python3; do
    command -v "$tool" >/dev/null || fail "$tool is not there: apt-get install debootstrap lintian systemd-container curl python3"
done

step() { echo "package-checks: $1"; }

# is WHAT WANTED FOUND
is() { [ "$2" = "$3" ] || fail "$1: expected '$2', found '$3'"; }

step "lintian"
lintian --allow-root --fail-on error,warning,info "$package" || fail "lintian has complaints"

# Without a network of its own: it reaches the ClickHouse of this machine.
base=$(realpath --canonicalize-missing "$folder/bookworm")
if [ ! -e "$base.is-whole" ]; then
    step "a bare Debian in $base"
    rm -rf "$base"
    mkdir -p "$folder"
    debootstrap --variant=minbase --include=systemd-sysv,dbus bookworm "$base" >"$base.log" || fail "debootstrap failed: see $base.log"
    touch "$base.is-whole"
fi

root=$base.run
boot=
halt_system() {
    [ -z "$boot" ] || { kill "$boot" && wait "$boot"; } 2>/dev/null || true
    rm -rf "$root"
    stop
}
trap halt_system EXIT
rm -rf "$root"
cp -a "$base" "$root"
cp /etc/resolv.conf "$root/etc/resolv.conf"
step "systemd in it"
systemd-nspawn --quiet --register=no --keep-unit --kill-signal=SIGRTMIN+3 --machine=package-checks --directory="$root" --boot \
    >"$work/boot" 2>&1 </dev/null &
boot=$!
leader=
for _ in $(seq 300); do
    leader=$(pgrep --parent "$boot") && [ -S "/proc/$leader/root/run/systemd/private" ] && break
    kill -0 "$boot" 2>/dev/null || { cat "$work/boot" >&2 && fail "systemd-nspawn ended"; }
    sleep 0.2
done
inside() {
    nsenter --target "$leader" --all -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}
is "systemd" running "$(inside systemctl is-system-running --wait)"
state() { inside systemctl show --property "$1" --value cdrscope; }
# Conffiles that the administrator changed stay, as they do by default where somebody can be asked.
install_package() {
    cp "$1" "$root/var/tmp/package.deb"
    inside apt-get install --yes --reinstall -o Dpkg::Options::=--force-confold /var/tmp/package.deb >"$work/apt" 2>&1 ||
        { cat "$work/apt" >&2 && fail "apt-get could not install $1"; }
}

step "install"
inside apt-get update >"$work/apt" || { cat "$work/apt" >&2 && fail "apt-get could not fetch lists of packages"; }
install_package "$package"
grep -q "^Installed, and not started" "$work/apt" || fail "the package does not say what comes next"
is "the service after the installation" "inactive disabled" "$(state ActiveState) $(state UnitFileState)"
while read -r wanted; do
    is "owner and mode" "$wanted" "$(inside stat --format '%U:%G %a %n' "${wanted##* }")"
done <<TEXT
root:root 755 /usr/bin/cdrscope
root:cdrscope 750 /etc/cdrscope
root:root 644 /etc/cdrscope/cdrscope.toml
root:root 644 /etc/logrotate.d/cdrscope
cdrscope:cdrscope 700 /var/lib/cdrscope
cdrscope:cdrscope 750 /var/log/cdrscope
root:root 644 /usr/lib/systemd/system/cdrscope.service
root:root 644 /usr/share/bash-completion/completions/cdrscope
root:root 644 /usr/share/zsh/vendor-completions/_cdrscope
root:root 644 /usr/share/fish/vendor_completions.d/cdrscope.fish
root:root 644 /usr/share/man/man1/cdrscope-serve.1.gz
root:root 644 /usr/share/man/man5/cdrscope.toml.5.gz
root:root 644 /usr/share/doc/cdrscope/README.md
root:root 644 /usr/share/doc/cdrscope/changelog.gz
root:root 644 /usr/share/doc/cdrscope/docs/install.md
root:root 644 /usr/share/doc/cdrscope/schema/0001_cdrs.sql
root:root 644 /usr/share/doc/cdrscope/config/clickhouse/users.d/cdrscope.xml
TEXT
is "the settings" "$(sha256sum <config/cdrscope.toml)" "$(inside cat /etc/cdrscope/cdrscope.toml | sha256sum)"
inside bash -n /usr/share/bash-completion/completions/cdrscope
inside systemd-analyze verify --man=no cdrscope.service || fail "systemd has complaints about the unit"

step "without settings"
check() { inside cdrscope check --config /etc/cdrscope/cdrscope.toml; }
check >"$work/check" 2>&1 && fail "check is content without settings"
grep -q '^next .*auth.secret_file' "$work/check" || { cat "$work/check" >&2 && fail "check does not say what comes next"; }
inside systemctl start cdrscope
for _ in $(seq 100); do [ "$(state ActiveState)" != failed ] || break && sleep 0.1; done
is "the service without settings" "failed 2 0" "$(state ActiveState) $(state ExecMainStatus) $(state NRestarts)"

step "the first start, over made-up calls"
inside dpkg --fsys-tarfile /var/tmp/package.deb >"$work/tar" && tar -xf "$work/tar" -C "$work" ./usr/bin/cdrscope
serve_demo "$work/usr/bin/cdrscope" 20000
access() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2], {}, d))' "$work/data/access.json" "$1"; }
cat >"$root/etc/cdrscope/cdrscope.toml" <<TEXT
[http]
listen = "127.0.0.1:0"
[clickhouse]
url = "$(access url)"
user = "$(access 'reader["user"]')"
password_file = "/etc/cdrscope/clickhouse.password"
[auth]
secret_file = "/etc/cdrscope/auth.secret"
[exports]
dir = "/var/lib/cdrscope/exports"
[log]
access = "json"
access_file = "/var/log/cdrscope/access.log"
audit_file = "/var/log/cdrscope/audit.log"
TEXT

# As the package says it. A reader's rights suffice for the service.
inside install -m 600 -o cdrscope /dev/null /etc/cdrscope/auth.secret
inside install -m 600 -o cdrscope /dev/null /etc/cdrscope/clickhouse.password
inside openssl rand -hex 32 >"$root/etc/cdrscope/auth.secret"
access 'reader["password"]' >"$root/etc/cdrscope/clickhouse.password"
check >"$work/check" 2>&1 || { cat "$work/check" >&2 && fail "check has complaints"; }
! grep -q WARN "$work/check" || { cat "$work/check" >&2 && fail "check warns"; }
inside systemctl enable --quiet --now cdrscope

# listening: sets address once the service that runs now has said it.
listening() {
    for _ in $(seq 100); do
        address=$(inside journalctl --output cat _SYSTEMD_INVOCATION_ID="$(state InvocationID)" | sed -n 's/.*listening on //p')
        [ -z "$address" ] || return 0
        sleep 0.1
    done
    inside journalctl --unit cdrscope >&2
    fail "the service does not listen"
}
customer_token=$(inside cdrscope token --customer 1 --config /etc/cdrscope/cdrscope.toml 2>/dev/null)
# ask [FORMAT]: a report on the last day, in $work/report.
ask() {
    curl --silent --show-error --fail-with-body --get "$address/api/rest/customer/v1/origination-statistics-quality" \
        --header "Authorization: $customer_token" --data "account-id=$account" ${1:+--data "format=$1"} \
        --data "from-time=$(($(date +%s) - 86400))" --data "to-time=$(date +%s)" --data sampling=15minutes >"$work/report" ||
        { cat "$work/report" >&2 && fail "no report${1:+ in the format $1}"; }
}
listening
ask
calls=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["totals"]["total_calls"])' "$work/report")
[ "$calls" -gt 0 ] || fail "the report counts no calls"
# A workbook goes through files in the service's own /tmp.
ask xlsx
is "the beginning of a workbook" PK "$(head -c 2 "$work/report")"
is "the service's user" cdrscope "$(inside ps -o user= -p "$(state MainPID)" 2>/dev/null || inside stat --format %U "/proc/$(state MainPID)")"
is "the folder of exports" "cdrscope:cdrscope 700" "$(inside stat --format '%U:%G %a' /var/lib/cdrscope/exports)"

step "a new secret without a restart"
cp "$root/etc/cdrscope/auth.secret" "$work/secret"
inside openssl rand -hex 32 >"$root/etc/cdrscope/auth.secret"
inside systemctl reload cdrscope
for _ in $(seq 50); do (ask) 2>/dev/null || break && sleep 0.1; done
! (ask) 2>/dev/null || fail "a token of the former secret is good after the reload"
cat "$work/secret" >"$root/etc/cdrscope/auth.secret"
inside systemctl reload cdrscope
for _ in $(seq 50); do ! (ask) 2>/dev/null || break && sleep 0.1; done

step "logs are rotated"
for _ in 1 2; do
    inside logrotate --force /etc/logrotate.d/cdrscope || fail "logrotate has complaints"
    ask
    for log in audit access; do
        for _ in $(seq 50); do [ ! -s "$root/var/log/cdrscope/$log.log" ] || break && sleep 0.1; done
        is "a new $log log" "cdrscope:cdrscope 600" "$(inside stat --format '%U:%G %a' /var/log/cdrscope/$log.log)"
        grep -q statistics-quality "$root/var/log/cdrscope/$log.log" || fail "the new $log log lacks the request"
        grep -q statistics-quality "$root/var/log/cdrscope/$log.log.1" || fail "the former $log log has lost its requests"
    done
done
inside gzip --test /var/log/cdrscope/audit.log.2.gz /var/log/cdrscope/access.log.2.gz || fail "logs are not packed"

step "upgrade"
dpkg-deb --raw-extract "$package" "$work/next"
sed -i 's/^Version: .*/&+next/' "$work/next/DEBIAN/control"
echo "# A later version." | tee -a "$work/next/etc/cdrscope/cdrscope.toml" >>"$work/next/etc/logrotate.d/cdrscope"
(cd "$work/next" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | xargs -0 md5sum >DEBIAN/md5sums)
dpkg-deb --root-owner-group -Z gzip --build "$work/next" "$work/next.deb" >"$work/build"
settings=$(sha256sum <"$root/etc/cdrscope/cdrscope.toml")
before=$(state InvocationID)
install_package "$work/next.deb"
# shellcheck disable=SC2016  # dpkg's own variable
is "the version" "$(dpkg-deb --field "$work/next.deb" Version)" "$(inside dpkg-query --show --showformat '${Version}' cdrscope)"
is "the administrator's settings" "$settings" "$(sha256sum <"$root/etc/cdrscope/cdrscope.toml")"
tail -n 1 "$root/etc/cdrscope/cdrscope.toml.dpkg-dist" | grep -q "A later version" || fail "the later settings are not beside the administrator's"
tail -n 1 "$root/etc/logrotate.d/cdrscope" | grep -q "A later version" || fail "an unchanged conffile was not replaced"
! grep -q "^Installed, and not started" "$work/apt" || fail "an upgrade tells first steps"
is "the service after the upgrade" "active enabled" "$(state ActiveState) $(state UnitFileState)"
[ "$(state InvocationID)" != "$before" ] || fail "the service was not restarted"
listening
ask

step "an upgrade does not start what is stopped"
inside systemctl stop cdrscope
is "the service's end" success "$(state Result)"
install_package "$work/next.deb"
is "the stopped service" inactive "$(state ActiveState)"

step "remove"
inside systemctl start cdrscope
inside apt-get remove --yes cdrscope >"$work/apt" 2>&1 || { cat "$work/apt" >&2 && fail "apt-get could not remove it"; }
is "processes of the service" "" "$(inside find /proc -maxdepth 1 -user cdrscope)"
[ ! -e "$root/usr/bin/cdrscope" ] || fail "the program is still there"
is "the administrator's settings" "$settings" "$(sha256sum <"$root/etc/cdrscope/cdrscope.toml")"

step "purge"
inside apt-get purge --yes cdrscope >"$work/apt" 2>&1 || { cat "$work/apt" >&2 && fail "apt-get could not purge it"; }
is "what purge left, by name or owner" "" "$(inside find / -xdev \( -name '*cdrscope*' -o -user cdrscope -o -group cdrscope \) -not -path '/proc/*')"
is "the user" cdrscope "$(inside id --user --name cdrscope)"
step "ok"
