#!/usr/bin/env bash
# Makes .venv from requirements.lock: the same files everywhere, each checked by its hash.
set -euo pipefail

# A distribution's own Python comes first: it is built with profiles, and half as fast again as one that was not.
python=""
for name in "${PYTHON:-}" /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
  if [ -n "$name" ] && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    if "$name" -c 'import ensurepip, venv' 2>/dev/null; then
      python=$name
      break
    fi
    without_venv=${without_venv:-$name}
  fi
done
if [ -n "${without_venv:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null && python=$without_venv
fi
if [ -z "$python" ]; then
  echo "setup: ${without_venv:+$without_venv lacks its venv module; as root: apt-get install python3-venv. Or }Python 3.11 or newer is needed; install it or name it: make PYTHON=/path/to/python3.12" >&2
  exit 1
fi

echo "setup: installing the locked dependencies into .venv (a minute the first time)"
# What another Python made is of no use to this one.
same=$(readlink -f .venv/bin/python3 || true)
[ "$same" = "$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))')" ] || clear=--clear
"$python" -m venv ${clear:-} .venv
# --no-deps: the lock is complete, and leaves out what its model wheels would drag in.
.venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
.venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
touch .venv/ready
