#!/usr/bin/env bash
# Installs the newest pair of Airflow and Google provider, and the tests' tools, into .tools/compat from their lock file.
set -euo pipefail
cd "$(dirname "$0")/../.."
. dev/install/uv.sh
VENV=.tools/compat
LOCK=dev/install/compat-requirements.txt

mkdir -p .tools
exec 9>.tools/compat.lock
flock 9
! is_installed "$VENV" "$LOCK" localcloud/pyproject.toml dev/install/compat-environment.sh || exit 0
new_environment "$VENV" "$LOCK"
"$UV" pip install --quiet --python "$VENV/bin/python" --no-deps --editable localcloud
echo "$STAMP" >"$VENV/.lock-checksum"
