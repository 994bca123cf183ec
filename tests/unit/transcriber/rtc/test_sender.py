"""Our mouth: paced without drift, silent at once when told, nothing sent in silence."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.virtual_time import VirtualTimeLoop
from transcriber.audio.block import RATE, Samples
from transcriber.errors import Overloaded
from transcriber.rtc import opus, rtcp, rtp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.pacer import Pacer
from transcriber.rtc.sender import LIMIT, Clip, Sender


@dataclass
class Wire:
    """Where packets go: remembers them and when they went."""

    packets: list[tuple[float, bytes]] = field(default_factory=list)
    control: list[bytes] = field(default_factory=list)

    def send(self, buffer: Buffer, size: int) -> None:
        self.packets.append((asyncio.get_running_loop().time(), bytes(buffer.view[:size])))

    def send_control(self, packet: bytes) -> None:
        self.control.append(packet)

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.packets]

    @property
    def headers(self) -> list[rtp.Header]:
        return [header for _, data in self.packets if (header := rtp.parse(data, len(data)))]


class Mouth:
    def __init__(self, *, level: int = 0) -> None:
        self.wire = Wire()
        self.pacer = Pacer(asyncio.get_running_loop())
        self.sender = Sender(self.pacer, Buffer())
        self.level = level

    def open(self) -> Mouth:
        self.sender.open(self.wire, payload_type=111, level=self.level)
        return self


def tone(seconds: float) -> Samples:
    at = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)


async def test_speech_goes_out_every_20_ms() -> None:
    mouth = Mouth().open()
    began = asyncio.get_running_loop().time()
    mouth.sender.play(tone(1.0))
    assert mouth.sender.queued == pytest.approx(1.0)
    await asyncio.sleep(5)
    assert mouth.wire.times == pytest.approx([began + 0.02 * n for n in range(50)])
    headers = mouth.wire.headers
    assert [header[1] - headers[0][1] for header in headers] == list(range(50))
    assert [header[2] - headers[0][2] for header in headers] == [960 * n for n in range(50)]
    assert [data[1] >> 7 for _, data in mouth.wire.packets] == [1] + [0] * 49


async def test_what_arrives_is_what_was_said() -> None:
    mouth = Mouth().open()
    mouth.sender.play(tone(0.4))
    await asyncio.sleep(1)
    pcm = np.zeros(20 * opus.FRAME + opus.LONGEST, np.float32)
    decoder = opus.Decoder(pcm)
    for place, (_, data) in enumerate(mouth.wire.packets):
        decoder.decode(data[12:], place * opus.FRAME)
    spectrum = np.abs(np.fft.rfft(pcm[RATE // 5 : 2 * RATE // 5]))
    assert int(np.argmax(spectrum)) * 5 == 440


async def test_stopping_leaves_nothing_to_be_heard() -> None:
    mouth = Mouth().open()
    told: list[bool] = []
    mouth.sender.play(tone(2.0))
    mouth.sender.mark(told.append)
    await asyncio.sleep(0.5)
    sent = len(mouth.wire.packets)
    mouth.sender.stop()
    await asyncio.sleep(5)
    assert len(mouth.wire.packets) == sent
    assert told == [False]
    assert mouth.sender.queued == 0


async def test_a_mark_is_reached_when_everything_before_it_is_sent() -> None:
    mouth = Mouth().open()
    reached: list[tuple[bool, int]] = []
    mouth.sender.play(tone(0.11))
    mouth.sender.mark(lambda done: reached.append((done, len(mouth.wire.packets))))
    mouth.sender.play(tone(0.1))
    await asyncio.sleep(0.09)
    assert reached == []
    await asyncio.sleep(1)
    assert reached == [(True, 6)]
    assert len(mouth.wire.packets) == 11


async def test_in_silence_nothing_is_sent_and_time_goes_on() -> None:
    mouth = Mouth().open()
    mouth.sender.play(tone(0.04))
    await asyncio.sleep(10)
    mouth.sender.play(tone(0.04))
    await asyncio.sleep(1)
    first, _, third, _ = mouth.wire.headers
    assert third[1] - first[1] == 2
    assert third[2] - first[2] == pytest.approx(10 * 48_000, abs=960)
    assert [data[1] >> 7 for _, data in mouth.wire.packets] == [1, 0, 1, 0]


async def test_what_is_said_before_there_is_a_way_waits() -> None:
    mouth = Mouth()
    mouth.sender.play(tone(0.1))
    await asyncio.sleep(1)
    assert mouth.wire.packets == []
    mouth.open()
    await asyncio.sleep(1)
    assert len(mouth.wire.packets) == 5


async def test_small_portions_become_whole_packets() -> None:
    mouth = Mouth().open()
    for _ in range(10):
        mouth.sender.play(tone(0.01))
    await asyncio.sleep(1)
    assert len(mouth.wire.packets) == 5


async def test_a_clip_is_encoded_once_for_all() -> None:
    clip = Clip.of(tone(0.05))
    mouths = [Mouth(level=1).open() for _ in range(2)]
    for mouth in mouths:
        mouth.sender.play(tone(0.01))
        mouth.sender.play(clip)
    await asyncio.sleep(1)
    payloads = [[data[20:] for _, data in mouth.wire.packets[1:]] for mouth in mouths]
    assert payloads[0] == payloads[1] == [packet for packet, _ in clip.packets]
    data = mouths[0].wire.packets[1][1]
    assert rtp.level(data, 20, 1) == pytest.approx(13, abs=1)


async def test_too_much_to_say_is_refused() -> None:
    mouth = Mouth()
    clip = Clip(((b"x", 0),) * round(LIMIT / 0.02))
    mouth.sender.play(clip)
    with pytest.raises(Overloaded):
        mouth.sender.play(clip)


async def test_reports_say_what_was_sent_and_what_came_of_it() -> None:
    mouth = Mouth().open()
    assert mouth.sender.report(0.0, 0.0) is None
    mouth.sender.play(tone(0.1))
    await asyncio.sleep(1)
    now = asyncio.get_running_loop().time()
    report = mouth.sender.report(1.0, now)
    assert report is not None
    (item,) = rtcp.read(report, len(report))
    assert isinstance(item, rtcp.SenderReport)
    moved = (item.timestamp - mouth.wire.headers[-1][2]) & 0xFFFF_FFFF
    assert moved == pytest.approx(0.92 * 48_000, abs=10)
    loss = rtcp.Loss(mouth.sender.source, 0.25, 3, 0, 0, 0)
    mouth.sender.control([rtcp.Bye((1,)), rtcp.Loss(1, 0, 0, 0, 0, 0), loss])
    assert mouth.sender.reported == loss


async def test_closing_says_goodbye_once_something_was_said() -> None:
    silent, loud = Mouth().open(), Mouth().open()
    loud.sender.play(tone(1.0))
    await asyncio.sleep(0.5)
    for mouth in (silent, loud):
        mouth.sender.close()
        mouth.sender.play(tone(1.0))
    await asyncio.sleep(1)
    assert silent.wire.control == []
    (packet,) = loud.wire.control
    assert rtcp.read(packet, len(packet)) == [rtcp.Bye((loud.sender.source,))]


async def test_a_loop_that_was_stuck_does_not_make_a_burst() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    mouth = Mouth().open()
    mouth.sender.play(tone(2.0))
    await asyncio.sleep(0.1)
    loop.jump(0.5)
    before = len(mouth.wire.packets)
    await asyncio.sleep(0.1)
    assert len(mouth.wire.packets) - before <= 7
    moves = np.diff([header[2] for header in mouth.wire.headers])
    assert moves.max() == pytest.approx(0.5 * 48_000, abs=2_000)


async def test_a_small_delay_is_made_up_for() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    mouth = Mouth().open()
    began = loop.time()
    mouth.sender.play(tone(2.0))
    await asyncio.sleep(0.1)
    loop.jump(0.07)
    await asyncio.sleep(5)
    assert mouth.wire.times[-1] == pytest.approx(began + 99 * 0.02, abs=0.003)
    assert set(np.diff([header[2] for header in mouth.wire.headers])) == {960}


@pytest.mark.parametrize(("later", "waits"), [(0.004, 0.0), (0.016, 0.004), (0.018, 0.002)])
async def test_voices_that_begin_almost_together_share_their_moments(
    later: float, waits: float
) -> None:
    pacer, wires = Pacer(asyncio.get_running_loop()), [Wire(), Wire()]
    for wire in wires:
        sender = Sender(pacer, Buffer())
        sender.open(wire, payload_type=111)
        sender.play(tone(0.1))
        await asyncio.sleep(later)
    await asyncio.sleep(1)
    assert wires[1].times[0] - wires[0].times[0] == pytest.approx(later + waits)
    assert len(wires[1].times) == 5


async def test_a_closed_pacer_calls_nobody() -> None:
    mouth = Mouth().open()
    mouth.sender.play(tone(1.0))
    await asyncio.sleep(0.1)
    mouth.pacer.close()
    sent = len(mouth.wire.packets)
    await asyncio.sleep(1)
    assert len(mouth.wire.packets) == sent
