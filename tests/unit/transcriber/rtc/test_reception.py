"""How one source arrives, as a receiver report says it."""

import pytest

from transcriber.rtc import rtcp
from transcriber.rtc.reception import Reception


def read(data: bytes) -> list[rtcp.Item]:
    return rtcp.read(data, len(data))


def test_a_receiver_report_says_what_was_lost() -> None:
    reception = Reception(7, 65_530, 48_000)
    for number in (65_530, 65_531, 65_535, 0, 1):
        reception.note(number)
    reception.synchronise(rtcp.SenderReport(7, 0xABCD, 0), 1.0)
    (loss,) = read(rtcp.receiver_report(1, [reception.block(3.0)]))
    assert isinstance(loss, rtcp.Loss)
    assert (loss.source, loss.lost, loss.fraction) == (7, 3, 96 / 256)
    assert (loss.last_report, loss.delay) == (0xABCD, 2 * 65_536)
    assert reception.lost == 3


def test_nothing_lost_since_the_last_report_is_no_fraction() -> None:
    reception = Reception(7, 0, 48_000)
    for number in (0, 2):
        reception.note(number)
    reception.block(0.0)
    reception.note(3)
    (loss,) = read(rtcp.receiver_report(1, [reception.block(2.0)]))
    assert isinstance(loss, rtcp.Loss)
    assert (loss.fraction, loss.lost, loss.delay) == (0, 1, 0)


def test_copies_make_the_loss_negative() -> None:
    reception = Reception(7, 0, 48_000)
    for _ in range(3):
        reception.note(0)
    (loss,) = read(rtcp.receiver_report(1, [reception.block(0.0)]))
    assert isinstance(loss, rtcp.Loss)
    assert loss.lost == -2


def test_jitter_is_how_unevenly_packets_come() -> None:
    reception = Reception(7, 0, 48_000)
    for number in range(200):
        reception.timed(number * 960, number * 0.02 + (0.01 if number % 2 else 0.0))
    assert reception.jitter_ms == pytest.approx(10, abs=0.5)


def test_a_pause_is_no_jitter() -> None:
    reception = Reception(7, 0, 48_000)
    reception.timed(0, 0.0)
    reception.timed(960, 60.0)
    assert reception.jitter_ms == 0


def test_packets_of_one_picture_are_no_jitter() -> None:
    reception = Reception(7, 0, 90_000)
    for at in (0.0, 0.01, 0.02):
        reception.timed(3_000, at)
    assert reception.jitter_ms == 0


def test_a_jump_is_no_loss() -> None:
    reception = Reception(7, 0, 48_000)
    reception.note(0)
    reception.note(30_000)
    reception.restart(30_000)
    reception.note(30_001)
    assert reception.lost == 0
    reception.restart(30_001)
    assert (reception.lost, reception.received) == (0, 3)
    (loss,) = read(rtcp.receiver_report(1, [reception.block(2.0)]))
    assert isinstance(loss, rtcp.Loss)
    assert (loss.lost, loss.fraction) == (0, 0)
