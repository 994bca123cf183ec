"""Say a text: write it to a sound file, or find out what a voice is like.

The sound is a wav file, 24 kHz mono. Without --output it goes to standard output, for another
program. For example:

  transcriber say "Welcome. How can I help you?" --output welcome.wav
  transcriber say "Guten Tag" --language de --engine espeak --output tag.wav
  transcriber say - --voice heart < speech.txt | aplay
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from transcriber.errors import BadInput

if TYPE_CHECKING:
    from transcriber.audio.block import Samples
    from transcriber.engines.tts.speaker import Speaker

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("text", metavar="TEXT", help="what to say; - for input")
    parser.add_argument("--output", metavar="FILE", help="wav file to write")
    parser.add_argument("--voice", default="", help="a voice; `transcriber engines` lists them")
    parser.add_argument("--engine", default="", help="who makes it; default: as TTS_BACKEND says")
    parser.add_argument("--language", default="", help="what it is spoken in, such as en")
    parser.add_argument("--speed", type=float, default=0.0, help="0.5 to 2; 1 is as usual")
    parser.add_argument("--json", action="store_true", help="print what was said, for scripts")


def run(args: argparse.Namespace) -> int:
    """Say it."""
    import asyncio

    from transcriber import app
    from transcriber.audio import wav
    from transcriber.audio.block import RATE
    from transcriber.cli.screen import show_json
    from transcriber.cli.setup import configured

    if not args.output and (args.json or sys.stdout.isatty()):
        raise BadInput("no file to write to", remedy="name one with --output")
    text = sys.stdin.read() if args.text == "-" else args.text
    said = asyncio.run(_say(app.speaker(configured(quiet=True)), text, args))
    if not said.samples:
        raise BadInput("there is nothing to say", remedy="give a text with words")
    _write(args.output, wav.encode(said.sound, RATE))
    if args.json:
        show_json({"file": args.output} | said.as_dict())
    return 0


@dataclass(slots=True)
class Said:
    """What came of it."""

    text: str
    engines: dict[str, None] = field(default_factory=dict)
    samples: list[Samples] = field(default_factory=list)
    first_audio: float = 0.0

    @property
    def sound(self) -> Samples:
        """All of it."""
        import numpy as np

        return np.concatenate(self.samples)

    def as_dict(self) -> dict[str, object]:
        """What scripts want to know."""
        from transcriber.audio.block import RATE

        return {
            "engines": list(self.engines),
            "seconds": round(len(self.sound) / RATE, 3),
            "first_audio_ms": round(self.first_audio * 1000, 1),
            "characters": len(self.text),
        }


async def _say(speaker: Speaker, text: str, args: argparse.Namespace) -> Said:
    import time

    from transcriber.cli.screen import progress_bar

    said = Said(text)
    wishes = {"voice": args.voice, "language": args.language, "engine": args.engine}
    with progress_bar() as progress:
        await speaker.prepare(lambda what, done: progress(what, done, 1.0, audio=False))
    async with speaker:
        began = time.monotonic()
        async with speaker.speak(text, speed=args.speed, **wishes) as pieces:
            async for piece in pieces:
                said.first_audio = said.first_audio or time.monotonic() - began
                said.engines[piece.engine] = None
                said.samples.append(piece.samples)
    return said


def _write(output: str | None, file: bytes) -> None:
    if not output:
        sys.stdout.buffer.write(file)
        return
    try:
        Path(output).write_bytes(file)
    except OSError as error:
        raise BadInput(f"cannot write {output}: {error.strerror}") from error
