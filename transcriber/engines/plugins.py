"""
Plugins of livekit-agents: clients that others keep for providers whom we have none for.

A plugin is an extra that is installed when it is wanted; without it the engine says so and
everything else works. What becomes of it is said where it is used, `stt/bridge.py` and
`tts/bridge.py`; here is what it is, its settings, and what its failures mean.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

import aiohttp
from pydantic import BaseModel, Field, SecretStr, create_model

from transcriber.engines.stt.wire import refusal
from transcriber.errors import EngineError, EngineProblem
from transcriber.tls import trust

__all__ = ["CONNECTING", "Bridged", "Plugin", "explained"]

CONNECTING = 10.0
"""Seconds for a plugin to connect."""
CLOSING = 1000
"""From here on what plugins call a status is how a WebSocket was closed."""
FORMS = {"_URL": r"^((https?|wss?)://\S+)?$", "_REGION": r"^[a-z0-9-]*$", "_MODEL": r"^\S*$"}
"""By the end of a setting's name: what its value looks like."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """One provider: where its plugin is and what it must be told."""

    name: str
    title: str
    settings: Mapping[str, str]
    """By the name of the setting: the argument it becomes. Names with KEY in them are secrets."""
    required: tuple[str, ...]
    """Settings without which it cannot work."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that are always the same."""
    kind: str = "STT"
    python: tuple[int, int] = (3, 11)
    """The oldest Python that it can be installed for."""

    @property
    def package(self) -> str:
        """What to install."""
        return f"livekit-plugins-{self.name}"

    def options(self) -> type[BaseModel]:
        """Make the model of its settings."""
        fields: dict[str, Any] = {}
        for setting, argument in self.settings.items():
            secret, voice = "KEY" in setting, setting.endswith("_VOICE")
            what = "key" if secret else "usual voice" if voice else argument.replace("_", " ")
            default = SecretStr("") if secret else ""
            form = next((form for end, form in FORMS.items() if setting.endswith(end)), None)
            described = Field(
                default, alias=setting, pattern=form, description=f"{self.title}: {what}"
            )
            fields[argument] = (SecretStr if secret else str, described)
        return create_model(f"{self.name.capitalize()}Options", **fields)


class Bridged(Protocol):
    """An engine made of a plugin."""

    plugin: Plugin
    _options: BaseModel
    _http: aiohttp.ClientSession | None

    def unusable(self) -> str:
        """Say what is missing."""
        values = dict(self._options)
        settings = self.plugin.settings
        if lacking := [name for name in self.plugin.required if not _plain(values[settings[name]])]:
            return f"not configured: set {' and '.join(lacking)}"
        if sys.version_info < self.plugin.python:
            return f"{self.plugin.package} needs Python {'.'.join(map(str, self.plugin.python))}"
        if not _installed(self.plugin.package):
            return f"not installed: pip install '{self.plugin.package}==1.8.*'"
        return ""

    async def prepare(self, progress: Callable[[str, float], None]) -> None:
        """Import the plugin, which takes seconds and must happen in the main thread."""
        progress(f"loading {self.plugin.package}", 0.0)
        if problem := self.unusable():
            raise EngineError("unusable", problem)
        importlib.import_module(f"livekit.plugins.{self.plugin.name}")
        logging.getLogger("livekit").setLevel(logging.CRITICAL)
        progress(f"{self.plugin.name} ready", 1.0)

    async def _connect(self) -> None:
        """Be able to make clients."""
        await self.prepare(lambda what, done: None)
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, ssl=trust()))

    async def _disconnect(self) -> None:
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    @property
    def _kind(self) -> Any:
        module = importlib.import_module(f"livekit.plugins.{self.plugin.name}")
        return getattr(module, self.plugin.kind)

    @property
    def _shares(self) -> bool:
        """Whether the plugin takes connections that are ours."""
        return "http_session" in self._kind.__init__.__kwdefaults__

    def _client(self, **wishes: str) -> Any:
        """Make a client with the settings, and with wishes that come first."""
        settings = {name: _plain(value) for name, value in self._options}
        arguments: dict[str, Any] = {
            name: value for name, value in (settings | wishes).items() if value
        }
        if self._shares:
            arguments["http_session"] = self._http
        return self._kind(**arguments, **self.plugin.extra)


def explained(error: Any) -> EngineError:
    """Say what an error of a plugin means for us."""
    from livekit.agents import APIStatusError, APITimeoutError

    if isinstance(error, APIStatusError) and 0 < error.status_code < CLOSING:
        return refusal(error.status_code, {}, "")
    kind: EngineProblem = "timeout" if isinstance(error, APITimeoutError) else "network"
    return EngineError(kind if error.retryable else "bad_request", str(error.message))


def _plain(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _installed(package: str) -> bool:
    """Look a package up without importing anything of it."""
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False
