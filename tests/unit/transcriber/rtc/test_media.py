"""What peers share: one certificate, made anew before it expires."""

from __future__ import annotations

import asyncio
import datetime

import pytest
from aiortc import RTCCertificate

from transcriber.rtc import Peer
from transcriber.rtc.media import RENEW, Media


class Reporter:
    """Counts its reports."""

    def __init__(self) -> None:
        self.reports = 0

    def report(self, now: float, wall: float) -> None:
        self.reports += 1


@pytest.mark.parametrize(("count", "least", "most"), [(1, 198, 202), (10, 48, 54), (100, 48, 54)])
async def test_everybody_reports_now_and_then(count: int, least: int, most: int) -> None:
    peers = [Reporter() for _ in range(count)]
    async with Media() as media:
        for peer in peers:
            media.register(peer)
        await asyncio.sleep(100)
    assert all(least <= peer.reports <= most for peer in peers)


def fingerprint(peer: Peer) -> tuple[str, str]:
    return peer.path.ours(1).fingerprint


async def test_peers_of_one_process_show_the_same_certificate() -> None:
    async with Media() as media, Media() as other:
        assert fingerprint(Peer(media)) == fingerprint(Peer(media))
        assert fingerprint(Peer(media)) != fingerprint(Peer(other))


@pytest.mark.parametrize(("left", "kept"), [(1, True), (-1, False)])
async def test_a_certificate_that_is_about_to_expire_is_not_shown_to_new_peers(
    monkeypatch: pytest.MonkeyPatch, left: int, kept: bool
) -> None:
    async with Media() as media:
        before = fingerprint(Peer(media))
        expires = datetime.datetime.now(datetime.UTC) + RENEW + datetime.timedelta(minutes=left)
        monkeypatch.setattr(RTCCertificate, "expires", expires)
        assert (fingerprint(Peer(media)) == before) is kept
