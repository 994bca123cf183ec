"""Whether the signaling server lets us in, found out before somebody waits for us in a call."""

from __future__ import annotations

import asyncio

from hpb import Client, HpbError, Internal, Joined, Refused, Signaling
from transcriber.connectors.talk.call import Server
from transcriber.errors import Misconfigured

__all__ = ["greet"]

PATIENCE = 5.0
"""Seconds for the server to let us in."""
NOBODYS = "transcriber-check"
"""A room that nobody is in: who may enter it may enter any."""
BLAME = {"invalid_backend": "LT_BACKEND_URL"}
"""Why the server refuses somebody, where that is not the secret's fault: what to change."""


async def greet(server: Server) -> None:
    """Come in and leave; raises `Misconfigured` with the setting that keeps us out."""
    room = Signaling(NOBODYS, Internal(server.backend, server.secret))
    try:
        async with asyncio.timeout(PATIENCE), Client(server.url, room, tls=server.tls) as hpb:
            async for event in hpb:
                if isinstance(event, Joined):
                    return
    except Refused as error:
        setting = BLAME.get(error.code, "LT_INTERNAL_SECRET")
        raise Misconfigured(setting, f"the signaling server refuses us: {error}") from error
    except (HpbError, TimeoutError) as error:
        problem = str(error) or "the signaling server does not answer our greeting"
        raise Misconfigured("LT_HPB_URL", problem) from error
