"""Where a picture can begin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.rtc.sfu.keyframe import begins


@pytest.mark.parametrize(
    ("codec", "payload", "expected"),
    [
        ("vp8/90000", b"\x10\x00key", True),
        ("vp8/90000", b"\x10\x01delta", False),
        ("vp8/90000", b"\x11\x00", False),
        ("vp8/90000", b"\x90\xf0\x80\x01\x01\x20\x00", True),
        ("vp8/90000", b"\x90\x80\x01\x00", True),
        ("vp8/90000", b"\x90", False),
        ("vp9/90000", b"\x08", True),
        ("vp9/90000", b"\x48", False),
        ("vp9/90000", b"\xa8\x01\x00", True),
        ("vp9/90000", b"\xa8\x81\x01\x02", False),
        ("h264/90000", b"\x65", True),
        ("h264/90000", b"\x67", True),
        ("h264/90000", b"\x61", False),
        ("h264/90000", b"\x78\x00\x05\x67", True),
        ("h264/90000", b"\x7c\x85", True),
        ("h264/90000", b"\x7c\x05", False),
        ("av1/90000", b"\x18", True),
        ("av1/90000", b"\x10", False),
        ("h265/90000", b"", True),
        ("vp8/90000", b"", False),
    ],
)
def test_keyframes_are_known_by_their_first_bytes(
    codec: str, payload: bytes, expected: bool
) -> None:
    assert begins(codec, payload) is expected


@given(st.sampled_from(["vp8", "vp9", "h264", "av1", "x"]), st.binary(max_size=8))
def test_no_bytes_make_the_look_for_keyframes_fail(codec: str, payload: bytes) -> None:
    begins(codec, payload)
