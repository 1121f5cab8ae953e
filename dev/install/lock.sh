#!/usr/bin/env bash
# Writes the lock files. The pipeline has two, since two of its wheels need glibc 2.39.
set -euo pipefail
cd "$(dirname "$0")/.."
. dev/uv.sh
find_python
find_uv
UV=$(realpath "$(command -v "$UV")")

compile() {
  "$UV" pip compile --quiet --upgrade --python-version 3.11 --generate-hashes --no-emit-index-url --no-header "$@"
}

compile pyproject.toml --group dev -o requirements.txt
compile --group compat -o dev/compat-requirements.txt
# what single images install, at the very versions that the tests ran with
compile pyproject.toml --group postgres --constraint requirements.txt -o deploy/airflow-requirements.txt
compile --group localcloud --constraint requirements.txt -o localcloud/requirements.txt
cd pipeline
compile --group oldest-tensorflow -o ../dev/oldest-tensorflow-requirements.txt
compile --group installer -o requirements-installer.txt
compile pyproject.toml --override overrides.txt --python-platform x86_64-manylinux_2_39 -o requirements.txt
compile pyproject.toml --override overrides-glibc-below-2.39.txt --python-platform x86_64-manylinux_2_36 \
  -o requirements-glibc-below-2.39.txt
# the tools of notebooks and of the bench go beside either lock, so they take what both hold
pins() { grep -oE '^[a-z0-9._-]+==[^ ]+' "$1" | sort; }
comm -12 <(pins requirements.txt) <(pins requirements-glibc-below-2.39.txt) |
  compile --group dev --group bench --group notebook --constraint - -o requirements-dev.txt
# the interactive image has the newer lock alone, and notebooks run there with the tools that the tests ran with
cat requirements.txt requirements-dev.txt | pins /dev/stdin |
  compile --group interactive --constraint - -o requirements-interactive.txt
