#!/usr/bin/env bash
# Installs both environments from their lock files, once: a stamp of the lock's checksum says what is there.
set -euo pipefail
cd "$(dirname "$0")/.."
UV_VERSION=0.13.9

fail() { echo "setup: $*" >&2; exit 1; }

find_python() {
  local candidate
  for candidate in python3.11 python3 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  fail "Python 3.11 is needed, and no python3.11 is on the PATH"
}

find_uv() {
  if command -v uv >/dev/null; then
    UV=uv
  elif .tools/uv/bin/uv --version >/dev/null 2>&1; then
    UV=.tools/uv/bin/uv
  else
    echo "setup: no uv on the PATH: installing uv $UV_VERSION into .tools/"
    rm -rf .tools/uv
    "$PYTHON" -m venv .tools/uv || fail "python3.11 cannot make a virtual environment (Debian: apt install python3-venv)"
    .tools/uv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"
    UV=.tools/uv/bin/uv
  fi
}

# install NAME VENV LOCK...: a missing or older stamp, and an interpreter that does not start, mean install again
install() {
  local name=$1 venv=$2 started=$SECONDS stamp
  shift 2
  stamp=$(cat "$@" "$0" | sha256sum | cut -d' ' -f1)
  if [ "$(cat "$venv/.lock-checksum" 2>/dev/null)" = "$stamp" ] && "$venv/bin/python" -c '' 2>/dev/null; then
    return
  fi
  echo "setup: installing $name into $venv from $* (a minute or two)"
  "$venv/bin/python" -c '' 2>/dev/null || "$UV" venv --quiet --clear --python "$PYTHON" "$venv"
  rm -f "$venv/.lock-checksum"
  "$UV" pip sync --quiet --python "$venv/bin/python" --require-hashes --compile-bytecode "$@" &
  local installer=$!
  while kill -0 "$installer" 2>/dev/null; do
    sleep 1
    (((SECONDS - started) % 15)) || echo "setup: $name: $((SECONDS - started)) s"
  done
  wait "$installer" || fail "$name: the installation stopped; call make again to resume it"
  if [ "$venv" = pipeline/.venv ]; then
    "$UV" pip install --quiet --python "$venv/bin/python" --no-deps --editable pipeline
  fi
  echo "$stamp" >"$venv/.lock-checksum"
  echo "setup: $name ready after $((SECONDS - started)) s"
}

pipeline_lock() {
  local glibc
  glibc=$(getconf GNU_LIBC_VERSION | cut -d' ' -f2)
  if [ "$(printf '%s\n2.39\n' "$glibc" | sort -V | head -n 1)" = 2.39 ]; then
    PIPELINE_LOCK=pipeline/requirements.txt
  else
    PIPELINE_LOCK=pipeline/requirements-glibc-below-2.39.txt
    [ -e pipeline/.venv/.lock-checksum ] || echo "setup: glibc $glibc is older than 2.39: older tfdv and ml-metadata wheels are taken"
  fi
}

mkdir -p .local .tools
exec 9>.local/setup.lock
flock -n 9 || { echo "setup: another make is installing: waiting for it"; flock 9; }
# Without bytecode each import of tfx takes 40 s instead of 8.
unset PYTHONDONTWRITEBYTECODE
PYTHON=$(find_python)
find_uv
pipeline_lock
install "Airflow and localcloud" .venv requirements.txt
install "the TFX pipeline" pipeline/.venv "$PIPELINE_LOCK" pipeline/requirements-dev.txt
