"""
People who speak and ears that listen, with the stock WebRTC stack of aiortc.

They set up media as browsers do, through the signaling server and Janus. The product's own media
path is tested against them, so they share nothing with it but the signaling client.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from hpb import Answer, Candidate, Offer
from hpb.requests import answer, offer, request_offer
from tests.peers.rtc import close
from tests.peers.talk.watch import DEADLINE, Watched

__all__ = ["hearing", "speaking"]


@asynccontextmanager
async def speaking(person: Watched, track: MediaStreamTrack) -> AsyncIterator[None]:
    """Publish a track for as long as the block lasts."""
    me, sid = person.hpb.session_id, secrets.token_hex(8)
    async with _connection() as connection:
        connection.addTransceiver(track, direction="sendonly")
        await connection.setLocalDescription(await connection.createOffer())
        await person.hpb.send(offer(me, connection.localDescription.sdp, sid=sid))
        answered = await person.until(Answer, lambda found: found.sid == sid)
        await connection.setRemoteDescription(RTCSessionDescription(answered.sdp, "answer"))
        await _reach(person, connection, sid)
        yield


@asynccontextmanager
async def hearing(bot: Watched, speaker: str) -> AsyncIterator[MediaStreamTrack]:
    """Subscribe to somebody's audio for as long as the block lasts."""
    await bot.hpb.send(request_offer(speaker))
    offered = await bot.until(Offer, lambda found: found.sender == speaker)
    # As DTLS client we would often speak before Janus listens, and lose a second.
    sdp = offered.sdp.replace("a=setup:actpass", "a=setup:active")
    async with _connection() as connection:
        await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        reply = answer(speaker, connection.localDescription.sdp, sid=offered.sid)
        await bot.hpb.send(reply)
        await _reach(bot, connection, offered.sid)
        yield connection.getReceivers()[0].track


@asynccontextmanager
async def _connection() -> AsyncIterator[RTCPeerConnection]:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        yield connection
    finally:
        await close(connection)


async def _reach(who: Watched, connection: RTCPeerConnection, sid: str) -> None:
    """Take Janus's one candidate and wait until the connection stands."""
    connected = asyncio.Event()

    def changed() -> None:
        if connection.connectionState == "connected":
            connected.set()

    connection.on("connectionstatechange", changed)
    told = await who.until(Candidate, lambda found: found.sid == sid and found.ice is not None)
    assert told.ice is not None
    candidate = candidate_from_sdp(told.ice.candidate.removeprefix("candidate:"))
    candidate.sdpMid, candidate.sdpMLineIndex = told.ice.mid, told.ice.line
    await connection.addIceCandidate(candidate)
    await asyncio.wait_for(connected.wait(), DEADLINE)
