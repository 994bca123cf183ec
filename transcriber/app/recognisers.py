"""Which recognisers there are, and the one that is chosen."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from transcriber import engines
from transcriber.config import Settings
from transcriber.engines.stt.base import EngineInfo, Stt

__all__ = ["Engine", "list_engines", "recogniser"]


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine as people see it in a list."""

    info: EngineInfo
    unusable: str

    def as_dict(self) -> dict[str, Any]:
        """Everything, for scripts."""
        return asdict(self.info) | {"usable": not self.unusable, "unusable": self.unusable}


def recogniser(settings: Settings, name: str = "") -> Stt:
    """Make the recogniser that the settings or the caller choose."""
    name = name or settings.speech.engine
    kind = engines.stt(name)
    return kind(settings.engines[name])


def list_engines(settings: Settings) -> list[Engine]:
    """Every recogniser, and why it cannot be used if it cannot."""
    found = (recogniser(settings, name) for name in sorted(engines.stt_names()))
    return [Engine(engine.info, engine.unusable()) for engine in found]
