"""`transcriber transcribe` with real files, made by real FFmpeg."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.peers import require, until
from tests.peers.command import Ran, here, transcriber
from tests.peers.speech import SAMPLE, WORDS, convert, errors, plain
from transcriber.audio import wav
from transcriber.connectors.media import Media
from transcriber.errors import BadInput


def transcribe(*arguments: str) -> Ran:
    return here("transcribe", *arguments, env={})


def test_the_sample_becomes_subtitles_with_times() -> None:
    ran = transcriber("transcribe", str(SAMPLE), "--format", "vtt")
    assert (ran.code, ran.err) == (0, "")
    head, *cues = ran.out.strip().split("\n\n")
    assert head == "WEBVTT"
    assert len(cues) == 4
    assert cues[0].startswith("00:00:00.")
    assert all(len(line) <= 42 for cue in cues for line in cue.splitlines())


FORMS: dict[str, tuple[str, ...]] = {
    "telephone.wav": ("-ar", "8000", "-c:a", "pcm_mulaw"),
    "stereo.mp3": ("-ar", "44100", "-ac", "2"),
    "opus.mkv": ("-ar", "48000", "-c:a", "libopus"),
    "surround.flac": ("-ac", "6"),
    "float.wav": ("-c:a", "pcm_f32le", "-ar", "96000"),
    "eight_bits.wav": ("-c:a", "pcm_u8"),
    "vorbis.ogg": ("-c:a", "libvorbis"),
    "aac.m4a": ("-c:a", "aac"),
    "raw.aac": ("-c:a", "aac"),
}


@pytest.fixture(scope="module")
def heard() -> list[str]:
    """What is heard in the sample itself."""
    words = plain(transcribe(str(SAMPLE)).out)
    assert errors(WORDS, words) <= 2
    return words


@pytest.mark.parametrize("name", FORMS)
def test_the_same_words_in_any_form(name: str, heard: list[str], tmp_path: Path) -> None:
    ran = transcribe(str(convert(tmp_path / name, *FORMS[name])))
    assert (ran.code, ran.err) == (0, "")
    assert errors(heard, plain(ran.out)) <= 2


def test_a_film_is_heard(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    picture = ("-f", "lavfi", "-i", "testsrc=duration=17:rate=5:size=64x64", "-shortest")
    convert(film, *picture, "-c:v", "ffv1", "-c:a", "libopus")
    assert errors(WORDS, plain(transcribe(str(film)).out)) <= 2


def test_sound_that_begins_late_or_ends_early_keeps_its_times(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    picture = ("-f", "lavfi", "-i", "testsrc=duration=30:rate=5:size=64x64")
    late = ("-map", "0:v", "-map", "1:a", "-c:v", "ffv1", "-c:a", "libopus")
    command = (require("ffmpeg"), "-v", "error", *picture, "-itsoffset", "5", "-i", str(SAMPLE))
    subprocess.run([*command, *late, str(film)], check=True)
    ran = transcribe(str(film), "--json")
    assert (ran.code, ran.err) == (0, "")
    starts = [segment["start"] for segment in json.loads(ran.out)["segments"]]
    assert [round(start) for start in starts] == [6, 13, 19]


def test_channels_can_be_people(tmp_path: Path) -> None:
    stereo = "aformat=channel_layouts=stereo,adelay=0|20000,apad=pad_dur=1"
    both = convert(tmp_path / "two.wav", "-ac", "2", "-af", stereo)
    found = json.loads(transcribe(str(both), "--channels", "separate", "--json").out)["segments"]
    assert [segment["speaker"] for segment in found] == ["Channel 1"] * 3 + ["Channel 2"] * 3
    starts = [segment["start"] for segment in found]
    late = [round(later - sooner) for sooner, later in zip(starts[:3], starts[3:], strict=True)]
    assert late == [20, 20, 20]


def test_a_pipe_will_do() -> None:
    ran = transcriber("transcribe", "-", stdin=SAMPLE.read_bytes())
    assert ran.code == 0
    assert errors(WORDS, plain(ran.out)) <= 2


def test_several_files_go_into_a_folder(tmp_path: Path) -> None:
    other = convert(tmp_path / "other.flac")
    target = tmp_path / "out"
    ran = transcribe(str(SAMPLE), str(other), "--format", "srt", "--output", f"{target}/")
    assert (ran.code, ran.out) == (0, "")
    assert sorted(path.name for path in target.iterdir()) == ["other.srt", "sample.srt"]
    assert (target / "other.srt").read_text().startswith("1\n00:00:00,")


def test_a_bad_file_does_not_keep_the_others_from_being_heard(tmp_path: Path) -> None:
    ran = transcribe(str(tmp_path / "none.wav"), str(SAMPLE))
    assert ran.code == 2
    assert errors(WORDS, plain(ran.out)) <= 2
    (line,) = ran.lines
    assert "none.wav: no such file" in line


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    path = convert(tmp_path / "talk.wav")
    before = path.read_bytes()
    ran = transcribe(str(path), "--output", str(path))
    assert ran.code == 2
    assert path.read_bytes() == before


def test_files_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    ran = transcribe("a/talk.wav", "b/talk.wav", "--output", str(tmp_path))
    assert ran.code == 2
    assert "same name" in ran.err


def test_an_unknown_recogniser_is_named() -> None:
    ran = transcribe(str(SAMPLE), "--engine", "kaldi")
    assert ran.code == 3
    assert "kaldi" in ran.err


@pytest.mark.parametrize(
    ("language", "code", "problem"),
    [("klingon!", 2, "no code of a language"), ("de", 1, "a model for de is not there")],
)
def test_a_language_that_nobody_hears_is_named(language: str, code: int, problem: str) -> None:
    ran = transcriber("transcribe", str(SAMPLE), "--language", language)
    assert (ran.code, ran.out) == (code, "")
    assert problem in ran.lines[-1]
    assert '"event"' not in ran.err


def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    ran = transcriber("transcribe", str(SAMPLE), env={"LOCAL_MODEL_DIR": str(tmp_path)})
    assert ran.code == 3
    assert "LOCAL_MODEL_DIR" in ran.err
    assert len(ran.lines) == 1


def test_real_time_takes_its_time(tmp_path: Path) -> None:
    short = convert(tmp_path / "short.wav", "-t", "3")
    began = time.monotonic()
    assert transcribe(str(short), "--realtime").code == 0
    assert time.monotonic() - began >= 2.9


@pytest.mark.parametrize("stdin", [False, True])
async def test_interrupting_ends_it_cleanly_and_keeps_what_was_heard(
    stdin: bool, tmp_path: Path
) -> None:
    output = tmp_path / "out.json"
    source = "-" if stdin else str(SAMPLE)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "transcriber", "transcribe", source, "--realtime"),
        *("--format", "json", "--output", str(output)),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin
    assert process.stderr
    process.stdin.write(SAMPLE.read_bytes()[:400_000])
    await until(lambda: output.exists() and output.stat().st_size > 0, seconds=60)
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(60):  # two seconds, on a machine that does nothing else
        assert await process.wait() == 130
    process.stdin.close()
    assert (await process.stderr.read()).decode() == "transcriber: interrupted\n"
    assert json.loads(output.read_text())["segments"][0]["text"].startswith("And")


def head(share: float) -> Callable[[Path], Path]:
    def cut(path: Path) -> Path:
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        return path

    return cut


TRUNCATED = {
    f"{name}, {share:.0%} of it": (name, share)
    for name in (
        "telephone.wav",
        "stereo.mp3",
        "opus.mkv",
        "surround.flac",
        "vorbis.ogg",
        "aac.m4a",
    )
    for share in (0.01, 0.3, 0.9)
}


@pytest.mark.parametrize("case", TRUNCATED)
def test_a_truncated_file_is_one_clear_line(case: str, tmp_path: Path) -> None:
    name, share = TRUNCATED[case]
    ran = transcribe(str(head(share)(convert(tmp_path / name, *FORMS[name]))))
    assert ran.code == 2
    (line,) = ran.lines
    assert name in line
    assert "Traceback" not in line


def empty(path: Path) -> None:
    path.touch()


def folder(path: Path) -> None:
    path.mkdir()


def text(path: Path) -> None:
    path.write_text("not a recording\n" * 100)


def noise(path: Path) -> None:
    path.write_bytes(random.randbytes(5000))


def zeros(path: Path) -> None:
    path.write_bytes(bytes(5000))


def picture(path: Path) -> None:
    command = (require("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc=d=0.1", "-f", "apng")
    subprocess.run([*command, str(path)], check=True)


def film(path: Path) -> None:
    command = (require("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc=d=1")
    subprocess.run([*command, "-f", "matroska", str(path)], check=True)


def no_samples(path: Path) -> None:
    path.write_bytes(wav.encode(np.zeros(0, np.float32), 16000))


def no_such_file(path: Path) -> None: ...


UNUSABLE: list[Callable[[Path], None]] = [
    empty, folder, text, noise, zeros, picture, film, no_samples, no_such_file,
]  # fmt: skip


@pytest.mark.parametrize("make", UNUSABLE, ids=lambda make: make.__name__)
def test_what_is_no_recording_is_one_clear_line(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "talk.wav"
    make(path)
    ran = transcribe(str(path))
    assert (ran.code, ran.out) == (2, "")
    (line,) = ran.lines
    assert line.startswith(f"transcriber: {path}: ")


def headless(content: bytearray) -> bytes:
    return bytes(64) + bytes(content[64:])


def noisy(content: bytearray) -> bytes:
    third = len(content) // 3
    return bytes(content[:third] + random.randbytes(third) + content[2 * third :])


def twice(content: bytearray) -> bytes:
    return bytes(content[: len(content) // 2] + content)


@pytest.mark.parametrize("damage", [headless, noisy, twice], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", FORMS)
def test_a_damaged_file_is_heard_or_one_clear_line(
    name: str, damage: Callable[[bytearray], bytes], tmp_path: Path
) -> None:
    path = convert(tmp_path / name, *FORMS[name], "-t", "2")
    path.write_bytes(damage(bytearray(path.read_bytes())))
    ran = transcribe(str(path))
    assert ran.code in (0, 2)
    assert len(ran.lines) == (0 if ran.code == 0 else 1), ran.err


SOURCES = ("telephone.wav", "stereo.mp3", "opus.mkv", "surround.flac", "vorbis.ogg", "aac.m4a")


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("originals")
    return {name: convert(folder / name, *FORMS[name], "-t", "1").read_bytes() for name in SOURCES}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(SOURCES),
    cut=st.floats(0, 1),
    damage=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=40)), max_size=6),
)
def test_damage_of_any_kind_is_a_refusal_or_samples(
    originals: dict[str, bytes],
    tmp_path: Path,
    name: str,
    cut: float,
    damage: list[tuple[float, bytes]],
) -> None:
    content = bytearray(originals[name][: int(len(originals[name]) * cut)])
    for where, replacement in damage:
        at = int(where * len(content))
        content[at : at + len(replacement)] = replacement
    path = tmp_path / name
    path.write_bytes(content)
    try:
        media = Media(str(path))
    except BadInput:
        return
    try:
        for rate, samples in media:
            assert rate > 0
            assert np.abs(samples).max() <= 1.0
    except BadInput:
        pass
    finally:
        media.close()


def test_three_hours_need_no_more_memory_than_their_length_of_text(tmp_path: Path) -> None:
    """The full figure is that of `python -m tests.load.files`; half an hour of silence will do."""
    peaks = []
    for seconds in (60, 1800):
        path = tmp_path / f"{seconds}.flac"
        source = ("-f", "lavfi", "-i", f"anullsrc=r=8000:cl=mono:d={seconds}")
        subprocess.run([require("ffmpeg"), "-v", "error", *source, str(path)], check=True)
        code = (
            "import resource, sys; from transcriber.cli import main; main(sys.argv[1:]); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        ran = subprocess.run(
            [sys.executable, "-c", code, "transcribe", str(path)],
            capture_output=True,
            check=True,
            env=os.environ,
        )
        peaks.append(int(ran.stdout.split()[-1]))
    assert peaks[1] < peaks[0] * 1.1


def test_on_a_terminal_a_bar_shows_how_fast_it_goes(tmp_path: Path) -> None:
    leader, follower = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "transcriber", "transcribe", str(SAMPLE)],
        stdout=subprocess.PIPE,
        stderr=follower,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(follower)
    with process, os.fdopen(leader, "rb", buffering=0) as screen:
        assert process.stdout
        shown = b""
        with contextlib.suppress(OSError):  # how a terminal ends
            while portion := screen.read(4096):
                shown += portion
        assert errors(WORDS, plain(process.stdout.read().decode())) <= 2
    assert process.returncode == 0
    assert b"x real time" in shown
    assert b"sample.wav" in shown
