"""
Where the real signaling server comes from.

Two generations are in the field and differ on the wire. Debian packages both, but no release has
both, and the one that most releases carry is older than either. So the packages are downloaded once
from the suites that have them, their signatures checked by apt, and unpacked into the cache: the
server is one program that needs nothing else, and nothing that was not installed can start itself.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.peers import missing, require

__all__ = ["GENERATIONS", "NEWEST", "OLDEST", "signaling_server"]

OLDEST, NEWEST = "1", "2"
GENERATIONS = (OLDEST, NEWEST)
"""What tests run against: 1 is what stable distributions have, 2 is what Nextcloud recommends."""

SUITES = {OLDEST: "bookworm-backports", NEWEST: "sid"}
PACKAGE = "nextcloud-spreed-signaling"
CACHE = Path(__file__).parents[3] / ".cache" / "hpb"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PATIENCE = 120
"""Seconds for one step of a download."""


def signaling_server(generation: str) -> Path:
    """Return the path of the server; downloads it the first time."""
    place = CACHE / generation
    program = place / "usr" / "bin" / f"{PACKAGE}-server"
    if program.exists():
        return program
    for tool in ("apt-get", "dpkg"):
        require(tool)
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        try:
            _unpack(_download(SUITES[generation], Path(folder)), Path(folder) / "root")
        except (subprocess.SubprocessError, LookupError) as error:
            missing(f"{PACKAGE} {generation} cannot be had here: {error}")
        if not place.exists():
            (Path(folder) / "root").rename(place)
    return program


def _download(suite: str, folder: Path) -> Path:
    """Have apt fetch and verify one package of another suite, without touching the system's."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "sources.list").write_text(f"deb [signed-by={KEYRING}] {_archive()} {suite} main\n")
    options = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        # A frozen archive keeps its old promise of how long it is valid.
        "Acquire::Check-Valid-Until": "false",
    }
    apt = ["apt-get", "-qq", *(f"-o{key}={value}" for key, value in options.items())]
    for step in (["update"], ["download", PACKAGE]):
        _run([*apt, *step], folder)
    return next(folder.glob(f"{PACKAGE}_*.deb"))


def _archive() -> str:
    """The Debian archive that this machine uses."""
    form = ["--format", "$(ORIGIN) $(CODENAME) $(SITE)", "Created-By: Packages"]
    found = _run(["apt-get", "indextargets", *form], Path()).splitlines()
    for line in found:
        origin, codename, site = line.split(" ")
        if origin == "Debian" and "-" not in codename:
            return site
    raise LookupError("this machine uses no Debian archive")


def _unpack(package: Path, root: Path) -> None:
    _run(["dpkg", "-x", str(package), str(root)], root.parent)
    shutil.rmtree(root / "usr" / "share", ignore_errors=True)


def _run(command: list[str], folder: Path) -> str:
    ran = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    return ran.stdout
