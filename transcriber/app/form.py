"""
Settings that Nextcloud's administrator fills in there.

What the environment says wins: a value from the form counts where the environment has none. Since
everything that runs follows from the settings, the service begins anew when the form has changed;
wishes are kept, so readers hardly notice. A value that makes no sense is left out and told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from transcriber import engines
from transcriber.app.home import asking
from transcriber.captions.redaction import KINDS
from transcriber.captions.transcript import FORMATS
from transcriber.config import BadSettings, Settings, load, table
from transcriber.connectors.nextcloud import Nextcloud, Unanswered
from transcriber.connectors.nextcloud.admin import Admin
from transcriber.errors import Misconfigured

__all__ = ["Form", "ask", "changed", "scheme"]

LOOK = 60.0
"""Seconds between two looks at whether somebody changed the form."""
TRIES = 3
"""How often Nextcloud is asked before we begin without it."""

Option = tuple[str, str]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Field:
    """One field: which setting, how it is called there, and what kind it is."""

    setting: str
    title: str
    kind: str = "text"
    options: Sequence[Option] = ()


def _named(names: Sequence[str]) -> tuple[Option, ...]:
    return tuple((name, name) for name in names)


FIELDS = (
    Field("ASR_BACKEND", "Speech recognition", "select", _named(sorted(engines.STT))),
    Field("ASR_LANGUAGE", "Language that is spoken usually"),
    Field("VOCABULARY", "Names and terms"),
    Field("MODAL_WORKSPACE", "Modal workspace (Kyutai)"),
    Field("MODAL_KEY", "Modal proxy token (Kyutai)", "password"),
    Field("MODAL_SECRET", "Modal proxy secret (Kyutai)", "password"),
    Field("STT_STREAM_URL", "Address of the GPU service (Kyutai)", "url"),
    Field("OPENAI_API_KEY", "OpenAI key", "password"),
    Field("OPENAI_BASE_URL", "OpenAI-compatible service", "url"),
    Field("DEEPGRAM_API_KEY", "Deepgram key", "password"),
    Field("LT_VOSK_SERVER_URL", "Vosk server", "url"),
    Field("REDACT", "Redaction", "multi-checkbox", _named(KINDS)),
    Field("HIDE_PROFANITY", "Swear words", "checkbox"),
    Field(
        "TRANSLATION_BACKEND",
        "Translation",
        "select",
        _named(("auto", "none", "nextcloud", "llm", "libretranslate")),
    ),
    Field("TRANSLATION_URL", "Address of the translator", "url"),
    Field("TRANSLATION_KEY", "Key of the translator", "password"),
    Field("TRANSCRIPTS", "Transcripts", "checkbox"),
    Field("TRANSCRIPT_DAYS", "Days that transcripts are kept", "number"),
    Field(
        "TRANSCRIPT_UPLOAD", "Transcripts in the room's files", "multi-checkbox", _named(FORMATS)
    ),
)
NAMES = tuple(one.setting for one in FIELDS)


@dataclass(frozen=True, slots=True)
class Form:
    """What was filled in: `values` count, `problems` say what does not and why."""

    given: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Misconfigured, ...] = ()


def scheme() -> dict[str, Any]:
    """Describe the form as Nextcloud wants it."""
    known = {setting.name: setting for setting in table()}
    return {
        "id": "live_transcription_settings",
        "priority": 50,
        "section_type": "admin",
        "section_id": "talk",
        "title": "Live transcription",
        "description": "What is set here counts within a minute, unless the environment says "
        "otherwise. Addresses and secrets of the high-performance backend are deploy options.",
        "fields": [_shown(one, known[one.setting].description) for one in FIELDS],
    }


async def ask(settings: Settings, environ: Mapping[str, str]) -> Form:
    """Ask Nextcloud what was filled in; nothing if there is none, or it does not answer."""
    async with asking(settings) as cloud:
        if cloud is None:
            return Form()
        for again in range(1, TRIES + 1):
            try:
                return _filled(environ, await Admin(cloud).values(NAMES))
            except Unanswered as problem:
                log.warning("nextcloud does not tell its settings", problem=str(problem))
                await asyncio.sleep(again if again < TRIES else 0)
    return Form()


async def changed(cloud: Nextcloud, form: Form) -> None:
    """Return when somebody has changed the form."""
    while True:
        await asyncio.sleep(LOOK)
        try:
            if await Admin(cloud).values(NAMES) != form.given:
                return
        except Unanswered as problem:
            log.info("nextcloud does not tell its settings", problem=str(problem))


def _filled(environ: Mapping[str, str], given: Mapping[str, str]) -> Form:
    """Take what is valid and not said by the environment already."""
    problems: list[Misconfigured] = []
    values = {
        name: value
        for name, value in given.items()
        if not environ.get(name) and not environ.get(f"{name}_FILE")
    }
    while True:
        try:
            load({**environ, **values})
        except BadSettings as error:
            wrong = {problem.setting for problem in error.problems} & values.keys()
            if not wrong:
                raise
            problems += [one for one in error.problems if one.setting in wrong]
            values = {name: value for name, value in values.items() if name not in wrong}
        else:
            return Form(given, values, tuple(problems))


def _shown(one: Field, description: str) -> dict[str, Any]:
    text = description[:1].upper() + description[1:]
    shown: dict[str, Any] = {
        "id": one.setting,
        "title": one.title,
        "description": text,
        "type": one.kind,
        "default": [] if one.kind == "multi-checkbox" else False if one.kind == "checkbox" else "",
        "placeholder": "",
    }
    if one.options:
        shown["options"] = [{"name": name, "value": value} for name, value in one.options]
    if one.kind == "checkbox":
        shown["label"] = text
    return shown
