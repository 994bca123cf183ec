"""Nonsense at every door of a room: it is answered with an error, and nothing breaks."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from typing import Any

from tests.peers.rtc import tone, until
from tests.peers.test_rooms_protocol import ADMIN, House, house
from tests.peers.visitor import Visitor

ROUNDS = 80
"""Descriptions that are spoilt; each is offered, answered and sent by WHIP."""
WRONG = ("", "{", "[]", "null", '"x"', "{}", '{"type": 5}', "[" * 10_000, "\x00", "🦆" * 99)
JUNK: tuple[Any, ...] = (
    None, True, -1, 1 << 70, 0.5, "", "x" * 300, "\x00\r\n", "a=candidate", [], [[]], {}, {"a": {}}
)  # fmt: skip
TYPES = {
    "publish": ("sdp", "tracks"),
    "answer": ("sdp", "revision"),
    "candidate": ("peer", "candidate"),
    "restart": ("peer",),
    "subscribe": ("track_id",),
    "unsubscribe": ("track_id",),
    "layer": ("track_id", "layer"),
    "pause": ("track_id", "paused"),
    "mute": ("track_id", "muted"),
    "captions": ("on", "target"),
    "language": ("language",),
    "data": ("data", "to"),
    "remove": ("participant_id",),
    "join": ("token",),
}
CANDIDATES = (
    "candidate:1 1 udp 1 192.0.2.99 99999 typ host",
    "candidate:1 9 sctp -1 :: 0 typ nothing",
    "candidate:" + "1 " * 200,
    "candidate:1 1 udp 2130706431 printer.local 5000 typ host",
)


def messages(dice: random.Random) -> Iterator[dict[str, Any]]:
    """Yield messages whose fields are not what they should be."""
    for type_, fields in TYPES.items():
        for _ in range(8):
            yield {"type": type_} | {name: dice.choice(JUNK) for name in fields}
    for line in CANDIDATES:
        for peer in ("publish", "subscribe"):
            found = {"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0}
            yield {"type": "candidate", "peer": peer, "candidate": found}


def spoilt(text: str, dice: random.Random) -> str:
    """Return a description in which something is missing, doubled, moved or other than it was."""
    lines = text.splitlines()
    for _ in range(dice.randrange(1, 5)):
        at = dice.randrange(len(lines))
        match dice.randrange(5):
            case 0:
                del lines[at : at + dice.randrange(1, 4)]
            case 1:
                lines.insert(dice.randrange(len(lines)), lines[at])
            case 2:
                lines[at] = lines[at][: dice.randrange(len(lines[at]) + 1)]
            case 3:
                parts = lines[at].split(" ")
                parts[dice.randrange(len(parts))] = str(dice.choice(JUNK))
                lines[at] = " ".join(parts)
            case _:
                lines[at] = "".join(chr(dice.randrange(256)) for _ in range(20))
        lines = lines or ["v=0"]
    return "\r\n".join(lines) + "\r\n"


async def ask(who: Visitor, number: int) -> None:
    """Wait until everything so far was taken."""
    before = len(who.told)
    await who.say("ping")
    await until(lambda: bool(who.find("pong", before)) or who.socket.closed, f"an answer {number}")
    assert not who.socket.closed, (number, who.told[-3:])
    await asyncio.sleep(0.03)  # not too many messages a second


async def test_nonsense_is_answered_with_an_error_and_breaks_nothing() -> None:
    dice = random.Random(7)
    async with house(MAX_PARTICIPANTS_PER_ROOM="1000") as place:
        await place.open()
        ann, bo = await place.visitor("Ann"), await place.visitor("Bo")
        track = await ann.publish()
        for wrong in WRONG:
            await bo.socket.send_str(wrong)
        await ask(bo, -1)
        assert len(bo.find("error")) == len(WRONG)
        for number, message in enumerate(messages(dice)):
            await bo.socket.send_str(json.dumps(message))
            await ask(bo, number)
        assert {one["code"] for one in bo.find("error")} >= {
            "bad_message",
            "not_found",
            "bad_input",
        }
        await _spoil(place, dice)
        ann.sender.play(tone(60.0))
        cleo = await place.visitor("Cleo")
        await until(lambda: cleo.hear(track).seconds > 1, "sound after all that")
        assert not {"participant failed", "Task exception was never retrieved"} & set(place.logged)
        async with place.http.get(f"/api/v1/rooms/{place.room}", headers=ADMIN) as answer:
            assert answer.status == 200


async def _spoil(place: House, dice: random.Random) -> None:
    """Offer, answer and post spoilt descriptions."""
    token = await place.token()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
    who = await place.visitor("Dan")
    await who.publisher.gather()
    offer, revision = who.offer(), who.find("offer")
    tracks = [{"mid": "0", "kind": "audio", "source": "microphone"}]
    for number in range(ROUNDS):
        text = spoilt(offer, dice)
        await who.say("publish", sdp=text, tracks=tracks)
        await who.say("answer", sdp=text, revision=len(revision) or 1)
        await ask(who, number)
        if number % 5 == 0:
            path = f"/api/v1/rooms/{place.room}/whip"
            async with place.http.post(path, data=text.encode(), headers=headers) as answer:
                assert answer.status in (201, 400, 503), await answer.text()
    assert not who.socket.closed
