"""
How the app is described to Nextcloud and packed for it.

The image's steps are run here one by one as its file says, without Docker: its own environment is
made from the lock, and what it starts answers the question that Docker asks.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.peers.dockerfile import ROOT, of, started, steps
from tests.ports import free_port
from transcriber.app import form
from transcriber.config import load, table

INFO = ElementTree.parse(ROOT / "appinfo/info.xml").getroot()
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
BUILT = "/opt/transcriber"
"""Where the image has the application."""


def text(path: str) -> str:
    return INFO.findtext(path) or ""


def test_the_description_fits_what_is_packed() -> None:
    assert text("version") == VERSION
    assert text("external-app/docker-install/image-tag") == VERSION
    assert all(
        text(f"external-app/docker-install/{part}") for part in ("registry", "image", "image-tag")
    )


def test_deploy_options_are_settings_and_their_defaults_are_valid() -> None:
    known = {setting.name for setting in table()}
    given, names = {}, []
    for variable in INFO.iter("variable"):
        name = variable.findtext("name") or ""
        names.append(name)
        assert variable.findtext("display-name")
        assert variable.findtext("description")
        if default := variable.findtext("default"):
            given[name] = default
    assert len(names) == len(set(names))
    assert set(names) <= known
    assert {"LT_HPB_URL", "LT_INTERNAL_SECRET", "SKIP_CERT_VERIFY", "LT_VOSK_SERVER_URL"} <= {
        *names
    }
    assert not given.keys() & {*form.NAMES}, "a default would win over what is filled in there"
    load(given)


def test_the_image_runs_as_nobody_special_and_has_what_it_needs() -> None:
    kinds = [step.kind for step in steps() if step.stage == "image"]
    (prepared, made), (user,) = of("image", "RUN"), of("image", "USER")
    assert f"useradd --create-home {user}" in made
    assert f"-o {user} /nc_app_{text('id')}_data" in made
    assert kinds.index("USER") < kinds.index("ENTRYPOINT")
    wanted = re.findall(r"install -y --no-install-recommends (.*?) &&", prepared)[0].split()
    installed = (ROOT / "tests/peers/debian.txt").read_text()
    assert all(re.search(f"^{package} ", installed, re.MULTILINE) for package in wanted)
    assert any("frpc" in copied for copied in of("image", "COPY"))
    (here,) = re.findall(r"^uv==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert f"/uv:{here} " in of("build", "COPY")[0]


async def run(*command: str, folder: Path, env: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def build(folder: Path) -> Path:
    """Do what the stage `build` does; returns where the application is then."""
    source, built = folder / "src", folder / "built"
    source.mkdir()
    for words in of("build", "COPY"):
        *names, target = words.split()
        if names[0].startswith("--from"):
            continue
        for name in names:
            copy(ROOT / name, source / target / name if target == "./" else source / target)
    tools = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for line in of("build", "RUN"):
        words = line.replace(BUILT, str(built)).replace(" --compile-bytecode", "")  # takes long
        await run("sh", "-ec", words, folder=source, env=tools)
    return built


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(build(tmp_path_factory.mktemp("image")))


def environment(built: Path, **more: str) -> dict[str, str]:
    """Return the environment that the image sets, with what AppAPI adds to it."""
    set_ = dict(re.findall(r"(\w+)=(\S+)", of("image", "ENV")[0]))
    set_["PATH"] = set_["PATH"].replace(BUILT, str(built)).replace("$PATH", os.environ["PATH"])
    set_["LOCAL_MODEL_FOLDER"] = str(built.parent / "models")
    return {**set_, "DATA_DIR": str(built.parent), "HOME": str(built.parent), **more}


@asynccontextmanager
async def running(env: dict[str, str]) -> AsyncIterator[None]:
    """Start what the image starts."""
    process = await asyncio.create_subprocess_exec(*started(), env=env, cwd=env["DATA_DIR"])
    try:
        yield
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0


async def healthy(env: dict[str, str]) -> bool:
    """Ask as Docker does."""
    (words,) = of("image", "HEALTHCHECK")
    asking = await asyncio.create_subprocess_exec(
        "sh", "-c", words.partition("CMD ")[2], env=env, stderr=asyncio.subprocess.DEVNULL
    )
    return await asking.wait() == 0


async def test_the_image_hears_words(built: Path) -> None:
    said = ["transcriber", "transcribe", str(ROOT / "tests/data/sample.wav")]
    assert await run(*said, folder=built.parent, env=environment(built))


async def test_the_image_starts_and_is_found_healthy_behind_harp(built: Path) -> None:
    folder = built.parent / "bin"
    folder.mkdir()
    (folder / "frpc").symlink_to(ROOT / "tests/peers/frpc.py")
    env = environment(
        built, APP_ID=text("id"), APP_SECRET="s", APP_PORT=str(free_port()), HP_SHARED_KEY="k",
        HP_FRP_ADDRESS="127.0.0.1", HP_EXAPP_SOCK=str(folder / "socket"), WORKERS="0",
        NEXTCLOUD_URL="http://127.0.0.1:9", LT_HPB_URL="http://127.0.0.1:9", LT_INTERNAL_SECRET="s",
    )  # fmt: skip
    env["PATH"] += f":{folder}"
    assert not await healthy(env)
    async with running(env), asyncio.timeout(60):
        while not await healthy(env):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)
    assert not await healthy(env)
    del env["HP_SHARED_KEY"]
    async with running(env), asyncio.timeout(60):
        while not await healthy(env):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)
