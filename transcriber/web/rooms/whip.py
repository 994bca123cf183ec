"""
Sending into a room by WHIP (RFC 9725), as OBS, GStreamer and FFmpeg do: one request, one answer.

Whoever sends is a participant whose token grants it. They leave when they say so, and when nothing
can come from them any more; another way to us (an ICE restart) is not looked for.
"""

from __future__ import annotations

from functools import partial

from aiohttp import web

from transcriber.errors import BadInput, NotAllowed, NotFound
from transcriber.rtc import sdp
from transcriber.rtc.sfu.participant import Participant
from transcriber.rtc.sfu.room import Member, Message, Room, Witness
from transcriber.rtc.sfu.rooms import Rooms
from transcriber.rtc.sfu.track import Track
from transcriber.web.problems import ProblemError
from transcriber.web.rooms.guard import CLAIMS
from transcriber.web.routes import Route, room

__all__ = ["Whip"]

SDP, FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"
LARGEST = 200_000
"""Bytes of a description."""
SOURCES = {"audio": "microphone", "video": "camera"}
"""What others are told that a section shows."""


class Whip:
    """Takes in those who only send."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> list[Route]:
        """The routes."""
        base, grant = "/api/v1/rooms/{room_id}/whip", room("publish")
        one = f"{base}/{{participant_id}}"
        return [
            Route(
                "POST", base, self._begin, grant, "Send into a room, by WHIP", status=201,
                answers=SDP,
            ),
            Route("PATCH", one, self._trickle, grant, "Name more candidates", status=204),
            Route("DELETE", one, self._end, grant, "Send no more", status=204),
        ]  # fmt: skip

    async def _begin(self, request: web.Request) -> web.Response:
        place, claims = self._rooms.find(request.match_info["room_id"]), request[CLAIMS]
        offer = await described(request, SDP)
        sources = _sources(offer, place)
        if "join" not in claims.grants:
            raise NotAllowed("this token does not grant join")
        name = claims.name or "Guest"
        who = self._rooms.join(place, identity=claims.identity, name=name, grants=("publish",))
        try:
            published = await who.publish(offer, sources)
        except BaseException:
            who.leave("left")
            raise
        _Watch(place, who)
        who.reach(partial(_told, who))
        where = f"{request.path}/{who.id}"
        headers = {"Location": where, "ETag": f'"{who.id}"'}
        return web.Response(text=published["sdp"], content_type=SDP, status=201, headers=headers)

    async def _trickle(self, request: web.Request) -> None:
        who = self._who(request)
        for line in (await described(request, FRAGMENT)).splitlines():
            if line.startswith("a=candidate:"):
                await who.candidate("publish", line.removeprefix("a=").strip())
            elif line.strip() == "a=end-of-candidates":
                await who.candidate("publish", "")

    async def _end(self, request: web.Request) -> None:
        self._who(request).leave("left")

    def _who(self, request: web.Request) -> Participant:
        place = self._rooms.find(request.match_info["room_id"])
        who = place.members.get(request.match_info["participant_id"])
        if isinstance(who, Participant) and who.identity == request[CLAIMS].identity:
            return who
        raise NotFound("there is no such sender")


class _Watch(Witness):
    """Sees somebody out from whom nothing comes any more."""

    def __init__(self, place: Room, who: Participant) -> None:
        self._who = who
        self._stop = place.watch(self)

    def unpublished(self, member: Member, track: Track) -> None:
        """They have lost their way to us."""
        if member is self._who and not member.tracks:
            self._who.leave("lost")

    def gone(self, member: Member) -> None:
        """They have left."""
        if member is self._who:
            self._stop()


def _told(who: Participant, message: Message) -> None:
    """They hear nothing from us; but when no way to them was found, that was it."""
    if message["type"] == "error":
        who.leave("lost")


def _sources(offer: str, place: Room) -> dict[str, str]:
    """Return what each section of an offer shows that sends something."""
    if place.plan.e2ee:
        raise NotAllowed("this room is encrypted from end to end, which WHIP cannot be")
    found = {
        section.mid: SOURCES[section.kind]
        for section in sdp.parse(offer).sections
        if section.kind in SOURCES and section.direction in ("sendonly", "sendrecv")
    }
    if not found:
        raise BadInput("the offer sends neither sound nor a picture")
    return found


async def described(request: web.Request, wanted: str) -> str:
    """Return the body of a request, which must be of a type and not too large."""
    if request.content_type != wanted:
        raise ProblemError(415, "unsupported-media-type", f"send {wanted}")
    body = await request.content.read(LARGEST + 1)
    while len(body) <= LARGEST and (more := await request.content.read(LARGEST + 1 - len(body))):
        body += more
    if len(body) > LARGEST:
        raise ProblemError(413, "too-large", f"a description of more than {LARGEST} bytes")
    return body.decode("utf-8", "replace")
