"""
A Debian 12 that has only Python, make and the internet: does everything work there, from zero?

    python -m tests.pristine demo check image --json     # or: test, which takes long

For each run a root is made by debootstrap in a temporary folder, and the last commit is put there.
`demo` waits for its page, `image` does what the Dockerfile says, with Debian's Python, and starts
the result as its user on a disk that nobody can write to. What runs there ends with us, sees the
packages of this machine's mirrors, and nothing else of it; afterwards all is removed.

Only root can run it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.load.report import Bar, finish, parser
from tests.peers.dockerfile import ROOT, of, started
from tests.ports import free_port

__all__ = ["STEPS"]

HOME = "/opt/transcriber"
"""Where the commit is."""
PACKAGES = "python3,make,ca-certificates"
LIMIT = 2400
"""Seconds for one step."""
TOO_LONG = 124
"""The status of a step that was ended."""
KEPT = re.compile(r"PIP_.*|UV_.*|SSL_CERT_FILE|NODE_EXTRA_CA_CERTS|.*_proxy", re.IGNORECASE)
"""Variables that say how packages are reached."""
MIRRORS = (
    "etc/apt/sources.list",
    "etc/apt/sources.list.d",
    "etc/apt/apt.conf.d",
    "etc/resolv.conf",
)
TRUSTED = ("etc/ssl/certs/ca-certificates.crt", "etc/hosts", "etc/npmrc")
ENTER = """
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
pivot_root . mnt
umount -l /mnt
exec env --default-signal=INT bash -e /step
"""
"""Whoever is only led there by chroot may have no namespaces of their own."""
DEMO = """
set -m
HTTP_PORT=0 make demo > /tmp/demo 2>&1 &
until url=$(grep -om1 'http://localhost:[0-9]*' /tmp/demo); do kill -0 $!; sleep 0.2; done
cat /tmp/demo
python3 -c 'import sys, urllib.request as web; print(web.urlopen(sys.argv[1]).read(99))' "$url"
kill -INT -- -$!
wait $! || true
"""
IMAGE = """
make setup
PATH=$PWD/.venv/bin:$PATH
cp tests/data/sample.wav /srv
mkdir /src
cd /src
{build}
{prepare}
mount --rbind / /mnt
mount -t tmpfs -o mode=1777 none /mnt/tmp
mount -t tmpfs -o uid=$(id -u {user}) none /mnt{volume}
mount -o remount,bind,ro /mnt
exec chroot /mnt runuser -u {user} -- bash -e /start
"""
START = """
export HOME=/home/{user} {env}
export APP_ID={app} APP_SECRET=s APP_PORT={port} NEXTCLOUD_URL=http://127.0.0.1:9
export LT_HPB_URL=http://127.0.0.1:9 LT_INTERNAL_SECRET=s APP_PERSISTENT_STORAGE={volume}
cd /
if touch $HOME/file; then exit 1; fi
{command} &
until {health}; do kill -0 $!; sleep 0.2; done
kill $!
wait $!
transcriber transcribe /srv/sample.wav
"""


def image(root: Path) -> str:
    """Do what the Dockerfile says."""
    (user,), (env,), (health,) = (of("image", kind) for kind in ("USER", "ENV", "HEALTHCHECK"))
    prepare = "\n".join(of("image", "RUN"))
    (volume,) = re.findall(r"/nc_app_\w+", prepare)
    start = START.format(
        user=user,
        env=env,
        app=volume.removeprefix("/nc_app_").removesuffix("_data"),
        port=free_port(),
        volume=volume,
        command=shlex.join(started()),
        health=health.partition("CMD ")[2],
    )
    (root / "start").write_text(start)
    build = "\n".join([*copied(), *of("build", "RUN")])
    return IMAGE.format(build=build, prepare=prepare, user=user, volume=volume)


def copied() -> Iterator[str]:
    """Copy what is built, as the shell does it."""
    for words in of("build", "COPY"):
        *names, target = words.split()
        if not names[0].startswith("--from"):
            yield shlex.join(["cp", "-a", *(f"{HOME}/{name}" for name in names), target])


STEPS: dict[str, Callable[[Path], str]] = {
    "demo": lambda root: DEMO,
    "check": lambda root: "make check",
    "image": image,
    "test": lambda root: "REQUIRE_PEERS=1 make test",
}
"""What can be tried, in this order, as the shell does it in a root."""


def make(root: Path) -> None:
    """Make a root that has the last commit."""
    if not shutil.which("debootstrap"):
        subprocess.run(["bash", ROOT / "tests/peers/install.sh"], check=True, stdout=sys.stderr)
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root],
        check=True,
        stdout=sys.stderr,
    )
    for name in (*MIRRORS, *TRUSTED):
        take(Path("/", name), root / name)
    home = root / HOME[1:]
    home.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", home], input=archive.stdout, check=True)


def take(source: Path, target: Path) -> None:
    """Have the same there as here."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())


def environment() -> dict[str, str]:
    """What is set there."""
    kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"HOME": "/root", "LANG": "C.UTF-8", "PATH": path, **kept}


def run(root: Path, script: str) -> int:
    """Do something there; whatever it leaves running ends with it."""
    (root / "step").write_text(f"cd {HOME}\n{script}")
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-ec", ENTER]
    try:
        done = subprocess.run(
            [*command, "enter", root],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        return TOO_LONG
    return done.returncode


def figures(names: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Yield how long everything took, and how it ended."""
    with tempfile.TemporaryDirectory(prefix="pristine-") as folder:
        root = Path(folder) / "root"
        began = time.monotonic()
        make(root)
        yield "root_s", time.monotonic() - began
        for name in names:
            began = time.monotonic()
            status = run(root, STEPS[name](root))
            yield f"{name}_s", time.monotonic() - began
            yield f"{name}_status", status


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("steps", nargs="*", metavar="STEP", help=f"of {', '.join(STEPS)}")
    given = options.parse_args()
    names = given.steps or list(STEPS)
    if strange := set(names) - STEPS.keys():
        options.error(f"there is no step {min(strange)}; there are {', '.join(STEPS)}")
    found = dict(figures(names))
    bars = [Bar(name, value, "==", 0) for name, value in found.items() if name.endswith("_status")]
    return finish("pristine", found, bars, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
