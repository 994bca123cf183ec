"""Servers of others: whether they are there, and do what they are there for."""

from __future__ import annotations

import asyncio
from contextlib import closing
from urllib.parse import urlsplit

import aiohttp

from transcriber.app.translators import chosen
from transcriber.checks.verdict import REACH, Verdict
from transcriber.config import Settings
from transcriber.errors import Misconfigured
from transcriber.rtc.path import Unreachable, help_found
from transcriber.tls import trust

__all__ = ["identity", "nats", "reach", "stun", "traces", "translator", "turn"]

WITH_NEXTCLOUD = ("auto", "nextcloud")
"""Translators that need no address of their own."""


async def traces(settings: Settings) -> Verdict:
    """Any answer will do: a collector refuses what is not a span."""
    url = settings.telemetry.traces
    return await reach("traces", "OTEL_EXPORTER_OTLP_ENDPOINT", url, url)


async def translator(settings: Settings) -> Verdict:
    """Any answer will do, of one that can be chosen."""
    url = settings.translation.url
    try:
        if settings.translation.backend not in WITH_NEXTCLOUD:
            chosen(settings, None)
    except Misconfigured as error:
        return Verdict("translator", error.setting, str(error))
    return await reach("translator", "TRANSLATION_URL", url, url)


async def identity(settings: Settings) -> Verdict:
    """It says about itself where everything is."""
    url = settings.oidc.issuer
    about = f"{url.rstrip('/')}/.well-known/openid-configuration"
    return await reach("identity provider", "OIDC_ISSUER", url, about)


async def nats(settings: Settings) -> Verdict:
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


async def stun(settings: Settings) -> Verdict:
    """They tell how the world sees us."""
    return await _helps(settings, "STUN", "stun", "srflx")


async def turn(settings: Settings) -> Verdict:
    """They lend us an address."""
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


async def reach(
    what: str, setting: str, configured: str, url: str, *, verify: bool = True
) -> Verdict:
    """See whether anything answers at `url`; what is not `configured` is no fault."""
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
