#!/usr/bin/env bash
# Loads files that Python's csv, json and pyarrow wrote, damaged ones too, and compares what the table holds with what was meant.
# Usage: scripts/load-checks.sh PROGRAM [SEED], the cdrscope to be checked.
set -euo pipefail
program=$(realpath "${1:?usage: scripts/load-checks.sh PROGRAM [SEED]}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/demo-service.sh
source scripts/demo-service.sh

python_packages
# It takes half a minute; whatever hangs is not waited for.
timeout 1200 .venv/bin/python tests/python/load_checks.py "$program" "$work" ${2:+"$2"}
