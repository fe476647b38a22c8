#!/usr/bin/env bash
# Starts the service over made-up calls, and has Python's csv, gzip, openpyxl and pyarrow read its files: they have to hold what its JSON does.
# Usage: scripts/file-checks.sh PROGRAM, the cdrscope to be checked.
set -euo pipefail
program=$(realpath "${1:?usage: scripts/file-checks.sh PROGRAM}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/demo-service.sh
source scripts/demo-service.sh

python_packages
serve_demo "$program" 20000
# The demo ends today; the two days before are whole.
begin=$(($(date +%s) / 86400 * 86400 - 2 * 86400))
# It takes some seconds; whatever hangs is not waited for.
timeout 900 .venv/bin/python tests/python/file_checks.py "$url" "$token" "$account" "$begin"
