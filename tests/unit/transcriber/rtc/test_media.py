"""What peers share: one certificate, made anew before it expires."""

from __future__ import annotations

import datetime

import pytest
from aiortc import RTCCertificate

from transcriber.rtc import Peer
from transcriber.rtc.media import RENEW, Media


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
