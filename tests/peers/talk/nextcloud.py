"""
A stand-in for Nextcloud, as far as the signaling server talks to it.

It answers who somebody is and whether he may enter a room, checks every signature, and pushes what
Nextcloud pushes: who is in the call, chat, changed properties, people sent away. Not covered:
TURN credentials, federation, recording, telephone calls outward.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.peers.talk.process import LOOPBACK

__all__ = ["Nextcloud", "Seat"]

PERMISSIONS = ["publish-audio", "publish-video", "publish-screen", "control", "transient-data"]

Body = dict[str, Any]


@dataclass(slots=True)
class Seat:
    """Somebody's place in a room, as Nextcloud knows it."""

    room: str
    session_id: str
    user_id: str
    in_call: int = 0

    def entry(self) -> Body:
        return {
            "inCall": self.in_call,
            "lastPing": int(time.time()),
            "sessionId": self.session_id,
            "nextcloudSessionId": self.session_id,
            "participantType": 3,
            "participantPermissions": 254,
            "actorType": "users",
            "actorId": self.user_id,
            "userId": self.user_id,
        }


class Nextcloud:
    """Users, rooms, and who sits where; what the server asked is in `requests`."""

    def __init__(self) -> None:
        self.secret = secrets.token_hex(24)
        self.base_url = ""
        self.server = ""
        self.rooms: dict[str, Body] = {}
        self.seats: dict[str, Seat] = {}
        self.requests: list[tuple[str, Body]] = []
        self.forgeries = 0
        self.down = False
        self._tickets: dict[str, str] = {}
        self._key = Ed25519PrivateKey.generate()
        self._answers: dict[str, Callable[[Body], Body]] = {
            "auth": self._auth,
            "room": self._room,
            "ping": lambda ping: {"type": "room", "room": {"version": "1.0"}},
            "session": lambda session: {"type": "session", "session": {"version": "1.0"}},
        }

    async def __aenter__(self) -> Nextcloud:
        app = web.Application()
        app.router.add_get("/ocs/v2.php/cloud/capabilities", self._capabilities)
        app.router.add_post("/ocs/v2.php/apps/spreed/api/v3/signaling/backend", self._backend)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0).start()
        self.base_url = f"http://{LOOPBACK}:{self._runner.addresses[0][1]}"
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._http.close()
        await self._runner.cleanup()

    def ticket(self, user_id: str) -> str:
        """Let a user in, by the first version of the greeting."""
        ticket = f"ticket-{user_id}-{secrets.token_hex(4)}"
        self._tickets[ticket] = user_id
        return ticket

    def token(self, user_id: str) -> str:
        """Let a user in, by the second version of the greeting."""
        now = int(time.time())
        claims = {
            "iss": self.base_url,
            "iat": now,
            "exp": now + 60,
            "sub": user_id,
            "userdata": {"displayname": user_id.title()},
        }
        parts = [_base64(json.dumps(part)) for part in ({"alg": "EdDSA", "typ": "JWT"}, claims)]
        signed = ".".join(parts)
        return f"{signed}.{_base64(self._key.sign(signed.encode()))}"

    async def set_in_call(self, session_id: str, flags: int) -> None:
        """Let somebody enter or leave the call, or change what he has."""
        seat = self.seats.get(session_id)
        if seat is None:
            raise OSError(f"{session_id} is in no room")
        seat.in_call = flags
        users = [s.entry() for s in self.seats.values() if s.room == seat.room and s.in_call]
        change = {"incall": flags, "changed": [seat.entry()], "users": users}
        await self.push(seat.room, {"type": "incall", "incall": change})

    async def end_call(self, room: str) -> None:
        """End the call for everybody."""
        for seat in self.seats.values():
            seat.in_call = seat.in_call if seat.room != room else 0
        await self.push(room, {"type": "incall", "incall": {"incall": 0, "all": True}})

    async def delete(self, room: str) -> None:
        """Delete a room."""
        users = sorted({seat.user_id for seat in self.seats.values() if seat.room == room})
        del self.rooms[room]
        await self.push(room, {"type": "delete", "delete": {"userids": users}})

    async def push(self, room: str, message: Body) -> None:
        """Tell the signaling server something about a room."""
        body = json.dumps(message).encode()
        random = secrets.token_hex(32)
        headers = {
            "Content-Type": "application/json",
            "Spreed-Signaling-Random": random,
            "Spreed-Signaling-Checksum": self._checksum(random, body),
            "Spreed-Signaling-Backend": f"{self.base_url}/",
        }
        url = f"{self.server}/api/v1/room/{room}"
        async with self._http.post(url, data=body, headers=headers) as response:
            response.raise_for_status()

    def _checksum(self, random: str, body: bytes) -> str:
        return hmac.new(self.secret.encode(), random.encode() + body, hashlib.sha256).hexdigest()

    async def _capabilities(self, request: web.Request) -> web.Response:
        key = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signaling = {"session-ping-limit": 200, "hello-v2-token-key": key.decode()}
        spreed = {"features": ["signaling-v3"], "config": {"signaling": signaling}}
        return _envelope({"version": {"major": 32}, "capabilities": {"spreed": spreed}})

    async def _backend(self, request: web.Request) -> web.Response:
        body = await request.read()
        expected = self._checksum(request.headers.get("Spreed-Signaling-Random", ""), body)
        given = request.headers.get("Spreed-Signaling-Checksum", "")
        if not hmac.compare_digest(given, expected):
            self.forgeries += 1
            return _envelope(_error("invalid_request", "Not authenticated."), status=403)
        message = json.loads(body)
        kind = message["type"]
        self.requests.append((kind, message[kind]))
        if self.down:
            return web.Response(status=503, text="down for maintenance")
        return _envelope(self._answers[kind](message[kind]))

    def _auth(self, auth: Body) -> Body:
        user_id = self._tickets.get(auth["params"].get("ticket", ""))
        if user_id is None:
            return _error("invalid_ticket", "The given ticket is not valid for this user.")
        answer = {"version": "1.0", "userid": user_id, "user": {"displayname": user_id.title()}}
        return {"type": "auth", "auth": answer}

    def _room(self, room: Body) -> Body:
        token, session_id = room["roomid"], room.get("sessionid", "")
        if token not in self.rooms:
            return _error("no_such_room", "The user is not invited to this room.")
        if room.get("action") == "leave":
            self.seats.pop(session_id, None)
        else:
            self.seats.setdefault(session_id, Seat(token, session_id, room.get("userid", "")))
        answer = {"roomid": token, "properties": self.rooms[token], "permissions": PERMISSIONS}
        return {"type": "room", "room": {"version": "1.0", **answer}}


def _envelope(data: Body, status: int = 200) -> web.Response:
    meta = {"status": "ok" if status == 200 else "failure", "statuscode": status}
    return web.json_response({"ocs": {"meta": meta, "data": data}}, status=status)


def _error(code: str, message: str) -> Body:
    return {"type": "error", "error": {"code": code, "message": message}}


def _base64(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
