"""Which voices there are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from transcriber import engines
from transcriber.config import Settings
from transcriber.engines.tts.base import Tts, TtsInfo

__all__ = ["VoiceEngine", "list_voices", "voice_engine"]


@dataclass(frozen=True, slots=True)
class VoiceEngine:
    """An engine that speaks, as people see it in a list."""

    info: TtsInfo
    unusable: str

    def as_dict(self) -> dict[str, Any]:
        """Everything, for scripts."""
        return asdict(self.info) | {"usable": not self.unusable, "unusable": self.unusable}


def voice_engine(settings: Settings, name: str) -> Tts:
    """Make one engine, with nothing around it."""
    return engines.tts(name)(settings.voices[name])


def list_voices(settings: Settings) -> list[VoiceEngine]:
    """Every engine that speaks, and why it cannot be used if it cannot."""
    found = (voice_engine(settings, name) for name in sorted(engines.tts_names()))
    return [VoiceEngine(engine.info, engine.unusable()) for engine in found]
