#!/usr/bin/env bash
# Installs both environments from their lock files, once: a stamp of the lock's checksum says what is there.
set -euo pipefail
cd "$(dirname "$0")/.."
. dev/uv.sh
HEARTBEAT_SECONDS=15
INSTALLER=

# An installer in the background ignores ctrl-C: it is ended by hand, with all that it started.
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

# is_usable VENV: its interpreter starts and it was made here, for its scripts hold absolute paths
is_usable() {
  [ "$(cat "$1/.made-in" 2>/dev/null)" = "$(pwd -P)" ] && "$1/bin/python" -c '' 2>/dev/null
}

# install NAME VENV LOCK...: makes the environment anew if it is unusable, and syncs it if its stamp is another
install() {
  local name=$1 venv=$2 started=$SECONDS stamp
  shift 2
  stamp=$(cat "$@" dev/setup.sh | sha256sum | cut -d' ' -f1)
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
  if [ "$venv" = pipeline/.venv ]; then
    "$UV" pip install --quiet --python "$venv/bin/python" --no-deps --editable pipeline
  fi
  echo "$stamp" >"$venv/.lock-checksum"
  echo "setup: $name ready after $((SECONDS - started)) s"
}

# sync_to_locks NAME VENV LOCK...: installs in the background, and shows a sign of life
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
install "Airflow and localcloud" .venv requirements.txt
install "the TFX pipeline" pipeline/.venv "$PIPELINE_LOCK" pipeline/requirements-dev.txt
