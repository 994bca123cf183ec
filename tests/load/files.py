"""
What it costs to transcribe files, and whether the words depend on their form.

  python -m tests.load.files --json                              ten minutes and three hours
  python -m tests.load.files --minutes 2 --long-minutes 10       quick

The generated files repeat the real speech of tests/data with pauses between; FFmpeg makes them.
Each is transcribed by a process of its own, whose CPU time and peak memory are taken.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.load.report import Bar, finish, parser
from tests.peers.speech import SAMPLE, WORDS, convert, error_rate, plain

FORMS = {
    "wer_wav": ("sample.wav", ("-c:a", "pcm_s16le")),
    "wer_ulaw8k": ("telephone.wav", ("-ar", "8000", "-c:a", "pcm_mulaw")),
    "wer_mp3": ("stereo.mp3", ("-ar", "44100", "-ac", "2")),
    "wer_opus": ("opus.mkv", ("-ar", "48000", "-c:a", "libopus")),
}
"""The figure, the file and how FFmpeg makes it."""
SECONDS = 17.5
"""Length of the sample, about."""
WER = 100 * 2 / len(WORDS)
"""Percent that two wrong words are."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one transcription took."""

    text: str
    cpu: float
    peak_mb: float


def transcribe(path: Path) -> Cost:
    """Run the command and read what the kernel counted for it."""
    read, write = os.pipe()
    with os.fdopen(read) as out:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "transcriber", "transcribe", str(path)],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_CLOSE, read)],
        )
        os.close(write)
        text = out.read()
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"transcribing {path.name} failed with status {status}")
    return Cost(text, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def generated(folder: Path, minutes: float) -> Path:
    """A file of this length, from the sample again and again."""
    target = folder / f"{minutes:g}.opus"
    loops = int(minutes * 60 / SECONDS)
    options = ("-t", str(minutes * 60), "-c:a", "libopus", "-b:a", "24k")
    command = ("ffmpeg", "-v", "error", "-stream_loop", str(loops), "-i", str(SAMPLE))
    subprocess.run([*command, *options, str(target)], check=True)
    return target


def measure(folder: Path, args: argparse.Namespace) -> dict[str, float]:
    short = transcribe(generated(folder, args.minutes))
    long = transcribe(generated(folder, args.long_minutes))
    figures = {
        "rtf_cpu": long.cpu / (args.long_minutes * 60),
        "peak_mb_10min": short.peak_mb,
        "peak_mb_3h": long.peak_mb,
    }
    for figure, (name, options) in FORMS.items():
        heard = transcribe(convert(folder / name, *options)).text
        figures[figure] = error_rate(WORDS, plain(heard))
    return figures


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--minutes", type=float, default=10, help="of the shorter file")
    options.add_argument("--long-minutes", type=float, default=180, help="of the longer file")
    args = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), args)
    growth = 100 * (figures["peak_mb_3h"] / figures["peak_mb_10min"] - 1)
    bars = [
        Bar("peak_mb_3h", figures["peak_mb_3h"], "<=", 300),
        Bar("growth_percent", growth, "<=", 10),
        *(Bar(name, figures[name], "<=", WER) for name in FORMS),
    ]
    return finish("files", figures, bars, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
