"""Sounds of dialogs: files beside the flows, files from the web, and nothing else."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from dialogs.errors import HookFailed, VoiceFailed
from dialogs.ports import Request, Response, Sound
from transcriber.audio.block import RATE, Samples
from transcriber.connectors import sounds
from transcriber.connectors.sounds import Sounds

SPEECH = Path(__file__).parents[3] / "data" / "speech"


def wav(seconds: float, *, rate: int = 16_000, channels: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((channels, 2, rate, 0, "NONE", ""))
        tone = 0.25 * np.sin(np.arange(round(seconds * rate)) * 440 * 2 * np.pi / rate)
        written.writeframes(np.repeat((tone * 32767).astype("<i2"), channels).tobytes())
    return file.getvalue()


class Shelf:
    """The web, with one thing in it."""

    def __init__(self, *answers: Response) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        if not self.answers:
            raise HookFailed("refused")
        return self.answers.pop(0)


@asynccontextmanager
async def heard(sound: Sound, folder: Path, *answers: Response) -> AsyncIterator[Samples]:
    fetched = Sounds(folder, Shelf(*answers)).fetch(sound)
    yield np.concatenate([piece async for piece in fetched])


async def test_a_file_is_heard_at_our_rate_in_mono(tmp_path: Path) -> None:
    (tmp_path / "ding.wav").write_bytes(wav(1.5))
    async with heard(Sound(file="ding.wav"), tmp_path) as samples:
        assert len(samples) == pytest.approx(1.5 * RATE, abs=50)
        assert float(np.abs(samples).max()) == pytest.approx(0.25, abs=0.01)


async def test_it_comes_in_portions(tmp_path: Path) -> None:
    (tmp_path / "ding.wav").write_bytes(wav(3.0))
    pieces = [one async for one in Sounds(tmp_path, Shelf()).fetch(Sound(file="ding.wav"))]
    assert len(pieces) > 4


async def test_whoever_stops_listening_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "ding.wav").write_bytes(wav(3.0))
    fetched = Sounds(tmp_path, Shelf()).fetch(Sound(file="ding.wav"))
    assert len(await anext(fetched))
    await fetched.aclose()


async def test_flac_and_files_in_folders_are_heard_too() -> None:
    async with heard(Sound(file="speech/goforward.flac"), SPEECH.parent) as samples:
        assert len(samples) > RATE


async def test_a_file_comes_from_the_web() -> None:
    shelf = Shelf(Response(200, wav(0.5)))
    fetched = Sounds(Path(), shelf).fetch(Sound(url="https://a.example/ding.wav"))
    samples = np.concatenate([piece async for piece in fetched])
    assert len(samples) == pytest.approx(0.5 * RATE, abs=50)
    assert (shelf.requests[0].method, shelf.requests[0].limit) == ("GET", sounds.LARGEST)


@pytest.mark.parametrize(
    ("sound", "answers", "says"),
    [
        (Sound(file="../secret.wav"), (), "no such file"),
        (Sound(file="link.wav"), (), "no such file"),
        (Sound(file="nothing.wav"), (), "no such file"),
        (Sound(file="."), (), "no such file"),
        (Sound(file="list.m3u8"), (), "not a wav"),
        (Sound(file="broken.wav"), (), "cannot be decoded"),
        (Sound(url="https://a"), (), "refused"),
        (Sound(url="https://a"), (Response(404, b"no"),), "status 404"),
    ],
)
async def test_everything_else_is_refused(
    sound: Sound, answers: tuple[Response, ...], says: str, tmp_path: Path
) -> None:
    folder = tmp_path / "flows"
    folder.mkdir()
    (tmp_path / "secret.wav").write_bytes(wav(0.1))
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    (folder / "list.m3u8").write_text("#EXTM3U\nfile:///etc/passwd\n")
    (folder / "broken.wav").write_bytes(b"RIFF" + bytes(40))
    with pytest.raises(VoiceFailed, match=says):
        async with heard(sound, folder, *answers):
            pass


async def test_a_sound_ends_somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounds, "LONGEST", 1.0)
    (tmp_path / "long.wav").write_bytes(wav(3.0))
    with pytest.raises(VoiceFailed, match="longer than 1 s"):
        async with heard(Sound(file="long.wav"), tmp_path):
            pass
    monkeypatch.setattr(sounds, "LARGEST", 1000)
    with pytest.raises(VoiceFailed, match="larger than"):
        async with heard(Sound(file="long.wav"), tmp_path):
            pass
