"""Webhooks on the command line, with the running service and a receiver beside it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.peers.command import Ran
from tests.peers.service import service
from transcriber.cli import main

Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `transcriber webhooks` here: a process for each would cost a second and a half."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr("transcriber.cli.setup.configure_logs", lambda options: None)

    def run(*arguments: str) -> Ran:
        try:
            code = main(["webhooks", *arguments])
        except SystemExit as usage:
            code = int(usage.code or 0)
        return Ran(code, *capsys.readouterr())

    return run


@asynccontextmanager
async def listening(env: dict[str, str]) -> AsyncIterator[tuple[str, asyncio.StreamReader]]:
    """`webhooks listen`; yields its address, and what it prints after that."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "transcriber", "webhooks", "listen", "--port", "0", "--json"),
        env={**os.environ, **env},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        yield (await process.stdout.readline()).decode().split()[2], process.stdout
    finally:
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130


async def test_a_developer_sees_events_arrive_verified_and_again(tmp_path: Path, run: Run) -> None:
    env = {
        "DATA_DIR": str(tmp_path),
        "WORKERS": "0",
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.1/32",
    }

    async def say(*arguments: str) -> dict[str, Any]:
        ran = await asyncio.to_thread(run, *arguments, "--json")
        said: dict[str, Any] = json.loads(ran.out)
        return said

    async with asyncio.timeout(120), service(env=env), listening(env) as (url, printed):
        made = await say("list")
        assert (made["url"], made["event_types"], made["name"]) == (url, ["*"], "listen")
        sent = await say("test", made["id"])
        event = json.loads(await printed.readline())
        assert (event["id"], event["type"]) == (sent["event_id"], "webhook.test")
        while (kept := await say("deliveries", made["id"]))["state"] != "delivered":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        again = await say("replay", made["id"], "--delivery", str(kept["id"]))
        assert again["count"] == 1
        assert json.loads(await printed.readline())["id"] == event["id"]
        async with aiohttp.ClientSession() as http, http.post(url, data=b"{}") as answer:
            assert answer.status == 401
        assert "missing" in json.loads(await printed.readline())["refused"]
    left = await asyncio.to_thread(run, "list", "--json")
    assert left.out == "", "what was made for the receiver is gone with it"


def test_people_get_tables_and_the_secret_is_shown_once(run: Run) -> None:
    id_, secret = run("add", "https://example.com/hook", "--room", "abc").out.split()
    assert secret.startswith("whsec_")
    listed = run("list").out
    assert id_[:20] in listed
    assert secret not in listed + run("list", "--json").out
    assert "on its way" in run("test", id_).out
    assert "webhook.test" in run("deliveries", id_, "--state", "pending").out
    assert run("deliveries", id_, "--state", "dead", "--json").out == ""
    assert run("replay", id_, "--since", "2026-01-31T12:00:00Z").out == "0 will be sent again\n"
    assert run("replay", id_, "--delivery", "77").err == "transcriber: there is no delivery 77\n"


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        (["add", "ftp://example.com"], 2, "url: the URL must begin with https:// or http://"),
        (["add", "https://example.com", "--events", "Speech"], 2, "event_types.0"),
        (["test", "whk_none"], 1, "there is no webhook whk_none; see `transcriber webhooks list`"),
        (["replay", "whk_none", "--since", "yesterday"], 2, "2026-01-31T12:00:00Z"),
        (["deliveries", "whk_none", "--limit", "0"], 2, "--limit"),
        (["listen", "--port", "0"], 3, "WEBHOOK_ALLOWED_NETWORKS"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, wrong: list[str], code: int, said: str) -> None:
    ran = run(*wrong)
    assert ran.code == code
    assert said in ran.err
