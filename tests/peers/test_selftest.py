"""The service tries itself out, with a known sentence, where its rooms are attended."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.peers.service import ready, service

TOKEN = {"Authorization": "Bearer s3cret"}


async def ask(http: aiohttp.ClientSession) -> tuple[int, Any]:
    async with http.post("/api/v1/self-test", headers=TOKEN) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize("workers", ["0", "1"])
async def test_a_known_sentence_comes_back_as_captions(workers: str) -> None:
    async with service(env={"WORKERS": workers}) as (http, _):
        await ready(http)
        (status, report), (busy, _) = await asyncio.gather(ask(http), ask(http))
        assert (status, busy) == (200, 503)
        assert report["ok"], report
        assert [step["name"] for step in report["steps"]] == ["store", "workers", "captions"]
        assert report["steps"][-1]["detail"] == "8 of 8 words were heard"
        async with http.get("/metrics", headers=TOKEN) as answer:
            assert "transcriber_calls 0.0" in await answer.text()
        async with http.post("/api/v1/self-test") as answer:
            assert answer.status == 401


async def test_what_does_not_work_is_named() -> None:
    async with service(env={"LOCAL_MODEL_DIR": "/nowhere"}) as (http, _):
        status, report = await ask(http)
        assert status == 200
        assert not report["ok"]
        assert [step["name"] for step in report["steps"] if not step["ok"]] == ["captions"]
        assert "/nowhere" in report["steps"][-1]["detail"]
