"""Plugins of others as recognisers and voices: what happens without them, and with one of them."""

from __future__ import annotations

import ast
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.peers import missing
from transcriber import engines
from transcriber.engines import plugins
from transcriber.engines.plugins import Plugin
from transcriber.engines.stt.base import Stt
from transcriber.engines.tts.base import Tts
from transcriber.errors import EngineError

BRIDGED = "assemblyai aws azure cartesia elevenlabs gladia google soniox speechmatics"
VOICES = "aws azure cartesia deepgram gnani hume lmnt"
VERSION = "1.8.9"
WANTED = [f"livekit-agents=={VERSION}", f"livekit-plugins-deepgram=={VERSION}"]
READ = [
    f"livekit-plugins-{name}=={VERSION}"
    for name in sorted({*BRIDGED.split(), *VOICES.split()} - {"deepgram", "aws"})
]
"""Plugins that are only looked into: without what they need, which is hundreds of megabytes."""


@pytest.fixture(scope="session")
def interpreter() -> Path:
    """A Python that has the plugins, one of them with all that it needs; made once."""
    place, wanted = Path(".venv/bridge"), "\n".join([*WANTED, *READ])
    python, ready = place / "bin/python", place / "ready"
    if not ready.exists() or ready.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        ours = Path(sysconfig.get_path("purelib")).resolve()
        theirs = subprocess.check_output(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        )
        Path(theirs.strip(), "base.pth").write_text(f"{ours}\n")
        uv = [sys.executable, "-m", "uv", "pip", "install", "-q", "-c", "requirements.lock"]
        for these in (WANTED, ["--no-deps", *READ]):
            if subprocess.run([*uv, "--python", str(python), *these], check=False).returncode:
                missing("the plugins of livekit-agents cannot be installed")
        ready.write_text(wanted)
    return python


def test_a_plugin_keeps_the_promises_of_a_recogniser_and_of_a_voice(interpreter: Path) -> None:
    suite = "tests/peers/engines/bridged.py"
    command = [str(interpreter), "-m", "pytest", "-q", "-W", "default", "-p", "no:cacheprovider"]
    ran = subprocess.run([*command, suite], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout[-8_000:] + ran.stderr[-2_000:]


def takes(python: Path, plugin: Plugin, method: str) -> set[str]:
    """The names of the arguments of a plugin's method, read without importing anything."""
    (source,) = python.parent.parent.glob(
        f"lib/python*/site-packages/livekit/plugins/{plugin.name}/{plugin.kind.lower()}.py"
    )
    (found,) = [
        part
        for kind in ast.parse(source.read_text()).body
        if isinstance(kind, ast.ClassDef) and kind.name == plugin.kind
        for part in kind.body
        if isinstance(part, ast.FunctionDef) and part.name == method
    ]
    return {argument.arg for argument in [*found.args.args, *found.args.kwonlyargs]}


@pytest.mark.parametrize("name", [name for name in BRIDGED.split() if name != "aws"])
def test_a_recognisers_plugin_takes_what_we_tell_it(interpreter: Path, name: str) -> None:
    plugin = made(engines.stt, name).plugin
    assert {*plugin.settings.values(), *plugin.extra} <= takes(interpreter, plugin, "__init__")
    assert {"language", "conn_options"} <= takes(interpreter, plugin, "stream")


@pytest.mark.parametrize("name", [name for name in VOICES.split() if name != "aws"])
def test_a_voices_plugin_takes_what_we_tell_it(interpreter: Path, name: str) -> None:
    engine = made(engines.tts, name)
    plugin, wishes = engine.plugin, {engine.provider.voice, engine.provider.language} - {""}
    told = {*plugin.settings.values(), *plugin.extra, *wishes}
    assert told <= takes(interpreter, plugin, "__init__")


def made(find: Callable[[str], Any], name: str) -> Any:
    kind = find(name)
    return kind(kind.Options())


@pytest.mark.parametrize("find", [engines.stt, engines.tts])
async def test_plugins_are_imported_in_the_main_thread(
    find: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They refuse any other; and preparing is never given to one."""
    importing = list[tuple[str, threading.Thread]]()

    def note(module: str) -> None:
        importing.append((module, threading.current_thread()))

    monkeypatch.setattr(plugins, "_installed", lambda package: True)
    monkeypatch.setattr(plugins, "importlib", SimpleNamespace(import_module=note))
    kind = find("cartesia")
    engine = kind(kind.Options.model_validate({"CARTESIA_API_KEY": "k"}))
    await engine.prepare(lambda what, done: None)
    assert importing == [("livekit.plugins.cartesia", threading.main_thread())]


@pytest.mark.parametrize(
    ("find", "name"),
    [(engines.stt, name) for name in BRIDGED.split()]
    + [(engines.tts, name) for name in VOICES.split()],
)
def test_without_the_plugin_the_engine_says_what_to_do(
    find: Callable[[str], type[Stt | Tts]], name: str
) -> None:
    kind = find(name)
    assert "not configured: set" in kind(kind.Options()).unusable()
    aliases = [str(field.alias) for field in kind.Options.model_fields.values()]
    settings = {alias: "https://x" if alias.endswith("_URL") else "x" for alias in aliases}
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
