#!/usr/bin/env bash
# Makes .venv-torch beside .venv: torch for the CPU, moshi without its pins, modal. The lane in
# tests/gpu runs in it, with the locked dependencies of .venv.
#
# Only a CPU build of torch is ever taken: PyPI's own for Linux brings CUDA packages of several GB.
# pip finds CPU builds in PyTorch's own index, or in a folder of wheels; name either to pip as usual
# (PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS). Where there is none this says so and leaves the lane out;
# with REQUIRE_PEERS=1 that is a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."
list=tests/gpu/requirements.txt
venv=.venv-torch
torch=$(sed -n 's/^# torch: //p' "$list")
moshi=$(sed -n 's/^# moshi: //p' "$list")
[ "$venv/ready" -nt "$list" ] && [ "$venv/ready" -nt .venv/ready ] && exit 0

echo "gpu lane: preparing $venv"
.venv/bin/python -m venv "$venv"
pip() { "$venv/bin/python" -m pip install -q --disable-pip-version-check "$@"; }
# A Mac and an ARM machine have no other build than the one for the CPU.
case "$(uname -s)-$(uname -m)" in Linux-x86_64) build="torch==$torch+cpu" ;; *) build="torch==$torch" ;; esac
if ! pip "$build"; then
  echo "gpu lane: left out, pip finds no CPU build of torch $torch; name it a place that has one:" \
    "PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS" >&2
  [ "${REQUIRE_PEERS:-0}" = 0 ] && exit 0 || exit 1
fi
.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
  >"$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/locked.pth"
pip --no-deps "moshi==$moshi"
pip -r "$list" 2> >(grep -v -e 'dependency resolver' -e 'moshi .* requires' -e 'incompatible' >&2 || true)
touch "$venv/ready"
