"""libopus: found where it is, and an error that helps where it is not."""

import numpy as np
import pytest

from transcriber.audio.block import RATE, Samples
from transcriber.errors import Misconfigured
from transcriber.rtc import opus


def tone(seconds: float, frequency: float = 440.0) -> Samples:
    at = np.arange(int(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * frequency * at)).astype(np.float32)


def encoded(samples: Samples) -> list[bytes]:
    encoder = opus.Encoder()
    return [encoder.encode(samples[at : at + opus.FRAME]) for at in range(0, len(samples), 480)]


def test_speech_survives_the_codec() -> None:
    packets = encoded(tone(0.4))
    pcm = np.zeros(20 * opus.FRAME, np.float32)
    decoder = opus.Decoder(np.zeros(opus.LONGEST, np.float32))
    into = opus.Decoder(pcm)
    for place, packet in enumerate(packets):
        assert into.decode(packet, place * opus.FRAME) == opus.FRAME
        assert decoder.decode(packet, 0) == opus.FRAME
    spectrum = np.abs(np.fft.rfft(pcm[-RATE // 5 :]))
    assert int(np.argmax(spectrum)) * 5 == 440
    assert float(np.abs(pcm).max()) == pytest.approx(0.3, abs=0.05)


def test_a_lost_packet_is_recovered_from_the_next() -> None:
    packets = encoded(tone(0.4))
    pcm = np.zeros(opus.LONGEST, np.float32)
    decoder = opus.Decoder(pcm)
    for packet in packets[:10]:
        decoder.decode(packet, 0)
    assert decoder.recover(packets[11], opus.FRAME, 0) == opus.FRAME
    assert float(np.abs(pcm[: opus.FRAME]).max()) > 0.2
    assert decoder.conceal(opus.FRAME, 0) == opus.FRAME


def test_what_is_no_opus_is_told() -> None:
    decoder = opus.Decoder(np.zeros(opus.LONGEST, np.float32))
    assert decoder.decode(b"\xff\xff\xff", 0) < 0
    assert decoder.recover(b"\xff\xff\xff", opus.FRAME, 0) == 0


def test_only_whole_frames_are_encoded() -> None:
    with pytest.raises(ValueError, match="no frame"):
        opus.Encoder().encode(np.zeros(100, np.float32))


def test_a_machine_without_the_library_is_told_what_to_install() -> None:
    with pytest.raises(Misconfigured, match="install the package libopus0"):
        opus.find(["libopus-that-does-not-exist.so"])


def test_the_copy_in_the_wheel_does_as_well() -> None:
    places = [place for place in opus.places() if "/" in place]
    assert places
    assert opus.find(places).opus_get_version_string() != opus.ffi.NULL
    assert "opus" in opus.version()
