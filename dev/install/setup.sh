#!/usr/bin/env bash
# Installs both environments from their lock files, once: a stamp has the lock's checksum.
set -euo pipefail
cd "$(dirname "$0")/../.."
. dev/install/uv.sh
HEARTBEAT_SECONDS=15
INSTALLER=

# An installer in the background ignores ctrl-C: stop it explicitly, with its children.
stop_installer() {
  [ -n "$INSTALLER" ] || return 0
  kill -TERM -- "-$INSTALLER" 2>/dev/null || kill -TERM "$INSTALLER" 2>/dev/null || true
  wait "$INSTALLER" 2>/dev/null || true
}

interrupted() {
  stop_installer
  echo "setup: interrupted; call make again to resume" >&2
  exit 130
}

# is_usable VENV: its interpreter starts and it was created here, since its scripts have absolute paths
is_usable() {
  [ "$(cat "$1/.made-in" 2>/dev/null)" = "$(pwd -P)" ] && "$1/bin/python" -c '' 2>/dev/null
}

# install NAME VENV PROJECT LOCK...: recreates the environment if it is unusable, and syncs it if its stamp differs;
# the folder PROJECT is installed as editable
install() {
  local name=$1 venv=$2 project=$3 started=$SECONDS stamp
  shift 3
  stamp=$(cat "$@" "$project/pyproject.toml" dev/install/setup.sh | sha256sum | cut -d' ' -f1)
  if is_usable "$venv" && [ "$(cat "$venv/.lock-checksum" 2>/dev/null)" = "$stamp" ]; then
    return
  fi
  echo "setup: installing $name into $venv from $* (a minute or two)"
  if ! is_usable "$venv"; then
    "$UV" venv --quiet --clear --python "$PYTHON" "$venv"
    pwd -P >"$venv/.made-in"
  fi
  rm -f "$venv/.lock-checksum"
  sync_to_locks "$name" "$venv" "$@"
  "$UV" pip install --quiet --python "$venv/bin/python" --no-deps --editable "$project"
  echo "$stamp" >"$venv/.lock-checksum"
  echo "setup: $name ready after $((SECONDS - started)) s"
}

# sync_to_locks NAME VENV LOCK...: installs in the background, and prints its progress
sync_to_locks() {
  local name=$1 venv=$2 started=$SECONDS said=$SECONDS
  shift 2
  setsid "$UV" pip sync --quiet --python "$venv/bin/python" --require-hashes --compile-bytecode "$@" 9>&- &
  INSTALLER=$!
  while kill -0 "$INSTALLER" 2>/dev/null; do
    sleep 1
    if ((SECONDS - said >= HEARTBEAT_SECONDS)); then
      said=$SECONDS
      echo "setup: $name: $((SECONDS - started)) s"
    fi
  done
  wait "$INSTALLER" || fail "$name: the installation stopped; call make again to resume it"
  INSTALLER=
}

# find_pipeline_lock: sets PIPELINE_LOCK
find_pipeline_lock() {
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
trap interrupted INT TERM HUP
# Without bytecode each import of tfx takes 40 s instead of 8.
unset PYTHONDONTWRITEBYTECODE
find_python
find_uv
find_pipeline_lock
install "Airflow and localcloud" .venv localcloud requirements.txt
install "the TFX pipeline" pipeline/.venv pipeline "$PIPELINE_LOCK" pipeline/requirements-dev.txt
