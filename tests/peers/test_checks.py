"""What `transcriber check` says of peers that are there: of their keys, names and secrets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from tests.peers.engines import deepgram, kyutai
from tests.peers.engines.server import Mischief, Server
from tests.peers.hpb_stack import HpbStack
from tests.peers.nextcloud import SECRET, Nextcloud
from tests.peers.talk.programs import NEWEST
from transcriber import config
from transcriber.checks import Verdict, speech, talk

Check = Callable[[config.Settings], Awaitable[Verdict]]
Engine = Callable[[Mischief], AbstractAsyncContextManager[Server]]


async def blamed(check: Check, environ: dict[str, str]) -> str:
    verdict = await check(config.load(environ))
    return verdict.setting if verdict.problem else ""


async def test_the_backend_is_asked_whether_it_lets_us_in() -> None:
    async with HpbStack(NEWEST) as stack:
        right = {
            "LT_HPB_URL": stack.url,
            "LT_INTERNAL_SECRET": stack.internal_secret,
            "LT_BACKEND_URL": stack.nextcloud.base_url,
        }
        wrong = {"LT_INTERNAL_SECRET": "guessed", "LT_BACKEND_URL": "https://another.example"}
        assert await blamed(talk.signaling, right) == ""
        for name, value in wrong.items():
            assert await blamed(talk.signaling, right | {name: value}) == name


async def test_nextcloud_is_asked_whether_we_are_its_app() -> None:
    async with Nextcloud().running() as cloud:
        right = {"NEXTCLOUD_URL": cloud.url, "APP_ID": "live_transcription", "APP_SECRET": SECRET}
        assert await blamed(talk.nextcloud, right) == ""
        assert await blamed(talk.nextcloud, right | {"APP_SECRET": "guessed"}) == "APP_SECRET"


@pytest.mark.parametrize(
    ("name", "serve", "url", "key", "scheme", "path"),
    [
        ("deepgram", deepgram.nova, "DEEPGRAM_BASE_URL", "DEEPGRAM_API_KEY", "http", ""),
        ("kyutai", kyutai.own_service, "STT_STREAM_URL", "KYUTAI_API_KEY", "ws", "/v1/stream"),
    ],
)
async def test_an_engine_is_asked_whether_it_knows_our_key(
    name: str, serve: Engine, url: str, key: str, scheme: str, path: str
) -> None:
    def at(server: Server) -> dict[str, str]:
        host = server.url.split("/")[2]
        return {url: f"{scheme}://{host}{path}", key: "k"}

    check = partial(speech.hears, name)
    async with serve(Mischief()) as server:
        assert await blamed(check, at(server)) == ""
    async with serve(Mischief(times=9, status=401)) as server:
        assert key in await blamed(check, at(server))
    assert await blamed(check, at(server)) == url
