"""
Which engines there are.

Built-in ones are named here and imported when they are chosen, so that what one engine needs is
not needed by those who use another. Other distributions add theirs by an entry point in the
group `transcriber.stt`, whose value is `module:Class` too.
"""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points

from transcriber.engines.stt.base import Stt
from transcriber.errors import Misconfigured

__all__ = ["STT", "stt", "stt_names"]

STT = {
    "assemblyai": "transcriber.engines.stt.bridge:assemblyai",
    "aws": "transcriber.engines.stt.bridge:aws",
    "azure": "transcriber.engines.stt.bridge:azure",
    "cartesia": "transcriber.engines.stt.bridge:cartesia",
    "deepgram": "transcriber.engines.stt.deepgram:Deepgram",
    "elevenlabs": "transcriber.engines.stt.bridge:elevenlabs",
    "gladia": "transcriber.engines.stt.bridge:gladia",
    "google": "transcriber.engines.stt.bridge:google",
    "kyutai": "transcriber.engines.stt.kyutai:Kyutai",
    "local": "transcriber.engines.stt.local:Local",
    "openai": "transcriber.engines.stt.openai:OpenAi",
    "soniox": "transcriber.engines.stt.bridge:soniox",
    "speechmatics": "transcriber.engines.stt.bridge:speechmatics",
    "vosk": "transcriber.engines.stt.vosk:Vosk",
}
"""The recognisers that come with us."""


def stt_names() -> dict[str, str]:
    """Where each recogniser is found, ours and other people's."""
    others = {point.name: point.value for point in entry_points(group="transcriber.stt")}
    return others | STT


def stt(name: str) -> type[Stt]:
    """Return the class of a recogniser; imports its module, but nothing heavy yet."""
    places = stt_names()
    if name not in places:
        raise Misconfigured(
            "ASR_BACKEND", f"there is no recogniser {name!r}", remedy=f"choose {_any_of(places)}"
        )
    module, _, attribute = places[name].partition(":")
    found: type[Stt] = getattr(importlib.import_module(module), attribute)
    return found


def _any_of(names: dict[str, str]) -> str:
    return " or ".join(sorted(names))
