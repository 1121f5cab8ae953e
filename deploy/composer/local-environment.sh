#!/usr/bin/env bash
# Installs what Composer has, and only that, into .tools/composer: Airflow and its providers from their lock
# file, and deploy/requirements.txt. A stamp of their checksum says what is there.
set -euo pipefail
cd "$(dirname "$0")/.."
. dev/uv.sh
VENV=.tools/composer
LOCK=deploy/airflow-requirements.txt
EXTRA=deploy/requirements.txt

mkdir -p .tools
exec 9>.tools/composer.lock
flock 9
! is_installed "$VENV" "$LOCK" "$EXTRA" deploy/composer-environment.sh || exit 0
new_environment "$VENV" "$LOCK"
if grep -qE '^[A-Za-z0-9]' "$EXTRA"; then
  # Composer refuses packages that disagree with its own: so does this
  grep -oE '^[a-z0-9._-]+==[^ ]+' "$LOCK" >"$VENV/constraints.txt"
  "$UV" pip install --quiet --python "$VENV/bin/python" --compile-bytecode \
    --constraint "$VENV/constraints.txt" --requirement "$EXTRA"
fi
echo "$STAMP" >"$VENV/.lock-checksum"
