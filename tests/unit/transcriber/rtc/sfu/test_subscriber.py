"""What somebody is offered on one connection after another, and what of their wishes stays."""

from __future__ import annotations

from unittest.mock import AsyncMock, Mock

import pytest

from tests.unit.transcriber.rtc.sfu.members import track
from transcriber.rtc import Media, sdp
from transcriber.rtc.link import Link
from transcriber.rtc.path import Path
from transcriber.rtc.sfu import subscriber
from transcriber.rtc.sfu.subscriber import Subscriber
from transcriber.rtc.sfu.track import Track


@pytest.fixture
def who(monkeypatch: pytest.MonkeyPatch) -> Subscriber:
    def path(*_: object, **__: object) -> Mock:
        ours = sdp.Ours(session=1, ufrag="us", password="ours", fingerprint=("sha-256", "AB"))
        made = Mock(Path, ours=Mock(return_value=ours), link=Mock(Link), handshaken=False)
        return Mock(
            wraps=made, link=made.link, gather=AsyncMock(), close=AsyncMock(), aim=AsyncMock()
        )

    monkeypatch.setattr(subscriber, "new_path", path)
    media = Mock(Media, now=Mock(return_value=1.0))
    return Subscriber(media, on_lost=Mock(), on_layer=Mock())


async def offered(who: Subscriber, *tracks: Track) -> list[tuple[str, str, str]]:
    """Offer tracks, have all be taken, and return the sections."""
    offer = await who.offer({one.id: one for one in tracks})
    theirs = sdp.parse(offer.sdp)
    lines = offer.sdp.replace("sendonly", "recvonly")
    await who.accept(lines)
    return [(one.mid, one.kind, one.direction) for one in theirs.sections]


async def test_who_lost_their_way_is_offered_the_same_sections_and_keeps_their_wishes(
    who: Subscriber,
) -> None:
    ann, bo, face = track("ann"), track("bo"), track("bo", "video", "camera")
    everything = [
        ("0", "audio", "sendonly"),
        ("1", "audio", "sendonly"),
        ("2", "video", "sendonly"),
    ]
    assert await offered(who, ann, bo, face) == everything
    who.pause(bo.id, True)
    who.pause(face.id, True)
    await who.lose()
    assert [len(one.forwarder.legs) for one in (ann, bo, face)] == [0, 0, 0]
    assert await offered(who, bo, face) == [
        ("0", "audio", "sendonly"), ("1", "audio", "inactive"), ("2", "video", "sendonly")
    ]  # fmt: skip
    assert [leg.paused for leg in who.legs.values()] == [True, True]
    assert await offered(who, ann, face) == [
        ("0", "audio", "sendonly"), ("1", "audio", "inactive"), ("2", "video", "sendonly")
    ]  # fmt: skip
    assert not who.legs[ann.id].paused
    await offered(who, ann, bo)
    assert not who.legs[bo.id].paused, "it was not offered meanwhile, and that ends a wish"


async def test_who_comes_back_without_a_connection_gets_one_that_is_new(who: Subscriber) -> None:
    ann, face = track("ann"), track("ann", "video", "camera")
    await offered(who, ann, face)
    await who.close()
    assert await offered(who, face) == [("0", "video", "sendonly")]
