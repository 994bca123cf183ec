"""
Which recognisers there are, and the one that everybody uses.

Around the engines stands what makes captions of them, in this order: engines are chosen by policy
and replaced when they fail; a stream carries on over all of them; who is silent costs nothing; and
nobody gets other words than those fit to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from transcriber import engines
from transcriber.captions.readable import readable
from transcriber.config import Settings
from transcriber.engines.denoise import denoised
from transcriber.engines.gate import GateRules, Judge, gated
from transcriber.engines.stt.base import EngineInfo, Stt
from transcriber.engines.stt.fallback import choose
from transcriber.engines.stt.health import State
from transcriber.engines.stt.members import Members
from transcriber.engines.stt.policy import Policy
from transcriber.engines.vad import Silero
from transcriber.errors import EngineError
from transcriber.telemetry import METRICS

__all__ = ["Engine", "Recognisers", "chosen", "list_engines", "recogniser", "recognisers"]

PARK = 20.0
"""Seconds of silence after which a speaker's stream is closed: open ones are paid for, or keep a
place on a GPU; opening one again costs nothing but a moment, whose audio is kept."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine as people see it in a list; `state` is None while nobody has loaded it."""

    info: EngineInfo
    unusable: str
    state: State | None = None

    def as_dict(self) -> dict[str, Any]:
        """Everything, for scripts."""
        return asdict(self.info) | {
            "usable": not self.unusable,
            "unusable": self.unusable,
            "state": asdict(self.state) if self.state else None,
        }


@dataclass(frozen=True, slots=True)
class Recognisers:
    """The one recogniser that everybody uses, and the engines behind it."""

    stt: Stt
    engines: Callable[[], Sequence[Engine]]
    """Every engine there is, used or not, and how it is at this moment."""
    states: Callable[[], Sequence[State]]
    """How those are that this process has loaded."""


def recogniser(settings: Settings, name: str) -> Stt:
    """Make one engine, with nothing around it."""
    kind = engines.stt(name)
    return kind(settings.engines[name])


def list_engines(settings: Settings, states: Mapping[str, State] | None = None) -> list[Engine]:
    """Every engine, and why it cannot be used if it cannot."""
    found = {name: recogniser(settings, name) for name in sorted(engines.stt_names())}
    known = states or {}
    return [Engine(stt.info, stt.unusable(), known.get(name)) for name, stt in found.items()]


def recognisers(settings: Settings) -> Recognisers:
    """Put the recogniser together that calls use."""
    members = Members(lambda name: recogniser(settings, name), observe=_count)
    policy = Policy.parse(settings.speech.engine)
    engine: Stt = choose(policy, members)
    if settings.speech.noise:
        engine = denoised(engine, settings.speech.noise)
    gate = gated(engine, judge=_judge(), rules=GateRules(park=PARK))

    def now() -> list[Engine]:
        return list_engines(settings, {state.engine: state for state in members.states})

    return Recognisers(readable(gate, settings.captions), now, lambda: members.states)


def chosen(settings: Settings, language: str, name: str = "") -> Stt:
    """
    Make the recogniser for a file: the named engine, or the first of the policy that is usable.

    A file can be transcribed again when an engine fails, so nothing is done about that.
    """
    names = Policy.parse(name or settings.speech.engine).order(language)
    found = [recogniser(settings, name) for name in names]
    usable = [stt for stt in found if not stt.unusable()]
    if not found:
        raise EngineError(
            "bad_request",
            f"no recogniser hears {language}",
            remedy="name one for it in ASR_BACKEND, or by --engine",
        )
    return readable((usable or found)[0], settings.captions)


def _judge() -> Callable[[], Judge] | None:
    """Silero; without it the gate listens to loudness alone."""
    try:
        return Silero().voice
    except EngineError as missing:
        log.warning("voices are told by loudness alone", problem=str(missing))
        return None


def _count(state: State) -> None:
    METRICS.engines.labels(state.engine).set(state.up)
    if state.code:
        METRICS.engine_failures.labels(state.engine, state.code).inc()
