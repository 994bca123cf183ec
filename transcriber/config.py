"""
The settings: where they come from, and the only place that reads the environment.

Each part of the product keeps a small `Options` model beside the code it configures, and a
field's alias is the setting's name. Here they are put together. A value is taken from the first
of: the variable `NAME`, the file that the variable `NAME_FILE` points to (for secrets), the YAML
file that `TRANSCRIBER_CONFIG` names (`name: value`), the default. All that is wrong is reported
at once, by name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from transcriber import engines
from transcriber.bus.options import NatsOptions
from transcriber.captions.scribe import CaptionOptions
from transcriber.connectors.nextcloud import AppApiOptions
from transcriber.connectors.talk.options import TalkOptions
from transcriber.engines.llm.fallback import LlmOptions
from transcriber.engines.mt.base import TranslationOptions
from transcriber.engines.tts.speaker import VoiceOptions
from transcriber.errors import Misconfigured
from transcriber.rtc.sfu.options import RoomsOptions
from transcriber.session.options import DialogOptions, SessionOptions
from transcriber.store.options import StoreOptions
from transcriber.telemetry import TelemetryOptions
from transcriber.tls import TlsOptions
from transcriber.transcripts.options import TranscriptOptions
from transcriber.web.oidc.options import OidcOptions
from transcriber.web.options import WebOptions
from webhooks.options import WebhookOptions

__all__ = ["BadSettings", "Setting", "Settings", "SpeechOptions", "load", "markdown", "table"]

FILE = "TRANSCRIBER_CONFIG"
"""The variable that names the settings file."""
PREFIX = "TRANSCRIBER_"
"""Variables that begin so must be ours: others are typing errors."""


class SpeechOptions(BaseModel):
    """Which recogniser listens, and for what."""

    engine: str = Field(
        "local",
        alias="ASR_BACKEND",
        description="who listens: a recogniser, or several by language, such as"
        " `en,fr -> kyutai; else local; fallback openai`",
    )
    noise: int = Field(
        0,
        ge=0,
        le=4,
        alias="NOISE_SUPPRESSION",
        description="how much noise is taken away before recognition, 1 to 4; 0: none, which is"
        " mostly best",
    )
    language: str = Field(
        "en",
        pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        alias="ASR_LANGUAGE",
        description="what is spoken where nobody says otherwise: a code such as en or pt-BR",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set."""

    speech: SpeechOptions
    voice: VoiceOptions
    llm: LlmOptions
    web: WebOptions
    oidc: OidcOptions
    store: StoreOptions
    webhooks: WebhookOptions
    session: SessionOptions
    dialogs: DialogOptions
    nats: NatsOptions
    telemetry: TelemetryOptions
    tls: TlsOptions
    nextcloud: AppApiOptions
    talk: TalkOptions
    translation: TranslationOptions
    transcripts: TranscriptOptions
    captions: CaptionOptions
    rooms: RoomsOptions
    engines: dict[str, BaseModel]
    """By the recogniser's name."""
    voices: dict[str, BaseModel]
    """By the voice engine's name."""
    models: dict[str, BaseModel]
    """By the language model's name."""
    origins: dict[str, str]
    """By the setting's name: where its value came from."""

    @property
    def secrets(self) -> frozenset[str]:
        """Every secret value, so that it can be looked for where it must not be."""
        parts: list[BaseModel] = [getattr(self, part) for part in _parts()]
        parts += [*self.engines.values(), *self.voices.values(), *self.models.values()]
        return frozenset(
            value.get_secret_value()
            for part in parts
            for value in dict(part).values()
            if isinstance(value, SecretStr) and value.get_secret_value()
        )

    def shown(self, setting: Setting) -> str:
        """The value of a setting as people may see it."""
        name, _, kind = setting.part.partition(" ")
        parts = {"voice": self.voices, "model": self.models}.get(kind, self.engines)
        part = parts.get(name) or getattr(self, name)
        for field, info in type(part).model_fields.items():
            if info.alias == setting.name:
                return _text(getattr(part, field))
        raise LookupError(setting.name)


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the documentation."""

    name: str
    default: str
    description: str
    secret: bool
    part: str


class BadSettings(Misconfigured):
    """One or more settings are wrong; `problems` tells each."""

    def __init__(self, problems: list[Misconfigured]) -> None:
        super().__init__(problems[0].setting, str(problems[0]).partition(": ")[2])
        self.problems = problems


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings; raises `BadSettings` with all that is wrong with them."""
    reader = Reader(environ)
    parts = {part: reader.part(model) for part, model in _parts().items()}
    ears = {name: reader.part(engines.stt(name).Options) for name in engines.stt_names()}
    voices = {name: reader.part(engines.tts(name).Options) for name in engines.tts_names()}
    models = {name: reader.part(engines.llm(name).Options) for name in engines.llm_names()}
    reader.complain_about_strangers()
    if reader.problems:
        raise BadSettings(reader.problems)
    return Settings(**parts, engines=ears, voices=voices, models=models, origins=reader.origins)


