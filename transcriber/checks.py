"""
Does what the settings name work? One check for each thing we depend on.

A check tries what the service would do, and says which setting to change. Nothing is left running.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import aiohttp

from dialogs.errors import ModelFailed
from dialogs.ports import Prompt
from transcriber.app import recogniser, speaker
from transcriber.app.models import models
from transcriber.app.selftest import try_out
from transcriber.audio.block import silence
from transcriber.config import Settings
from transcriber.engines.stt.base import StreamOptions
from transcriber.engines.stt.policy import Policy
from transcriber.errors import EngineError, Misconfigured
from transcriber.rtc.path import Unreachable, help_found
from transcriber.store import StoreFailed, open_store
from transcriber.tls import trust
from transcriber.web.server import application, listen

__all__ = ["Verdict", "check"]

PATIENCE = 150.0
"""Seconds for an engine to answer: a cold GPU may take two minutes."""
REACH = 5.0
"""Seconds for any other peer to answer."""
GREETING = Prompt([{"role": "user", "content": "Say yes."}])


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found; `problem` is empty when all is well."""

    what: str
    setting: str
    problem: str = ""


async def check(
    settings: Settings, tell: Callable[[Verdict], object], *, self_test: bool = False
) -> bool:
    """
    Try everything, and tell what came of it as it comes; true when all is well.

    With `self_test`, a known sentence also goes all the way from a call to its captions.
    """
    checks: list[Callable[[Settings], Awaitable[Verdict]]] = [
        _store,
        *_engines(settings),
        _language,
        _voice,
        _model,
        _address,
        _traces,
        _signaling,
        _nextcloud,
        _translator,
        _identity,
        _nats,
        _stun,
        _turn,
        *([_sentence] if self_test else []),
    ]
    well = True
    for one in checks:
        verdict = await one(settings)
        tell(verdict)
        well = well and not verdict.problem
    return well


def _engines(settings: Settings) -> Iterator[Callable[[Settings], Awaitable[Verdict]]]:
    """One check for each engine of the policy."""
    try:
        names = Policy.parse(settings.speech.engine).engines
    except Misconfigured:
        names = (settings.speech.engine,)
    return (partial(_engine, name) for name in names)


async def _store(settings: Settings) -> Verdict:
    """Open it, which makes its tables."""
    kind, _, rest = settings.store.url.partition("://")
    what = f"store in {rest}" if kind == "sqlite" else "store in PostgreSQL"
    try:
        async with open_store(settings.store.url):
            return Verdict(what, "DATABASE_URL")
    except (StoreFailed, Misconfigured) as error:
        return Verdict(what, "DATABASE_URL", str(error))


async def _sentence(settings: Settings) -> Verdict:
    """Have a known sentence heard, from a call to its captions."""
    try:
        report = await try_out(settings)
    except (EngineError, StoreFailed, Misconfigured) as error:
        return Verdict("self-test", "ASR_BACKEND", str(error))
    *_, captions = report.steps
    wrong = [f"{step.name}: {step.detail}" for step in report.steps if not step.ok]
    what = f"self-test: {captions.detail} in {captions.ms / 1000:.1f} s"
    return Verdict("self-test" if wrong else what, "ASR_BACKEND", "; ".join(wrong))


async def _engine(name: str, settings: Settings) -> Verdict:
    """Open a stream, and let it hear a moment of silence."""
    what = f"recogniser {name}"
    try:
        stt = recogniser(settings, name)
        if problem := stt.unusable():
            return Verdict(what, "ASR_BACKEND", problem)
        async with asyncio.timeout(PATIENCE), stt, stt.open(StreamOptions()) as stream:
            stream.push(silence())
            stream.close()
            async for _ in stream:
                pass
    except (EngineError, Misconfigured) as error:
        return Verdict(what, "ASR_BACKEND", str(error))
    except TimeoutError:
        return Verdict(what, "ASR_BACKEND", f"no answer within {PATIENCE:.0f} seconds")
    return Verdict(what, "ASR_BACKEND")


async def _language(settings: Settings) -> Verdict:
    language, policy = settings.speech.language, settings.speech.engine
    verdict = Verdict(f"language {language}", "ASR_LANGUAGE")
    try:
        names = Policy.parse(policy).order(language)
        known = sorted(
            {code for name in names for code in recogniser(settings, name).info.languages}
        )
    except Misconfigured:
        return verdict
    if "*" in known or language.partition("-")[0] in known:
        return verdict
    problem = f"{policy} does not hear {language}; choose one of {', '.join(known)}"
    return Verdict(verdict.what, verdict.setting, problem)


