#!/usr/bin/env bash
# Installs Airflow and the Google provider alone into .tools/wheel from their lock file, for the wheel of plugins/.
set -euo pipefail
cd "$(dirname "$0")/../.."
. dev/install/uv.sh
VENV=.tools/wheel
LOCK=deploy/composer/airflow-requirements.txt

mkdir -p .tools
exec 9>.tools/wheel.lock
flock 9
! is_installed "$VENV" "$LOCK" dev/install/wheel-environment.sh || exit 0
new_environment "$VENV" "$LOCK"
echo "$STAMP" >"$VENV/.lock-checksum"
