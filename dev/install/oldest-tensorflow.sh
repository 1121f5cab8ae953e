#!/usr/bin/env bash
# Installs the oldest TensorFlow that may serve a model into .tools/oldest-tensorflow from its lock file.
set -euo pipefail
cd "$(dirname "$0")/../.."
. dev/install/uv.sh
VENV=.tools/oldest-tensorflow
LOCK=dev/install/oldest-tensorflow-requirements.txt

mkdir -p .tools
exec 9>"$VENV.lock"
flock 9
! is_installed "$VENV" "$LOCK" dev/install/oldest-tensorflow.sh || exit 0
new_environment "$VENV" "$LOCK"
echo "$STAMP" >"$VENV/.lock-checksum"
