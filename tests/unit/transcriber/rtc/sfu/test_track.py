"""A track: forwarded, decoded only while somebody listens, silent while muted."""

from __future__ import annotations

import numpy as np

from tests.unit.transcriber.rtc.sfu.members import Up, by_hand
from transcriber.audio.block import Block
from transcriber.rtc import rtp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.opus import Encoder
from transcriber.rtc.sdp import Codec
from transcriber.rtc.sfu.incoming import Incoming
from transcriber.rtc.sfu.leg import Leg
from transcriber.rtc.sfu.outbox import Outbox
from transcriber.rtc.sfu.packet import Form
from transcriber.rtc.sfu.track import Shown, Track

LEVEL = 3


class Voice:
    """Somebody who speaks a tone into a track."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        one = Incoming(
            "0", "audio", Codec(111, "opus/48000"), keys=frozenset({110}),
            extensions=((LEVEL, rtp.AUDIO_LEVEL),),
        )  # fmt: skip
        self.outbox = Outbox(Buffer(), by_hand)
        self.track = Track(
            "ann", one, Shown("microphone"), outbox=self.outbox, upstream=Up(),
            on_key=self.keys.append, waiting=set(),
        )  # fmt: skip
        self.buffer = Buffer()
        self.number = 0
        self._encoder = Encoder()
        self._tone = (0.3 * np.sin(np.arange(480) * 0.2)).astype(np.float32)

    def say(self, packets: int = 1) -> None:
        for _ in range(packets):
            self._put(111, self._encoder.encode(self._tone))

    def press(self, event: bytes) -> None:
        self._put(110, event, timestamp=960 * 50)

    def _put(self, kind: int, payload: bytes, timestamp: int = -1) -> None:
        data, self.number = self.buffer.data, self.number + 1
        at = self.number * 960 if timestamp < 0 else timestamp
        start = rtp.write_header(data, kind, self.number, at, source=7, level=(LEVEL, 20))
        data[start : start + len(payload)] = payload
        size = start + len(payload)
        sink = self.track.key if kind == 110 else self.track.media
        sink(self.buffer, size, self.number * 0.02)
        self.outbox.flush()


class Way:
    def __init__(self) -> None:
        self.numbers: list[int] = []

    def send(self, buffer: Buffer, size: int) -> None:
        header = rtp.parse(buffer.data, size)
        assert header
        self.numbers.append(header[1])


def test_sound_is_decoded_once_for_all_who_listen_and_not_longer() -> None:
    voice = Voice()
    first: list[Block] = []
    second: list[Block] = []
    voice.say(4)
    stop = voice.track.listen(first.append)
    also = voice.track.listen(second.append)
    voice.say(20)
    assert 4 <= len(first) == len(second)
    assert first[-1] is second[-1]
    stop()
    stop()
    voice.say(8)
    assert len(second) > len(first)
    also()
    heard = len(second)
    voice.say(8)
    assert len(second) == heard


def test_keys_are_told_once_each() -> None:
    voice = Voice()
    voice.press(b"\x05\x0a\x00\x00")
    for _ in range(3):
        voice.press(b"\x05\x8a\x00\x00")
    stop = voice.track.listen(lambda block: None)
    voice.press(b"\x05\x8a\x00\x00")
    voice.track.key(voice.buffer, 3, 9.0)
    stop()
    assert voice.keys == ["5"]


def test_what_is_muted_reaches_nobody_and_the_numbers_go_on_afterwards() -> None:
    voice, way = Voice(), Way()
    voice.track.forwarder.add(Leg(way, Form(111)), 0.0)
    voice.say(3)
    voice.track.mute(True)
    voice.say(5)
    voice.track.mute(False)
    voice.say(2)
    first = way.numbers[0]
    assert way.numbers == [(first + step) & 0xFFFF for step in range(5)]


def test_the_loudest_packet_is_remembered() -> None:
    voice = Voice()
    assert voice.track.loudest == rtp.QUIETEST
    voice.say()
    assert voice.track.loudest == 20
    assert voice.track.as_dict() == {
        "id": voice.track.id, "kind": "audio", "source": "microphone", "muted": False,
        "encryption": None, "layers": [],
    }  # fmt: skip
