"""
What a maintainer asks for when something is wrong, as one report.

The program and its machine, the settings, what `check` finds, and what the running service says of
itself, if it can be reached: health, metrics, the end of its log. Nothing personal is in it, and no
secret: whatever equals the value of a secret setting, or stands as a password in an address, is
taken out of everything at the very end.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import aiohttp

from transcriber import config
from transcriber.app import list_engines, list_voices
from transcriber.checks import Verdict, check
from transcriber.config import Settings
from transcriber.session.limits import free_memory

__all__ = ["examine", "redacted"]

REACH = 3.0
"""Seconds for the running service to answer one question."""
LONG_LINE = 4 << 20
"""Bytes of the longest line: the end of the log."""
SHORT = 4
"""A secret with fewer characters is no secret, and would be found everywhere."""
PASSWORD = re.compile(r"(?<=://)([^:/@\s\"]*):[^@/\s\"]+@")
"""A password within an address."""
PACKAGES = ("transcriber", "aiohttp", "aiortc", "av", "numpy", "onnxruntime", "sherpa-onnx")
"""Those whose versions have explained troubles."""
HIDDEN = "(hidden)"


async def examine(settings: Settings) -> str:
    """Return the report as JSON."""
    found: list[Verdict] = []
    await check(settings, found.append)
    report = {
        "program": _program(),
        "machine": _machine(settings),
        "settings": _settings(settings),
        "checks": [asdict(verdict) for verdict in found],
        "recognisers": [engine.as_dict() for engine in list_engines(settings)],
        "voices": [engine.as_dict() for engine in list_voices(settings)],
        "service": await _service(settings),
    }
    return redacted(json.dumps(report, indent=1, ensure_ascii=False), settings.secrets)


def redacted(text: str, secrets: frozenset[str]) -> str:
    """Take secrets out of a text, also where JSON writes them differently."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORT:
            text = text.replace(json.dumps(secret)[1:-1], HIDDEN).replace(secret, HIDDEN)
    return PASSWORD.sub(rf"\1:{HIDDEN}@", text)


def _program() -> dict[str, str]:
    return {"python": sys.version} | {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _machine(settings: Settings) -> dict[str, Any]:
    folder = settings.store.folder
    there = next(one for one in (folder, *folder.parents) if one.exists())
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "free_memory_mb": round(free_memory() / 2**20),
        "free_disk_mb": round(shutil.disk_usage(there).free / 2**20),
    }


def _settings(settings: Settings) -> dict[str, str]:
    """What differs from the default, and where it comes from."""
    return {
        one.name: f"{settings.shown(one)} ({settings.origins[one.name]})"
        for one in config.table()
        if settings.origins[one.name] != "default"
    }


async def _service(settings: Settings) -> dict[str, Any]:
    """Ask the service that runs with these settings."""
    web = settings.web
    headers = {"Authorization": f"Bearer {web.api_token.get_secret_value()}"}
    timeout = aiohttp.ClientTimeout(total=REACH)
    url = f"http://{web.host}:{web.port}"
    async with aiohttp.ClientSession(
        url, headers=headers, timeout=timeout, read_bufsize=LONG_LINE
    ) as http:
        asked = {path: await _ask(http, path) for path in ("/health", "/ready", "/metrics")}
        return asked | {"log": await _log(http)}


async def _ask(http: aiohttp.ClientSession, path: str) -> str:
    try:
        async with http.get(path) as answer:
            return f"{answer.status} {await answer.text()}"
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return type(error).__name__


async def _log(http: aiohttp.ClientSession) -> list[dict[str, Any]]:
    """The end of the log, from the stream of the console."""
    kind = b""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError, ValueError):
        async with http.get("/api/v1/console/stream") as answer:
            async for line in answer.content:
                name, _, value = line.partition(b": ")
                kind = value.strip() if name == b"event" else kind
                if name == b"data" and kind == b"log":
                    return [_without_people(one) for one in json.loads(value)]
    return []


def _without_people(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if not key.startswith("pii_")}
