"""
In a room by one request and one answer: sending by WHIP (RFC 9725), as OBS, GStreamer and FFmpeg
do, and watching by WHEP, as players do.

They are participants whose token grants it. They leave when they say so, and when their way to us
is lost; another one (an ICE restart) is not looked for. Who watches may wish for a size of a
picture, by the extension of WHEP for that; without one they get the largest that fits.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from transcriber.errors import BadInput, NotFound
from transcriber.rtc import sdp
from transcriber.rtc.sfu.participant import Participant
from transcriber.rtc.sfu.room import Member, Message, Room, Witness
from transcriber.rtc.sfu.rooms import Rooms
from transcriber.rtc.sfu.track import LAYERS, Shown, Track
from transcriber.rtc.sfu.viewer import Viewer
from transcriber.web.problems import ProblemError
from transcriber.web.rooms.guard import CLAIMS, may_enter
from transcriber.web.routes import Route, body, room

__all__ = ["Whip"]

SDP, FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"
LAYER = "urn:ietf:params:whep:ext:core:layer"
"""What the link to wish for a size is called."""
LARGEST = 200_000
"""Bytes of a description."""
GRANTS = {"whip": "publish", "whep": "subscribe"}
SHOWN = {"audio": Shown("microphone"), "video": Shown("camera")}
"""What others are told that a section shows."""


class Wish(BaseModel):
    """How large a picture is to be: `encodingId` or `maxSpatialLayerId`; without them: any."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)

    media_id: Annotated[str, Field(max_length=32)]
    encoding_id: Literal["low", "mid", "high"] | None = None
    max_spatial_layer_id: Annotated[int, Field(ge=0, le=7)] | None = None

    @property
    def layer(self) -> str:
        """Our name of it."""
        if self.encoding_id or self.max_spatial_layer_id is None:
            return self.encoding_id or ""
        return LAYERS[min(self.max_spatial_layer_id, len(LAYERS) - 1)]


class Whip:
    """Takes in those who only send, and those who only watch."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> list[Route]:
        """The routes."""
        begins = {"whip": self._send, "whep": self._watch}
        about = {"whip": "Send into a room, by WHIP", "whep": "Watch a room, by WHEP"}
        routes = []
        for name, begin in begins.items():
            base, grant = f"/api/v1/rooms/{{room_id}}/{name}", room(GRANTS[name])
            one = f"{base}/{{participant_id}}"
            routes += [
                Route("POST", base, begin, grant, about[name], status=201, answers=SDP),
                Route("PATCH", one, self._trickle, grant, "Name more candidates", status=204),
                Route("DELETE", one, self._end, grant, "Leave the room", status=204),
            ]
        watching = "/api/v1/rooms/{room_id}/whep/{participant_id}/layer"
        what = "Choose the size of a picture"
        return [*routes, Route("POST", watching, self._choose, room(GRANTS["whep"]), what, Wish)]

    async def _send(self, request: web.Request) -> web.Response:
        place, identity, name = may_enter(request, self._rooms)
        offer = await _described(request, SDP)
        shown = _shown(offer)
        who = self._rooms.join(place, identity=identity, name=name, grants=("publish",))
        try:
            published = await who.sending.publish(offer, shown)
        except BaseException:
            who.leave("left")
            raise
        _Watch(place, who)
        who.reach(partial(_told, who))
        return _created(request, who, published["sdp"])

    async def _watch(self, request: web.Request) -> web.Response:
        place, identity, name = may_enter(request, self._rooms)
        offer = await _described(request, SDP)
        who, answer = await self._rooms.view(place, offer, identity=identity, name=name)
        created = _created(request, who, answer)
        created.headers["Link"] = f'<{created.headers["Location"]}/layer>; rel="{LAYER}"'
        return created

    async def _choose(self, request: web.Request) -> web.Response:
        who, wish = self._who(request), body(request, Wish)
        if not isinstance(who, Viewer):
            raise NotFound("there is nobody who watches")
        who.limit(wish.media_id, wish.layer)
        return web.json_response({})

    async def _trickle(self, request: web.Request) -> None:
        who = self._who(request)
        take = who.trickle if isinstance(who, Viewer) else who.sending.candidate
        for line in (await _described(request, FRAGMENT)).splitlines():
            if line.startswith("a=candidate:"):
                await take(line.removeprefix("a=").strip())
            elif line.strip() == "a=end-of-candidates":
                await take("")

    async def _end(self, request: web.Request) -> None:
        self._who(request).leave("left")

    def _who(self, request: web.Request) -> Participant | Viewer:
        place = self._rooms.find(request.match_info["room_id"])
        who = place.members.get(request.match_info["participant_id"])
        if isinstance(who, Participant | Viewer) and who.identity == request[CLAIMS].identity:
            return who
        raise NotFound("there is no such participant")


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


def _created(request: web.Request, who: Participant | Viewer, answer: str) -> web.Response:
    headers = {"Location": f"{request.path}/{who.id}", "ETag": f'"{who.id}"'}
    return web.Response(text=answer, content_type=SDP, status=201, headers=headers)


def _shown(offer: str) -> dict[str, Shown]:
    """Return what each section of an offer shows that sends something."""
    found = {
        section.mid: SHOWN[section.kind]
        for section in sdp.parse(offer).sections
        if section.kind in SHOWN and section.direction in ("sendonly", "sendrecv")
    }
    if not found:
        raise BadInput("the offer sends neither sound nor a picture")
    return found


async def _described(request: web.Request, wanted: str) -> str:
    """Return the body of a request, which must be of a type and not too large."""
    if request.content_type != wanted:
        raise ProblemError(415, "unsupported-media-type", f"send {wanted}")
    body = await request.content.read(LARGEST + 1)
    while len(body) <= LARGEST and (more := await request.content.read(LARGEST + 1 - len(body))):
        body += more
    if len(body) > LARGEST:
        raise ProblemError(413, "too-large", f"a description of more than {LARGEST} bytes")
    return body.decode("utf-8", "replace")
