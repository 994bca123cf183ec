"""RTP packets: what a header says, and that no bytes can make the parsers fail."""

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.rtc import rtp


def packet(
    *, first: int = 0x80, extension: bytes = b"", sources: int = 0, payload: bytes = b"voice"
) -> bytes:
    header = struct.pack("!BBHLL", first | sources, 0x80 | 111, 7, 9, 11) + bytes(4 * sources)
    return header + extension + payload


def extended(*elements: bytes, profile: int = 0xBEDE, words: int | None = None) -> bytes:
    body = b"".join(elements)
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", profile, len(body) // 4 if words is None else words) + body


def test_a_plain_header_says_where_its_payload_is() -> None:
    assert rtp.parse(packet(), 17) == (111, 7, 9, 11, 12, 17)


def test_contributing_sources_and_extensions_are_skipped() -> None:
    data = packet(first=0x90, sources=2, extension=extended(b"\x10\x05"))
    assert rtp.parse(data, len(data)) == (111, 7, 9, 11, 28, 33)


def test_padding_is_cut_off() -> None:
    data = packet(first=0xA0, payload=b"voice\0\0\3")
    assert rtp.parse(data, len(data)) == (111, 7, 9, 11, 12, 17)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        packet()[:11],
        b"\x40" + packet()[1:],
        packet(first=0x90, payload=b""),
        packet(first=0x90, extension=struct.pack("!HH", 0xBEDE, 200)),
        packet(first=0x80, sources=15)[:20],
        packet(first=0xA0, payload=b"\0"),
        packet(first=0xA0, payload=b"\x09"),
    ],
    ids=["empty", "short", "version", "no extension", "extension", "sources", "padding", "longer"],
)
def test_what_cannot_be_a_packet_is_none(data: bytes) -> None:
    assert rtp.parse(data, len(data)) is None


@pytest.mark.parametrize(("loudness", "written"), [(None, -1), ((5, 31), 31)])
def test_a_header_that_we_write_can_be_read(loudness: tuple[int, int] | None, written: int) -> None:
    data = bytearray(64)
    start = rtp.write_header(data, 96, 65_535, 77, source=5, marker=True, level=loudness)
    assert rtp.parse(data, start + 10) == (96, 65_535, 77, 5, start, start + 10)
    assert data[1] & 0x80
    assert rtp.level(data, start, 5) == written


def test_an_extension_is_found_behind_others_and_padding() -> None:
    data = packet(first=0x90, extension=extended(b"\x32abc", b"\0\0", b"\x10\x85", b"\x21xy"))
    start = len(data) - 5
    assert rtp.extension(data, start, 1) == (23, 1)
    assert rtp.level(data, start, 1) == 5
    assert rtp.extension(data, start, 9) is None


def test_the_long_form_of_extensions_is_understood() -> None:
    data = packet(first=0x90, extension=extended(b"\x01\x00", b"\x14\x01\x07", profile=0x1000))
    start = len(data) - 5
    assert rtp.level(data, start, 20) == 7
    assert rtp.level(data, start, 1) == -1


@pytest.mark.parametrize(
    "data",
    [
        packet(),
        packet(first=0x90, extension=extended(b"\x10\x05", profile=0x2000)),
        packet(first=0x90, extension=extended(b"\x20\x05\x00\x1f")),
    ],
    ids=["none", "foreign profile", "longer than its header"],
)
def test_without_the_extension_there_is_no_level(data: bytes) -> None:
    assert rtp.level(data, len(data) - 5, 1) == -1


def test_redundant_payloads_come_oldest_first() -> None:
    old = (0x80 | 111) << 24 | 960 << 10 | 3
    data = struct.pack("!LB", old, 111) + b"oldnewest"
    assert rtp.redundancy(data, 0, len(data)) == [(111, 960, 5, 8), (111, 0, 8, 14)]


@pytest.mark.parametrize(
    "data", [b"", b"\x80\0\0", b"\x80\0\0\1", b"\x80\0\3\xff\x6fab"],
    ids=["empty", "cut head", "no newest", "longer than the packet"],
)  # fmt: skip
def test_malformed_redundancy_is_nothing(data: bytes) -> None:
    assert rtp.redundancy(data, 0, len(data)) == []


def test_a_retransmission_says_what_it_repeats() -> None:
    assert rtp.original(b"\x01\x02voice", 0, 7) == 258
    assert rtp.original(b"\x01\x02", 0, 2) is None


@pytest.mark.parametrize(
    ("data", "key"),
    [(b"\x05\x80\0\0", "5"), (b"\x0b\x8a\0\0", "#"), (b"\x05\x0a\0\0", None),
     (b"\x10\x80\0\0", None), (b"\x05", None)],
)  # fmt: skip
def test_a_key_counts_when_it_is_released(data: bytes, key: str | None) -> None:
    assert rtp.pressed(data, 0, len(data)) == key


def test_distances_cross_the_wrap() -> None:
    assert rtp.signed16(2 - 65_535) == 3
    assert rtp.signed16(65_535 - 2) == -3
    assert rtp.signed32(5 - 0xFFFF_FFFF) == 6


def test_control_is_told_from_media_by_its_second_byte() -> None:
    assert rtp.is_rtcp(200)
    assert rtp.is_rtcp(206)
    assert not rtp.is_rtcp(111)
    assert not rtp.is_rtcp(0x80 | 111)


@given(data=st.binary(max_size=80), wanted=st.integers(1, 255))
def test_no_bytes_make_a_parser_fail(data: bytes, wanted: int) -> None:
    read_everything(data, wanted)


def test_damaged_packets_make_no_parser_fail() -> None:
    chance = random.Random(1)
    good = packet(first=0x90, extension=extended(b"\x10\x05"))
    for _ in range(2_000):
        damaged = bytearray(good)
        for _ in range(chance.randrange(4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        read_everything(bytes(damaged[: chance.randrange(len(damaged) + 1)]), 1)


def read_everything(data: bytes, wanted: int) -> None:
    header = rtp.parse(data, len(data))
    if header is not None:
        start, stop = header[4:]
        assert 12 <= start <= stop <= len(data)
        assert -1 <= rtp.level(data, start, wanted) <= 127
        for block in rtp.redundancy(data, start, stop):
            assert start <= block.start <= block.stop <= stop
        rtp.original(data, start, stop)
        rtp.pressed(data, start, stop)


def test_names_are_read_from_extensions() -> None:
    data = packet(first=0x90, extension=extended(b"\x41ab"))
    header = rtp.parse(data, len(data))
    assert header is not None
    assert rtp.text(data, header[4], 4) == "ab"
    assert rtp.text(data, header[4], 5) == rtp.text(data, header[4], 0) == ""
