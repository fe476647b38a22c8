#!/usr/bin/env bash
# Starts the service over made-up calls, and has it bring recurring files to an S3 server, moto, through a relay that fails on purpose.
# Usage: scripts/store-checks.sh PROGRAM, the cdrscope to be checked.
set -euo pipefail
program=$(realpath "${1:?usage: scripts/store-checks.sh PROGRAM}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/demo-service.sh
source scripts/demo-service.sh

python_packages
# It takes two minutes; whatever hangs is not waited for. What it starts ends with it.
timeout --kill-after 10 600 .venv/bin/python tests/python/store_checks.py "$program" "$work"
