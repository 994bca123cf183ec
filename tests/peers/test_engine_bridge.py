"""Plugins of others as recognisers and voices: what happens without them, and with one of them."""

from __future__ import annotations

import ast
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.peers import missing
from transcriber import engines
from transcriber.engines.stt.base import Stt
from transcriber.engines.tts.base import Tts
from transcriber.errors import EngineError

BRIDGED = "assemblyai aws azure cartesia elevenlabs gladia google soniox speechmatics"
VOICES = "aws azure cartesia deepgram gnani hume lmnt"
WANTED = ["livekit-agents==1.8.9", "livekit-plugins-deepgram==1.8.9"]


@pytest.fixture(scope="session")
def interpreter() -> Path:
    """A Python that has one plugin more than ours; made once."""
    place = Path(".venv/bridge")
    python = place / "bin/python"
    if not (place / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        ours = Path(sysconfig.get_path("purelib")).resolve()
        theirs = subprocess.check_output(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        )
        Path(theirs.strip(), "base.pth").write_text(f"{ours}\n")
        uv = [sys.executable, "-m", "uv", "pip", "install", "-q", "-c", "requirements.lock"]
        if subprocess.run([*uv, "--python", str(python), *WANTED], check=False).returncode:
            missing("the plugins of livekit-agents cannot be installed")
        (place / "ready").touch()
    return python


def test_a_plugin_keeps_the_promises_of_a_recogniser_and_of_a_voice(interpreter: Path) -> None:
    suite = "tests/peers/engines/bridged.py"
    command = [str(interpreter), "-m", "pytest", "-q", "-W", "default", "-p", "no:cacheprovider"]
    ran = subprocess.run([*command, suite], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout[-8_000:] + ran.stderr[-2_000:]


EVERY: list[tuple[Callable[[str], type[Any]], str]]
EVERY = [(engines.stt, name) for name in BRIDGED.split()]
EVERY += [(engines.tts, name) for name in VOICES.split()]


@pytest.fixture(scope="session")
def plugins() -> Path:
    """What the plugins themselves are, without all that they need; fetched once."""
    place = Path(".venv/plugins")
    if not (place / "ready").exists():
        uv = [sys.executable, "-m", "uv", "pip", "install", "-q", "--no-deps"]
        wanted = [f"livekit-plugins-{name}==1.8.9" for name in {name for _, name in EVERY}]
        newest = ["--python-version", "3.12", "--target", str(place)]
        if subprocess.run([*uv, *newest, *wanted], check=False).returncode:
            missing("the plugins of livekit-agents cannot be fetched")
        (place / "ready").touch()
    return place / "livekit" / "plugins"


@pytest.mark.parametrize(("find", "name"), EVERY)
def test_its_client_takes_what_it_is_told(
    find: Callable[[str], type[Any]], name: str, plugins: Path
) -> None:
    kind = find(name)
    engine = kind(kind.Options())
    told = {*engine.plugin.settings.values(), *engine.plugin.extra}
    if voice := getattr(engine, "provider", None):
        told |= {voice.voice, voice.language} - {""}
    assert told <= arguments(plugins / name / f"{engine.plugin.kind.lower()}.py")


def arguments(module: Path) -> set[str]:
    """What the client of a plugin can be told; reading is enough, nothing is imported."""
    (client,) = (
        one
        for one in ast.parse(module.read_text()).body
        if isinstance(one, ast.ClassDef) and one.name == module.stem.upper()
    )
    (made,) = (
        one for one in client.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"
    )
    return {one.arg for one in (*made.args.args, *made.args.kwonlyargs)}


@pytest.mark.parametrize(("find", "name"), EVERY)
def test_without_the_plugin_the_engine_says_what_to_do(
    find: Callable[[str], type[Stt | Tts]], name: str
) -> None:
    kind = find(name)
    assert "not configured: set" in kind(kind.Options()).unusable()
    settings = {field.alias: "x" for field in kind.Options.model_fields.values()}
    engine = kind(kind.Options.model_validate(settings))
    what = f"not installed: pip install 'livekit-plugins-{name}==1.8.*'"
    if name == "aws" and sys.version_info < (3, 12):
        what = "livekit-plugins-aws needs Python 3.12"
    assert what in engine.unusable()


async def test_entering_it_says_the_same() -> None:
    kind = engines.stt("soniox")
    with pytest.raises(EngineError, match="not configured") as refused:
        await kind(kind.Options()).__aenter__()
    assert not refused.value.retryable


def test_nothing_of_the_plugins_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys; from transcriber import engines; engines.stt('google'); engines.tts('azure');"
        "print([name for name in sys.modules if name.startswith('livekit')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
