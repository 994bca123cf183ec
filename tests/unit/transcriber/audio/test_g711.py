"""The telephone's codecs, against the values of the standard."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.audio import g711


@pytest.mark.parametrize(
    ("code", "value"), [(0xFF, 0), (0x7F, 0), (0x80, 32124), (0x00, -32124), (0xF0, 120)]
)
def test_mu_law_values_are_those_of_the_standard(code: int, value: int) -> None:
    assert g711.decode_ulaw(bytes([code]))[0] * 32768 == value


@pytest.mark.parametrize(
    ("code", "value"), [(0xD5, 8), (0x55, -8), (0xAA, 32256), (0x2A, -32256), (0x80, 5504)]
)
def test_a_law_values_are_those_of_the_standard(code: int, value: int) -> None:
    assert g711.decode_alaw(bytes([code]))[0] * 32768 == value


def test_every_code_survives_a_round_trip() -> None:
    codes = bytes(range(256))
    assert g711.encode_alaw(g711.decode_alaw(codes)) == codes
    positive_zero_is_one = codes.replace(b"\x7f", b"\xff")
    assert g711.encode_ulaw(g711.decode_ulaw(codes)).replace(b"\x7f", b"\xff") == (
        positive_zero_is_one
    )


@given(st.lists(st.floats(-1, 1, width=32), min_size=1))
def test_the_error_is_small_beside_the_sample(values: list[float]) -> None:
    samples = np.array(values, np.float32)
    for encode, decode in (
        (g711.encode_ulaw, g711.decode_ulaw),
        (g711.encode_alaw, g711.decode_alaw),
    ):
        error = np.abs(decode(encode(samples)) - samples)
        assert (error <= np.maximum(np.abs(samples) * 0.035, 0.0005) + 0.02 * (samples == 1)).all()


def test_what_is_not_a_sample_becomes_one() -> None:
    strange = np.array([np.nan, np.inf, -np.inf, 7.0, -7.0], np.float32)
    heard = g711.decode_ulaw(g711.encode_ulaw(strange))
    assert heard[0] == 0
    assert np.abs(heard[1:]).min() > 0.98
