"""Servers that help to find a way: asked of Talk, kept fresh, done without."""

from __future__ import annotations

import asyncio
from typing import Any

from transcriber import aio
from transcriber.connectors.nextcloud import Identity, Nextcloud, Unanswered
from transcriber.connectors.nextcloud.relays import FRESH, Relays
from transcriber.rtc import IceServer

TOLD = {
    "stunservers": [{"urls": ["stun:talk:443"]}],
    "turnservers": [{"urls": ["turn:talk?transport=udp"], "username": "n", "credential": "c"}],
}


class Cloud(Nextcloud):
    """Answers what it is told to, in turn; the last again and again."""

    def __init__(self, *answers: Any) -> None:
        self.identity = Identity("a", "1", "1", "s", "http://cloud")
        self.asked = 0
        self._answers = answers

    async def ask(self, *what: Any, **how: Any) -> Any:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        if answer is None:
            raise Unanswered("down")
        return answer


async def after(relays: Relays, seconds: float) -> list[str]:
    async with aio.alongside(relays.run()):
        await asyncio.sleep(seconds)
    return [url for server in relays.servers() for url in server.urls]


async def test_talk_tells_them_and_they_are_kept_fresh() -> None:
    cloud = Cloud(TOLD)
    relays = Relays(cloud, ())
    assert await after(relays, 1) == ["stun:talk:443", "turn:talk?transport=udp"]
    assert relays.servers()[1] == IceServer(("turn:talk?transport=udp",), "n", "c")
    await after(relays, 3 * FRESH + 1)
    assert cloud.asked == 1 + 4


async def test_what_is_set_here_wins_and_nobody_is_asked() -> None:
    cloud, ours = Cloud(TOLD), [IceServer(("stun:ours",))]
    assert await after(Relays(cloud, ours), 1) == ["stun:ours"]
    assert cloud.asked == 0


async def test_while_nextcloud_is_down_the_last_ones_count() -> None:
    relays = Relays(Cloud(None, TOLD, None), ())
    assert await after(relays, 30) == ["stun:talk:443", "turn:talk?transport=udp"]
    assert await after(relays, FRESH + 30) == ["stun:talk:443", "turn:talk?transport=udp"]


async def test_nonsense_is_passed_over() -> None:
    odd: dict[str, Any] = {
        "stunservers": [None, {"urls": "stun:one"}, {"urls": []}, {}],
        "turnservers": "no",
    }
    assert await after(Relays(Cloud(odd), ()), 1) == ["stun:one"]
    assert await after(Relays(Cloud([]), ()), 1) == []
