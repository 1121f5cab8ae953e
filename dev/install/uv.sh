# Sourced by the other scripts of this folder: finds Python 3.11 and uv.
UV_VERSION=0.13.9

fail() { echo "${0##*/}: $*" >&2; exit 1; }

# find_python: sets PYTHON
find_python() {
  local candidate
  for candidate in python3.11 python3 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
      PYTHON=$("$candidate" -c 'import sys; print(sys.executable)')
      return
    fi
  done
  fail "Python 3.11 is needed, and no python3.11 is on the PATH"
}

# find_uv: sets UV to the one on the PATH if it is new enough, else to the project's own
find_uv() {
  for UV in uv .tools/uv/bin/uv; do
    ! is_new_enough "$UV" || return 0
  done
  echo "setup: no uv $UV_VERSION or newer on the PATH: installing it into .tools/"
  rm -rf .tools/uv
  "$PYTHON" -m venv .tools/uv || fail "$PYTHON cannot make a virtual environment (Debian: apt install python3-venv)"
  .tools/uv/bin/python -m pip install -q -q --disable-pip-version-check "uv==$UV_VERSION" || fail "uv could not be installed"
}

is_new_enough() {
  local version
  version=$("$1" --version 2>/dev/null | cut -d ' ' -f 2)
  [ "$(printf '%s\n' "$version" "$UV_VERSION" | sort -V | head -n 1)" = "$UV_VERSION" ]
}

# is_installed VENV FILE...: VENV was created from these files; sets STAMP to their checksum
is_installed() {
  local venv=$1
  shift
  STAMP=$(cat "$@" | sha256sum | cut -d' ' -f1)
  [ "$(cat "$venv/.lock-checksum" 2>/dev/null)" = "$STAMP" ] && "$venv/bin/python" -c '' 2>/dev/null
}

# new_environment VENV LOCK: recreates VENV with the packages of LOCK
new_environment() {
  # without bytecode each process would compile its imports again
  unset PYTHONDONTWRITEBYTECODE
  find_python
  find_uv
  echo "${0##*/}: installing into $1 from $2 (a minute or two)"
  "$UV" venv --quiet --clear --python "$PYTHON" "$1"
  "$UV" pip sync --quiet --python "$1/bin/python" --require-hashes --compile-bytecode "$2"
}
