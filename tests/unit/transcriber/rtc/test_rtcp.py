"""Reports and requests: what is written can be read, and no bytes make the reader fail."""

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.rtc import rtcp


def read(data: bytes) -> list[rtcp.Item]:
    return rtcp.read(data, len(data))


def test_a_receiver_report_can_be_read() -> None:
    block = struct.pack("!6L", 7, 0x40 << 24 | 0xFF_FFFE, 99, 5, 0xABCD, 3)
    assert read(rtcp.receiver_report(1, [block])) == [rtcp.Loss(7, 0.25, -2, 5, 0xABCD, 3)]


def test_a_sender_report_gives_the_time() -> None:
    data = rtcp.sender_report(7, wall=1.5, timestamp=960, packets=3, octets=400)
    assert read(data) == [rtcp.SenderReport(7, (2_208_988_801 & 0xFFFF) << 16 | 0x8000, 960, 1.5)]


def test_goodbyes_and_requests_can_be_read_in_one_packet() -> None:
    data = (
        rtcp.source_description(1, "somebody")
        + rtcp.missing(1, 7, [5, 6, 21, 22, 65_535])
        + rtcp.keyframe_wanted(1, 7)
        + rtcp.bandwidth(1, 1_000_000, [7, 8])
        + rtcp.bye(9)
    )
    assert read(data) == [
        rtcp.Missing(7, (5, 6, 21, 22, 65_535)),
        rtcp.KeyframeWanted(7),
        rtcp.Bandwidth(1_000_000, (7, 8)),
        rtcp.Bye((9,)),
    ]


def test_the_older_request_for_a_keyframe_names_its_source_elsewhere() -> None:
    data = struct.pack("!BBHLLLL", 0x84, 206, 4, 1, 0, 7, 0)
    assert read(data) == [rtcp.KeyframeWanted(7)]


def test_feedback_says_when_each_packet_came() -> None:
    arrivals = [10.0, 10.001, None, 10.1, 10.099, None, None, None, 10.2]
    data = rtcp.transport_feedback(1, 7, 65_530, arrivals, number=300)
    (feedback,) = read(data)
    assert isinstance(feedback, rtcp.TransportFeedback)
    assert feedback.first == 65_530
    rounded = [None if at is None else pytest.approx(at, abs=0.0003) for at in arrivals]
    assert list(feedback.arrivals[: len(arrivals)]) == rounded


@pytest.mark.parametrize(
    ("chunk", "symbols"),
    [(0x2003, [1, 1, 1]), (0xBFFF, [1] * 14), (0xC000 | 1 << 12, [1, 0, 0, 0, 0, 0, 0])],
    ids=["run", "bits", "pairs"],
)
def test_all_forms_of_feedback_are_understood(chunk: int, symbols: list[int]) -> None:
    count = len(symbols)
    body = struct.pack("!LLHH", 1, 7, 0, count) + bytes([0, 0, 1, 0]) + struct.pack("!H", chunk)
    body += bytes([4] * sum(symbols))
    body += bytes(-len(body) % 4)
    (feedback,) = read(struct.pack("!BBH", 0x8F, 205, len(body) // 4) + body)
    assert isinstance(feedback, rtcp.TransportFeedback)
    assert [at is not None for at in feedback.arrivals] == [bool(symbol) for symbol in symbols]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", [rtcp.Malformed()]),
        (b"\x80\xcc\x00", [rtcp.Malformed()]),
        (b"\x80\xc8\x00\x01\0\0\0\1", [rtcp.Malformed()]),
        (b"\x80\xc8\x00\x09\0\0\0\1", [rtcp.Malformed()]),
        (b"\x40\xc8\x00\x01\0\0\0\1", [rtcp.Malformed()]),
        (b"\x81\xc9\x00\x01\0\0\0\1", [rtcp.Malformed()]),
        (b"\x82\xcb\x00\x01\0\0\0\1", [rtcp.Malformed()]),
        (b"\x80\xcb\x00\x00\0\0\0\0", [rtcp.Bye(()), rtcp.Malformed()]),
        (b"\x81\xcd\x00\x01" + bytes(4), [rtcp.Malformed()]),
        (b"\x81\xce\x00\x01" + bytes(4), [rtcp.Malformed()]),
        (b"\x8f\xcd\x00\x03" + bytes(12), [rtcp.Malformed()]),
        (
            b"\x8f\xcd\x00\x05" + bytes(8) + b"\0\0\0\x09" + bytes(4) + b"\x20\x09\0\0",
            [rtcp.Malformed()],
        ),
        (b"\x82\xcd\x00\x03" + bytes(12), []),
        (b"\x8f\xce\x00\x03" + bytes(12), []),
        (b"\x83\xce\x00\x02" + bytes(8), []),
        (b"\x80\xcc\x00\x01" + bytes(4), []),
    ],
)
def test_what_is_short_is_told_and_what_is_unknown_passed_over(
    data: bytes, said: list[rtcp.Item]
) -> None:
    assert read(data) == said


def test_whatever_is_cut_off_is_told() -> None:
    report = rtcp.sender_report(7, wall=1, timestamp=2, packets=3, octets=4)
    whole = report + rtcp.missing(1, 7, [1, 40]) + rtcp.bye(7)
    borders = {len(report), len(whole) - len(rtcp.bye(7)), len(whole)}
    for size in range(len(whole) + 1):
        assert (rtcp.Malformed() in rtcp.read(whole, size)) is (size not in borders), size


@given(st.lists(st.one_of(st.none(), st.floats(0, 200)), min_size=1, max_size=40))
def test_any_feedback_can_be_written(arrivals: list[float | None]) -> None:
    (feedback,) = read(rtcp.transport_feedback(1, 2, 3, arrivals, number=0))
    assert isinstance(feedback, rtcp.TransportFeedback)
    got = feedback.arrivals[: len(arrivals)]
    assert [at is None for at in got] == [at is None for at in arrivals]


@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=40, unique=True))
def test_any_packets_can_be_asked_for(sequences: list[int]) -> None:
    (wanted,) = read(rtcp.missing(1, 2, sorted(sequences)))
    assert isinstance(wanted, rtcp.Missing)
    assert sorted(wanted.sequences) == sorted(sequences)


@given(st.binary(max_size=120))
def test_no_bytes_make_the_reader_fail(data: bytes) -> None:
    read(data)


def test_damaged_packets_make_the_reader_fail_neither() -> None:
    chance = random.Random(2)
    reports = rtcp.sender_report(7, wall=1, timestamp=2, packets=3, octets=4)
    good = reports + rtcp.missing(1, 7, [1, 40]) + rtcp.bandwidth(1, 9_000, [7]) + rtcp.bye(7)
    good += rtcp.transport_feedback(1, 7, 9, [1.0, None, 1.5], number=1)
    for _ in range(2_000):
        damaged = bytearray(good)
        for _ in range(chance.randrange(5)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        read(bytes(damaged[: chance.randrange(len(damaged) + 1)]))
