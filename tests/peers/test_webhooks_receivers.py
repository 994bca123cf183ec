"""The receivers that the README shows, each against real deliveries."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.peers import require
from tests.ports import free_port
from webhooks import Endpoint, Message, Secret, Worker, new_secret, open_store
from webhooks.guard import guarded_session
from webhooks.models import Outcome
from webhooks.sender import http_post
from webhooks.worker import Notice

ROOT = Path(__file__).parents[2]
README = (ROOT / "webhooks" / "README.md").read_text()
RECEIVERS = dict(re.findall(r"^```(\w+) receiver\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))
EXTENSION = {"python": "py", "js": "mjs", "php": "php"}


def command(language: str, script: Path, port: int) -> list[str]:
    if language == "python":
        return [sys.executable, str(script)]
    if language == "js":
        return [require("node"), str(script)]
    return [require("php"), "-q", "-S", f"127.0.0.1:{port}", str(script)]


def start(words: list[str], environment: dict[str, str], printed: Path) -> subprocess.Popen[bytes]:
    with printed.open("wb") as out:
        return subprocess.Popen(
            words, env=os.environ | environment, stdout=out, stderr=subprocess.DEVNULL
        )


@asynccontextmanager
async def receiver(language: str, secret: str, folder: Path) -> AsyncIterator[tuple[int, Path]]:
    """Run what the README shows; what it prints is in the file."""
    port = free_port()
    script = folder / f"receiver.{EXTENSION[language]}"
    script.write_text(RECEIVERS[language])
    printed = folder / "printed"
    environment = {"PORT": str(port), "WEBHOOK_SECRET": secret, "PYTHONPATH": str(ROOT)}
    process = start(command(language, script, port), environment, printed)
    try:
        await listening(port)
        yield port, printed
    finally:
        process.kill()
        process.wait()


async def listening(port: int) -> None:
    for _ in range(1200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            await writer.wait_closed()
            return
    raise TimeoutError("the receiver does not listen")


async def deliver(port: int, folder: Path, *secrets: str) -> Outcome:
    """Send one message, and return what came of its first attempt."""
    outcomes: list[Outcome] = []

    def observe(notice: Notice) -> None:
        assert isinstance(notice, Outcome)
        outcomes.append(notice)
        worker.close()

    url = f"http://127.0.0.1:{port}/hook"
    endpoint = Endpoint("whk_1", url, tuple(Secret(secret) for secret in secrets))
    body = '{"type":"speech.final","data":{"transcript":"Grüße"}}'.encode()
    async with (
        open_store(f"sqlite:///{folder}/hooks.db") as store,
        guarded_session(allowed=["127.0.0.0/8"]) as session,
    ):
        await store.save(endpoint, now=time.time())
        await store.add(Message("evt_1", "speech.final", body), now=time.time())
        worker = Worker(store, http_post(session, limit=10, kept=100), observe=observe)
        await asyncio.wait_for(worker.run(), 20)
    return outcomes[0]


@pytest.mark.parametrize("language", EXTENSION)
async def test_takes_what_is_ours(language: str, tmp_path: Path) -> None:
    secret = new_secret()
    async with receiver(language, secret, tmp_path) as (port, printed):
        outcome = await deliver(port, tmp_path, secret)
        assert (outcome.state, outcome.attempt.status) == ("delivered", 204)
        assert printed.read_text().split() == ["evt_1", "speech.final"]


@pytest.mark.parametrize("language", EXTENSION)
async def test_takes_what_is_signed_with_an_old_secret_too(language: str, tmp_path: Path) -> None:
    secret = new_secret()
    async with receiver(language, secret, tmp_path) as (port, _):
        assert (await deliver(port, tmp_path, new_secret(), secret)).state == "delivered"


@pytest.mark.parametrize("language", EXTENSION)
async def test_refuses_what_is_not_ours(language: str, tmp_path: Path) -> None:
    async with receiver(language, new_secret(), tmp_path) as (port, _):
        outcome = await deliver(port, tmp_path, new_secret())
        assert (outcome.state, outcome.attempt.status) == ("pending", 401)
