#!/usr/bin/env bash
# Writes the lock files. The pipeline has two, since two of its wheels need glibc 2.39.
set -euo pipefail
cd "$(dirname "$0")/../.."
. dev/install/uv.sh
find_python
find_uv
UV=$(realpath "$(command -v "$UV")")

compile() {
  "$UV" pip compile --quiet --upgrade --python-version 3.11 --generate-hashes --no-emit-index-url --no-header "$@"
}

compile pyproject.toml localcloud/pyproject.toml --group dev -o requirements.txt
compile localcloud/pyproject.toml --group compat -o dev/install/compat-requirements.txt
# packages of single images, at the versions that the tests used
compile pyproject.toml --group postgres --constraint requirements.txt -o deploy/composer/airflow-requirements.txt
compile localcloud/pyproject.toml --constraint requirements.txt -o localcloud/requirements.txt
cd pipeline
compile --group oldest-tensorflow -o ../dev/install/oldest-tensorflow-requirements.txt
compile --group installer -o requirements-installer.txt
compile pyproject.toml --override ../dev/install/overrides.txt --python-platform x86_64-manylinux_2_39 -o requirements.txt
compile pyproject.toml --override ../dev/install/overrides-glibc-below-2.39.txt --python-platform x86_64-manylinux_2_36 \
  -o requirements-glibc-below-2.39.txt
# the tools of notebooks and of the bench are installed with either lock, so they use the versions of both
pins() { grep -oE '^[a-z0-9._-]+==[^ ]+' "$1" | sort; }
comm -12 <(pins requirements.txt) <(pins requirements-glibc-below-2.39.txt) |
  compile --group dev --group bench --group notebook --constraint - -o requirements-dev.txt
# the interactive image only has the newer lock, with the same notebook tools as the tests
cat requirements.txt requirements-dev.txt | pins /dev/stdin |
  compile --group interactive --constraint - -o requirements-interactive.txt
