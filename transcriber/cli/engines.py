"""List recognisers, voices and language models, what they can do, and whether they work here.

For example:

  transcriber engines
  transcriber engines --json
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transcriber.app import Engine
    from transcriber.app.models import ModelEngine
    from transcriber.app.voices import VoiceEngine

    Listed = Sequence[Engine] | Sequence[VoiceEngine] | Sequence[ModelEngine]

__all__ = ["add", "run"]

MANY = 8
"""Voices that a table still names one by one."""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print JSON lines, for scripts")


def run(args: argparse.Namespace) -> int:
    """Print them."""
    from transcriber import app
    from transcriber.cli.screen import show_json
    from transcriber.cli.setup import configured

    settings = configured(quiet=True)
    listed: dict[str, Listed] = {
        "recogniser": app.list_engines(settings),
        "voice": app.list_voices(settings),
        "model": app.list_models(settings),
    }
    for kind, engines in listed.items():
        if args.json:
            for engine in engines:
                show_json({"kind": kind} | engine.as_dict())
        else:
            _show(kind, engines)
    return 0


def _show(kind: str, engines: Listed) -> None:
    from transcriber.cli.screen import show_table

    rows = [
        (
            engine.info.name,
            "no" if engine.unusable else "yes",
            " ".join(engine.info.languages),
            " ".join(engine.info.models),
            ", ".join([*engine.info.abilities, *_voices(engine)]),
            engine.info.title,
        )
        for engine in engines
    ]
    show_table((kind, "usable", "languages", "models", "can", "what it is"), rows)
    for engine in engines:
        if engine.unusable:
            print(f"{kind} {engine.info.name} is not usable here: {engine.unusable}")


def _voices(engine: Engine | VoiceEngine | ModelEngine) -> list[str]:
    names = [voice.name for voice in getattr(engine.info, "voices", ())]
    if not names:
        return []
    return [f"{len(names)} voices" if len(names) > MANY else f"voices {' '.join(names)}"]
