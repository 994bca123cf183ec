"""How packets are written."""

from __future__ import annotations

from transcriber.rtc import rtp
from transcriber.rtc.sfu.packet import Form, Packet

SENT = Packet(1, 2, 0x80, 30, b"voice", 10.0, needs=b"\xc0\x00\x07")


def read(data: bytes, number: int) -> bytes:
    header = rtp.parse(data, len(data))
    assert header
    found = rtp.extension(data, header[4], number)
    assert data[header[4] : header[5]] == b"voice"
    return data[found[0] : found[0] + found[1]] if found else b""


def test_a_plain_packet_has_no_extensions_and_may_be_filled_up() -> None:
    assert Form(100).write(SENT) == bytes((0x80, 0xE4)) + bytes(10) + b"voice"
    filled = Form(100).write(SENT._replace(filling=3))
    assert filled.endswith(b"voice\0\0\x03")
    assert read(filled, 1) == b""


def test_every_form_has_its_extensions() -> None:
    written = Form(100, 1, 3, 4).write(SENT)
    assert read(written, 1) == bytes((30 | 0x80,))
    assert int.from_bytes(read(written, 3), "big") == 10 << 18
    assert read(written, 4) == SENT.needs
    assert read(Form(100, 1, 0, 4).write(SENT._replace(needs=b"")), 4) == b""


def test_a_long_extension_is_written_in_the_long_form() -> None:
    needs = bytes(range(40))
    written = Form(100, needs=4, sent_at=3).write(SENT._replace(needs=needs))
    assert read(written, 4) == needs
    assert len(read(written, 3)) == 3
