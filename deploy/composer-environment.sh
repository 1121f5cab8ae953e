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
stamp=$(cat "$LOCK" "$EXTRA" deploy/composer-environment.sh | sha256sum | cut -d' ' -f1)
if [ "$(cat "$VENV/.lock-checksum" 2>/dev/null)" = "$stamp" ] && "$VENV/bin/python" -c '' 2>/dev/null; then
  exit
fi
find_python
find_uv
echo "deploy-check: installing Composer's packages into $VENV (a minute or two)"
"$UV" venv --quiet --clear --python "$PYTHON" "$VENV"
# a package without bytecode would count against the import's 30 seconds
"$UV" pip sync --quiet --python "$VENV/bin/python" --require-hashes --compile-bytecode "$LOCK"
if grep -qE '^[A-Za-z0-9]' "$EXTRA"; then
  # Composer refuses packages that disagree with its own: so does this
  grep -oE '^[a-z0-9._-]+==[^ ]+' "$LOCK" >"$VENV/constraints.txt"
  "$UV" pip install --quiet --python "$VENV/bin/python" --compile-bytecode \
    --constraint "$VENV/constraints.txt" --requirement "$EXTRA"
fi
echo "$stamp" >"$VENV/.lock-checksum"
