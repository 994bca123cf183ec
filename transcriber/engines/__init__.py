"""
Which engines there are.

Built-in ones are named here and imported when they are chosen, so that what one engine needs is
not needed by those who use another. Other distributions add theirs by an entry point in the
group `transcriber.stt`, `transcriber.tts` or `transcriber.llm`, whose value is `module:Class` too.
"""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from transcriber.engines.llm.base import Llm
from transcriber.engines.stt.base import Stt
from transcriber.engines.tts.base import Tts
from transcriber.errors import Misconfigured

__all__ = ["LLM", "STT", "TTS", "llm", "llm_names", "stt", "stt_names", "tts", "tts_names"]

STT = {
    "assemblyai": "transcriber.engines.stt.bridge:assemblyai",
    "aws": "transcriber.engines.stt.bridge:aws",
    "azure": "transcriber.engines.stt.bridge:azure",
    "cartesia": "transcriber.engines.stt.bridge:cartesia",
    "deepgram": "transcriber.engines.stt.deepgram:Deepgram",
    "elevenlabs": "transcriber.engines.stt.bridge:elevenlabs",
    "gladia": "transcriber.engines.stt.bridge:gladia",
    "google": "transcriber.engines.stt.bridge:google",
    "ibm": "transcriber.engines.stt.ibm:Ibm",
    "kyutai": "transcriber.engines.stt.kyutai:Kyutai",
    "local": "transcriber.engines.stt.local:Local",
    "openai": "transcriber.engines.stt.openai:OpenAi",
    "soniox": "transcriber.engines.stt.bridge:soniox",
    "speechmatics": "transcriber.engines.stt.bridge:speechmatics",
    "vosk": "transcriber.engines.stt.vosk:Vosk",
}
"""The recognisers that come with us."""

TTS = {
    "aws": "transcriber.engines.tts.bridge:aws",
    "azure": "transcriber.engines.tts.bridge:azure",
    "cartesia": "transcriber.engines.tts.bridge:cartesia",
    "deepgram": "transcriber.engines.tts.bridge:deepgram",
    "elevenlabs": "transcriber.engines.tts.elevenlabs:ElevenLabs",
    "espeak": "transcriber.engines.tts.espeak:Espeak",
    "gnani": "transcriber.engines.tts.bridge:gnani",
    "google": "transcriber.engines.tts.google:Google",
    "hume": "transcriber.engines.tts.bridge:hume",
    "ibm": "transcriber.engines.tts.ibm:Ibm",
    "kyutai": "transcriber.engines.tts.kyutai:Kyutai",
    "lmnt": "transcriber.engines.tts.bridge:lmnt",
    "local": "transcriber.engines.tts.local:Local",
    "openai": "transcriber.engines.tts.openai:OpenAi",
    "piper": "transcriber.engines.tts.piper:Piper",
}
"""The voices that come with us."""

LLM = {
    "anthropic": "transcriber.engines.llm.anthropic:Anthropic",
    "compatible": "transcriber.engines.llm.openai:Compatible",
    "openai": "transcriber.engines.llm.openai:OpenAi",
}
"""The interfaces of language models that come with us."""


def stt_names() -> dict[str, str]:
    """Where each recogniser is found, ours and other people's."""
    return _names("transcriber.stt", STT)


def tts_names() -> dict[str, str]:
    """Where each voice is found, ours and other people's."""
    return _names("transcriber.tts", TTS)


def llm_names() -> dict[str, str]:
    """Where each interface of language models is found, ours and other people's."""
    return _names("transcriber.llm", LLM)


def stt(name: str) -> type[Stt]:
    """Return the class of a recogniser; imports its module, but nothing heavy yet."""
    found: type[Stt] = _find(name, stt_names(), "ASR_BACKEND", "recogniser")
    return found


def tts(name: str) -> type[Tts]:
    """Return the class of a voice; imports its module, but nothing heavy yet."""
    found: type[Tts] = _find(name, tts_names(), "TTS_BACKEND", "voice")
    return found


def llm(name: str) -> type[Llm]:
    """Return the class of a language model; imports its module, but nothing heavy yet."""
    found: type[Llm] = _find(name, llm_names(), "LLM_BACKEND", "language model")
    return found


def _names(group: str, ours: dict[str, str]) -> dict[str, str]:
    return _theirs(group) | ours


@cache
def _theirs(group: str) -> dict[str, str]:
    return {point.name: point.value for point in entry_points(group=group)}


def _find(name: str, places: dict[str, str], setting: str, what: str) -> Any:
    if name not in places:
        known = " or ".join(sorted(places))
        raise Misconfigured(setting, f"there is no {what} {name!r}", remedy=f"choose {known}")
    module, _, attribute = places[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
