"""From packets to blocks: gaps, silence, copies, other codecs, and what is counted."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import numpy as np
import pytest

from tests.unit.transcriber.rtc.ear import FRAME, Ear, hear, reference, voice
from transcriber.audio.block import RATE, SAMPLES, Samples
from transcriber.audio.g711 import encode_alaw, encode_ulaw
from transcriber.rtc import rtcp, rtp


@pytest.mark.parametrize("first", [0, 65_520, (1 << 32) // 960 - 20])
def test_in_order_audio_is_what_the_codec_says_to_the_bit(first: int) -> None:
    ear = hear(range(60), first=first)
    assert np.array_equal(ear.heard, reference())
    assert all(len(block) == SAMPLES and block.dtype == np.float32 for block in ear.blocks)
    statistics = ear.receiver.statistics()
    assert (statistics.received, statistics.lost, statistics.blocks) == (60, 0, 15)
    assert statistics.level_dbfs < -5


def test_a_block_comes_with_the_packet_that_completes_it() -> None:
    ear = hear(range(3))
    assert ear.blocks == []
    ear.take(3, voice()[3])
    assert len(ear.blocks) == 1
    assert ear.receiver.timestamp == 4 * 960


def test_packets_that_overtake_each_other_change_nothing() -> None:
    ear = hear([0, 2, 1, 3, 5, 6, 4, *range(7, 60)])
    assert np.array_equal(ear.heard, reference())
    assert ear.waiting == set() or not ear.receiver.statistics().lost


def test_copies_change_nothing() -> None:
    ear = hear([0, 1, 1, 2, 0, *range(3, 60)])
    assert np.array_equal(ear.heard, reference())
    assert ear.receiver.statistics().late == 2


@pytest.mark.parametrize("burst", [1, 2, 5, 12, 30])
def test_the_timeline_survives_a_gap_of_any_length(burst: int) -> None:
    ear = hear([*range(10), *range(10 + burst, 60)])
    assert len(ear.heard) == 60 * FRAME
    statistics = ear.receiver.statistics()
    assert statistics.lost == burst
    assert statistics.recovered == 1
    assert statistics.concealed == min(burst - 1, 4)
    far = slice((20 + burst) * FRAME, 60 * FRAME)
    error = ear.heard[far] - reference()[far]
    assert float(np.std(error)) < 0.3 * float(np.std(reference()[far]))


def test_one_lost_packet_is_hidden_almost_perfectly() -> None:
    ear = hear([*range(20), *range(21, 60)])
    error = ear.heard[19 * FRAME : 22 * FRAME] - reference()[19 * FRAME : 22 * FRAME]
    signal = reference()[19 * FRAME : 22 * FRAME]
    assert float(np.dot(error, error)) < 0.25 * float(np.dot(signal, signal))


def test_a_missing_packet_is_waited_for_only_a_moment() -> None:
    ear = hear([*range(7), 8])
    assert len(ear.blocks) == 1
    assert ear.waiting == {ear.receiver}
    ear.expire()
    assert len(ear.blocks) == 2
    assert ear.waiting == set()


def test_a_random_loss_keeps_the_timeline_to_the_sample() -> None:
    chance = random.Random(3)
    kept = [number for number in range(59) if chance.random() > 0.1]
    ear = hear([*kept, 59])
    ear.expire()
    assert len(ear.heard) == 60 * FRAME


def test_a_pause_of_the_sender_is_silence() -> None:
    ear = hear(range(8))
    for number in range(8, 40):
        ear.take(number, voice()[number], timestamp=(number + 16) * 960)
    assert len(ear.heard) == 56 * FRAME
    assert not np.any(ear.heard[8 * FRAME : 24 * FRAME])


def test_a_pause_of_an_hour_is_cut_short() -> None:
    ear = hear(range(4))
    ear.take(4, voice()[4], timestamp=3_600 * 48_000)
    assert len(ear.heard) == 4 * FRAME + 2 * RATE + 0 * FRAME
    assert ear.receiver.statistics().cut_seconds == pytest.approx(3_600 - 2 - 0.08)


def test_a_timestamp_that_goes_back_adds_nothing() -> None:
    ear = hear(range(4))
    for number in range(4, 12):
        ear.take(number, voice()[number], timestamp=(number - 4) * 960)
    assert len(ear.heard) == 12 * FRAME


def test_a_sender_that_starts_anew_is_heard_again() -> None:
    ear = hear(range(8))
    for number in range(20):
        ear.take(30_000 + number, voice()[number], timestamp=number * 960)
    statistics = ear.receiver.statistics()
    assert (statistics.received, statistics.restarts) == (28, 1)
    assert statistics.blocks >= 6
    ear.receiver.report(ear.now)


def test_another_source_takes_over_and_its_predecessor_does_not_come_back() -> None:
    ear = hear(range(8))
    ear.now += 0.5
    for number in range(8):
        ear.take(number, voice()[number], source=8)
    ear.take(8, voice()[8])
    statistics = ear.receiver.statistics()
    assert (statistics.received, statistics.sources, statistics.unknown) == (16, 2, 1)
    assert len(ear.heard) // SAMPLES == (16 * FRAME + int(0.5 * RATE)) // SAMPLES


def test_a_predecessor_comes_back_once_the_other_is_silent() -> None:
    ear = hear(range(4))
    ear.take(0, voice()[0], source=8)
    ear.now += 3
    ear.take(4, voice()[4])
    assert ear.receiver.statistics().sources == 3


def test_a_malformed_payload_is_hidden() -> None:
    ear = hear(range(4))
    ear.take(4, b"\xff\xff\xff")
    for number in range(5, 8):
        ear.take(number, voice()[number])
    assert len(ear.heard) == 8 * FRAME
    assert (ear.receiver.statistics().broken, ear.receiver.statistics().malformed) == (1, 0)
    ear.take(0, voice()[0], source=8)
    assert ear.receiver.statistics().broken == 1, "also when another source has taken over"


def test_an_empty_payload_moves_the_clock_only() -> None:
    ear = hear(range(4))
    ear.take(4, b"")
    for number in range(5, 9):
        ear.take(number, voice()[number])
    assert len(ear.heard) == 8 * FRAME


def test_redundant_copies_fill_gaps_without_waiting() -> None:
    ear = Ear()
    packets = voice()
    for number in (0, 1, 3, 4, 7, *range(8, 60)):
        copies = [packets[number - 2], packets[number - 1]] if number > 1 else []
        heads = b"".join(
            struct.pack("!L", (0x80 | 111) << 24 | age * 960 << 10 | len(copy))
            for age, copy in zip((2, 1), copies, strict=False)
        )
        ear.take(number, heads + bytes([111]) + b"".join(copies) + packets[number], payload_type=63)
    assert np.array_equal(ear.heard, reference())
    assert ear.receiver.statistics().lost == 0


@pytest.mark.parametrize("payload", [b"", b"\x05voice"])
def test_redundancy_that_makes_no_sense_is_counted(payload: bytes) -> None:
    ear = Ear()
    ear.take(0, payload, payload_type=63)
    assert ear.receiver.statistics().malformed == 1


def test_a_straggler_with_redundancy_does_not_come_back() -> None:
    ear = hear(range(4))
    ear.take(0, voice()[0], source=8)
    ear.take(4, bytes([111]) + voice()[4], payload_type=63)
    assert ear.receiver.statistics().unknown == 1


def test_a_retransmission_fills_its_gap() -> None:
    ear = hear([*range(10), 11, 12])
    again = struct.pack("!H", 10) + voice()[10]
    ear.take(900, again, payload_type=64, source=99, timestamp=9_600)
    ear.take(901, again, payload_type=64, source=99, timestamp=9_600)
    ear.take(902, b"", payload_type=64, source=99)
    for number in range(13, 60):
        ear.take(number, voice()[number])
    assert np.array_equal(ear.heard, reference())
    statistics = ear.receiver.statistics()
    assert (statistics.malformed, statistics.repeated, statistics.received) == (1, 2, 59)


def test_comfort_noise_is_silence() -> None:
    ear = hear(range(4))
    ear.take(4, b"\x20", payload_type=13, timestamp=4 * 960)
    ear.take(5, voice()[5], timestamp=8 * 960)
    ear.take(6, voice()[6], timestamp=9 * 960)
    ear.take(7, voice()[7], timestamp=10 * 960)
    ear.take(8, voice()[8], timestamp=11 * 960)
    assert len(ear.heard) == 12 * FRAME
    assert not np.any(ear.heard[4 * FRAME : 8 * FRAME])


def test_a_key_is_reported_once_when_it_is_released() -> None:
    ear = hear(range(4))
    for number, end in ((4, 0), (5, 0x80), (6, 0x80), (7, 0x80)):
        ear.take(number, bytes([5, end, 0, 0]), payload_type=110, timestamp=4 * 960)
    for number in range(8, 12):
        ear.take(number, voice()[number])
    assert ear.keys == ["5"]
    assert len(ear.heard) == 12 * FRAME


def test_control_that_makes_no_sense_is_counted() -> None:
    ear = hear(range(4))
    ear.receiver.control(rtcp.read(b"\x80\xc8\0\1", 4), ear.now)
    assert ear.receiver.statistics().malformed == 1


def test_what_was_not_agreed_is_counted() -> None:
    ear = Ear()
    ear.take(0, b"?", payload_type=13)
    ear.take(0, b"?", payload_type=77)
    ear.take(0, voice()[0])
    ear.take(1, b"?", payload_type=77)
    ear.receiver.media(ear.buffer, 3, 0.0)
    statistics = ear.receiver.statistics()
    assert (statistics.unknown, statistics.malformed) == (3, 1)


def tone(rate: int, seconds: float = 1.0) -> Samples:
    at = np.arange(int(rate * seconds)) / rate
    return (0.3 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)


@pytest.mark.parametrize(("payload_type", "encode"), [(0, encode_ulaw), (8, encode_alaw)])
def test_the_codecs_of_telephones_are_heard(
    payload_type: int, encode: Callable[[Samples], bytes]
) -> None:
    ear, data = Ear(), encode(tone(8_000))
    for number in range(50):
        if number != 30:
            part = data[number * 160 : (number + 1) * 160]
            ear.take(number, part, payload_type=payload_type, timestamp=number * 160)
    assert len(ear.heard) == 50 * FRAME // SAMPLES * SAMPLES
    assert loudest(ear.heard[4 * SAMPLES : 7 * SAMPLES]) == pytest.approx(440, abs=5)


def test_a_telephone_packet_that_is_too_long_is_hidden() -> None:
    ear = Ear()
    ear.take(0, bytes(1_000), payload_type=0, timestamp=0)
    ear.take(1, bytes(640), payload_type=0, timestamp=160)
    ear.take(2, bytes(640), payload_type=0, timestamp=800)
    assert len(ear.heard) == 2 * SAMPLES


def test_g722_is_heard() -> None:
    import av

    codec = av.CodecContext.create("g722", "w")
    codec.sample_rate, codec.format, codec.layout = 16_000, "s16", "mono"
    data = b""
    pcm = (tone(16_000) * 32_767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), "s16", "mono")
    frame.sample_rate = 16_000
    for packet in codec.encode(frame):
        data += bytes(packet)
    ear = Ear()
    for number in range(len(data) // 160):
        part = data[number * 160 : (number + 1) * 160]
        ear.take(number, part, payload_type=9, timestamp=number * 160)
    assert loudest(ear.heard[-6 * SAMPLES :]) == pytest.approx(440, abs=5)


def loudest(samples: Samples) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return int(np.argmax(spectrum)) * RATE / len(samples)


def test_a_goodbye_ends_the_stream_and_plays_what_waited() -> None:
    ear = hear([*range(6), 7])
    ear.receiver.control([rtcp.Bye((3,)), rtcp.SenderReport(3, 1, 1)], ear.now)
    assert not ear.receiver.ended
    ear.receiver.control([rtcp.SenderReport(7, 1, 1)], ear.now)
    assert ear.receiver.report(ear.now)
    ear.receiver.control([rtcp.Bye((7,))], ear.now)
    assert ear.receiver.ended
    assert len(ear.blocks) == 2
    assert ear.receiver.report(ear.now) is None
    assert ear.receiver.received == 7


def test_a_closed_receiver_keeps_nobody_alive() -> None:
    ear = hear([*range(6), 7])
    ear.receiver.close()
    assert ear.waiting == set()
    assert ear.receiver.statistics().received == 7


def test_damaged_packets_are_counted_and_harm_nobody() -> None:
    chance = random.Random(4)
    ear = Ear(gate=127)
    buffer = ear.buffer
    types = [111, 63, 64, 13, 110, 0, 9, 77]
    for number in range(1_500):
        size = chance.randrange(0, 200)
        start = rtp.write_header(
            buffer.data, chance.choice(types), chance.randrange(65_536), chance.getrandbits(32),
            source=chance.randrange(3), level=(1, 30),
        )  # fmt: skip
        buffer.data[start : start + size] = chance.randbytes(size)
        buffer.data[0] = chance.choice([0x80, 0x90, 0x91, 0xB0, 0xA0])
        ear.receiver.media(buffer, chance.randrange(start + size + 1), number * 0.02)
    told = ear.receiver.statistics()
    assert min(told.malformed, told.received, told.unknown, told.repeated)
    assert told.malformed + told.received + told.unknown + told.repeated == 1_500
