"""What nobody hears is not decoded: streams without a listener, and silence that says so."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.unit.transcriber.rtc.ear import FRAME, Ear, hear, voice
from transcriber.rtc import opus
from transcriber.rtc.receiver import QUIET


def test_silence_that_calls_itself_so_is_not_decoded() -> None:
    ear = Ear(gate=127)
    for number in range(60):
        ear.take(number, voice()[number], level=127)
    statistics = ear.receiver.statistics()
    assert statistics.skipped == 60 - QUIET
    assert len(ear.heard) == 60 * FRAME
    assert not np.any(ear.heard[-30 * FRAME :])


def test_speech_is_decoded_at_once_after_silence() -> None:
    ear = Ear(gate=100)
    for number in range(40):
        ear.take(number, voice()[number], level=127)
    skipped = ear.receiver.statistics().skipped
    for number in range(40, 60):
        ear.take(number, voice()[number], level=20)
    assert ear.receiver.statistics().skipped == skipped
    assert np.any(ear.heard[-10 * FRAME :])


def test_without_levels_everything_is_decoded() -> None:
    ear = hear(range(60), gate=127)
    assert ear.receiver.statistics().skipped == 0


def test_nobody_listening_costs_no_decoding() -> None:
    ear = Ear(deaf=True)
    for number in range(40):
        ear.take(number, voice()[number])
    statistics = ear.receiver.statistics()
    assert (statistics.received, statistics.skipped, statistics.blocks) == (40, 40, 0)
    ear.receiver.listen(ear.blocks.append)
    for number in range(40, 60):
        ear.take(number, voice()[number])
    assert len(ear.heard) == 20 * FRAME


def counted(name: str, real: Callable[..., int], calls: list[str]) -> Callable[..., int]:
    def count(*given: Any) -> int:
        calls.append(name)
        return real(*given)

    return count


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls into the codec so far."""
    calls: list[str] = []
    for name in ("decode", "recover", "conceal"):
        count = counted(name, getattr(opus.Decoder, name), calls)
        monkeypatch.setattr(opus.Decoder, name, count)
    return calls


DISORDERED = [0, 1, 2, 5, 4, *range(6, 20), *range(30, 40), 39, 42, 41, *range(43, 50)]
"""Packets that are missing, swapped and sent twice."""


def test_nobody_listening_costs_no_decoding_when_packets_are_lost_or_swapped(
    decoded: list[str],
) -> None:
    ear = Ear(deaf=True)
    for number in DISORDERED:
        ear.take(number, voice()[number])
        copies = struct.pack("!L", (0x80 | 111) << 24 | 960 << 10 | 1) + bytes([111, 0, 0])
        ear.take(number + 2, copies, payload_type=63)
    ear.take(900, struct.pack("!H", 53) + voice()[53], payload_type=64, timestamp=53 * 960)
    ear.take(54, b"\x20", payload_type=13)
    ear.expire()
    ear.take(0, voice()[0], source=8)
    assert decoded == []
    assert ear.receiver.statistics().blocks == 0


def test_nobody_listening_costs_no_decoding_of_what_is_sent_again(decoded: list[str]) -> None:
    ear = Ear(deaf=True)
    packets = voice()
    for number in range(5):
        ear.take(number, packets[number])
    heads = b"".join(
        struct.pack("!L", (0x80 | 111) << 24 | (9 - number) * 960 << 10 | len(packets[number]))
        for number in range(5, 9)
    )
    ear.take(9, heads + bytes([111]) + b"".join(packets[5:10]), payload_type=63)
    for number in range(10, 14):
        again = struct.pack("!H", number) + packets[number]
        ear.take(900, again, payload_type=64, timestamp=number * 960)
    assert decoded == []
    assert ear.receiver.statistics().skipped == 14


def test_what_waits_when_the_listener_leaves_is_not_decoded(decoded: list[str]) -> None:
    ear = hear(range(6))
    assert decoded == 4 * ["decode"]
    ear.receiver.listen(None)
    for number in range(6, 10):
        ear.take(number, voice()[number])
    assert decoded == 4 * ["decode"]


def test_silence_is_not_decoded_when_packets_are_lost_or_swapped(decoded: list[str]) -> None:
    ear = Ear(gate=127)
    for number in range(QUIET):
        ear.take(number, voice()[number], level=127)
    began = len(decoded)
    kept = [25, 26, 28, 27, 29, *range(31, 40), 44, *range(46, 60)]
    for number in kept:
        ear.take(number, voice()[number], level=127)
    ear.expire()
    statistics = ear.receiver.statistics()
    assert (statistics.lost, statistics.skipped) == (6, len(kept))
    assert decoded[began:] == ["decode"], "what came before the silence, to complete its block"
    assert len(ear.heard) == 60 * FRAME


def test_silence_with_copies_is_not_decoded(decoded: list[str]) -> None:
    ear = Ear(gate=127)
    for number in range(60):
        ear.take(number, bytes([111]) + voice()[number], payload_type=63, level=127)
    assert len(decoded) == QUIET
    assert ear.receiver.statistics().skipped == 60 - QUIET
