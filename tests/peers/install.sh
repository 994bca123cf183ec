#!/usr/bin/env bash
# Installs the real peers named in debian.txt, if this is Debian or Ubuntu and we are root.
# Otherwise names what is left out; with REQUIRE_PEERS=1 that is a failure.
set -euo pipefail
list=$(dirname "$0")/debian.txt

missing=()
while read -r package reason; do
  case $package in '' | '#'*) continue ;; esac
  if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
    missing+=("$package")
    echo "peers: $package is missing ($reason)"
  fi
done <"$list"
[ ${#missing[@]} = 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "peers: installing ${missing[*]}"
  apt-get update -qq
  # Servers must not start by themselves: each test starts its own, on ports of its own.
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "peers: not root on Debian or Ubuntu, so tests against these are left out: ${missing[*]}"
  [ "${REQUIRE_PEERS:-0}" = 0 ]
fi
