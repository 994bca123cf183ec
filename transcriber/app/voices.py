"""Which voices there are, and the one that everybody hears."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from transcriber import engines
from transcriber.config import Settings
from transcriber.engines.stt.health import State
from transcriber.engines.stt.policy import Policy
from transcriber.engines.tts.base import Manner, Tts, TtsInfo
from transcriber.engines.tts.fallback import Members, Spoken
from transcriber.engines.tts.pronunciation import Pronunciations
from transcriber.engines.tts.speaker import Speaker
from transcriber.errors import Misconfigured
from transcriber.telemetry import METRICS

__all__ = ["VoiceEngine", "list_voices", "speaker", "voice_engine"]


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


def speaker(settings: Settings) -> Speaker:
    """Put the voice together that everybody hears; raises `Misconfigured`."""
    options = settings.voice
    members = Members(
        lambda name: voice_engine(settings, name),
        cache_bytes=options.cache_mb * 1024 * 1024,
        observe=_count,
        turned=_count_failure,
    )
    return Speaker(
        members,
        Policy.parse(options.engine, "TTS_BACKEND"),
        usual=Manner(options.voice, settings.speech.language, options.speed),
        pronunciations=_pronunciations(options.pronunciations),
    )


def _pronunciations(path: str) -> Pronunciations:
    if not path:
        return Pronunciations()
    try:
        return Pronunciations.parse(yaml.safe_load(Path(path).read_text("utf-8")))
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise Misconfigured(
            "TTS_PRONUNCIATIONS", f"cannot read {path}: {reason}", remedy="check the path"
        ) from error
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" line {where.line + 1}" if where else ""
        raise Misconfigured("TTS_PRONUNCIATIONS", f"{path}{line} is not YAML") from error


def _count(spoken: Spoken) -> None:
    cached = str(spoken.cached).lower()
    METRICS.first_audio.labels(spoken.engine, cached).observe(spoken.first_audio)
    METRICS.spoken.labels(spoken.engine, cached).inc(spoken.seconds)
    if not spoken.cached:
        METRICS.characters.labels(spoken.engine).inc(spoken.characters)


def _count_failure(state: State) -> None:
    if not state.up:
        METRICS.voice_failures.labels(state.engine, state.code).inc()
