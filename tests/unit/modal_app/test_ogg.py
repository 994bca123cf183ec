from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modal_app.ogg import Pages


def page(
    packets: list[bytes], *, serial: int = 1, continued: bool = False, open_end: bool = False
) -> bytes:
    table = b"".join(bytes([255] * (len(p) // 255) + [len(p) % 255]) for p in packets)
    if open_end:
        table = table[:-1]
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, int(continued), 0, serial, 0, 0, len(table))
    return head + table + b"".join(packets)


def read(data: bytes, cut: int = 1 << 20) -> list[bytes]:
    pages = Pages()
    return [p for i in range(0, len(data), cut) for p in pages.read(data[i : i + cut])]


@given(st.lists(st.binary(max_size=600), min_size=1, max_size=8), st.integers(1, 300))
def test_packets_come_out_whole_however_the_stream_is_cut(packets: list[bytes], cut: int) -> None:
    data = b"".join(page([packet]) for packet in packets)

    assert read(data, cut) == packets


def test_several_packets_may_share_a_page() -> None:
    assert read(page([b"one", b"", b"three"])) == [b"one", b"", b"three"]


def test_a_packet_may_continue_on_the_next_page() -> None:
    first = page([b"a" * 510], open_end=True)
    second = page([b"b" * 10], continued=True)

    assert read(first + second) == [b"a" * 510 + b"b" * 10]


def test_the_rest_of_a_packet_that_was_given_up_is_forgotten() -> None:
    first = page([b"a" * 510], open_end=True)

    assert read(first + page([b"new"])) == [b"new"]


def test_only_the_first_of_several_streams_is_read() -> None:
    assert read(page([b"mine"]) + page([b"other"], serial=2) + page([b"too"])) == [b"mine", b"too"]


@pytest.mark.parametrize("junk", [b"junk", b"Ogg", b"O" * 100])
def test_bytes_between_pages_are_skipped(junk: bytes) -> None:
    assert read(junk + page([b"one"]) + junk + page([b"two"]), 7) == [b"one", b"two"]


def test_a_packet_without_end_does_not_grow_without_end() -> None:
    piece = page([b"x" * 255 * 200], continued=True, open_end=True)
    packets = read(piece * 4)

    assert packets
    assert max(map(len, packets)) <= (1 << 16) + 255


@given(st.binary(max_size=500))
def test_garbage_is_survived(data: bytes) -> None:
    list(Pages().read(b"OggS" + data))
