#!/usr/bin/env bash
# Writes the four lock files. The pipeline has two, since two of its wheels need glibc 2.39.
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
cd pipeline
compile pyproject.toml --override overrides.txt --python-platform x86_64-manylinux_2_39 -o requirements.txt
compile pyproject.toml --override overrides-glibc-below-2.39.txt --python-platform x86_64-manylinux_2_36 \
  -o requirements-glibc-below-2.39.txt
compile --group dev -o requirements-dev.txt