async def _voice(settings: Settings) -> Verdict:
    """Say a word. Captions need no voice: that the usual ones are missing is no fault."""
    what, wanted = "voice", settings.origins["TTS_BACKEND"] != "default"
    try:
        async with (
            asyncio.timeout(PATIENCE),
            speaker(settings) as voice,
            voice.speak("Ready.") as pieces,
        ):
            async for piece in pieces:
                what = f"voice {piece.engine}"
    except Misconfigured as error:
        return Verdict(what, error.setting, str(error))
    except EngineError as error:
        if not wanted and error.kind == "unusable":
            return Verdict(f"no voice: {error}", "TTS_BACKEND")
        return Verdict(what, "TTS_BACKEND", str(error))
    except TimeoutError:
        return Verdict(what, "TTS_BACKEND", f"no answer within {PATIENCE:.0f} seconds")
    return Verdict(what, "TTS_BACKEND")


async def _model(settings: Settings) -> Verdict:
    """Have a word written. Only agents need a model: that there is none is no fault."""
    what, wanted = "language model", settings.origins["LLM_BACKEND"] != "default"
    try:
        async with models(settings) as model:
            if not wanted and model.unusable():
                return Verdict("no language model, which only agents need", "LLM_BACKEND")
            async with asyncio.timeout(PATIENCE), aclosing(model.chat(GREETING)) as pieces:
                await anext(pieces)
    except Misconfigured as error:
        return Verdict(what, error.setting, str(error).partition(": ")[2])
    except (ModelFailed, TimeoutError) as error:
        return Verdict(what, "LLM_BACKEND", str(error) or "no answer")
    return Verdict(what, "LLM_BACKEND")


async def _address(settings: Settings) -> Verdict:
    what = f"address {settings.web.host} port {settings.web.port}"
    try:
        async with listen(application([], {}), settings.web.host, settings.web.port):
            return Verdict(what, "HTTP_PORT")
    except Misconfigured as error:
        return Verdict(what, error.setting, str(error))


async def _traces(settings: Settings) -> Verdict:
    """Any answer will do: a collector refuses what is not a span."""
    url = settings.telemetry.traces
    return await _reach("traces", "OTEL_EXPORTER_OTLP_ENDPOINT", url, url)


async def _signaling(settings: Settings) -> Verdict:
    """The backend says who it is to everybody."""
    url = settings.talk.url
    verify = not settings.talk.skip_verify
    welcome = f"{url.rstrip('/')}/api/v1/welcome"
    return await _reach("Talk's backend", "LT_HPB_URL", url, welcome, verify=verify)


async def _nextcloud(settings: Settings) -> Verdict:
    """It says who it is to everybody."""
    url, verify = settings.nextcloud.url, not settings.talk.skip_verify
    status = f"{url.rstrip('/').removesuffix('/index.php')}/status.php"
    return await _reach("Nextcloud", "NEXTCLOUD_URL", url, status, verify=verify)


async def _translator(settings: Settings) -> Verdict:
    """Any answer will do."""
    url = settings.translation.url
    return await _reach("translator", "TRANSLATION_URL", url, url)


async def _identity(settings: Settings) -> Verdict:
    url = settings.oidc.issuer
    about = f"{url.rstrip('/')}/.well-known/openid-configuration"
    return await _reach("identity provider", "OIDC_ISSUER", url, about)


async def _nats(settings: Settings) -> Verdict:
    """It greets whoever connects; its address may hold a password."""
    server = urlsplit(settings.nats.url.get_secret_value())
    if not server.hostname:
        return Verdict("NATS: not configured", "NATS_URL")
    what = f"NATS at {server.hostname}"
    try:
        async with asyncio.timeout(REACH):
            reader, writer = await asyncio.open_connection(server.hostname, server.port or 4222)
            with closing(writer):
                greeted = (await reader.readline()).startswith(b"INFO")
    except (OSError, TimeoutError, ValueError) as error:
        return Verdict(what, "NATS_URL", f"cannot be reached: {type(error).__name__}")
    return Verdict(what, "NATS_URL", "" if greeted else "something else answers there")


async def _stun(settings: Settings) -> Verdict:
    return await _helps(settings, "STUN", "stun", "srflx")


async def _turn(settings: Settings) -> Verdict:
    return await _helps(settings, "TURN", "turn", "relay")


async def _helps(settings: Settings, name: str, scheme: str, kind: str) -> Verdict:
    """Whether servers do for us what they are there for."""
    setting = f"{name}_SERVERS"
    servers = [one for one in settings.rooms.servers if one.urls[0].startswith(scheme)]
    if not servers:
        return Verdict(f"{name} servers: not configured", setting)
    what = f"{name} servers {', '.join(url for one in servers for url in one.urls)}"
    try:
        found = await help_found(servers)
    except Unreachable as error:
        return Verdict(what, setting, str(error))
    return Verdict(what, setting, "" if kind in found else "do not answer")


async def _reach(
    what: str, setting: str, configured: str, url: str, *, verify: bool = True
) -> Verdict:
    if not configured:
        return Verdict(f"{what}: not configured", setting)
    what = f"{what} at {configured}"
    try:
        timeout = aiohttp.ClientTimeout(total=REACH)
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(url, ssl=verify and trust()),
        ):
            return Verdict(what, setting)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return Verdict(what, setting, f"cannot be reached: {type(error).__name__}")
