#!/usr/bin/env bash
# Installs only Composer's packages into .tools/composer: Airflow and its providers from their lock
# file, and deploy/composer/requirements.txt. A stamp has their checksum.
set -euo pipefail
cd "$(dirname "$0")/../.."
. dev/install/uv.sh
VENV=.tools/composer
LOCK=deploy/composer/airflow-requirements.txt
EXTRA=deploy/composer/requirements.txt

mkdir -p .tools
exec 9>.tools/composer.lock
flock 9
! is_installed "$VENV" "$LOCK" "$EXTRA" deploy/composer/local-environment.sh || exit 0
new_environment "$VENV" "$LOCK"
if grep -qE '^[A-Za-z0-9]' "$EXTRA"; then
  # like Composer, reject packages that conflict with its own
  grep -oE '^[a-z0-9._-]+==[^ ]+' "$LOCK" >"$VENV/constraints.txt"
  "$UV" pip install --quiet --python "$VENV/bin/python" --compile-bytecode \
    --constraint "$VENV/constraints.txt" --requirement "$EXTRA"
fi
echo "$STAMP" >"$VENV/.lock-checksum"