def table() -> list[Setting]:
    """Everything that can be set, for people who read; what several parts share stands once."""
    models = _parts() | {name: engines.stt(name).Options for name in engines.stt_names()}
    models |= {f"{name} voice": engines.tts(name).Options for name in engines.tts_names()}
    models |= {f"{name} model": engines.llm(name).Options for name in engines.llm_names()}
    found: dict[str, Setting] = {}
    for part, model in models.items():
        for name, field in _fields(model):
            default, description = _text(field.default), field.description or ""
            found.setdefault(name, Setting(name, default, description, _secret(field), part))
    return list(found.values())


def markdown() -> str:
    """The table of the README."""
    lines = ["| setting | default | what it is |", "|---|---|---|"]
    for one in table():
        default = f"`{one.default}`" if one.default else ""
        secret = "; secret" if one.secret else ""
        lines.append(f"| `{one.name}` | {default} | {one.description}{secret} |")
    return "\n".join(lines)


def _parts() -> dict[str, type[BaseModel]]:
    return {
        "speech": SpeechOptions,
        "voice": VoiceOptions,
        "llm": LlmOptions,
        "web": WebOptions,
        "oidc": OidcOptions,
        "store": StoreOptions,
        "webhooks": WebhookOptions,
        "session": SessionOptions,
        "dialogs": DialogOptions,
        "nats": NatsOptions,
        "telemetry": TelemetryOptions,
        "tls": TlsOptions,
        "nextcloud": AppApiOptions,
        "talk": TalkOptions,
        "translation": TranslationOptions,
        "transcripts": TranscriptOptions,
        "captions": CaptionOptions,
        "rooms": RoomsOptions,
    }


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    return ((field.alias or name, field) for name, field in model.model_fields.items())


def _secret(field: FieldInfo) -> bool:
    return field.annotation is SecretStr


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


class Reader:
    """Takes settings from where they are, and remembers what was wrong."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.problems: list[Misconfigured] = []
        self.origins: dict[str, str] = {}
        self._environ = environ
        self._known = {FILE}
        self._file = self._read_file(environ.get(FILE, ""))

    def part(self, model: type[BaseModel]) -> Any:
        """Make one part of the settings, or note what is wrong with it."""
        found = {name: value for name, _ in _fields(model) if (value := self._find(name))[1]}
        try:
            return model.model_validate({name: value for name, (value, _) in found.items()})
        except Misconfigured as problem:
            self.problems.append(problem)
            return None
        except ValidationError as error:
            secrets = {name for name, field in _fields(model) if _secret(field)}
            for wrong in error.errors(include_url=False):
                where = wrong["loc"][:1] or tuple(found)  # several that do not fit together
                self._wrong(", ".join(map(str, where)), wrong, secrets)
            return None

    def complain_about_strangers(self) -> None:
        """Note names that look like ours and are not."""
        for name in self._file.keys() - self._known:
            self._unknown(name, f"in {self._environ[FILE]}")
        for name in self._environ:
            if name.startswith(PREFIX) and name not in self._known:
                self._unknown(name, "in the environment")

    def _find(self, name: str) -> tuple[Any, str]:
        self._known.add(name)
        value, origin = self._look(name)
        self.origins[name] = origin or "default"
        return value, origin

    def _look(self, name: str) -> tuple[Any, str]:
        if self._environ.get(name):
            return self._environ[name], "environment"
        if path := self._environ.get(f"{name}_FILE"):
            return self._secret_file(name, path), f"file {path}"
        if self._file.get(name) not in (None, ""):
            return self._file[name], f"file {self._environ[FILE]}"
        return None, ""

    def _secret_file(self, name: str, path: str) -> str | None:
        try:
            return Path(path).read_text("utf-8").strip()
        except (OSError, UnicodeError) as error:
            self._note(f"{name}_FILE", f"cannot read {path}: {_reason(error)}", "check the path")
            return None

    def _read_file(self, path: str) -> dict[str, Any]:
        if not path:
            return {}
        try:
            content = yaml.safe_load(Path(path).read_text("utf-8"))
        except (OSError, UnicodeError) as error:
            self._note(FILE, f"cannot read {path}: {_reason(error)}", "check the path")
            return {}
        except yaml.YAMLError as error:
            where = getattr(error, "problem_mark", None)
            line = f" line {where.line + 1}" if where else ""
            self._note(FILE, f"{path}{line} is not YAML", "write one `name: value` a line")
            return {}
        if not isinstance(content, dict | None):
            self._note(FILE, f"{path} is not a list of settings", "write one `name: value` a line")
            return {}
        return {str(name).upper(): value for name, value in (content or {}).items()}

    def _wrong(self, name: str, error: Any, secrets: set[str]) -> None:
        known = error["loc"] and name not in secrets
        value = f"{str(error['input'])[:80]!r} " if known else ""
        self._note(name, f"{value}is not valid: {error['msg']}", "see the table of settings")

    def _unknown(self, name: str, where: str) -> None:
        near = difflib.get_close_matches(name, self._known, 1)
        self._note(
            name, f"there is no such setting ({where})", f"did you mean {near[0]}?" if near else ""
        )

    def _note(self, name: str, problem: str, remedy: str) -> None:
        noted = Misconfigured(name, problem, remedy=remedy)
        if str(noted) not in map(str, self.problems):  # several parts may share a setting
            self.problems.append(noted)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
