#!/usr/bin/env bash
# Installs the newest pair of Airflow and Google provider, and the tests' tools, into .tools/compat from their lock file.
set -euo pipefail
cd "$(dirname "$0")/.."
. dev/uv.sh
VENV=.tools/compat
LOCK=dev/compat-requirements.txt

mkdir -p .tools
exec 9>.tools/compat.lock
flock 9
! is_installed "$VENV" "$LOCK" dev/compat-environment.sh || exit 0
new_environment "$VENV" "$LOCK"
echo "$STAMP" >"$VENV/.lock-checksum"
