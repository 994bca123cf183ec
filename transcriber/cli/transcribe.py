"""Turn audio or video files into text or subtitles.

Any file that FFmpeg reads will do, of any length; `-` is standard input. The transcript goes to
standard output, or to a file for each with --output. For example:

  transcriber transcribe talk.mp4
  transcriber transcribe talk.mp4 --format vtt --output talk.vtt
  transcriber transcribe monday.wav tuesday.wav --format srt --output subtitles/
  transcriber transcribe interview.wav --channels separate --format json
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from transcriber.errors import BadInput

if TYPE_CHECKING:
    from transcriber.app import Job
    from transcriber.captions.transcript import Format, Writer
    from transcriber.engines.stt.base import Stt
    from transcriber.events import Speech

__all__ = ["add", "run"]

LANGUAGE = r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*"


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="audio or video; - for input")
    parser.add_argument("--engine", default="", help="recogniser; `transcriber engines` lists them")
    parser.add_argument("--language", type=_code, help="what is spoken: en, pt-BR")
    parser.add_argument(
        "--format", choices=("txt", "vtt", "srt", "json", "md"), default="txt", help="default: txt"
    )
    parser.add_argument(
        "--json", action="store_const", const="json", dest="format", help="same as --format json"
    )
    parser.add_argument("--output", metavar="PATH", help="file to write, or folder for several")
    parser.add_argument(
        "--channels",
        choices=("mix", "separate"),
        default="mix",
        help="separate: each channel is a speaker",
    )
    parser.add_argument("--realtime", action="store_true", help="as fast as it was spoken")


def _code(text: str) -> str:
    if not re.fullmatch(LANGUAGE, text):
        raise argparse.ArgumentTypeError(f"{text!r} is no code of a language, such as en or pt-BR")
    return text


def run(args: argparse.Namespace) -> int:
    """Transcribe each file; one that cannot be used does not keep the others from it."""
    import asyncio

    from transcriber import app
    from transcriber.cli.setup import configured

    settings = configured(quiet=True)
    language = args.language or settings.speech.language
    tasks = [
        Task(app.Job(path, language, args.channels, args.realtime), args.format, output)
        for path, output in zip(args.files, _outputs(args), strict=True)
    ]
    return asyncio.run(_all(tasks, app.chosen(settings, language, args.engine)))


@dataclass(frozen=True, slots=True)
class Task:
    """A file, and where its transcript goes: None for standard output."""

    job: Job
    form: Format
    output: Path | None


def _outputs(args: argparse.Namespace) -> list[Path | None]:
    """Where each file's transcript goes; refuses what would overwrite something by accident."""
    if not args.output:
        return [None for _ in args.files]
    output = Path(args.output)
    if len(args.files) == 1 and not output.is_dir() and not args.output.endswith("/"):
        outputs = [output]
    else:
        output.mkdir(parents=True, exist_ok=True)
        outputs = [output / f"{Path(path).stem}.{args.format}" for path in args.files]
    if len(set(outputs)) < len(outputs):
        raise BadInput(
            "several files have the same name", remedy="transcribe them into different folders"
        )
    if inputs := {Path(path).resolve() for path in args.files} & {o.resolve() for o in outputs}:
        raise BadInput(f"{inputs.pop()} would be overwritten", remedy="choose another --output")
    return list(outputs)


async def _all(tasks: list[Task], stt: Stt) -> int:
    from transcriber.cli.screen import progress_bar

    failed = False
    with progress_bar() as progress:
        await stt.prepare(lambda what, done: progress(what, done, 1.0, audio=False))
        async with stt:
            for task in tasks:
                try:
                    await _one(task, stt, partial(progress, task.job.path))
                except BadInput as error:
                    failed = True
                    print(f"transcriber: {error}", file=sys.stderr)
    return 2 if failed else 0


async def _one(task: Task, stt: Stt, progress: Callable[[float, float | None], object]) -> None:
    from transcriber import app
    from transcriber.captions.transcript import writer

    separate = task.job.channels == "separate"
    form = writer(task.form, speakers=separate, source=task.job.path, language=task.job.language)
    with _sheet(task.output, form) as write:
        await app.transcribe(stt, task.job, heard=write, progress=progress)


@contextmanager
def _sheet(output: Path | None, form: Writer) -> Iterator[Callable[[Speech], None]]:
    """
    Write sentences as they come, in their order; yields what to call with each.

    However it ends, what was heard is written and the format closed, but nothing is written for
    a file in which nothing could be read.
    """
    from transcriber.captions.transcript import Transcript

    transcript, file = Transcript(), _Output(output)

    def write(speech: Speech) -> None:
        file.write("".join(map(form.cue, transcript.add(speech))), form.head)

    complete = False
    try:
        yield write
        complete = True
    finally:
        rest = "".join(map(form.cue, transcript.rest()))
        if rest or file.begun or complete:
            file.write(rest + form.tail(), form.head)
        file.close()


class _Output:
    """A file that is made when there is something to write, or standard output."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[str] | None = None

    @property
    def begun(self) -> bool:
        """Whether anything was written."""
        return self._file is not None

    def write(self, text: str, head: Callable[[], str]) -> None:
        """Write text, after `head` if it is the first."""
        if self._file is None:
            text = head() + text
            self._file = self._path.open("w", encoding="utf-8") if self._path else sys.stdout
        self._file.write(text)
        self._file.flush()

    def close(self) -> None:
        """Close the file; standard output stays open."""
        if self._path and self._file:
            self._file.close()
